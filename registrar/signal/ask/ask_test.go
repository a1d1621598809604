package ask

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sample is a status.
type sample struct {
	Space string
	At    time.Time
}

func (s sample) Text(zone *time.Location) string { return s.Space + " in " + zone.String() + "\n" }

func says() sample { return sample{"milano", time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)} }

// serve answers in dir until the test ends.
func serve(t *testing.T, dir string) {
	t.Helper()
	l, err := Listen(dir, "window")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, says) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestSocket(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read[sample](dir, "window"); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), dir) {
		t.Errorf("before: %v", err)
	}
	serve(t, dir)
	info, err := os.Stat(filepath.Join(dir, socket))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for range 3 {
		s, err := Read[sample](dir, "window")
		if err != nil || s != says() {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	if _, err := Listen(dir, "window"); err == nil || !strings.Contains(err.Error(), "another window runs with the state directory "+dir) {
		t.Errorf("a second window: %v", err)
	}
}

// Whoever connects and reads nothing holds nobody up.
func TestSilentReader(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir)
	for range 50 {
		c, err := net.Dial("unix", filepath.Join(dir, socket))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if _, err := Read[sample](dir, "window"); err != nil {
		t.Error(err)
	}
}

// People read text in their time zone, programs JSON; without an answer nothing is printed.
func TestPrint(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	if err := Print[sample](&b, dir, "window", false); !errors.Is(err, ErrNotRunning) || b.Len() != 0 {
		t.Errorf("before: %v, %q", err, b.String())
	}
	serve(t, dir)
	for asJSON, want := range map[bool]string{
		false: "milano in " + time.Local.String() + "\n",
		true:  "{\n  \"Space\": \"milano\",\n  \"At\": \"2027-03-01T10:00:00Z\"\n}\n",
	} {
		b.Reset()
		if err := Print[sample](&b, dir, "window", asJSON); err != nil || b.String() != want {
			t.Errorf("JSON %t: %v, %q, want %q", asJSON, err, b.String(), want)
		}
	}
}

// A socket that a crash has left is taken over.
func TestSocketOfACrash(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	serve(t, dir)
	if _, err := Read[sample](dir, "window"); err != nil {
		t.Error(err)
	}
}

func TestPathTooLong(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("/proc", "window"); err == nil || strings.Contains(err.Error(), "characters") { // another trouble
		t.Errorf("where there can be none: %v", err)
	}
	if _, err := Listen(dir, "window"); err == nil || !strings.Contains(err.Error(), "less than 108 characters") {
		t.Errorf("%v", err)
	}
}
