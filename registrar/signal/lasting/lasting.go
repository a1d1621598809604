// Package lasting logs a fault that lasts: when it begins, when its reason changes, again after 10 minutes, an hour and
// then every 6 hours, and when it is over: at once, with how long it lasted and how often it was met. A device that is
// missing all day is a handful of lines. One that comes and goes is, too: each time that it is back within an hour, more
// time has to pass without it before its end is believed and said.
package lasting

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// settled is how long all must be well before a fault is over that has come back so often: the first three times none.
var settled = []time.Duration{0, 0, 0, time.Minute, 5 * time.Minute, 20 * time.Minute, forgotten}

// forgotten is how long after its end a fault that comes is another one.
const forgotten = time.Hour

// maxReasons bounds the reasons of one fault that are told apart; a further one waits until the fault is due.
const maxReasons = 6

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
	returns int   // how often it came back soon after its end
	after   []any // attributes of its end
}

// Met notes that the fault is there, for this reason, and logs that if it is news or due. attrs go into the line.
func (f *Fault) Met(reason string, attrs ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.on && !f.well.IsZero() && now.Sub(f.well) >= f.patience() { // its timer is about to say so
		f.finish()
	}
	if f.end != nil {
		f.end.Stop()
	}
	begins := !f.on
	if begins {
		f.begin(now)
	}
	f.well = time.Time{}
	f.tries++
	again := now.Sub(f.said) >= due[min(f.lines, len(due)-1)]
	if again {
		f.said = now
		f.lines++
	}
	if news := f.news(reason); !news && !again && !begins {
		return
	}
	if f.tries > 1 {
		attrs = append(slices.Clip(attrs), "lasts", now.Sub(f.began).Round(time.Second), "tries", f.tries)
	}
	if begins && f.returns > 0 {
		attrs = append(slices.Clip(attrs), "returns", f.returns)
	}
	f.Log.Log(context.Background(), f.Level, f.What, attrs...)
}

// begin notes that the fault is there: for the first time, or again.
func (f *Fault) begin(now time.Time) {
	if f.well.IsZero() || now.Sub(f.well) >= forgotten {
		f.said, f.lines, f.reasons, f.returns = now, 0, nil, 0
	} else {
		f.returns++
	}
	f.on, f.began, f.tries = true, now, 0
}

// Well notes that the thing works now. The fault is over, unless it has come and gone: then it is if that lasts. attrs go
// into the line that says so.
func (f *Fault) Well(attrs ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.on || !f.well.IsZero() {
		return
	}
	f.well, f.after = time.Now(), attrs
	wait := f.patience()
	if wait == 0 {
		f.finish()
		return
	}
	f.end = time.AfterFunc(wait, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.on && !f.well.IsZero() && time.Since(f.well) >= f.patience() {
			f.finish()
		}
	})
}

// patience is how long all must be well before this fault is over. f.mu is held.
func (f *Fault) patience() time.Duration { return settled[min(f.returns, len(settled)-1)] }

// Lasts says whether the fault is there, or its end has not been said yet.
func (f *Fault) Lasts() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.on
}

// finish says that it is over. f.mu is held.
func (f *Fault) finish() {
	f.on = false
	f.Log.Info(f.Over, append(f.after, "lasted", f.well.Sub(f.began).Round(time.Second), "tries", f.tries)...)
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
