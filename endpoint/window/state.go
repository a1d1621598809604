// Package window keeps a window open: a pure state machine that knows the plan and one call (Step), and the loop
// that gives it events and carries out what it decides (Window.Run).
//
//	SIP (endpoint/agent) ──┐                       ┌──▶ dial, answer, reject, re-INVITE, hang up
//	plan, clock ───────────┼──▶ Step(State, event) ┼──▶ devices on and off (media/engine)
//	media, devices ────────┘                       └──▶ what the screen says (endpoint/screen)
package window

import (
	"time"

	"ewindow/dialplan/programme"
)

// The times by which a window lives. Silence is judged by authenticated media alone: SIP never ends a call.
const (
	settling      = 60 * time.Second // after an opening the other clock may still say closed: try again soon
	settlingRetry = time.Second
	patience      = 30 * time.Second // the side that does not call waits so long, then calls too
	dialLimit     = 20 * time.Second // an INVITE without final answer is given up
	crossing      = 2 * time.Second  // an INVITE of the partner so soon after our call came up had crossed ours

	silenceNotice = 2 * time.Second  // say so, ask for a keyframe
	silenceRepair = 10 * time.Second // re-INVITE
	silenceEnd    = 30 * time.Second // hang up, call again

	holdEnd = 5 * time.Minute // a phone that holds the call sends nothing; whoever has forgotten it is let go
)

// redial is how long to wait after the n-th failure in a row.
func redial(n int) time.Duration {
	return min(time.Second<<min(n, 4), 15*time.Second)
}

// State is all that a window remembers from one event to the next. Only Step changes it.
type State struct {
	Space        string
	Programme    *programme.Programme // nil until one was ever received
	PlannedAt    time.Time            // when it came
	Online       bool                 // registered
	OfflineSince time.Time            // zero while online, or before the first try ended
	OfflineWhy   string               // for people
	Fresh        bool                 // just registered: call at once, whoever is named

	Call     *Call     // at most one for now
	Failures int       // dials to the partner that failed in a row
	LastWhy  string    // why the last dial failed, for people
	NextDial time.Time // not before
	Alone    time.Time // since when the plan names a partner and there is no call; zero otherwise

	Devices map[string]string // role → what is missing, for people
}

// Phase is how far a call is.
type Phase int

const (
	Dialling Phase = iota // our INVITE has no final answer
	Up                    // answered, media may flow
)

// Call is what the machine knows of the call.
type Call struct {
	ID    string // chosen by the loop, unique in this process
	Peer  string // account of the other side
	Name  string // for the screen
	Phone bool
	Ours  bool // we sent the INVITE
	Phase Phase
	Since time.Time // of the phase

	Heard    time.Time // last authenticated packet; zero before the first
	Seen     time.Time // last picture given to the screen; zero before the first
	Repaired bool      // a re-INVITE was sent for this silence
	NoVideo  bool      // the other side has none
	Held     bool      // a phone holds the call: it wants nothing from us and may be silent
}

// silence is how long nothing authenticated has come.
func (c *Call) silence(now time.Time) time.Duration {
	last := c.Since
	if c.Heard.After(last) {
		last = c.Heard
	}
	return now.Sub(last)
}

// partner is the interval whose partner the window should be with at t, or nil.
func (s *State) partner(t time.Time) *programme.Interval {
	if s.Programme == nil {
		return nil
	}
	return s.Programme.LinkAt(t)
}

// open says whether phones may ring through.
func (s *State) open(t time.Time) bool {
	return s.Programme != nil && s.Programme.OpenAt(t) != nil
}
