package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// usage is what a set of processes has used of the machine, with all their children, at a time.
type usage struct {
	at  time.Time
	cpu time.Duration // since they were started, that of their ended children included
	pss int64         // bytes: memory, each shared page divided among those who share it (proc_pid_smaps(5))
}

// load is what one window asks of the machine.
type load struct {
	cpu float64 // percent of one core
	pss float64 // MB
}

// since is the load between two usages, for one of so many windows.
func (u usage) since(before usage, windows int) load {
	return load{
		cpu: 100 * (u.cpu - before.cpu).Seconds() / u.at.Sub(before.at).Seconds() / float64(windows),
		pss: float64(u.pss) / 1e6 / float64(windows),
	}
}

// usageOf looks at processes and their children.
func usageOf(roots []int) (usage, error) { return usageIn("/proc", roots) }

// ticks is USER_HZ, the unit of times in /proc: 100 on every architecture that Debian has.
const ticks = 100

// process is a line of /proc/<pid>/stat.
type process struct {
	parent int
	cpu    time.Duration
}

func usageIn(proc string, roots []int) (usage, error) {
	u := usage{at: time.Now()}
	all, err := processes(proc)
	if err != nil {
		return u, err
	}
	for _, root := range roots {
		if _, ok := all[root]; !ok {
			return u, fmt.Errorf("process %d has ended", root)
		}
	}
	for pid, p := range all {
		if !descends(all, pid, roots) {
			continue
		}
		u.cpu += p.cpu
		b, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "smaps_rollup"))
		if err != nil {
			continue // it ended just now, or is a zombie
		}
		u.pss += pssOf(b)
	}
	return u, nil
}

// descends says whether a process is one of roots or comes from one.
func descends(all map[int]process, pid int, roots []int) bool {
	for range len(all) {
		if slices.Contains(roots, pid) {
			return true
		}
		p, ok := all[pid]
		if !ok {
			return false
		}
		pid = p.parent
	}
	return false
}

func processes(proc string) (map[int]process, error) {
	names, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "stat"))
	if err != nil {
		return nil, err
	}
	all := map[int]process{}
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it ended just now
		}
		p, err := parseStat(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[pid] = p
	}
	return all, nil
}

// parseStat reads parent (field 4) and times (14 to 17: own and ended children's, user and system) of proc_pid_stat(5).
func parseStat(stat []byte) (process, error) {
	i := bytes.LastIndexByte(stat, ')') // the name before may hold anything
	f := strings.Fields(string(stat[i+1:]))
	if i < 0 || len(f) < 15 {
		return process{}, fmt.Errorf("cannot be read: %q", stat)
	}
	var p process
	var err error
	if p.parent, err = strconv.Atoi(f[1]); err != nil {
		return p, err
	}
	for _, field := range f[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return p, err
		}
		p.cpu += time.Duration(n) * time.Second / ticks
	}
	return p, nil
}

// pssOf is the line "Pss:  62620 kB" of smaps_rollup, in bytes; 0 without one.
func pssOf(rollup []byte) int64 {
	for line := range strings.Lines(string(rollup)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n * 1024
		}
	}
	return 0
}
