package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/lasting"
	"ewindow/registrar/signal/relays"
	"ewindow/registrar/signal/version"

	"ewindow/dialplan/programme"
)

const (
	subscribeFor   = time.Hour
	subscribeLeast = 10 * time.Second
)

// A following is an event package (RFC 6665) to which the window subscribes at its own address-of-record, as long as it is
// registered. There is one for the plan and one for relays.
type following struct {
	name     string                         // of the package
	params   string                         // of the Event header
	doc      version.Document               // what is told, in all versions that this window reads
	optional bool                           // a registrar need not know the package: then the window goes on without
	told     func(host string, body []byte) // what came from the registrar at host; nil: there is nothing to tell any more
	fault    *lasting.Fault                 // there is no subscription

	sub *subscription // behind Agent.mu; nil without one
}

// follow says what the window subscribes to.
func (a *Agent) follow() []*following {
	fault := func(what string) *lasting.Fault {
		return &lasting.Fault{Log: a.log, Level: slog.LevelWarn, What: "no subscription to " + what, Over: "subscribed to " + what + " again"}
	}
	plan := programme.Spoken()
	return []*following{
		{name: "ua-profile", params: `;profile-type="user"`, doc: version.Document{Type: programme.ContentType, Oldest: plan.Oldest, Newest: plan.Newest}, told: a.toldPlan, fault: fault("the plan")}, // RFC 6080
		{name: relays.Event, doc: version.Document{Type: relays.ContentType, Oldest: relays.Version, Newest: relays.Version}, optional: true, told: a.toldRelays, fault: fault("relays")},
	}
}

// subscription is the dialog of our SUBSCRIBE (RFC 6665). The loop of the connection owns the sending half, the
// receiving half is behind Agent.mu.
type subscription struct {
	to      *following
	host    string             // at which the registrar is
	dialog  dialog.Dialog      // Call-ID and our tag do not change
	remote  string             // tag of the notifier, from the first NOTIFY or 2xx
	heard   uint32             // number of the latest NOTIFY
	news    chan time.Duration // a NOTIFY ended it: how long to wait before subscribing anew
	arrived chan struct{}      // has one element when a NOTIFY came
}

// keepInformed is subscribed to p over one way to the registrar, and when that is gone over another.
func (a *Agent) keepInformed(ctx context.Context, p *following) {
	for ctx.Err() == nil {
		f, err := a.waitFlow(ctx)
		if err != nil {
			return
		}
		living, cancel := context.WithCancel(ctx)
		var watch sync.WaitGroup
		watch.Go(func() {
			select {
			case <-f.closed:
			case <-ctx.Done():
			}
			cancel()
		})
		a.stayInformed(living, f, p)
		watch.Wait()
	}
}

// stayInformed subscribes to p, and again whenever that ends, until ctx does, or until the registrar says that it does not
// know an optional package: it is asked again over the next connection.
func (a *Agent) stayInformed(ctx context.Context, f *flow, p *following) {
	for failures := 0; ctx.Err() == nil; failures++ {
		s := a.newSubscription(f, p)
		begun := time.Now()
		wait, err := a.subscribe(ctx, f, s)
		a.dropSubscription(s)
		if ctx.Err() != nil {
			return
		}
		var status *StatusError
		if p.optional && errors.As(err, &status) && status.Code == statusBadEvent {
			a.log.Debug("the registrar does not know an event package; the window goes on without", "event", p.name)
			p.fault.Well()
			p.told("", nil)
			return
		}
		if time.Since(begun) > steadyAfter {
			failures = 0
		}
		wait = min(max(wait, backoff(failures)), backoffMost)
		p.fault.Met(err.Error(), "err", err, "again_in", wait.Round(time.Millisecond))
		if !pause(ctx, wait) {
			return
		}
	}
}

func (a *Agent) newSubscription(f *flow, p *following) *subscription {
	s := &subscription{
		to: p, host: f.remote.IP.String(), dialog: a.newDialog(a.aor, a.aor),
		news: make(chan time.Duration, 1), arrived: make(chan struct{}, 1),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p.sub = s
	return s
}

func (a *Agent) dropSubscription(s *subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.to.sub == s {
		s.to.sub = nil
	}
}

// subscribe keeps one subscription alive until it ends; then it says why, and how long the notifier wants us to wait.
func (a *Agent) subscribe(ctx context.Context, f *flow, s *subscription) (time.Duration, error) {
	for first := true; ; first = false {
		granted, err := a.subscribeOnce(ctx, f, s)
		var status *StatusError
		if errors.As(err, &status) {
			if status.Code == sip.StatusForbidden || status.Code == sip.StatusNotFound {
				return backoffMost, err
			}
			return status.RetryAfter, err
		}
		if err != nil {
			return 0, err
		}
		if first {
			if wait, err := s.firstNotify(ctx); err != nil {
				return wait, err
			}
		}
		s.to.fault.Well()
		half := max(granted, subscribeLeast) / 2
		timer := time.NewTimer(half*9/10 + rand.N(half/10))
		select {
		case <-timer.C:
		case wait := <-s.news:
			timer.Stop()
			return wait, errors.New("the registrar ended the subscription")
		case <-ctx.Done():
			timer.Stop()
			return 0, ctx.Err()
		}
	}
}

// firstNotify waits for the NOTIFY that must follow a 2xx (RFC 6665 §4.1.2.4, Timer N).
func (s *subscription) firstNotify(ctx context.Context) (time.Duration, error) {
	timer := time.NewTimer(dialog.GiveUp)
	defer timer.Stop()
	select {
	case <-s.arrived:
		return 0, nil
	case wait := <-s.news:
		return wait, errors.New("the registrar ended the subscription")
	case <-timer.C:
		return 0, errors.New("no NOTIFY came")
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// subscribeOnce sends one SUBSCRIBE with its challenge, and returns for how long it is granted.
func (a *Agent) subscribeOnce(ctx context.Context, f *flow, s *subscription) (time.Duration, error) {
	ctx, cancel := within(ctx, dialLimit)
	defer cancel()
	_, res, err := a.exchange(ctx, f, true, func() *sip.Request {
		req := a.request(&s.dialog, sip.SUBSCRIBE)
		req.AppendHeader(sip.NewHeader("Event", s.to.name+s.to.params))
		req.AppendHeader(sip.NewHeader("Accept", s.to.doc.Accept()))
		req.AppendHeader(sip.NewHeader("Expires", fmt.Sprint(seconds10(subscribeFor))))
		return req
	}, a.transact)
	if err != nil {
		return 0, err
	}
	if !res.IsSuccess() {
		return 0, statusError(res)
	}
	s.dialog.Confirm(res)
	granted := seconds(header.First(res, "Expires"))
	if granted == 0 {
		granted = subscribeFor
	}
	return granted, nil
}

// notified handles a NOTIFY. One that belongs to no subscription of ours gets 481, so that the notifier forgets it
// (RFC 6665 §4.1.3). One that was overtaken by a later one changes nothing.
func (a *Agent) notified(req *sip.Request, tx *sip.ServerTx) {
	told := header.First(req, "Subscription-State")
	state := strings.ToLower(header.Word(told))
	tag, seq := header.FromTag(req), req.CSeq().SeqNo

	a.mu.Lock()
	s := a.subscribed(req)
	ours := s != nil && (s.remote == "" || s.remote == tag) && tag != ""
	late := ours && s.remote != "" && seq <= s.heard
	if ours && !late {
		s.remote, s.heard = tag, seq
	}
	a.mu.Unlock()

	switch {
	case !ours:
		respond(tx, a.refuse(req, sip.StatusCallTransactionDoesNotExists, "there is no such subscription here any more"))
		return
	case !strings.EqualFold(header.Word(header.First(req, "Event")), s.to.name):
		res := a.refuse(req, statusBadEvent, "this subscription is to "+s.to.name)
		res.AppendHeader(sip.NewHeader("Allow-Events", s.to.name))
		respond(tx, res)
		return
	case state == "":
		respond(tx, a.refuse(req, sip.StatusBadRequest, "Subscription-State is missing"))
		return
	}
	res := reply(req, sip.StatusOK, "OK")
	a.addContact(res, &req.Recipient)
	respond(tx, res)
	if late {
		return
	}
	if b := header.Body(req); b != nil && header.MediaType(req) == s.to.doc.Type {
		s.to.told(s.host, b)
	}
	if state == "terminated" {
		offer(s.news, afterTermination(told))
		return
	}
	offer(s.arrived, struct{}{})
}

// subscribed is the subscription that a NOTIFY names, or nil. a.mu is held.
func (a *Agent) subscribed(req *sip.Request) *subscription {
	for _, p := range a.follows {
		if s := p.sub; s != nil && s.dialog.CallID == req.CallID().Value() && s.dialog.LocalTag == header.ToTag(req) {
			return s
		}
	}
	return nil
}

// toldPlan takes the window's own part of the plan.
func (a *Agent) toldPlan(_ string, body []byte) { a.events.put(Programme{Body: body}) }

// toldRelays takes STUN and TURN servers.
func (a *Agent) toldRelays(host string, body []byte) {
	if body == nil {
		if a.relayed.Swap(false) {
			a.events.put(Relays{})
		}
		return
	}
	r, err := relays.Decode(body)
	if err != nil {
		a.log.Warn("the registrar sent relays that cannot be used; those from before are kept", "err", err)
		return
	}
	a.relayed.Store(true)
	a.events.put(Relays{Relays: r.Reached(host)})
}

// afterTermination is how long to wait before subscribing anew (RFC 6665 §4.1.3).
func afterTermination(state string) time.Duration {
	switch strings.ToLower(header.Param(state, "reason")) {
	case "rejected", "noresource", "invariant":
		return backoffMost
	case "deactivated", "timeout":
		return 0
	}
	return seconds(header.Param(state, "retry-after"))
}

// offer puts v into a channel that has room.
func offer[T any](ch chan T, v T) {
	select {
	case ch <- v:
	default:
	}
}
