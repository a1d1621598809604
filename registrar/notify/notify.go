// Package notify keeps who subscribed to their programme (RFC 6665) and decides who is to be sent it when. It opens
// and sends nothing, and the time is a parameter.
//
//	SUBSCRIBE ─▶ Add, Refresh ─┐
//	plan edited ─▶ PlanChanged ├─▶ Next ─▶ notices to send ─▶ Done, Lost
//	a day is over ─────────────┘
package notify

import (
	"errors"
	"slices"
	"time"

	"ewindow/dialplan/programme"
)

// Daily is how old a programme may get at a window before it is sent anew: it reaches two weeks ahead.
const Daily = 24 * time.Hour

// maxPerSpace bounds a space's subscriptions: a window that lost its dialog makes another one.
const maxPerSpace = 4

// A Subscription is the notifier's end of a subscription dialog.
type Subscription struct {
	ID      string // of the dialog: made of Call-ID and both tags
	Space   string // whose programme
	Contact string // of the subscriber
	Expires time.Time
	CSeq    uint32 // of the subscriber's last SUBSCRIBE
}

// A Notice is one NOTIFY to be sent.
type Notice struct {
	ID        string
	CSeq      uint32               // of the NOTIFY
	Programme *programme.Programme // nil if there is none: the space is not in the plan any more
	Last      bool                 // the subscription ends with it
	Left      time.Duration        // until it expires
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

type entry struct {
	Subscription
	cseq   uint32
	want   want
	last   bool
	busy   bool // a NOTIFY is under way: the next one waits, so that they arrive in order
	stuck  bool // there was no way to the window: wait until it registers again
	sent   *programme.Programme
	sentAt time.Time
}

// A Table holds the subscriptions. It is for one goroutine.
type Table struct {
	entries []*entry // oldest first
}

// Len is the number of subscriptions.
func (t *Table) Len() int { return len(t.entries) }

// Add begins a subscription. It takes the place of an older one of the same window, which has lost that dialog, and
// of the oldest of the same space if there are too many.
func (t *Table) Add(s Subscription) {
	t.entries = slices.DeleteFunc(t.entries, func(e *entry) bool { return e.Space == s.Space && e.Contact == s.Contact })
	n := 0
	for i := len(t.entries) - 1; i >= 0; i-- {
		if t.entries[i].Space == s.Space {
			if n++; n >= maxPerSpace {
				t.entries = slices.Delete(t.entries, i, i+1)
			}
		}
	}
	t.entries = append(t.entries, &entry{Subscription: s, want: always})
}

// Refresh prolongs a subscription; one that expires now is ended with a last NOTIFY. Either way one is due.
func (t *Table) Refresh(id string, cseq uint32, expires time.Time, now time.Time) error {
	e := t.find(id)
	if e == nil || e.last {
		return ErrUnknown
	}
	if cseq <= e.Subscription.CSeq {
		return ErrOutOfOrder
	}
	e.Subscription.CSeq, e.Expires, e.want, e.stuck = cseq, expires, always, false
	e.last = !expires.After(now)
	return nil
}

// PlanChanged makes every subscription worth a look.
func (t *Table) PlanChanged() {
	for _, e := range t.entries {
		e.want = max(e.want, ifOther)
	}
}

// Reachable says that a space has registered: what could not be sent can be tried again.
func (t *Table) Reachable(space string) {
	for _, e := range t.entries {
		if e.Space == space {
			e.stuck = false
		}
	}
}

// A Maker makes the programme of a space; nil without an error for one that is not in the plan any more.
type Maker func(space string) (*programme.Programme, error)

// Next returns what is to be sent at now, and forgets what has expired. A space whose programme cannot be made is
// sent nothing and keeps what it has.
func (t *Table) Next(now time.Time, programmeOf Maker) []Notice {
	t.entries = slices.DeleteFunc(t.entries, func(e *entry) bool { return !e.last && !e.busy && !e.Expires.After(now) })
	var out []Notice
	for _, e := range t.entries {
		if e.want == nothing && !e.sentAt.IsZero() && now.Sub(e.sentAt) >= Daily {
			e.want = always
		}
		if e.want == nothing || e.busy || e.stuck {
			continue
		}
		p, err := programmeOf(e.Space)
		if err != nil {
			e.want = nothing
			continue
		}
		if e.want == ifOther && e.sent != nil && p != nil && programme.Same(e.sent, p) {
			e.want = nothing
			continue
		}
		e.last = e.last || p == nil
		e.cseq++
		e.want, e.busy, e.sent, e.sentAt = nothing, true, p, now
		out = append(out, Notice{ID: e.ID, CSeq: e.cseq, Programme: p, Last: e.last, Left: max(0, e.Expires.Sub(now))})
	}
	return out
}

// Done says how a NOTIFY was answered: nothing but a 2xx keeps the subscription (RFC 6665 §4.2.2). It says whether
// the subscription was dropped for that.
func (t *Table) Done(id string, ok bool) (dropped bool) {
	e := t.find(id)
	if e == nil {
		return false
	}
	e.busy = false
	if !ok || e.last {
		t.remove(e)
	}
	return !ok
}

// Lost says that there was no way to send a NOTIFY: it waits for the window to register again.
func (t *Table) Lost(id string) {
	if e := t.find(id); e != nil {
		if e.busy, e.want, e.stuck = false, always, true; e.last {
			t.remove(e)
		}
	}
}

// Wake is when Next should be asked again even if nothing happens; zero for never.
func (t *Table) Wake() time.Time {
	var first time.Time
	for _, e := range t.entries {
		for _, at := range []time.Time{e.Expires, e.sentAt.Add(Daily)} {
			if !e.busy && !e.sentAt.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first
}

func (t *Table) find(id string) *entry {
	for _, e := range t.entries {
		if e.ID == id {
			return e
		}
	}
	return nil
}

func (t *Table) remove(e *entry) {
	t.entries = slices.DeleteFunc(t.entries, func(o *entry) bool { return o == e })
}

// Has says whether a subscription is alive.
func (t *Table) Has(id string) bool { return t.find(id) != nil }
