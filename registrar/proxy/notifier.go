package proxy

import (
	"context"
	"errors"
	"sync"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/registrar/notify"
)

// A notifier sends each window its programme. It owns the subscriptions: everybody else sends it events.
type notifier struct {
	s      *Server
	events chan func() // run by the owner
	kick   chan struct{}
	done   chan struct{}

	// Of the owner alone:
	table   notify.Table
	dialogs map[string]dialog
}

// subscription is a SUBSCRIBE that has passed all checks.
type subscription struct {
	id       string
	cseq     uint32
	lifetime time.Duration
	within   bool // of the dialog that id names
	dialog   dialog
}

var errEnding = errors.New("the registrar is ending")

func newNotifier(s *Server) *notifier {
	return &notifier{
		s: s, events: make(chan func()), kick: make(chan struct{}, 1), done: make(chan struct{}),
		dialogs: map[string]dialog{},
	}
}

// do has the owner run f, and waits for it. False: it has ended.
func (n *notifier) do(f func()) bool {
	ran := make(chan struct{})
	select {
	case n.events <- func() { f(); close(ran) }:
		<-ran
		return true
	case <-n.done:
		return false
	}
}

// subscribe books a SUBSCRIBE. The NOTIFY follows after wake: the 200 is to leave first.
func (n *notifier) subscribe(sub subscription) (err error) {
	now := time.Now()
	if !n.do(func() { err = n.book(sub, now) }) {
		return errEnding
	}
	return err
}

func (n *notifier) book(sub subscription, now time.Time) error {
	if !sub.within {
		// A SUBSCRIBE that is repeated because its 200 was lost makes the same dialog: our tag is made of its Call-ID.
		if err := n.table.Refresh(sub.id, sub.cseq, now.Add(sub.lifetime), now); !errors.Is(err, notify.ErrUnknown) {
			return nil
		}
		n.table.Add(notify.Subscription{ID: sub.id, Space: sub.dialog.account,
			Contact: sub.dialog.contact.String(), Expires: now.Add(sub.lifetime), CSeq: sub.cseq})
		n.dialogs[sub.id] = sub.dialog
		if sub.lifetime > 0 {
			return nil
		}
		return n.table.Refresh(sub.id, sub.cseq+1, now, now) // only a question: one NOTIFY, and it is over
	}
	if err := n.table.Refresh(sub.id, sub.cseq, now.Add(sub.lifetime), now); err != nil {
		return err
	}
	d := n.dialogs[sub.id]
	d.flow = sub.dialog.flow
	if sub.dialog.contact.Host != "" {
		d.contact = sub.dialog.contact // a target refresh (RFC 3261 §12.2.2)
	}
	n.dialogs[sub.id] = d
	return nil
}

// planChanged and reachable are events; wake has the owner look at what is due. None of them waits.
func (n *notifier) planChanged() { n.later(func() { n.table.PlanChanged() }) }

func (n *notifier) reachable(space string) { n.later(func() { n.table.Reachable(space) }) }

func (n *notifier) later(f func()) {
	if !n.s.enter() {
		return
	}
	go func() {
		defer n.s.working.Done()
		n.do(f)
		n.wake()
	}()
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
		case f := <-n.events:
			f()
			continue // whoever sent it wakes us when the window may hear of it
		case <-n.kick:
		case <-timer.C:
		}
		now := time.Now()
		for _, notice := range n.table.Next(now, n.programmes(now)) {
			d := n.dialogs[notice.ID]
			sending.Go(func() { n.deliver(ctx, d, notice) })
		}
		n.tidy()
		if at := n.table.Wake(); !at.IsZero() {
			timer.Reset(max(time.Second, time.Until(at)))
		} else {
			timer.Reset(time.Hour)
		}
	}
}

// programmes makes programmes by the plan in force.
func (n *notifier) programmes(now time.Time) notify.Maker {
	plan := n.s.Plan()
	return func(space string) (*programme.Programme, error) {
		if _, ok := plan.Space(space); !ok {
			return nil, nil
		}
		p, err := plan.Programme(space, now)
		if err != nil {
			n.s.log.Error("cannot make a space's programme: its window keeps the old one", "aor", space, "err", err)
		}
		return p, err
	}
}

// tidy forgets the dialogs of subscriptions that are over.
func (n *notifier) tidy() {
	if len(n.dialogs) <= n.table.Len() {
		return
	}
	for id := range n.dialogs {
		if !n.table.Has(id) {
			delete(n.dialogs, id)
		}
	}
}

// deliver sends one NOTIFY over the window's own flow and tells the owner how that went.
func (n *notifier) deliver(ctx context.Context, d dialog, notice notify.Notice) {
	sent, ok := n.send(ctx, d, notice)
	var dropped bool
	n.do(func() {
		if !sent {
			n.table.Lost(notice.ID)
			return
		}
		dropped = n.table.Done(notice.ID, ok)
	})
	if dropped {
		n.s.log.Warn("a window did not acknowledge its programme: its subscription is dropped", "aor", d.account, "call_id", d.callID)
	}
	n.wake()
}

// send reports whether there was a way to the window, and whether it acknowledged.
func (n *notifier) send(ctx context.Context, d dialog, notice notify.Notice) (sent, ok bool) {
	f, found := n.s.flowOf(d)
	if !found {
		return false, false
	}
	req, err := n.s.notifyRequest(d, notice, f)
	if err != nil {
		n.s.log.Error("cannot write a space's programme", "aor", d.account, "err", err)
		return true, false
	}
	tx, err := n.s.stack.Request(ctx, req)
	if err != nil {
		return false, false
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				n.s.log.Debug("programme sent", "aor", d.account, "status", res.StatusCode)
				return true, res.IsSuccess()
			}
		case <-tx.Done():
			return n.s.flows.Alive(f), false // a broken flow may come back, silence is an answer
		case <-ctx.Done():
			return false, false
		}
	}
}
