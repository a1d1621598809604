package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ewindow/registrar/location"
)

// A server begins on a disk that cannot be written: who had an account can log in, the cause is said, and once there is
// room again it is an ordinary store.
func TestFrozen(t *testing.T) {
	dir := ownDisk(t)
	if dir == "" {
		return
	}
	filler := filepath.Join(dir, "ballast")
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name          string
		freeze, relax func()
		cause         error
	}{
		{"full", func() { ballast(t, filler) }, func() { os.Remove(filler) }, syscall.ENOSPC},
		{"read-only", func() { remount(syscall.MS_RDONLY) }, func() { remount(0) }, syscall.EROFS},
	} {
		for what, prepare := range map[string]func(path string) error{
			"sound":        func(string) error { return nil },
			"file damaged": func(path string) error { return os.Truncate(path, 100) },
			"file gone":    os.Remove,
			"copy gone":    func(path string) error { return os.Remove(path + ".good") },
			"copy damaged": func(path string) error { return os.Truncate(path+".good", 100) },
		} {
			t.Run(c.name+", "+what, func(t *testing.T) {
				path := filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", " "), "registrar.db")
				s := open(t, path)
				if err := s.UseRealm(t.Context(), realm); err != nil {
					t.Fatal(err)
				}
				addAccount(t, s, "milano")
				s.Note(location.Change{Binding: udpBinding("reception", 600)})
				closeStore(t, s)
				if err := prepare(path); err != nil {
					t.Fatal(err)
				}
				c.freeze()
				if _, _, err := Open(t.Context(), Config{Path: path}, start); !errors.Is(err, c.cause) {
					t.Errorf("for a command that writes: %v, want %v", err, c.cause)
				}
				s, _, err := OpenToServe(t.Context(), Config{Path: path}, start)
				if err != nil {
					c.relax()
					t.Fatal(err)
				}
				if _, ok := s.Account("milano"); !ok || !errors.Is(s.Current(), c.cause) {
					t.Errorf("milano is known: %v; %v", ok, s.Current())
				}
				if err := s.UseRealm(t.Context(), realm); err != nil {
					t.Errorf("the same domain: %v", err)
				}
				if bs, err := s.Bindings(t.Context(), start); err != nil || len(bs) > 1 || len(bs) == 0 && what == "sound" {
					t.Errorf("bindings: %v, %v", bs, err)
				}
				if _, _, err := s.watch(t.Context(), time.Now()); !errors.Is(err, c.cause) {
					t.Errorf("no trouble: %v", err)
				}
				c.relax()
				if r, changed, err := s.watch(t.Context(), time.Now().Add(repairEvery)); err != nil || len(changed) > 0 || r == nil && strings.HasPrefix(what, "file") {
					t.Errorf("thawed: %v, %v, %v", r, changed, err)
				}
				if err := s.Current(); err != nil {
					t.Error(err)
				}
				addAccount(t, s, "munich")
				closeStore(t, s)
				s = open(t, path)
				if got := names(t, s); strings.Count(got, realm) != 2 {
					t.Errorf("accounts: %s", got)
				}
				closeStore(t, s) // or the disk could not become read-only
			})
		}
	}
	// Without a store there is nothing to serve.
	ballast(t, filler)
	if _, _, err := OpenToServe(t.Context(), Config{Path: filepath.Join(dir, "registrar.db")}, start); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("nothing there: %v", err)
	}
}
