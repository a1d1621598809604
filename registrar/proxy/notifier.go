package proxy

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/dialplan"
	"ewindow/registrar/location"
	"ewindow/registrar/notify"
)

// A notifier sends subscribers what they subscribed to. It owns the subscriptions: everybody else sends it events.
type notifier struct {
	plan    func() *dialplan.Plan // in force
	site    *site
	gate    *gatekeeper
	locate  *locator
	flows   liveFlows
	wire    wire
	answers *answerer
	work    *work
	changed func(account string) // ends what was begun for an account that has changed
	log     *slog.Logger

	packages map[string]eventPackage // by the name in Event, in lower case
	mailbox  chan func()             // run by the owner
	kick     chan struct{}
	done     chan struct{}
	keysWait atomic.Bool // see keysChanged

	table notify.Table[half] // of the owner alone
}

// liveFlows are the connections, as far as a notifier needs them.
type liveFlows interface {
	keeper
	Alive(location.Flow) bool
}

var errEnding = errors.New("the registrar is ending")

// do has the owner run f, and waits for it. False: it has ended.
func (n *notifier) do(f func()) bool {
	ran := make(chan struct{})
	select {
	case n.mailbox <- func() { f(); close(ran) }:
		<-ran
		return true
	case <-n.done:
		return false
	}
}

// events lists the packages, for Allow-Events.
func (n *notifier) events() string {
	return strings.Join(slices.Sorted(maps.Keys(n.packages)), ", ")
}

// enrol books a SUBSCRIBE; within says that it is one of the dialog that ask.ID names. The NOTIFY follows
// once the 200 has left, which Answered says.
func (n *notifier) enrol(ask notify.Subscription[half], lifetime time.Duration, within bool) (err error) {
	now := time.Now()
	ask.Expires = now.Add(lifetime)
	if !n.do(func() { err = n.book(ask, within, now) }) {
		return errEnding
	}
	return err
}

func (n *notifier) book(ask notify.Subscription[half], within bool, now time.Time) error {
	err := n.table.Refresh(ask.ID, ask.CSeq, ask.Expires, now, func(d *half) {
		d.flow, d.version = ask.Dialog.flow, ask.Dialog.version
		if ask.Dialog.Target.Host != "" {
			d.Target = ask.Dialog.Target // a target refresh (RFC 3261 §12.2.2)
		}
	})
	switch {
	case within:
		return err
	case !errors.Is(err, notify.ErrUnknown):
		return nil // repeated because its 200 was lost: it makes the same dialog, since our tag is made of its Call-ID
	}
	n.table.Add(ask)
	if ask.Expires.After(now) {
		return nil
	}
	return n.table.Refresh(ask.ID, ask.CSeq+1, now, now, nil) // only a question: one NOTIFY, and it is over
}

// planChanged and reachable are events; wake has the owner look at what is due. None of them waits.
func (n *notifier) planChanged() {
	n.later(func() {
		for event := range n.packages {
			n.table.Changed(event)
		}
	})
}

// keysTogether is how long a partner's new key may wait for others: after an upgrade all windows tell theirs at once.
const keysTogether = 250 * time.Millisecond

// keysChanged is told that a window has told another media key.
func (n *notifier) keysChanged() {
	if n.keysWait.Swap(true) {
		return
	}
	n.work.start(func() {
		select {
		case <-time.After(keysTogether):
		case <-n.done:
		}
		n.keysWait.Store(false)
		n.planChanged()
	})
}

// accountChanged ends the subscriptions of an account. Others may watch it, or have it for a partner.
func (n *notifier) accountChanged(account string) {
	n.later(func() { n.table.Drop(account) })
	n.planChanged()
}

func (n *notifier) reachable(account string) { n.later(func() { n.table.Reachable(account) }) }

func (n *notifier) later(f func()) {
	n.work.start(func() {
		n.do(f)
		n.wake()
	})
}

func (n *notifier) wake() {
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

// run owns the subscriptions until ctx ends.
func (n *notifier) run(ctx context.Context) error {
	var sending sync.WaitGroup
	defer sending.Wait()
	defer close(n.done) // before waiting: they report to nobody then
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-n.mailbox:
			f()
			continue // whoever sent it wakes us when the subscriber may hear of it
		case <-n.kick:
		case <-timer.C:
		}
		now := time.Now()
		for _, notice := range n.table.Next(now, n.states(now)) {
			sending.Go(func() { n.deliver(ctx, notice) })
		}
		if at := n.table.Wake(); !at.IsZero() {
			timer.Reset(max(10*time.Millisecond, time.Until(at)))
		} else {
			timer.Reset(time.Hour)
		}
	}
}

// states makes what is to be told by the plan in force.
func (n *notifier) states(now time.Time) notify.Maker[half] {
	plan := n.plan()
	return func(sub notify.Subscription[half]) (notify.State, error) {
		p := n.packages[sub.Event]
		if p.may(plan, sub.Subscriber, sub.Resource).status != 0 {
			return nil, nil
		}
		state, err := p.state(plan, sub.Resource, now)
		if err != nil {
			n.log.Error("cannot make what a subscription tells: the subscriber keeps what it has",
				"aor", sub.Subscriber, "event", sub.Event, "resource", sub.Resource, "err", err)
		}
		return state, err
	}
}

// An outcome is what became of a NOTIFY.
type outcome int

const (
	accepted   outcome = iota
	refused            // by an answer that ends the subscription
	unanswered         // or answered with something that only concerns this NOTIFY
	unsendable         // there is no way to the subscriber
	pointless          // the subscription is no more
)

// deliver sends one NOTIFY over the subscriber's own flow and tells the owner how that went.
func (n *notifier) deliver(ctx context.Context, notice notify.Notice[half]) {
	became := n.send(ctx, notice)
	if became == pointless {
		return
	}
	log := n.log.With("aor", notice.Subscriber, "call_id", notice.Dialog.CallID, "event", notice.Event)
	n.do(func() {
		select {
		case <-notice.Gone: // another one may have its ID by now
			return
		default:
		}
		switch became {
		case unsendable:
			n.table.Lost(notice.ID)
		case unanswered:
			log.Debug("a NOTIFY has no answer; it is sent again")
			n.table.Unanswered(notice.ID, time.Now())
		default:
			if n.table.Done(notice.ID, became == accepted) {
				log.Warn("a subscriber does not want to be notified: its subscription is dropped")
			}
		}
	})
	n.wake()
}

func (n *notifier) send(ctx context.Context, notice notify.Notice[half]) outcome {
	f, found := n.locate.peer(notice.Dialog)
	if !found {
		return unsendable
	}
	req, err := n.request(notice, f)
	if err != nil {
		n.log.Error("cannot write a NOTIFY", "aor", notice.Subscriber, "event", notice.Event, "err", err)
		return unanswered
	}
	tx, err := n.wire.Request(req)
	if err != nil {
		return unsendable
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return outcomeOf(res.StatusCode)
			}
			n.wire.Taken(res)
		case <-notice.Gone:
			return pointless // whoever subscribes in a loop and answers nothing must not have us remember every NOTIFY
		case <-tx.Done():
			if n.flows.Alive(f) {
				return unanswered
			}
			if _, other := n.locate.peer(notice.Dialog); other {
				return unanswered // it goes by that one
			}
			return unsendable // the subscriber comes back by another flow
		case <-ctx.Done():
			return unsendable
		}
	}
}

// outcomeOf is what the status of a final answer means (RFC 6665 §4.2.2, RFC 5057 §5.1): what a subscriber says that is
// too busy or broken for a moment does not end its subscription.
func outcomeOf(status int) outcome {
	switch {
	case status < 300:
		return accepted
	case status == 408, status == 429, status == 491, status >= 500 && status < 600 && status != 501 && status != 502:
		return unanswered
	}
	return refused
}
