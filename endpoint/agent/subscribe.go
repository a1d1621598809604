package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"

	"ewindow/dialplan/programme"
)

const (
	eventPackage   = "ua-profile" // RFC 6080
	subscribeFor   = time.Hour
	subscribeLeast = 10 * time.Second
)

// subscription is the dialog of our SUBSCRIBE (RFC 6665). The loop of the connection owns the sending half, the
// receiving half is behind Agent.mu.
type subscription struct {
	dialog  dialog.Dialog      // Call-ID and our tag do not change
	remote  string             // tag of the notifier, from the first NOTIFY or 2xx
	heard   uint32             // number of the latest NOTIFY
	news    chan time.Duration // a NOTIFY ended it: how long to wait before subscribing anew
	arrived chan struct{}      // has one element when a NOTIFY came
}

// stayInformed subscribes to the window's own part of the plan, and again whenever that ends, until ctx does.
func (a *Agent) stayInformed(ctx context.Context, f *flow) {
	for failures := 0; ctx.Err() == nil; failures++ {
		s := a.newSubscription()
		begun := time.Now()
		wait, err := a.subscribe(ctx, f, s)
		a.dropSubscription(s)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) > steadyAfter {
			failures = 0
		}
		wait = min(max(wait, backoff(failures)), backoffMost)
		a.planless.Met(err.Error(), "err", err, "again_in", wait.Round(time.Millisecond))
		if !pause(ctx, wait) {
			return
		}
	}
}

func (a *Agent) newSubscription() *subscription {
	s := &subscription{
		dialog: a.newDialog(a.aor, a.aor),
		news:   make(chan time.Duration, 1), arrived: make(chan struct{}, 1),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sub = s
	return s
}

func (a *Agent) dropSubscription(s *subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sub == s {
		a.sub = nil
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
		a.planless.Well()
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
		req.AppendHeader(sip.NewHeader("Event", eventPackage+`;profile-type="user"`))
		req.AppendHeader(sip.NewHeader("Accept", programme.ContentType))
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
	s := a.sub
	ours := s != nil && s.dialog.CallID == req.CallID().Value() && s.dialog.LocalTag == header.ToTag(req) &&
		(s.remote == "" || s.remote == tag) && tag != ""
	late := ours && s.remote != "" && seq <= s.heard
	if ours && !late {
		s.remote, s.heard = tag, seq
	}
	a.mu.Unlock()

	switch {
	case !ours:
		respond(tx, a.refuse(req, sip.StatusCallTransactionDoesNotExists, "there is no such subscription here any more"))
		return
	case header.Word(header.First(req, "Event")) != eventPackage:
		res := a.refuse(req, statusBadEvent, "a window follows "+eventPackage+" alone")
		res.AppendHeader(sip.NewHeader("Allow-Events", eventPackage))
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
	if b := header.Body(req); b != nil && header.MediaType(req) == programme.ContentType {
		a.events.put(Programme{Body: b})
	}
	if state == "terminated" {
		offer(s.news, afterTermination(told))
		return
	}
	offer(s.arrived, struct{}{})
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
