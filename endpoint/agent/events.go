package agent

import (
	"slices"
	"sync"

	"ewindow/registrar/signal/relays"
)

// Event is one of the types below.
type Event interface{ event() }

// Online says that the window is registered, over a new connection or again.
type Online struct{}

// Offline says that the window is not registered, and why. It comes again when the reason changes.
type Offline struct {
	Err     error
	Refused bool // the registrar answers, and refuses us: somebody has to change something
}

// Ways says how each of two ways to the registrar stands; where there is one, Online and Offline say all. Only the newest waits
// in the queue.
type Ways struct{ Ways []Way }

// Programme is the body of a NOTIFY: what the plan says about this window. Only the newest waits in the queue.
type Programme struct{ Body []byte }

// Relays is the STUN and TURN servers that the registrar names, with hosts as the window reaches them; nil: it names none any
// more. They hold a secret: they are for memory, not for disk or log. Only the newest wait in the queue.
type Relays struct{ Relays *relays.Relays }

// Invitation is an INVITE that wants Call.Answer or Call.Reject. When the caller gives up first, Ended follows.
type Invitation struct {
	Call     *Call
	From     string // account name; user@host if the host is not ours, which is no account
	FromName string // display name, made fit for a screen; may be empty
	Offer    []byte // SDP; nil: give an offer to Call.Answer, the answer comes as LateAnswer
}

// Reoffer is an offer within a call (re-INVITE or UPDATE). Call Answer or Reject, once and within 25 s; a call to
// either after that is an error and changes nothing. Repeated offers that change nothing are answered without
// asking.
type Reoffer struct {
	Call   *Call
	Offer  []byte // SDP; nil: give an offer to Answer, the answer comes as LateAnswer
	Answer func(sdp []byte) error
	Reject func(status int, reason string)
}

// LateAnswer carries an answer that no function returned: to an offer given to Answer, to a Reinvite whose ctx had
// just ended, or to our repetition of the session (RFC 4028) when the other side changed its mind.
type LateAnswer struct {
	Call *Call
	SDP  []byte
}

// Info is an INFO request within a call, already answered.
type Info struct {
	Call        *Call
	ContentType string // lower case, without parameters
	Body        []byte
}

// Ended says that a call is over. It comes exactly once for every Call that was given out, by an Invitation or by
// Invite, whoever ended it; it may overtake the return of Invite.
type Ended struct {
	Call   *Call
	Reason string // for people
}

func (Online) event()     {}
func (Offline) event()    {}
func (Ways) event()       {}
func (Programme) event()  {}
func (Relays) event()     {}
func (Invitation) event() {}
func (Reoffer) event()    {}
func (LateAnswer) event() {}
func (Info) event()       {}
func (Ended) event()      {}

// maxQueue is how many events wait for a receiver that is too slow before some are refused.
const maxQueue = 64

// queue holds events for the receiver so that nobody who reports one ever waits. When maxQueue events wait, it
// refuses Invitation, Reoffer and Info (the SIP side then answers 503). The others get in always: of Online and
// Offline only the latest can matter, of Ways, Programme and Relays only the newest, so that older ones are taken out; and there are
// no more Ended and LateAnswer than calls.
type queue struct {
	out chan Event

	mu      sync.Mutex
	waiting []Event
	more    chan struct{} // has one element when something waits
}

func newQueue() *queue {
	return &queue{out: make(chan Event), more: make(chan struct{}, 1)}
}

// put takes an event, or says that it is refused.
func (q *queue) put(e Event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch e.(type) {
	case Invitation, Reoffer, Info:
		if len(q.waiting) >= maxQueue {
			return false
		}
	case Ways:
		q.waiting = slices.DeleteFunc(q.waiting, is[Ways])
	case Programme:
		q.waiting = slices.DeleteFunc(q.waiting, is[Programme])
	case Relays:
		q.waiting = slices.DeleteFunc(q.waiting, is[Relays])
	case Online, Offline:
		if len(q.waiting) >= maxQueue {
			q.waiting = slices.DeleteFunc(q.waiting, isState)
		}
	}
	q.waiting = append(q.waiting, e)
	select {
	case q.more <- struct{}{}:
	default:
	}
	return true
}

func is[E Event](e Event) bool { _, yes := e.(E); return yes }

func isState(e Event) bool {
	switch e.(type) {
	case Online, Offline:
		return true
	}
	return false
}

// run hands events out until stop, then closes the channel. What waits then is given to a receiver that is there.
func (q *queue) run(stop <-chan struct{}) {
	defer close(q.out)
	for {
		e, ok := q.take()
		if !ok {
			select {
			case <-q.more:
				continue
			case <-stop:
				return
			}
		}
		select {
		case q.out <- e:
		case <-stop:
			select {
			case q.out <- e:
			default:
				return
			}
		}
	}
}

func (q *queue) take() (Event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, false
	}
	e := q.waiting[0]
	q.waiting = slices.Delete(q.waiting, 0, 1)
	return e, true
}
