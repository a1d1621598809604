// Package window keeps a window open: a pure state machine that knows the plan and the calls (Step), and the loop that
// gives it events and carries out what it decides (Window.Run).
//
//	SIP (endpoint/agent) ──┐                       ┌──▶ dial, answer, reject, re-INVITE, hang up
//	plan, clock ───────────┼──▶ Step(State, event) ┼──▶ devices on and off (media/engine)
//	media, devices ────────┘                       └──▶ what the screen says (endpoint/screen), Status
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
	holds         = 60 * time.Second // a call that has lasted so long was a success
	dialLimit     = 20 * time.Second // an INVITE without final answer is given up
	crossing      = 2 * time.Second  // an INVITE of the partner so soon after our call came up had crossed ours

	silenceNotice = 2 * time.Second  // say so, ask for a keyframe
	silenceRepair = 10 * time.Second // re-INVITE
	silenceSearch = 3 * time.Second  // look for other ways, where ways were sought, although the one that was found answers
	searchPeer    = 3 * time.Second  // whoever called looks for them first, the other side so much later
	searchFirst   = 5 * time.Second  // the first way is waited for so much longer
	searchEvery   = 5 * time.Second
	searchBetter  = 5 * time.Second  // after that the way by a relay is tried to be bettered: who was late then may have answered
	searchSeldom  = 10 * time.Minute // again
	silenceEnd    = 30 * time.Second // call again, or hang up on a phone
	silenceGone   = 90 * time.Second // nobody called anew, and this line does not come back either

	silenceReports = 10 * time.Second // the same as silenceNotice for a phone that sends reports: it may be muted

	holdEnd  = 5 * time.Minute  // a phone that holds the call sends nothing; one that has forgotten the call is hung up on
	askEvery = 60 * time.Second // whether a phone that need not send anything is still there

	noPictureYet = 5 * time.Second // after which a call is not said to be about to show one

	unseen   = 10 * time.Second // agreed pictures that do not come: ours stop
	showless = 5 * time.Second  // without a picture of ours: the other side has not had its chance to answer with its own
	tryAgain = 60 * time.Second // our picture is shown to a partner anew, lest two windows wait for each other
)

// noAnswer is why a call ends after dialLimit.
const noAnswer = "no answer"

// redial is how long to wait after the n-th failure in a row.
func redial(n int) time.Duration {
	return min(time.Second<<min(n, 4), 15*time.Second)
}

// State is all that a window remembers from one event to the next. Only Step changes it, and never one that it has
// handed out.
type State struct {
	Space       string
	Programme   *programme.Programme // nil until one was ever received
	PlannedAt   time.Time            // when it came
	Online      bool                 // registered
	OnlineSince time.Time            // zero while offline

	OfflineSince time.Time // zero while online, or before the first try ended
	OfflineWhy   string    // why it is away, or was the last time, for people

	Calls []Call // in the order in which they began
	Reach Reach

	Devices map[string]string // role → what is missing, for people
}

// Reach is what the machine knows of its tries to reach the partner, while there is no call to it.
type Reach struct {
	Fresh    bool      // call at once, whoever is named: just registered, or the line fell silent
	Failures int       // calls in a row that failed, or did not last
	Why      string    // why the last call ended or failed, for people
	NextDial time.Time // not before
	Alone    time.Time // since when the plan names a partner and nobody is here; zero otherwise
}

// Role is what the other side of a call is to the window.
type Role string

// The roles.
const (
	Partner Role = "partner" // the space that the plan names
	Phone   Role = "phone"   // rings from a desk
)

// Phase is how far a call is.
type Phase int

// The phases.
const (
	Dialling Phase = iota // the first offer has no answer
	Up                    // answered, media may flow
)

// Call is what the machine knows of a call.
type Call struct {
	ID      string // chosen by the loop, unique in this process
	Role    Role
	Peer    string // account of the other side
	Name    string // for the screen
	Ours    bool   // we sent the INVITE
	Leaving bool   // a partner's: it goes on receiving until another call to the partner shows a picture
	Phase   Phase
	Since   time.Time // of the phase

	Terms

	Heard    time.Time // last authentic packet of media; zero before the first
	Told     time.Time // last authentic report on it; zero before the first
	There    time.Time // the other side answered within the call; zero before
	Asked    time.Time // when we asked whether it is there; zero before
	Seen     time.Time // last picture given to the screen; zero before the first
	Starved  time.Time // when it was last heard that the line has no room for its pictures; zero: never
	Repaired bool      // a re-INVITE was sent for this silence
	Searched time.Time // when other ways were sought last; zero before
	Way      Way       // by which media come and go
	Keyless  bool      // its keys are not agreed on yet
	WaySince time.Time // since when

	Facing
}

// Way is how media come and go, as far as the machine needs to know.
type Way int

// The ways.
const (
	Direct   Way = iota // from machine to machine, be it through routers
	Relayed             // by a server
	Doubtful            // by one on which nothing answers any more, of a stream at least
	None                // none was found yet, or the one that was is gone
)

// Terms are what offer and answer agreed on, as far as the machine needs to know.
type Terms struct {
	NoVideo bool // no pictures of the other side come
	Shows   bool // ours go
	Unheard bool // no sound of the other side comes
	Held    bool // it wants no sound of ours: a phone holds the call
	Unseen  bool // it asked to see and not to be seen: there are no pictures
	Averse  bool // it asked to be seen and not to see: there are no pictures
	Sought  bool // its ways are found by ICE
}

// quiet says whether nothing that comes is due: SDP excludes it.
func (t *Terms) quiet() bool { return t.Held || t.NoVideo && t.Unheard }

// silence is how long there was no sign of life. Sound and pictures are one, reports on them too, and where none of that
// is due an answer within the call.
func (c *Call) silence(now time.Time) time.Duration {
	last := latest(c.Since, c.Heard, c.Told)
	if c.quiet() && !c.Held {
		last = latest(last, c.There)
	}
	return now.Sub(last)
}

// lost says that nothing answers on a call's way, or on that of one stream, or that nothing comes by it for too long. Whoever called
// says so first.
func (c *Call) lost(now time.Time) bool {
	silent, patience := silenceSearch, time.Duration(0)
	if !c.Ours {
		silent, patience = silent+searchPeer, patience+searchPeer
	}
	if c.Heard.IsZero() {
		silent += searchFirst
	}
	if c.Way == None {
		patience += searchFirst
	}
	return c.Sought && (c.silence(now) >= silent || c.Way >= Doubtful && now.Sub(c.WaySince) >= patience)
}

// search says whether to look for other ways: the one that there is is lost, or there may be a better one.
func (c *Call) search(now time.Time) bool {
	switch {
	case c.lost(now):
		return now.Sub(c.Searched) >= searchEvery
	case !c.Sought || !c.Ours || c.Way != Relayed:
		return false
	case c.Searched.Before(c.WaySince):
		return now.Sub(c.WaySince) >= searchBetter
	}
	return now.Sub(c.Searched) >= searchSeldom
}

// down says whether a call is silent that should not be.
func (c *Call) down(now time.Time) bool {
	least := silenceNotice
	if c.Role == Phone && !c.Told.IsZero() {
		least = silenceReports
	}
	return c.Phase == Up && !c.quiet() && c.silence(now) >= least
}

func latest(t time.Time, others ...time.Time) time.Time {
	for _, o := range others {
		if o.After(t) {
			t = o
		}
	}
	return t
}

// starves says whether it is the line that keeps the other side's pictures back, as far as was heard lately.
func (c *Call) starves(now time.Time) bool {
	return !c.Starved.IsZero() && now.Sub(c.Starved) < unseen
}

// arrived says whether a call has what it is for: a picture, or sound where there is none.
func (c *Call) arrived() bool {
	return c.Phase == Up && (!c.Seen.IsZero() || c.NoVideo && !c.Heard.IsZero())
}

// find returns the call with that id, or nil. It must not be changed.
func (s *State) find(id string) *Call {
	for i := range s.Calls {
		if s.Calls[i].ID == id {
			return &s.Calls[i]
		}
	}
	return nil
}

// here is the call of a role that counts, or nil: there is one of each at most.
func (s *State) here(r Role) *Call {
	for i := range s.Calls {
		if c := &s.Calls[i]; c.Role == r && !c.Leaving {
			return c
		}
	}
	return nil
}

// leaving is the partner's call that another one is to replace, or nil: there is one at most.
func (s *State) leaving() *Call {
	for i := range s.Calls {
		if s.Calls[i].Leaving {
			return &s.Calls[i]
		}
	}
	return nil
}

// Shown is the call that the screen is about, or nil: the newest, or the one that it replaces while only that one has
// a picture and is not silent.
func (s *State) Shown(now time.Time) *Call {
	if len(s.Calls) == 0 {
		return nil
	}
	newest := &s.Calls[len(s.Calls)-1]
	if old := s.leaving(); old != nil && !newest.arrived() && old.arrived() && old.silence(now) < silenceNotice {
		return old
	}
	return newest
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
