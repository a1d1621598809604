package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// How long a process is excused that does nothing because the machine gives it no processor. A new one would get none
// either, and its start costs more than all that the old one has left to do; one that hangs shows when the machine has time.
const (
	excuse     = runPatience / 2
	mostExcuse = 10 * time.Second // then it is replaced all the same: a window that shows nothing is no use to anybody
)

// scheduled is a Child that knows how long its threads have waited for a processor.
type scheduled interface {
	// Queued is for how long each thread, those of the X server that draws for it included, has waited so far while it
	// could have run.
	Queued() map[string]time.Duration
}

// hunger tells a process that hangs from one that gets no processor, by the time that its threads spend waiting for
// one: those of a driver that hangs wait for the driver.
type hunger struct {
	at      time.Time                // of before
	before  map[string]time.Duration // what Queued said then
	excused time.Duration            // since the last progress, or stage of the start
}

// look remembers how things stand at now.
func (h *hunger) look(now time.Time, queued map[string]time.Duration) {
	h.at, h.before = now, queued
}

// starved says whether its threads, which wait for each other in turn, have waited for a processor for half of the time
// since the last look in all, or longer.
func (h *hunger) starved(now time.Time, queued map[string]time.Duration) bool {
	if !now.After(h.at) {
		return false
	}
	var all time.Duration
	for thread, waited := range queued {
		all += max(waited-h.before[thread], 0)
	}
	return 2*all >= now.Sub(h.at)
}

// excuses says whether a process without progress is given that much more time.
func (h *hunger) excuses(now time.Time, queued map[string]time.Duration, more time.Duration) bool {
	starved := h.before == nil || h.starved(now, queued) // without an earlier look nobody knows
	h.look(now, queued)
	if !starved || h.excused >= mostExcuse {
		return false
	}
	h.excused += more
	return true
}

// A wait is what the kernel has counted of a thread, and since when it has not counted any more.
type wait struct {
	ran, waited string
	since       time.Time
}

// ServedBy says which process draws for this one, 0 for none. While this one waits for that, and that for a processor, this
// one can do nothing either.
func (p *process) ServedBy(pid int) { p.server.Store(int64(pid)) }

// Queued reads it of the kernel (proc(5), /proc/pid/task/tid/schedstat), which counts a wait when it is over: that of a
// thread that is runnable and whose counters stand still is added. It is empty where the kernel does not count.
func (p *process) Queued() map[string]time.Duration {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", p.pid)) // the pattern is well formed
	if server := p.server.Load(); server > 0 {
		more, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", server))
		tasks = append(tasks, more...)
	}
	now, waits, queued := time.Now(), map[string]wait{}, map[string]time.Duration{}
	for _, task := range tasks {
		text, err := os.ReadFile(filepath.Join(task, "schedstat"))
		fields := strings.Fields(string(text))
		if err != nil || len(fields) != 3 {
			continue // the thread has ended
		}
		w := p.waits[task]
		if w.ran != fields[0] || w.waited != fields[1] || !runnable(task) {
			w = wait{fields[0], fields[1], now}
		}
		waits[task] = w
		if ns, err := strconv.ParseInt(w.waited, 10, 64); err == nil {
			queued[task] = time.Duration(ns) + now.Sub(w.since)
		}
	}
	p.waits = waits
	return queued
}

// runnable says whether a thread runs, or would if it got a processor.
func runnable(task string) bool {
	stat, err := os.ReadFile(filepath.Join(task, "stat"))
	name := strings.LastIndexByte(string(stat), ')') // it may hold anything
	return err == nil && strings.HasPrefix(string(stat[name+1:]), " R")
}
