package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// How long a process is excused that does nothing because the machine gives it no processor.
const (
	excuse     = runPatience / 2
	mostExcuse = 2 * runPatience // then it is replaced all the same: a window that shows nothing is no use to anybody
)

// scheduled is a Child that knows how long its threads have waited for a processor.
type scheduled interface {
	// Queued is for how long each thread has waited so far while it could have run.
	Queued() map[string]time.Duration
}

// hunger tells a process that hangs from one that gets no processor, by the time that its threads spend waiting for
// one: those of a driver that hangs wait for the driver.
type hunger struct {
	at      time.Time                // of before
	before  map[string]time.Duration // what Queued said then
	excused time.Duration            // since the last progress
}

// look remembers how things stand at now.
func (h *hunger) look(now time.Time, queued map[string]time.Duration) {
	h.at, h.before = now, queued
}

// starved says whether some thread has waited for a processor for half of the time since the last look, or longer.
func (h *hunger) starved(now time.Time, queued map[string]time.Duration) bool {
	if h.before == nil || !now.After(h.at) {
		return false
	}
	for thread, waited := range queued {
		if 2*(waited-h.before[thread]) >= now.Sub(h.at) {
			return true
		}
	}
	return false
}

// excuses says whether a process without progress is given some more time.
func (h *hunger) excuses(now time.Time, queued map[string]time.Duration) bool {
	starved := h.starved(now, queued)
	h.look(now, queued)
	if !starved || h.excused >= mostExcuse {
		return false
	}
	h.excused += excuse
	return true
}

// Queued reads it of the kernel (proc(5), /proc/pid/task/tid/schedstat). It is empty where that does not count it.
func (p *process) Queued() map[string]time.Duration {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.pid)) // the pattern is well formed
	waited := map[string]time.Duration{}
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the thread has ended
		}
		if fields := strings.Fields(string(text)); len(fields) == 3 {
			if ns, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				waited[path] = time.Duration(ns)
			}
		}
	}
	return waited
}
