// Package codec is the codec of a Raspberry Pi 3 or 4 for tests: programs that are run with its environment find V4L2 devices that behave
// as bcm2835-codec does, and that fail when a test says so. README.md says what it imitates; the folder standin is the library that
// does it, by LD_PRELOAD.
package codec

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Build compiles the library into a directory and returns its path. The sources are those in source, the folder standin.
func Build(source, dir string) (library string, err error) {
	files, err := filepath.Glob(filepath.Join(source, "*.c"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no sources of the stand-in in %s: %w", source, err)
	}
	library = filepath.Join(dir, "codec.so")
	args := append([]string{"-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-o", library}, files...)
	if out, err := exec.Command("cc", append(args, "-lopenh264", "-lpthread", "-ldl")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the stand-in for the codec (make setup-test installs libopenh264-dev): %w\n%s", err, out)
	}
	return library, nil
}

// A Device is the two devices of one machine: /dev/video10 decodes, /dev/video11 encodes.
type Device struct {
	library string
	dir     string // of settings and log
}

// New makes devices that work, whose settings and log are in a directory of their own.
func New(library, dir string) (*Device, error) {
	d := &Device{library: library, dir: dir}
	return d, d.Set()
}

// Env is what a program needs to find them.
func (d *Device) Env() []string {
	return []string{"LD_PRELOAD=" + d.library, "EWINDOW_CODEC=" + d.dir}
}

// Set says what goes wrong from now on, instead of what was said before: "encode.hang 40" after the fortieth picture of an opening. The
// README has the words.
func (d *Device) Set(faults ...string) error {
	path := filepath.Join(d.dir, "settings")
	if err := os.WriteFile(path+".new", []byte(strings.Join(faults, "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("tell the stand-in for the codec: %w", err)
	}
	return os.Rename(path+".new", path) // no device reads half of it
}

// An Entry is something that happened to a device.
type Entry struct {
	PID  int
	Role string // encode, decode
	What string // "picture 3 bytes 1200 key"
}

// Log is all that has happened.
func (d *Device) Log() (all []Entry, err error) {
	b, err := os.ReadFile(filepath.Join(d.dir, "log"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("log of the stand-in for the codec: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		pid, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		role, what, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(pid)
		if err != nil {
			continue // it is being written
		}
		all = append(all, Entry{n, role, what})
	}
	return all, nil
}

// Count is how many entries of a role begin with some words.
func (d *Device) Count(role, what string) (n int, err error) {
	all, err := d.Log()
	for _, e := range all {
		if e.Role == role && strings.HasPrefix(e.What, what) {
			n++
		}
	}
	return n, err
}
