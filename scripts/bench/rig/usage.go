package rig

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

// Usage is what some processes and all that come from them have used of the machine, up to a time.
type Usage struct {
	at        time.Time
	processes map[int]share
}

// share is one process's.
type share struct {
	name   string
	parent int
	cpu    time.Duration // since it was started, that of its ended children included
	pss    int64         // bytes: memory, each shared page divided among those who share it (proc_pid_smaps(5))
}

// Load is what one window asks of the machine.
type Load struct {
	CPU   float64 // percent of one core
	PSS   float64 // MB
	Parts []Part  // of all windows
}

// Part is one process's share of the load of all windows.
type Part struct {
	Name     string
	CPU, PSS float64
}

// Since is the load between two usages, for one of so many windows.
func (u Usage) Since(before Usage, windows int) Load {
	spent := map[int]time.Duration{}
	for pid, now := range u.processes {
		spent[pid] += now.cpu - before.processes[pid].cpu
	}
	for pid, then := range before.processes {
		if _, lives := u.processes[pid]; !lives { // its parent has inherited all that it had used, also before
			spent[then.parent] -= then.cpu
		}
	}
	var l Load
	elapsed := u.at.Sub(before.at).Seconds()
	for pid, now := range u.processes {
		p := Part{Name: now.name, CPU: 100 * spent[pid].Seconds() / elapsed, PSS: float64(now.pss) / 1e6}
		l.CPU += p.CPU / float64(windows)
		l.PSS += p.PSS / float64(windows)
		l.Parts = append(l.Parts, p)
	}
	slices.SortFunc(l.Parts, func(a, b Part) int { return strings.Compare(a.Name, b.Name) })
	return l
}

// UsageOf looks at processes and all that come from them.
func UsageOf(roots []int) (Usage, error) { return usageIn("/proc", roots) }

// ticks is USER_HZ, the unit of times in /proc: 100 on every architecture that Debian has.
const ticks = 100

func inTicks(n int64) time.Duration { return time.Duration(n) * time.Second / ticks }

func usageIn(proc string, roots []int) (Usage, error) {
	u := Usage{at: time.Now(), processes: map[int]share{}}
	all, err := listProcesses(proc)
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
		dir := filepath.Join(proc, strconv.Itoa(pid))
		s := share{parent: p.parent, cpu: p.cpu}
		// Neither can be read of one that has just ended; it counts for nothing then.
		if b, err := os.ReadFile(filepath.Join(dir, "cmdline")); err == nil {
			name, _, _ := strings.Cut(string(b), "\x00")
			s.name = filepath.Base(name)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "smaps_rollup")); err == nil {
			s.pss = pssOf(b)
		}
		u.processes[pid] = s
	}
	return u, nil
}

// process is what /proc/<pid>/stat says.
type process struct {
	parent int
	cpu    time.Duration
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

func listProcesses(proc string) (map[int]process, error) {
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
			continue // it has just ended
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
		p.cpu += inTicks(n)
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

// Others is the load, in percent of a core, of everything on the machine that is not ours between two looks.
func Others(from, to Machine) float64 {
	return max(0, 100*((to.busy-from.busy)-(to.own-from.own)).Seconds()/to.at.Sub(from.at).Seconds())
}

// Machine is a look at the whole machine.
type Machine struct {
	at        time.Time
	busy, own time.Duration // of all cores; of this program and all that it has started
}

// LookAtMachine looks now.
func LookAtMachine() (Machine, error) {
	m := Machine{at: time.Now()}
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m, err
	}
	if m.busy, err = parseBusy(b); err != nil {
		return m, err
	}
	own, err := UsageOf([]int{os.Getpid()})
	for _, s := range own.processes {
		m.own += s.cpu
	}
	return m, err
}

// parseBusy reads the first line of proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal.
func parseBusy(stat []byte) (busy time.Duration, err error) {
	line, _, _ := strings.Cut(string(stat), "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat cannot be read: %q", line)
	}
	for i, field := range f[1:9] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i != 3 && i != 4 {
			busy += inTicks(n)
		}
	}
	return busy, nil
}
