package engine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// How long a process may work on one stage of its start. It is a budget of work and not of time: on a machine that is
// ten times slower a stage takes ten times as long. An endless loop uses it up in a minute.
const startBudget = time.Minute

// laborious is a Child that knows how much it has done.
type laborious interface {
	// Work is how much processor time it has used so far, with all that it started, and how often it had to wait for
	// the disk to read a page.
	Work() (cpu time.Duration, faults uint64)
}

// labour tells a process that is slow to start from one that hangs: one that hangs does nothing.
type labour struct {
	at     time.Time // of the last look
	cpu    time.Duration
	faults uint64
	spent  time.Duration // processor time since the stage began
	works  bool          // at the last look
	said   bool          // in the log
}

// look says whether the process has worked since the last look: for a fiftieth of the time at least, since one that
// hangs has threads that go on ticking; or it has read from the disk.
func (l *labour) look(now time.Time, child laborious) bool {
	if elapsed := now.Sub(l.at); !l.at.IsZero() && elapsed < lookEvery {
		return l.works
	}
	cpu, faults := child.Work()
	if !l.at.IsZero() {
		used := max(cpu-l.cpu, 0)
		l.spent += used
		l.works = l.spent <= startBudget && (50*used >= now.Sub(l.at) || faults > l.faults)
	}
	l.at, l.cpu, l.faults = now, cpu, faults
	return l.works
}

// lookEvery is how far apart two looks are: processor time is counted in steps of 10 ms.
const lookEvery = excuse - 50*time.Millisecond

// Work reads it of the kernel (proc(5), /proc/pid/stat). It is nothing where that does not tell.
func (p *process) Work() (cpu time.Duration, faults uint64) { return workOf(p.pid, 0) }

// userTick is the unit of times in /proc/pid/stat: Linux has 100 a second on everything that this runs on.
const userTick = 10 * time.Millisecond

// maxDepth bounds how far workOf follows children, which may come and go meanwhile.
const maxDepth = 4

// workOf is what a process and its children have done, those included that have ended.
func workOf(pid, depth int) (cpu time.Duration, faults uint64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0 // it has ended; its parent has what it did
	}
	stat := string(b)
	f := strings.Fields(stat[strings.LastIndex(stat, ")")+1:]) // from the state, field 3, on; the name may hold spaces
	if len(f) < 15 {
		return 0, 0
	}
	number := func(field int) uint64 { n, _ := strconv.ParseUint(f[field-3], 10, 64); return n }
	cpu = time.Duration(number(14)+number(15)+number(16)+number(17)) * userTick
	faults = number(12) + number(13)
	if depth == maxDepth {
		return cpu, faults
	}
	for _, child := range children(pid) {
		c, n := workOf(child, depth+1)
		cpu, faults = cpu+c, faults+n
	}
	return cpu, faults
}

// children are the processes that a process has started.
func children(pid int) (all []int) {
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, t := range tasks {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))
		for _, word := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(word); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}
