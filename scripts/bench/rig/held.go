package rig

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Held is what one process holds of the machine.
type Held struct {
	PID  int
	Name string // of its program, with what it is for: "ewindow", "ewindow-media: screen"
	Own  int64  // bytes of memory that are resident and its own alone: neither files nor what it shares with an X server
	FDs  int    // open files
}

// HeldBy looks at a process and all that come from it; it is an error if that has ended. Others that end meanwhile are left out.
func HeldBy(root int) ([]Held, error) { return heldIn("/proc", root) }

func heldIn(proc string, root int) ([]Held, error) {
	u, err := usageIn(proc, []int{root})
	if err != nil {
		return nil, err
	}
	var out []Held
	for pid, s := range u.processes {
		dir := filepath.Join(proc, strconv.Itoa(pid))
		files, err := os.ReadDir(filepath.Join(dir, "fd"))
		if err != nil {
			continue
		}
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil {
			continue
		}
		out = append(out, Held{PID: pid, Name: s.name, Own: ownOf(status), FDs: len(files)})
	}
	return out, nil
}

// ownOf is the line "RssAnon:   62620 kB" of proc_pid_status(5), in bytes; 0 without one.
func ownOf(status []byte) int64 {
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "RssAnon:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n * 1024
		}
	}
	return 0
}
