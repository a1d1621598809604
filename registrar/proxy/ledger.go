package proxy

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"ewindow/registrar/status"
)

// ledger remembers what has happened, for Status alone: nothing is decided by it. It is bounded by the number of
// accounts, and of past calls.
type ledger struct {
	mu   sync.Mutex
	last map[string]status.Event // of each account
	past []status.PastCall
}

// note remembers the last that happened to an account, apart from calls.
func (l *ledger) note(account, what string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = map[string]status.Event{}
	}
	l.last[account] = status.Event{At: now, What: what}
}

// call remembers a call that is over. One that came to nothing for the same reason as an earlier one takes its place: a
// window tries every few seconds.
func (l *ledger) call(c status.PastCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.past = slices.DeleteFunc(l.past, func(o status.PastCall) bool {
		return o.Since.IsZero() && c.Since.IsZero() && o.Caller == c.Caller && o.Callee == c.Callee && o.Why == c.Why
	})
	if len(l.past) == status.MaxPast {
		l.past = slices.Delete(l.past, 0, 1)
	}
	l.past = append(l.past, c)
}

// refused remembers an INVITE that came to nothing.
func (l *ledger) refused(r *request, caller, callee string, v verdict) {
	if r.IsInvite() && !r.inDialog() {
		l.call(status.PastCall{Call: status.Call{ID: r.CallID().Value(), Caller: caller, Callee: callee},
			Ended: time.Now(), Why: fmt.Sprintf("%d %s", v.status, v.reason)})
	}
}

// read is what is remembered of accounts that there still are, and all past calls.
func (l *ledger) read(there func(account string) bool) (last map[string]status.Event, past []status.PastCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last = map[string]status.Event{}
	for account, e := range l.last {
		if there(account) {
			last[account] = e
		} else {
			delete(l.last, account)
		}
	}
	return last, slices.Clone(l.past)
}
