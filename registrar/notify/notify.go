// Package notify keeps who subscribed to what (RFC 6665), for any event package, and decides who is to be sent a NOTIFY
// when. It opens and sends nothing, and the time is a parameter.
//
//	SUBSCRIBE ─▶ Add, Refresh ─┐
//	something changed ─▶ Changed ├─▶ Next ─▶ notices to send ─▶ Done, Unanswered, Lost
//	a state grew old ──────────┘
package notify

import (
	"errors"
	"iter"
	"slices"
	"time"
)

// maxEach bounds the subscriptions of one subscriber to one event package: a window that lost its dialog makes
// another one.
const maxEach = 4

// A NOTIFY without an answer is sent again after 1, 2, 4 … seconds, for as long as the flow lives: a lost one must not
// cost the subscription.
const (
	firstRetry = time.Second
	mostRetry  = time.Minute
)

// State is what a subscription tells at a moment: the body of a NOTIFY.
type State interface {
	Same(State) bool                    // whether it would tell the subscriber nothing new; both are of one resource
	Encode(version int) ([]byte, error) // in the version that the subscriber asked for
}

// Subscription is the notifier's end of a subscription dialog. Dialog is whatever the caller needs to send in it.
type Subscription[Dialog any] struct {
	ID         string // of the dialog: made of Call-ID and both tags
	Event      string // package
	Resource   string // what is watched
	Subscriber string // account that watches
	Contact    string // of the subscriber
	Expires    time.Time
	CSeq       uint32        // of the subscriber's last SUBSCRIBE
	Fresh      time.Duration // how old a state may get at the subscriber before it is sent anew; 0: any age
	Dialog     Dialog
}

// Notice is one NOTIFY to be sent.
type Notice[Dialog any] struct {
	Subscription[Dialog]
	CSeq  uint32          // of the NOTIFY
	State State           // nil if there is none: the resource is gone, or not for this subscriber any more
	Gone  <-chan struct{} // closed when the subscription is no more: nobody needs to wait for an answer, or to report one
	Last  bool            // the subscription ends with it
	Left  time.Duration   // until it expires
}

// Errors of Refresh.
var (
	ErrUnknown    = errors.New("no such subscription")
	ErrOutOfOrder = errors.New("an older SUBSCRIBE came after a newer one")
)

type want int

const (
	nothing want = iota
	ifOther      // send if it would say something else than what was sent
	always
)

type entry[Dialog any] struct {
	Subscription[Dialog]
	cseq     uint32
	want     want
	last     bool
	asking   bool // its SUBSCRIBE is not answered yet: that leaves first
	busy     bool // a NOTIFY is under way: the next one waits, so that they arrive in order
	stuck    bool // there was no way to the subscriber: wait until it registers again
	failures int  // NOTIFYs in a row that had no answer
	notUntil time.Time
	sent     State
	sentAt   time.Time
	gone     chan struct{} // closed by remove
}

// Table holds the subscriptions. The zero Table is empty. It is for one goroutine.
type Table[Dialog any] struct {
	entries map[string]*entry[Dialog]
	order   []*entry[Dialog] // oldest first
}

// Len is the number of subscriptions.
func (t *Table[Dialog]) Len() int { return len(t.entries) }

// Add begins a subscription. It takes the place of an older one from the same contact to the same resource, which has
// lost that dialog, and of the subscriber's oldest to that package if there are too many.
func (t *Table[Dialog]) Add(s Subscription[Dialog]) {
	t.remove(func(e *entry[Dialog]) bool {
		return e.Subscriber == s.Subscriber && e.Event == s.Event && e.Resource == s.Resource && e.Contact == s.Contact
	})
	others := 0
	for _, e := range slices.Backward(t.order) {
		if e.Subscriber == s.Subscriber && e.Event == s.Event {
			if others++; others == maxEach {
				t.remove(e.is)
				break
			}
		}
	}
	if t.entries == nil {
		t.entries = map[string]*entry[Dialog]{}
	}
	e := &entry[Dialog]{Subscription: s, want: always, asking: true, gone: make(chan struct{})}
	t.entries[s.ID] = e
	t.order = append(t.order, e)
}

// Refresh prolongs a subscription; one that expires now is ended with a last NOTIFY. Either way one is due. dialog
// takes what the SUBSCRIBE changes in the dialog; nil for nothing.
func (t *Table[Dialog]) Refresh(id string, cseq uint32, expires, now time.Time, dialog func(*Dialog)) error {
	e := t.entries[id]
	if e == nil || e.last {
		return ErrUnknown
	}
	if cseq <= e.Subscription.CSeq {
		return ErrOutOfOrder
	}
	e.Subscription.CSeq, e.Expires, e.want = cseq, expires, always
	e.stuck, e.failures, e.notUntil = false, 0, time.Time{}
	e.last, e.asking = !expires.After(now), true
	if dialog != nil {
		dialog(&e.Dialog)
	}
	return nil
}

// Answered says that the SUBSCRIBE which began or prolonged a subscription has its 2xx: a NOTIFY may follow. Some phones
// do not know a subscription before that.
func (t *Table[Dialog]) Answered(id string) {
	if e := t.entries[id]; e != nil {
		e.asking = false
	}
}

// Changed says that what subscriptions to a package tell may have changed: Next looks at them.
func (t *Table[Dialog]) Changed(event string) {
	for _, e := range t.order {
		if e.Event == event {
			e.want = max(e.want, ifOther)
		}
	}
}

// Drop ends the subscriptions of a subscriber without a last NOTIFY.
func (t *Table[Dialog]) Drop(subscriber string) {
	t.remove(func(e *entry[Dialog]) bool { return e.Subscriber == subscriber })
}

// Reachable says that a subscriber has registered: what could not be sent is tried again.
func (t *Table[Dialog]) Reachable(subscriber string) {
	for _, e := range t.order {
		if e.Subscriber == subscriber {
			e.stuck, e.notUntil = false, time.Time{}
		}
	}
}

// Maker makes the state that a subscription is to tell; nil without an error if it is to end.
type Maker[Dialog any] func(Subscription[Dialog]) (State, error)

// Next returns what is to be sent at now, and forgets what has expired. Where a state cannot be made nothing is sent,
// and the subscriber keeps what it has.
func (t *Table[Dialog]) Next(now time.Time, stateOf Maker[Dialog]) []Notice[Dialog] {
	t.remove(func(e *entry[Dialog]) bool { return !e.last && !e.busy && !e.Expires.After(now) })
	var out []Notice[Dialog]
	for _, e := range t.order {
		if e.want == nothing && e.old(now) {
			e.want = always
		}
		if e.want == nothing || e.asking || e.busy || e.stuck || now.Before(e.notUntil) {
			continue
		}
		state, err := stateOf(e.Subscription)
		if err != nil || e.want == ifOther && e.sent != nil && state != nil && state.Same(e.sent) {
			e.want = nothing
			continue
		}
		e.last = e.last || state == nil
		e.cseq++
		e.want, e.busy, e.sent, e.sentAt = nothing, true, state, now
		out = append(out, Notice[Dialog]{Subscription: e.Subscription, CSeq: e.cseq, State: state, Last: e.last,
			Left: max(0, e.Expires.Sub(now)), Gone: e.gone})
	}
	return out
}

func (e *entry[Dialog]) old(now time.Time) bool {
	return e.Fresh > 0 && !e.sentAt.IsZero() && now.Sub(e.sentAt) >= e.Fresh
}

// Done says how a NOTIFY was answered: false for an answer that ends the subscription (RFC 6665 §4.2.2). It says
// whether the subscription was dropped for that.
func (t *Table[Dialog]) Done(id string, ok bool) (dropped bool) {
	e := t.entries[id]
	if e == nil {
		return false
	}
	e.busy, e.failures = false, 0
	if !ok || e.last {
		t.remove(e.is)
	}
	return !ok
}

// Unanswered says that a NOTIFY went out and had no answer that counts: it is sent again after a while, with what is
// to be told by then. A last one is not.
func (t *Table[Dialog]) Unanswered(id string, now time.Time) {
	e := t.entries[id]
	if e == nil {
		return
	}
	e.busy, e.want = false, always
	e.notUntil = now.Add(min(firstRetry<<min(e.failures, 10), mostRetry))
	e.failures++
	if e.last {
		t.remove(e.is)
	}
}

// Lost says that there was no way to send a NOTIFY: it waits for the subscriber to register again.
func (t *Table[Dialog]) Lost(id string) {
	if e := t.entries[id]; e != nil {
		if e.busy, e.want, e.stuck = false, always, true; e.last {
			t.remove(e.is)
		}
	}
}

// Wake is when Next should be asked again even if nothing happens; zero for never.
func (t *Table[Dialog]) Wake() time.Time {
	var first time.Time
	at := func(when time.Time) {
		if first.IsZero() || when.Before(first) {
			first = when
		}
	}
	for _, e := range t.order {
		if e.busy {
			continue
		}
		at(e.Expires)
		if e.want != nothing && !e.stuck && !e.notUntil.IsZero() {
			at(e.notUntil)
		}
		if e.Fresh > 0 && !e.sentAt.IsZero() {
			at(e.sentAt.Add(e.Fresh))
		}
	}
	return first
}

// A Standing is how a subscription stands.
type Standing[Dialog any] struct {
	Subscription[Dialog]
	Sent  time.Time // the last NOTIFY; zero before the first
	Waits bool      // there is no way to the subscriber
}

// All goes through the subscriptions, the oldest first.
func (t *Table[Dialog]) All() iter.Seq[Standing[Dialog]] {
	return func(yield func(Standing[Dialog]) bool) {
		for _, e := range t.order {
			if !yield(Standing[Dialog]{e.Subscription, e.sentAt, e.stuck}) {
				return
			}
		}
	}
}

// Has says whether a subscription is alive.
func (t *Table[Dialog]) Has(id string) bool { return t.entries[id] != nil }

// remove forgets those of which gone is true.
func (t *Table[Dialog]) remove(gone func(*entry[Dialog]) bool) {
	t.order = slices.DeleteFunc(t.order, func(e *entry[Dialog]) bool {
		if !gone(e) {
			return false
		}
		delete(t.entries, e.ID)
		close(e.gone)
		return true
	})
}

func (e *entry[Dialog]) is(other *entry[Dialog]) bool { return e == other }
