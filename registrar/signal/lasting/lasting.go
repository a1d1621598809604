// Package lasting logs a fault that lasts: when it begins, when its reason changes, again after 10 minutes, an hour and
// then every 6 hours, and when it is over, with how long it lasted and how often it was met. A device that is missing all
// day is a handful of lines, and so is one that comes back for a few seconds each time.
package lasting

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// settled is how long all must be well before a fault is over: less is the same fault, that comes and goes.
const settled = time.Minute

// maxReasons bounds the reasons of one fault that are told apart; a further one waits until the fault is due.
const maxReasons = 8

// due is how long after the last line the fault is said again: 10 minutes and an hour after its beginning, then every 6 hours.
var due = []time.Duration{10 * time.Minute, 50 * time.Minute, 6 * time.Hour}

// A Fault is one thing that may fail again and again: a device, a registration. The fields are set before its first use.
// It may be used from anywhere.
type Fault struct {
	Log   *slog.Logger
	Level slog.Level // of the lines while it lasts; its end is Info
	What  string     // the message while it lasts
	Over  string     // the message at its end

	mu      sync.Mutex
	on      bool
	began   time.Time
	said    time.Time // the last line
	lines   int       // that said it again because it was due
	tries   int       // how often it was met
	reasons []string  // that were said
	well    time.Time // since when all is well; zero while it is not
	end     *time.Timer
}

// Met notes that the fault is there, for this reason, and logs that if it is news or due. attrs go into the line.
func (f *Fault) Met(reason string, attrs ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.end != nil && !f.well.IsZero() && now.Sub(f.well) >= settled { // its timer is about to say so
		f.finish()
	}
	f.well = time.Time{}
	if f.end != nil {
		f.end.Stop()
	}
	if !f.on {
		f.on, f.began, f.said = true, now, now
		f.lines, f.tries, f.reasons = 0, 0, nil
	}
	f.tries++
	again := now.Sub(f.said) >= due[min(f.lines, len(due)-1)]
	if again {
		f.said = now
		f.lines++
	}
	if !f.news(reason) && !again {
		return
	}
	if f.tries > 1 {
		attrs = append(slices.Clip(attrs), "lasts", now.Sub(f.began).Round(time.Second), "tries", f.tries)
	}
	f.Log.Log(context.Background(), f.Level, f.What, attrs...)
}

// Well notes that the thing works now. The fault is over when it has for a minute.
func (f *Fault) Well() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on || !f.well.IsZero() {
		return
	}
	f.well = time.Now()
	f.end = time.AfterFunc(settled, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !f.well.IsZero() && time.Since(f.well) >= settled {
			f.finish()
		}
	})
}

// Lasts says whether the fault is there, or was less than a minute ago.
func (f *Fault) Lasts() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.on
}

// finish says that it is over. f.mu is held.
func (f *Fault) finish() {
	if f.on {
		f.Log.Info(f.Over, "lasted", f.well.Sub(f.began).Round(time.Second), "tries", f.tries)
	}
	f.on, f.well = false, time.Time{}
}

// news says whether the reason has not been said yet. Numbers do not make a difference: they are ports, waits, processes.
func (f *Fault) news(reason string) bool {
	key := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, reason)
	if slices.Contains(f.reasons, key) || len(f.reasons) >= maxReasons {
		return false
	}
	f.reasons = append(f.reasons, key)
	return true
}
