package engine

import (
	"fmt"
	"time"
)

// The limits of supervision.
const (
	startPatience = 3 * time.Second        // from the start of a process to its first progress; see patience
	runPatience   = time.Second            // between two reports of progress
	stopPatience  = 500 * time.Millisecond // for a process to end by itself when told to
	killPatience  = 5 * time.Second        // after which a killed process that is still there is complained of
	backOffMin    = 200 * time.Millisecond // before the first replacement; doubles, so three come within a second each
	backOffMax    = 5 * time.Second
	steadyAfter   = 10 * time.Second // of running, after which earlier failures no longer count
	hangsToSoften = 3                // hangs in a row that condemn an encoder
	hangsForget   = 2 * time.Hour    // without a hang ends the row: encoders were seen to hang every 20 to 80 minutes
)

// phase is where the one process of a role stands.
//
//	       wanted             progress
//	off ─────────▶ starting ───────────▶ running
//	 ▲                │ │                 │ │
//	 │       hang,    │ └──── other ──────┘ │   exit: waiting, then starting
//	 │       garbage  ▼       version       ▼
//	 └─ exit ──── killed ◀── too slow ── stopping ─ exit ─▶ off, starting
type phase uint8

const (
	off      phase = iota // there is no process, and none is wanted
	waiting               // there is none; one is to start when due
	starting              // it has not reported progress yet
	running               // it reports progress
	stopping              // it was told to end
	killed                // it was killed and has not been seen to be gone
)

// state is what the supervisor of one role knows.
type state struct {
	phase    phase
	want     int       // version of the configuration that is wanted, 0 for no process
	have     int       // version that the process was started with
	due      time.Time // when a tick changes something; zero in off
	started  time.Time // when the process was started
	notUntil time.Time // no start before, after a failure
	failures int       // in a row
	hangs    int       // in a row
	hungAt   time.Time // the last of them
}

// happening is an event of the state machine.
type happening struct {
	what    happened
	version int    // wanted
	text    string // exited, broke: why
}

type happened uint8

const (
	tick       happened = iota // time has passed
	wanted                     // another version is wanted, or none
	readied                    // the process reached another stage of its start, or opened its devices
	progressed                 // the process reported progress
	broke                      // its connection is of no more use
	exited                     // it is gone, and everything that served it
)

// action is what the loop has to do.
type action struct {
	do   verb
	text string // report, kill, complain: why, for people
}

type verb uint8

const (
	start    verb = iota // a process with the wanted version
	stop                 // ask the process to end
	kill                 // the process and all its children
	report               // a failure
	doubt                // the encoder hung: another takes its place for a while
	soften               // the encoder hung too often: take the software one from now on
	complain             // a process survives SIGKILL
)

// step is the supervisor of one role: what happened, when, and what is to be done about it.
func step(s state, h happening, now time.Time) (state, []action) {
	alive := s.alive()
	switch h.what {
	case wanted:
		s.want = h.version
		switch {
		case s.phase == off || s.phase == waiting:
			return s.settle(now)
		case alive && s.want != s.have:
			s.phase, s.due = stopping, now.Add(stopPatience)
			return s, []action{{do: stop}}
		}
	case readied: // a sign of life: what follows may take as long again
		if s.phase == starting {
			s.due = now.Add(s.patience())
		}
	case progressed:
		if alive {
			s.phase = running
			s.due = now.Add(s.patience())
			if now.Sub(s.started) >= steadyAfter {
				s.failures = 0
			}
		}
	case broke:
		switch {
		case alive:
			s = s.failed(now)
			return s.kill(now, action{report, h.text})
		case s.phase == stopping:
			return s.kill(now)
		}
	case exited:
		var said []action
		if alive {
			s = s.failed(now)
			said = []action{{report, h.text}}
		}
		s, todo := s.settle(now)
		return s, append(said, todo...)
	case tick:
		if s.phase != off && !now.Before(s.due) {
			return s.overdue(now)
		}
	}
	return s, nil
}

// alive says whether there is a process that has to report progress.
func (s state) alive() bool { return s.phase == starting || s.phase == running }

// overdue is a tick at or after due.
func (s state) overdue(now time.Time) (state, []action) {
	switch s.phase {
	case waiting:
		return s.settle(now)
	case starting, running:
		said := []action{{report, fmt.Sprintf("no progress for %v", s.patience())}}
		if s.phase == running {
			said = append(said, action{do: doubt})
			if s.hung(now) {
				said[1].do = soften
			}
		}
		return s.failed(now).kill(now, said...)
	case stopping:
		return s.kill(now)
	default: // killed
		s.due = now.Add(killPatience)
		return s, []action{{complain, fmt.Sprintf("still there %v after it was killed; a driver holds it", killPatience)}}
	}
}

// hung counts a hang of a process that ran, and says whether it condemns its encoder. A slow start says nothing about it.
func (s *state) hung(now time.Time) bool {
	if now.Sub(s.hungAt) > hangsForget {
		s.hangs = 0
	}
	s.hangs++
	s.hungAt = now
	return s.hangs == hangsToSoften
}

// patience is how long the process may go without progress. Each failure in a row gives its successor 3 s more to
// start, up to 12 s. Each stage that it says it has reached gives it that time anew, and so does work: see labour.
func (s state) patience() time.Duration {
	if s.phase == running {
		return runPatience
	}
	return startPatience * time.Duration(1+min(s.failures, 3))
}

// failed counts a failure and puts off the next start.
func (s state) failed(now time.Time) state {
	wait := backOffMin << min(s.failures, 10)
	s.failures++
	s.notUntil = now.Add(min(wait, backOffMax))
	return s
}

func (s state) kill(now time.Time, first ...action) (state, []action) {
	s.phase, s.due = killed, now.Add(killPatience)
	return s, append(first, action{do: kill})
}

// settle is what follows when there is no process: none, one now, or one later.
func (s state) settle(now time.Time) (state, []action) {
	switch {
	case s.want == 0:
		s.phase, s.due = off, time.Time{}
		return s, nil
	case now.Before(s.notUntil):
		s.phase, s.due = waiting, s.notUntil
		return s, nil
	}
	s.phase, s.have = starting, s.want
	s.started, s.due = now, now.Add(s.patience())
	return s, []action{{do: start}}
}
