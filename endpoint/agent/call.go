package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

// callKey finds the dialog of a message: our half of the dialog's identifier. The other half is compared then.
type callKey struct{ callID, localTag string }

func keyOf(id dialog.ID) callKey { return callKey{id.CallID, id.LocalTag} }

// phase is how far a call is.
type phase int

const (
	early     phase = iota // its INVITE has no final response
	confirmed              // 2xx
	over
)

// Call is a dialog made by an INVITE. It does not depend on the connection over which it was made.
// All methods may be called from any goroutine.
type Call struct {
	a    *Agent
	peer string
	ours bool // we sent the first INVITE: owner of the Call-ID in a glare (RFC 3261 §14.1)

	turn  chan struct{} // full while an offer is on its way to an answer, or to its ACK (RFC 3261 §14)
	ended chan struct{} // closed when over
	gone  chan struct{} // closed when the BYE has its answer, or gets none any more

	abandoned chan struct{} // closed when an INVITE of ours that nobody waits for is over; whoever has the turn owns it

	mu         sync.Mutex
	phase      phase
	known      bool // the application has it: it is owed Ended
	reason     string
	dialog     dialog.Dialog
	ourTurn    bool      // who has the turn
	invitation *incoming // the INVITE that waits for Answer or Reject
	unacked    *awaited  // our latest 2xx to an INVITE
	ack        *sip.Request
	declined   map[string]bool // tags of other 2xx to our INVITE: forks
	localSDP   []byte
	remoteSDP  []byte
	canUpdate  bool // the other side allows UPDATE (RFC 3311)
	trickles   bool // it takes candidates within the call (RFC 8840)
	session    session
	whence     header.Flow // of the latest offer or answer
}

// ID is the Call-ID.
func (c *Call) ID() string { return c.dialog.CallID }

// Peer is the other side's account name, or user@host if it is none of our domain.
func (c *Call) Peer() string { return c.peer }

// Local is the address from which we reach the registrar at the moment, for SDP.
func (c *Call) Local() netip.Addr { return c.a.LocalAddr() }

// Over says whether the call has ended, and why.
func (c *Call) Over() (reason string, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason, c.phase == over
}

// newCall makes room for a call and puts it where requests find it.
func (a *Agent) newCall(d dialog.Dialog, ours bool) (*Call, error) {
	c := &Call{
		a: a, peer: a.account(&d.Remote), ours: ours, dialog: d,
		turn: make(chan struct{}, 1), ourTurn: ours,
		ended: make(chan struct{}), gone: make(chan struct{}),
	}
	c.turn <- struct{}{} // the first offer has the turn
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, ErrOffline
	}
	if len(a.calls) >= maxCalls {
		return nil, &StatusError{Code: sip.StatusBusyHere, Reason: fmt.Sprintf("%d calls at once are the most", maxCalls)}
	}
	a.calls[keyOf(d.ID)] = c
	return c, nil
}

// forget makes the call unknown to requests.
func (a *Agent) forget(c *Call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := keyOf(c.dialog.ID)
	if a.calls[key] == c {
		delete(a.calls, key)
		close(c.gone)
	}
}

// introduce notes that the application has the call now.
func (c *Call) introduce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = true
	if c.phase == over {
		c.a.events.put(Ended{Call: c, Reason: c.reason})
	}
}

// finish makes the call over and reports it, once. It says whether a dialog was confirmed, so that a BYE is due,
// and whether it was this finish that ended the call.
func (c *Call) finish(reason string) (wasUp, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == over {
		return false, false
	}
	wasUp = c.phase == confirmed
	c.phase, c.reason = over, reason
	c.session.end()
	close(c.ended)
	if c.known {
		c.a.log.Debug("call ended", "call_id", c.ID(), "peer", c.peer, "reason", reason)
		c.a.events.put(Ended{Call: c, Reason: reason})
	}
	return wasUp, true
}

// hangUp ends the call from our side. What is early is wound up by whoever handles its INVITE.
func (c *Call) hangUp(reason string) {
	if wasUp, _ := c.finish(reason); wasUp {
		if !c.a.spawn(func() { c.sayBye(reason) }) {
			c.a.forget(c)
		}
	}
}

// sayBye sends the BYE, over the next connection if there is none now. A callee's BYE waits for the ACK
// (RFC 3261 §15).
func (c *Call) sayBye(reason string) {
	defer c.a.forget(c)
	ctx, cancel := within(context.Background(), dialog.GiveUp)
	defer cancel()
	c.mu.Lock()
	w := c.unacked
	c.mu.Unlock()
	if w != nil {
		select {
		case <-w.done:
		case <-c.a.stop:
			return
		}
	}
	c.a.bye(ctx, func() *sip.Request {
		c.mu.Lock()
		defer c.mu.Unlock()
		req := c.a.request(&c.dialog, sip.BYE)
		if reason != "" {
			req.AppendHeader(sip.NewHeader("Reason", fmt.Sprintf(`SIP;cause=200;text="%s"`, header.Safe(reason)))) // RFC 3326
		}
		return req
	})
}

// bye sends a BYE until it has any answer or ctx ends.
func (a *Agent) bye(ctx context.Context, build func() *sip.Request) {
	for {
		f, err := a.waitFlow(ctx)
		if err != nil {
			return
		}
		_, _, err = a.exchange(ctx, f, false, build, a.transact)
		if !errors.Is(err, errLost) || !pause(ctx, dialog.T1) {
			return
		}
	}
}

// Bye ends the call, for a reason that the other side may show. It returns at once; Ended follows. A call that was
// not answered yet is refused with 480.
func (c *Call) Bye(reason string) { c.hangUp(header.Text(reason)) }

// endAll ends every call. The channel is closed when the other sides know, or the time for waiting is over.
func (a *Agent) endAll(reason string) <-chan struct{} {
	a.mu.Lock()
	calls := make([]*Call, 0, len(a.calls))
	for _, c := range a.calls {
		calls = append(calls, c)
	}
	a.mu.Unlock()
	all := make(chan struct{})
	for _, c := range calls {
		c.hangUp(reason)
	}
	wait := func() {
		defer close(all)
		for _, c := range calls {
			select {
			case <-c.gone:
			case <-a.stop:
				return
			}
		}
	}
	if !a.spawn(wait) {
		close(all)
	}
	return all
}

// findCall finds the call of a request by Call-ID and tags.
func (a *Agent) findCall(m sip.Message) *Call {
	a.mu.Lock()
	c := a.calls[callKey{m.CallID().Value(), header.ToTag(m)}]
	a.mu.Unlock()
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dialog.RemoteTag != header.FromTag(m) {
		return nil
	}
	return c
}

// take waits for our turn to make an offer.
func (c *Call) take(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
	case <-c.ended:
		return c.endedError()
	case <-ctx.Done():
		return ctx.Err()
	case <-c.a.stop:
		return ErrOffline
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == over {
		<-c.turn
		return fmt.Errorf("%w: %s", ErrEnded, c.reason)
	}
	c.ourTurn = true
	return nil
}

// release gives the turn back.
func (c *Call) release() { <-c.turn }

func (c *Call) isOver() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

func (c *Call) endedError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Errorf("%w: %s", ErrEnded, c.reason)
}

// Info sends an INFO request within the call, such as a request for a keyframe (RFC 5168), and returns when it was
// accepted. Errors: as for Reinvite.
func (c *Call) Info(ctx context.Context, contentType string, body []byte) error {
	if !c.a.enter() {
		return ErrOffline
	}
	defer c.a.jobs.Done()
	_, err := c.ask(ctx, sip.INFO, func(req *sip.Request) { header.SetBody(req, contentType, body) })
	return err
}

// Report tells the registrar whether media comes in the call.
func (c *Call) Report(ctx context.Context, comes bool) error {
	says := header.LineDown
	if comes {
		says = header.LineUp
	}
	return c.Info(ctx, header.LineType, []byte(says))
}

// Vouch tells the other side that its key is confirmed here. The proof is in base64.
func (c *Call) Vouch(ctx context.Context, proof string) error {
	return c.Info(ctx, header.VouchType, []byte(proof))
}

// ask sends a request other than INVITE within the call and returns its 2xx.
func (c *Call) ask(ctx context.Context, method sip.RequestMethod, complete func(*sip.Request)) (*sip.Response, error) {
	f := c.a.currentFlow()
	if f == nil || !f.alive() {
		return nil, ErrOffline
	}
	if c.isOver() {
		return nil, c.endedError()
	}
	_, res, err := c.a.exchange(ctx, f, false, func() *sip.Request {
		c.mu.Lock()
		defer c.mu.Unlock()
		req := c.a.request(&c.dialog, method)
		complete(req)
		return req
	}, c.a.transact)
	if err == nil && !res.IsSuccess() {
		err = statusError(res)
	}
	return res, c.judge(err, f)
}

// judge ends the dialog if what became of a request in it demands that (RFC 3261 §12.2.1.2): a 481, a 408, or no
// answer. But no answer may mean that the connection is dead and nobody has noticed yet: then the call goes on.
func (c *Call) judge(err error, f *flow) error {
	var status *StatusError
	switch {
	case err == nil:
	case errors.Is(err, errNoAnswer):
		if !f.probe(c.a.stop) {
			return errLost
		}
		c.hangUp("the other side does not answer any more")
		return &StatusError{Code: sip.StatusRequestTimeout, Reason: "the other side does not answer"}
	case errors.As(err, &status) && status.Code == sip.StatusRequestTimeout:
		c.hangUp("the other side does not answer any more")
	case errors.As(err, &status) && status.Code == sip.StatusCallTransactionDoesNotExists:
		if _, first := c.finish("the other side does not know the call any more"); first {
			c.a.forget(c)
		}
	}
	return err
}
