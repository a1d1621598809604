package window

import (
	"time"

	"ewindow/dialplan/programme"
)

// An Event is something that happened outside of the machine.
type Event interface{ event() }

// The events.
type (
	Tick       struct{}                         // time passed
	Registered struct{ Moved bool }             // the registrar knows us; we are at another address than before
	Lost       struct{ Why string }             // the registrar does not know us any more, or cannot be reached
	Planned    struct{ P *programme.Programme } // a programme came, or was read from disk
	Invited    struct{ ID, From string }        // an INVITE outside a dialog; Answer or Reject follows
	Agreed     struct {                         // offer and answer are done, for an INVITE of ours or of theirs
		ID string
		Terms
	}
	Changed struct { // a later offer and answer changed a call that is up
		ID string
		Terms
	}
	Unreachable struct{ ID string } // a request of ours in the call found nobody: the other side is not where it was
	There       struct{ ID string } // a request of ours in the call found the other side
	Failed      struct {            // our INVITE failed, or an answer of ours
		ID         string
		Status     int // SIP status, 0 for none
		Why        string
		RetryAfter time.Duration
	}
	Ended struct{ ID, Why string } // BYE, or the dialog broke
	Media struct {                 // what a call's session has received and sent, looked at on every tick
		ID     string
		Heard  time.Time // last authentic packet of media
		Told   time.Time // last authentic report on media (RTCP)
		Seen   time.Time // last picture given to the screen
		Showed time.Time // last picture of ours that went to the other side
		Way    Way       // by which it comes and goes

		Keyless bool      // its keys are not agreed on yet
		Starved time.Time // when it was last heard that the line has no room for its pictures
	}
	Device  struct{ Role, Missing string } // a role has its devices (Missing empty) or not
	Trusted struct{}                       // somebody here confirmed the key for which the partner was refused
)

func (Tick) event()        {}
func (Registered) event()  {}
func (Lost) event()        {}
func (Planned) event()     {}
func (Invited) event()     {}
func (Agreed) event()      {}
func (Changed) event()     {}
func (Unreachable) event() {}
func (There) event()       {}
func (Failed) event()      {}
func (Ended) event()       {}
func (Media) event()       {}
func (Device) event()      {}
func (Trusted) event()     {}

// An Action is something for the loop to carry out.
type Action interface{ action() }

// The actions.
type (
	Dial   struct{ ID, Peer string } // send an INVITE to a space; Agreed or Failed follows
	Answer struct {                  // accept an Invited; Agreed or Failed follows
		ID       string
		Security programme.Security
		Picture  bool // see each other
		Always   bool // it sees us while it shows nothing, too
	}
	Reject struct { // refuse an Invited
		ID         string
		Status     int
		Reason     string
		RetryAfter time.Duration
	}
	Hangup   struct{ ID, Why string } // CANCEL or BYE
	Reinvite struct{ ID string }      // repair the media of a call that is silent
	Ask      struct{ ID string }      // ask whether the other side is still there; There or Unreachable follows, or nothing
	Better   struct{ ID string }      // look for a way without a relay beside the one that carries
	Keyframe struct{ ID string }      // ask the other side for one
)

func (Dial) action()     {}
func (Answer) action()   {}
func (Reject) action()   {}
func (Hangup) action()   {}
func (Reinvite) action() {}
func (Ask) action()      {}
func (Better) action()   {}
func (Keyframe) action() {}
