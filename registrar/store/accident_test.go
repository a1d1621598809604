package store

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ewindow/registrar/location"
)

// accidents are what happens to a file under a running server. Another process does it.
var accidents = map[string]string{
	"overwritten with zeros": `dd if=/dev/zero of="$1" bs=4096 count=4 conv=notrunc`,
	"header zeroed":          `dd if=/dev/zero of="$1" bs=100 count=1 conv=notrunc`,
	"a page in the middle":   `dd if=/dev/zero of="$1" bs=4096 seek=1 count=1 conv=notrunc`,
	"accounts garbled":       `dd if=/dev/urandom of="$1" bs=1 seek=8100 count=90 conv=notrunc`,
	"emptied":                `: > "$1"`,
	"cut":                    `truncate -s 5000 "$1"`,
	"removed":                `rm "$1"`,
	"removed with journal":   `rm "$1" "$1-wal" "$1-shm"`,
	"replaced by text":       `echo hello > "$1.x" && mv "$1.x" "$1"`,
	"replaced by an old one": `cp "$1.old" "$1.x" && mv "$1.x" "$1"`,
	"everything removed":     `rm -r "$(dirname "$1")"`,
	"an old one over it":     `cat "$1.old" > "$1"`,
	"index emptied":          `: > "$1-shm"`,
	// Of these SQLite takes care itself: all that was written is in the database.
	"index garbled (harmless)":   `dd if=/dev/urandom of="$1-shm" bs=4096 count=8 conv=notrunc`,
	"journal emptied (harmless)": `: > "$1-wal"`,
	"journal garbled (harmless)": `dd if=/dev/urandom of="$1-wal" bs=4096 count=4 conv=notrunc`,
}

// A file that is damaged while the server runs: nobody is locked out for a moment, and the next examination makes it
// anew, with all accounts, and says so.
func TestDamagedWhileRunning(t *testing.T) {
	for name, script := range accidents {
		t.Run(name, func(t *testing.T) {
			s, path, c := running(t)
			defer closeStore(t, s)
			data, err := os.ReadFile(filepath.Join("testdata", "version1.db"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path+".old", data, 0o600); err != nil {
				t.Fatal(err)
			}
			// Something is in memory only: the copy is older than what the server knows.
			if _, err := s.db.Load().Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("sh", "-c", script, "sh", path).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if r, changed := watched(t, s, c.add(examineEvery)); (r == nil) != strings.HasSuffix(name, "(harmless)") || len(changed) != 0 {
				t.Fatalf("recovery %v, changed %v", r, changed)
			} else if r != nil && !strings.Contains(r.String(), "the registrar's store could not be used") {
				t.Error(r)
			}
			if err := s.Current(); err != nil {
				t.Errorf("after the repair: %v", err)
			}
			// The file is whole: another process opens it, and what it writes is noticed.
			tool := open(t, path)
			if got := names(t, tool); strings.Count(got, "window.example") != 3 {
				t.Errorf("accounts: %s", got)
			}
			addAccount(t, tool, "later")
			closeStore(t, tool)
			if _, changed := watched(t, s, c.add(lookEvery)); fmt.Sprint(changed) != "[later]" {
				t.Errorf("changed: %v", changed)
			}
			s.Note(location.Change{Binding: udpBinding("reception", 600)})
			if err := s.flush(t.Context()); err != nil {
				t.Errorf("bindings: %v", err)
			}
			if r, _ := watched(t, s, c.add(examineEvery)); r != nil {
				t.Errorf("repaired again: %v", r)
			}
		})
	}
}

// The last good copy is gone too, or older: then memory is what there is.
func TestRepairFromMemory(t *testing.T) {
	for _, what := range []string{"gone", "older", "damaged"} {
		s, path, c := running(t)
		good, err := os.ReadFile(path + ".good")
		if err != nil {
			t.Fatal(err)
		}
		secret := addAccount(t, s, "newest")
		want, ok := account(t, s, "newest")
		if !ok || secret == "" {
			t.Fatal("not there")
		}
		switch what {
		case "gone":
			err = os.Remove(path + ".good")
		case "older":
			err = os.WriteFile(path+".good", good, 0o600)
		case "damaged":
			err = os.WriteFile(path+".good", good[:5000], 0o600)
		}
		if err == nil {
			err = os.Truncate(path, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		r, changed := watched(t, s, c.add(lookEvery))
		if r == nil || r.From != memory || len(changed) != 0 || !strings.Contains(r.String(), "no account is lost") {
			t.Errorf("%s: %v, changed %v", what, r, changed)
		}
		closeStore(t, s)
		s = open(t, path)
		if got, ok := s.Account("newest"); !ok || got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
		if got, _ := s.Realm(t.Context()); got != realm {
			t.Errorf("%s: the realm is %q", what, got)
		}
		closeStore(t, s)
	}
}

// While a process has the damaged file open it is not pulled from under it; memory serves meanwhile.
func TestRepairWaitsForOthers(t *testing.T) {
	s, path, c := running(t)
	defer closeStore(t, s)
	tool := open(t, path)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if r, _, err := s.watch(t.Context(), c.add(lookEvery)); r != nil || err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Errorf("%v, %v", r, err)
	}
	if _, ok := s.Account("milano"); !ok || s.Current() == nil {
		t.Errorf("known: %v, current: %v", ok, s.Current())
	}
	_ = tool.Close()
	if r, _ := watched(t, s, c.add(repairEvery)); r == nil {
		t.Error("not repaired")
	}
}

// A locked database is no damage: nothing is set aside, memory serves, and when it is free all is well.
func TestLockedDatabase(t *testing.T) {
	s, path, c := running(t)
	defer closeStore(t, s)
	// A writer that does not end: readers need not wait for it, other writers do.
	hold, err := connectFor(path, "WAL", 0)
	if err != nil {
		t.Fatal(err)
	}
	hold.SetMaxOpenConns(1)
	if _, err := hold.Exec(`BEGIN IMMEDIATE; UPDATE meta SET value = value`); err != nil {
		t.Fatal(err)
	}
	if r, changed := watched(t, s, c.add(examineEvery)); r != nil || len(changed) != 0 {
		t.Errorf("readers wait for a writer: %v, %v", r, changed)
	}
	s.Note(location.Change{Binding: udpBinding("reception", 600)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	err = s.flush(ctx)
	cancel()
	if err == nil {
		t.Error("written past a lock")
	}
	if isDamage(err) || s.suspect.Load() {
		t.Errorf("a lock is taken for damage: %v", err)
	}
	if _, err := hold.Exec(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := s.flush(t.Context()); err != nil {
		t.Error(err)
	}
	hold.Close()
}

// A full disk, a real one: reading goes on, writing fails and is no damage, and with room again all is written.
func TestFullDisk(t *testing.T) {
	dir := ownDisk(t)
	if dir == "" {
		return
	}
	path := filepath.Join(dir, "registrar.db")
	var log bytes.Buffer
	s, _, err := Open(t.Context(), Config{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))}, start)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	if err := s.UseRealm(t.Context(), realm); err != nil {
		t.Fatal(err)
	}
	addAccount(t, s, "milano")
	now := time.Now()
	watched(t, s, now)
	filler := filepath.Join(dir, "ballast")
	fill := func() { ballast(t, filler) }
	fill()
	if _, err := s.AddAccount(t.Context(), "munich", start); err == nil {
		t.Error("munich was added to a full disk")
	} else if isDamage(err) {
		t.Errorf("a full disk is taken for damage: %v", err)
	}
	for i := range 200 {
		s.Note(location.Change{Binding: udpBinding(fmt.Sprint("a", i), 600)})
	}
	if err := s.flush(t.Context()); err == nil || isDamage(err) {
		t.Errorf("bindings: %v", err)
	}
	if r, _, err := s.watch(t.Context(), now.Add(examineEvery)); err != nil || r != nil {
		t.Errorf("reading: %v, %v", r, err)
	}
	if _, ok := s.Account("milano"); !ok {
		t.Error("milano is not known any more")
	}
	// And damaged besides: it cannot be repaired, memory serves, until there is room.
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	os.Remove(filler)
	fill()
	if r, _, err := s.watch(t.Context(), now.Add(2*examineEvery)); err == nil || r != nil {
		t.Errorf("repaired on a full disk: %v", r)
	}
	// With room for the copy but none for the index beside it, each try must leave nothing behind: they come every 5 s.
	os.Remove(filler)
	fill()
	if err := os.Truncate(filler, int64(size(t, filler)-24<<10)); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if r, _, err := s.watch(t.Context(), now.Add(2*examineEvery+time.Duration(i+1)*repairEvery)); err == nil || r != nil {
			t.Errorf("repaired without room for it: %v", r)
		}
	}
	if aside, _ := filepath.Glob(path + ".damaged-*"); len(aside) > 3 {
		t.Errorf("tries to repair have left %d files: %v", len(aside), aside)
	}
	if _, ok := s.Account("milano"); !ok || s.Current() == nil {
		t.Errorf("known: %v, current: %v", ok, s.Current())
	}
	os.Remove(filler)
	if r, _ := watched(t, s, now.Add(6*examineEvery)); r == nil {
		t.Error("not repaired")
	}
	if err := s.flush(t.Context()); err != nil {
		t.Error(err)
	}
	if _, ok := s.Account("milano"); !ok || s.Current() != nil {
		t.Errorf("known: %v, current: %v", ok, s.Current())
	}
}

func size(t *testing.T, path string) int {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(fi.Size())
}

// ownDisk mounts a small file system for a test, or has the test run again in a namespace where it can: then it is "".
func ownDisk(t *testing.T) (dir string) {
	t.Helper()
	const inside = "EWINDOW_TEST_OWN_MOUNTS"
	if os.Getenv(inside) == "" {
		again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), inside+"=1")
		again.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		out, err := again.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
			t.Errorf("%v\n%s", err, out)
		}
		return ""
	}
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// ballast leaves less than a page on the disk that a file is on.
func ballast(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
}
