package trust

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A disk that has become read-only, as a worn card does, keeps no window from starting with the key and the pins that are on it.
func TestReadOnlyDisk(t *testing.T) {
	dir := ownDisk(t)
	if dir == "" {
		return
	}
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	key, pins, err := Open(dir, silent)
	if err != nil {
		t.Fatal(err)
	}
	munich, err := LoadKey(t.TempDir(), silent)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pins.Meet("munich", []byte(munich.Public())), pins.Close()); err != nil {
		t.Fatal(err)
	}
	for _, locked := range []bool{true, false} {
		if !locked { // put back from a backup, without the lock
			if err := os.Remove(filepath.Join(dir, lockFile)); err != nil {
				t.Fatal(err)
			}
		}
		remount(syscall.MS_RDONLY)
		var said strings.Builder
		again, pins, err := Open(dir, slog.New(slog.NewTextHandler(&said, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if again.Public() != key.Public() || pins.Meet("munich", []byte(munich.Public())) != nil {
			t.Error("the keys on the disk are not those that were")
		}
		if _, err := OpenPins(dir, silent); !errors.Is(err, ErrInUse) {
			t.Errorf("a second owner: %v", err)
		}
		if err := pins.Meet("potsdam", []byte(key.Public())); err != nil || !strings.Contains(said.String(), "not kept on disk") {
			t.Errorf("a partner of today: %v; said: %s", err, &said)
		}
		if err := pins.Confirm("munich", munich.Public(), "anna"); err == nil {
			t.Error("a confirmation that is not kept is no error")
		}
		if err := pins.Close(); err != nil {
			t.Error(err)
		}
		remount(0)
	}
	remount(syscall.MS_RDONLY)
	empty := filepath.Join(dir, "empty")
	if _, _, err := Open(empty, silent); err == nil {
		t.Error("a window without a key was given one that does not last")
	}
}

// ownDisk is a file system of the test's own, in a namespace of its own, in which the test runs once more; empty outside of it.
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
		if out, err := again.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
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
