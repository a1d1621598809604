package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/stack"
)

const (
	ringLimit  = 3 * time.Minute // for the final response to a first INVITE, as a proxy's Timer C
	glareTries = 5
)

// Invite calls an account, or a SIP URI, with an SDP offer and returns the call and the SDP answer. When ctx ends
// first, the INVITE is cancelled; a 2xx that had crossed gets its BYE. The error is a *StatusError if the other
// side or the registrar said no (408 if nobody answered at all), ErrOffline without a connection, or ctx's error.
func (a *Agent) Invite(ctx context.Context, to string, offer []byte) (*Call, []byte, error) {
	if len(offer) == 0 {
		return nil, nil, errors.New("an INVITE needs an offer")
	}
	uri, err := a.peerURI(to)
	if err != nil {
		return nil, nil, err
	}
	if !a.enter() {
		return nil, nil, ErrOffline
	}
	defer a.jobs.Done()
	f := a.currentFlow()
	if f == nil || !f.alive() {
		return nil, nil, ErrOffline
	}
	c, err := a.newCall(a.newDialog(uri, uri), true)
	if err != nil {
		return nil, nil, err
	}
	defer c.release()
	ctx, cancel := within(ctx, ringLimit)
	defer cancel()
	answer, err := c.offer(ctx, f, offer)
	if err != nil {
		if errors.Is(err, errNoAnswer) {
			err = &StatusError{Code: sip.StatusRequestTimeout, Reason: "no answer"}
		}
		if wasUp, _ := c.finish(err.Error()); wasUp {
			a.spawn(func() { c.sayBye("no usable answer") })
		} else {
			a.forget(c)
		}
		return nil, nil, err
	}
	a.log.Debug("dialog confirmed", "call_id", c.ID(), "peer", c.peer)
	c.introduce()
	return c, answer, nil
}

// Reinvite makes a new offer within the call and returns the answer. Crossing offers (491) are tried again as
// RFC 3261 §14.1 says. After a *StatusError with 481 or 408 the call has ended; after any other error the session
// goes on as it was before. ErrOffline: no connection at the moment; ErrEnded: too late.
func (c *Call) Reinvite(ctx context.Context, offer []byte) ([]byte, error) {
	if len(offer) == 0 {
		return nil, errors.New("a re-INVITE needs an offer")
	}
	if !c.a.enter() {
		return nil, ErrOffline
	}
	defer c.a.jobs.Done()
	return c.reinvite(ctx, offer)
}

func (c *Call) reinvite(ctx context.Context, offer []byte) ([]byte, error) {
	for try := 1; ; try++ {
		answer, err := c.reinviteOnce(ctx, offer)
		var status *StatusError
		if !errors.As(err, &status) || status.Code != sip.StatusRequestPending || try == glareTries {
			return answer, err
		}
		wait := rand.N(2 * time.Second)
		if c.ours {
			wait = 2100*time.Millisecond + rand.N(1900*time.Millisecond)
		}
		if !c.wait(ctx, wait) {
			return nil, err
		}
	}
}

// wait pauses, and says whether it came to its end before the call did.
func (c *Call) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-c.ended:
	case <-c.a.stop:
	}
	return false
}

func (c *Call) reinviteOnce(ctx context.Context, offer []byte) ([]byte, error) {
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.releaseAbandoned()
	f := c.a.currentFlow()
	if f == nil || !f.alive() {
		return nil, ErrOffline
	}
	ctx, cancel := within(ctx, dialog.GiveUp)
	defer cancel()
	answer, err := c.offer(ctx, f, offer)
	return answer, c.judge(err, f)
}

// lost is closed when an offer within the call has lost its connection: its answer comes by no other one, and another offer need not
// wait for it. An INVITE that begins a call is waited for; nil.
func (c *Call) lost(f *flow) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != confirmed {
		return nil
	}
	return f.closed
}

// releaseAbandoned gives the turn back: at once, or when an INVITE of ours that was abandoned has its end. There
// must be no second one before (RFC 3261 §14.1).
func (c *Call) releaseAbandoned() {
	done := c.abandoned
	c.abandoned = nil
	if done == nil || !c.a.spawn(func() { <-done; c.release() }) {
		c.release()
	}
}

// offer sends an INVITE, the first or a later one, and returns the answer in its 2xx. The caller has the turn.
func (c *Call) offer(ctx context.Context, f *flow, sdp []byte) ([]byte, error) {
	build := func() *sip.Request {
		c.mu.Lock()
		defer c.mu.Unlock()
		req := c.a.request(&c.dialog, sip.INVITE)
		req.AppendHeader(sip.NewHeader("Accept", sdpType))
		receives(req)
		c.askSession(req)
		header.SetBody(req, sdpType, sdp)
		return req
	}
	for try := 1; ; try++ {
		req, res, err := c.a.exchange(ctx, f, false, build, c.sendInvite)
		if err != nil {
			return nil, err
		}
		defer c.a.stack.Taken(res)
		if res.StatusCode == 422 && try == 1 { // RFC 4028 §7.3
			c.mu.Lock()
			c.session.least = seconds(header.First(res, "Min-SE"))
			c.session.interval = max(c.session.interval, c.session.least)
			c.mu.Unlock()
			c.a.stack.Taken(res)
			continue
		}
		if !res.IsSuccess() {
			return nil, statusError(res)
		}
		return c.accepted(req, res, sdp)
	}
}

// sendInvite is the sender of INVITE. What it leaves unfinished, because ctx or the call ended, is wound up by abandon.
func (c *Call) sendInvite(ctx context.Context, f *flow, req *sip.Request) (*sip.Response, error) {
	a := c.a
	tx, err := a.begin(f, req)
	if err != nil {
		return nil, err
	}
	tx.OnRetransmission(c.again)
	lost := c.lost(f)
	provisional := false
	abandon := func() {
		done := make(chan struct{})
		c.abandoned = done
		if !a.spawn(func() { defer close(done); c.abandon(tx, f, req, provisional) }) {
			close(done)
			tx.Terminate()
		}
	}
	for {
		select {
		case res := <-tx.Responses():
			if res.IsProvisional() {
				provisional = true
				a.stack.Taken(res)
				continue
			}
			if res, err = sound(res); err != nil {
				tx.Terminate()
			}
			return res, err
		case <-tx.Done():
			return nil, whyOver(tx)
		case <-lost:
			tx.Terminate()
			return nil, errLost
		case <-ctx.Done():
			abandon()
			return nil, overdue(ctx)
		case <-c.ended:
			abandon()
			return nil, c.endedError()
		case <-a.stop:
			tx.Terminate()
			return nil, ErrOffline
		}
	}
}

// abandon cancels an INVITE (RFC 3261 §9.1): not before a provisional response, and not without waiting for the
// final one, which may be a 2xx that crossed. Such a call is ended. Within a call the offer has been accepted then:
// the answer is told.
func (c *Call) abandon(tx *stack.ClientTx, f *flow, req *sip.Request, provisional bool) {
	a := c.a
	timer := time.NewTimer(dialog.GiveUp)
	defer timer.Stop()
	cancelled := false
	for {
		if provisional && !cancelled {
			cancelled = true
			a.spawn(func() {
				ctx, stop := within(context.Background(), dialog.GiveUp)
				defer stop()
				if _, err := a.transact(ctx, f, dialog.Cancel(req)); err != nil {
					a.log.Debug("CANCEL", "err", err)
				}
			})
		}
		select {
		case res := <-tx.Responses():
			if res.IsProvisional() {
				provisional = true
				a.stack.Taken(res)
				continue
			}
			defer a.stack.Taken(res)
			if _, err := sound(res); err != nil || !res.IsSuccess() {
				return
			}
			if header.ToTag(req) == "" {
				a.decline(req, res)
			} else if answer, err := c.accepted(req, res, req.Body()); err == nil && !c.isOver() {
				a.events.put(LateAnswer{Call: c, SDP: answer})
			}
			return
		case <-tx.Done():
			return
		case <-timer.C:
		case <-a.stop:
		}
		tx.Terminate()
		return
	}
}

// accepted takes a 2xx to our INVITE: it acknowledges, and returns the answer.
func (c *Call) accepted(req *sip.Request, res *sip.Response, sdp []byte) ([]byte, error) {
	if header.ToTag(res) == "" {
		return nil, errors.New("the 2xx to our INVITE has no tag in To: there is no dialog")
	}
	answer := res.Body()
	c.hear(res)
	c.mu.Lock()
	if c.phase == over && c.dialog.RemoteTag == "" {
		c.mu.Unlock()
		c.a.decline(req, res)
		return nil, c.endedError()
	}
	c.dialog.Confirm(res)
	c.ack = c.a.ackFor(&c.dialog, req)
	ack := c.ack.Clone()
	if c.phase == early {
		c.phase = confirmed
	}
	usable := len(answer) > 0 && header.MediaType(res) == sdpType
	if usable {
		c.localSDP, c.remoteSDP = sdp, answer
	}
	c.canUpdate, c.trickles = header.Lists(res, "Allow", "UPDATE"), takesTrickle(res)
	c.agreed(res)
	c.mu.Unlock()
	c.a.write(ack)
	if !usable {
		return nil, fmt.Errorf("the %d to our INVITE brought no SDP answer", res.StatusCode)
	}
	return answer, nil
}

// ackFor is the ACK of a 2xx.
func (a *Agent) ackFor(d *dialog.Dialog, invite *sip.Request) *sip.Request {
	ack := d.Ack(invite)
	a.addVia(ack)
	return ack
}

// unmatched takes responses that belong to no transaction any more: a 2xx that is repeated over the next connection.
func (a *Agent) unmatched(res *sip.Response) {
	if _, err := sound(res); err != nil || !res.IsSuccess() || res.CSeq().MethodName != sip.INVITE {
		return
	}
	a.mu.Lock()
	c := a.calls[callKey{res.CallID().Value(), header.FromTag(res)}]
	a.mu.Unlock()
	if c != nil && c.ours {
		c.again(res)
	}
}

// again takes a further 2xx to an INVITE of ours: the same once more is acknowledged once more; one of another
// branch of the call, which a proxy had forked, is acknowledged and ended (RFC 3261 §13.2.2.4).
func (c *Call) again(res *sip.Response) {
	if !c.a.enter() {
		return
	}
	defer c.a.jobs.Done()
	if _, err := sound(res); err != nil {
		return
	}
	tag := header.ToTag(res)
	c.mu.Lock()
	if c.ack == nil || c.ack.CSeq().SeqNo != res.CSeq().SeqNo {
		c.mu.Unlock()
		return // the first one is being looked at
	}
	ack := c.ack.Clone()
	fork := tag != c.dialog.RemoteTag
	known := c.declined[tag]
	if fork && !known && len(c.declined) < maxCalls {
		if c.declined == nil {
			c.declined = make(map[string]bool)
		}
		c.declined[tag] = true
	}
	c.mu.Unlock()
	switch {
	case !fork:
		c.a.write(ack)
	case !known:
		c.a.decline(ack, res)
	}
}

// decline acknowledges a 2xx that nobody wants any more, and ends its dialog. like is the INVITE, or its ACK.
func (a *Agent) decline(like *sip.Request, res *sip.Response) {
	d := dialog.Confirmed(like, res)
	a.write(a.ackFor(&d, like))
	a.spawn(func() {
		ctx, cancel := within(context.Background(), dialog.GiveUp)
		defer cancel()
		a.bye(ctx, func() *sip.Request { return a.request(&d, sip.BYE) })
	})
}
