package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, step := range []struct {
		text string
		mode os.FileMode
	}{{"one", 0o600}, {"another, longer", 0o644}, {"", 0o600}} {
		if err := Write(path, []byte(step.text), step.mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, err2 := os.Stat(path)
		if err != nil || err2 != nil || string(got) != step.text || info.Mode() != step.mode {
			t.Errorf("%q %v %v %v, want %q %v", got, info.Mode(), err, err2, step.text, step.mode)
		}
	}
	left(t, dir, "file")
}

// Nobody waits for ever for a pipe.
func TestReadPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(path, 10); err != nil || len(data) > 0 {
		t.Errorf("nobody writes: %q, %v", data, err)
	}
	writer, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if data, err := read(path, 10, time.Millisecond); err == nil || !strings.Contains(err.Error(), "it is no plain file, and nothing comes out of it") {
		t.Errorf("a writer that never closes: %q, %v", data, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, _ = w.WriteString("hello")
	_ = w.Close()
	if data, err := Read(fmt.Sprintf("/dev/fd/%d", r.Fd()), 10); err != nil || string(data) != "hello" {
		t.Errorf("a pipe: %q, %v", data, err)
	}
}

// Whoever has the file open goes on reading what it opened: the file is replaced, not written over.
func TestReaderKeepsOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Write(path, []byte("new and longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if n, _ := f.Read(b); string(b[:n]) != "old" {
		t.Errorf("the open file reads %q", b[:n])
	}
}

// What cannot take its place leaves the old content and no rubbish.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced")
	}
	left(t, dir, "file")
	if err := Write(filepath.Join(dir, "none", "file"), nil, 0o600); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("without the directory: %v", err)
	}
}

// A file that people keep stays theirs: its mode, and the link that leads to it.
func TestRewrite(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := Rewrite(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	info, err2 := os.Lstat(link)
	if err != nil || err2 != nil || string(got) != "new" || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%q %v %v %v", got, info.Mode(), err, err2)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if err := Rewrite(filepath.Join(dir, "none"), nil); !os.IsNotExist(err) {
		t.Errorf("what is not there: %v", err)
	}
	left(t, dir, "file", "link")
}

func left(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("in the directory: %v, want %v", names, want)
	}
}

// A name may lead to something without an end.
func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(path, 5); string(data) != "12345" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	for name, limit := range map[string]int64{path: 4, "/dev/zero": 1000} {
		if data, err := Read(name, limit); data != nil || err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "longer than") {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	if _, err := Read(path+"x", 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}
