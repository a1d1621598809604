package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

const (
	decideLimit = 3 * time.Minute  // for the application to answer an invitation
	consultFor  = 25 * time.Second // for it to answer an offer within a call: less than the other side's patience
)

// errDecided says that an invitation or offer was answered before, or is over.
var errDecided = errors.New("answered before, or too late")

// incoming is a request that waits for somebody's decision; its handler waits with it, since its return would
// end the transaction.
type incoming struct {
	req    *sip.Request
	tx     *sip.ServerTx
	done   chan struct{} // closed by the decision
	cancel chan struct{} // closed by a CANCEL

	mu      sync.Mutex
	decided bool
}

// receive makes an incoming of a request, or nil if it was cancelled already. An INVITE gets its 100 here: otherwise
// sipgo sends one after 200 ms, from a goroutine of its own that reads what the handler may be changing.
func (a *Agent) receive(req *sip.Request, tx *sip.ServerTx) *incoming {
	in := &incoming{req: req, tx: tx, done: make(chan struct{}), cancel: make(chan struct{})}
	if req.Method != sip.INVITE {
		return in
	}
	if !tx.OnCancel(func(*sip.Request) { close(in.cancel) }) {
		return nil
	}
	respond(tx, reply(req, sip.StatusTrying, "Trying"))
	return in
}

// decide sends the final response, once. An error means that it did not get out.
func (in *incoming) decide(res *sip.Response) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.decided {
		return errDecided
	}
	in.decided = true
	defer close(in.done)
	return in.tx.Respond(res)
}

// invited handles an INVITE that would make a new call.
func (a *Agent) invited(req *sip.Request, tx *sip.ServerTx) {
	d := dialog.Accept(req, newTag())
	if a.merged(d) {
		respond(tx, a.refuse(req, sip.StatusLoopDetected, "this INVITE came before, by another way"))
		return
	}
	c, err := a.newCall(d, false)
	if err != nil {
		respond(tx, a.refuse(req, sip.StatusBusyHere, "Busy Here"))
		return
	}
	if res := c.tooShort(req); res != nil {
		respond(tx, res)
		c.finish("session interval too short")
		a.forget(c)
		return
	}
	in := a.receive(req, tx)
	if in == nil {
		c.finish("the caller gave up")
		a.forget(c)
		return
	}
	c.mu.Lock()
	c.invitation = in
	c.canUpdate, c.trickles = header.Lists(req, "Allow", "UPDATE"), takesTrickle(req)
	c.mu.Unlock()
	c.hear(req)
	a.log.Debug("invitation", "call_id", c.ID(), "peer", c.peer)
	invitation := Invitation{Call: c, From: c.peer, FromName: header.DisplayName(req.From().DisplayName), Offer: header.Body(req)}
	if !a.events.put(invitation) {
		in.decide(a.retryLater(req))
		c.finish("too busy")
		a.forget(c)
		return
	}
	c.introduce()
	c.awaitDecision(in)
}

// awaitDecision waits until an invitation has its final response.
func (c *Call) awaitDecision(in *incoming) {
	c.a.stack.Taken(in.req)
	timer := time.NewTimer(decideLimit)
	defer timer.Stop()
	var reason string
	select {
	case <-in.done:
		return
	case <-in.cancel: // sipgo says 487 by itself
		reason = "the caller gave up"
	case <-in.tx.Done():
		reason = "the connection to the registrar was lost before the call was answered"
	case <-c.ended: // Bye before Answer
	case <-timer.C:
		reason = "nobody answered"
	case <-c.a.stop:
		reason = "the window was switched off"
	}
	no := c.tagged(c.a.refuse(in.req, sip.StatusTemporarilyUnavailable, "Temporarily Unavailable"))
	if errors.Is(in.decide(no), errDecided) {
		return // Answer or Reject was faster after all
	}
	c.finish(reason)
	c.a.forget(c)
}

// Answer accepts an invitation with an SDP answer, or with an offer if the Invitation had none. It returns when
// the caller has acknowledged: do not wait for that with media. If ctx ends before, the call goes on. Without an
// ACK within 32 s the call is ended (RFC 3261 §13.3.1.4).
func (c *Call) Answer(ctx context.Context, sdp []byte) error {
	if len(sdp) == 0 {
		return errors.New("an answer needs SDP")
	}
	if !c.a.enter() {
		return ErrOffline
	}
	defer c.a.jobs.Done()
	c.mu.Lock()
	in := c.invitation
	c.invitation = nil
	if in == nil || c.phase != early {
		c.mu.Unlock()
		return fmt.Errorf("call %s: %w", c.ID(), errDecided)
	}
	c.phase = confirmed
	c.mu.Unlock()
	w, err := c.accept(in, sdp)
	if err != nil {
		c.finish("the call was over before it was answered")
		c.a.forget(c)
		return fmt.Errorf("answering call %s: %w", c.ID(), err)
	}
	c.a.log.Debug("dialog confirmed", "call_id", c.ID(), "peer", c.peer)
	select {
	case <-w.done:
		if w.came {
			return nil
		}
		return fmt.Errorf("%w: the caller did not acknowledge", ErrEnded)
	case <-c.ended:
		return c.endedError()
	case <-ctx.Done():
		return ctx.Err()
	case <-c.a.stop:
		return ErrOffline
	}
}

// Reject refuses an invitation, for a reason that is also in a Warning. Names and values of headers go out as given, made fit for a header; the call has
// ended then. After an answer it does nothing: use Bye.
func (c *Call) Reject(code int, reason string, headers ...Header) {
	if !c.a.enter() {
		return
	}
	defer c.a.jobs.Done()
	c.mu.Lock()
	in := c.invitation
	c.invitation = nil
	c.mu.Unlock()
	if in == nil {
		return
	}
	res := c.tagged(c.a.refuse(in.req, max(code, 300), reason))
	for _, h := range headers {
		if header.IsToken(h.Name) {
			res.AppendHeader(sip.NewHeader(h.Name, header.Safe(h.Value)))
		}
	}
	in.decide(res)
	c.finish(fmt.Sprintf("refused: %d %s", code, header.Safe(reason)))
	c.a.forget(c)
}

// Header is a header field for Reject.
type Header struct{ Name, Value string }

// awaited is a 2xx of ours that waits for its ACK. It has the turn, and its end gives that back.
type awaited struct {
	call    *Call
	seq     uint32
	offered bool          // the 2xx had an offer: the answer is in the ACK
	done    chan struct{} // closed by the ACK, or when it is too late
	once    sync.Once
	came    bool // read after done
}

func (w *awaited) end(came bool) {
	w.once.Do(func() {
		w.came = came
		close(w.done)
		w.call.release()
	})
}

// accept sends the 2xx to an INVITE and repeats it until the ACK.
func (c *Call) accept(in *incoming, sdp []byte) (*awaited, error) {
	offer := header.Body(in.req)
	w := &awaited{call: c, seq: in.req.CSeq().SeqNo, offered: offer == nil, done: make(chan struct{})}
	c.mu.Lock()
	res := c.yes(in.req, sdp)
	c.unacked = w
	c.mu.Unlock()
	if err := in.decide(res); err != nil {
		w.end(false)
		return nil, err
	}
	c.mu.Lock()
	c.localSDP = sdp
	if offer != nil {
		c.remoteSDP = offer
	}
	c.mu.Unlock()
	if !c.a.spawn(func() { c.repeat(res, w) }) {
		w.end(false)
	}
	return w, nil
}

// repeat sends a 2xx again until its ACK came or is not to be expected any more.
func (c *Call) repeat(res *sip.Response, w *awaited) {
	defer w.end(false)
	if dialog.Repeat(func() { c.a.write(res) }, w.done, c.a.stop) {
		w.end(false)
		c.hangUp("the other side did not acknowledge our answer")
	}
}

// yes is a 200 within the call. c.mu is held.
func (c *Call) yes(req *sip.Request, sdp []byte) *sip.Response {
	res := c.tagged(reply(req, sip.StatusOK, "OK"))
	c.a.addContact(res, &req.Recipient)
	c.a.addAgent(res)
	res.AppendHeader(sip.NewHeader("Allow", allowed))
	res.AppendHeader(sip.NewHeader("Supported", supported))
	receives(res)
	c.agree(req, res)
	header.SetBody(res, sdpType, sdp)
	c.dialog.Refresh(req)
	return res
}

// acknowledged handles an ACK.
func (c *Call) acknowledged(req *sip.Request) {
	c.mu.Lock()
	w := c.unacked
	if w == nil || w.seq != req.CSeq().SeqNo {
		c.mu.Unlock()
		return
	}
	answer := header.Body(req)
	news := w.offered && answer != nil && c.phase == confirmed
	if news {
		c.remoteSDP = answer
	}
	up := c.phase == confirmed
	c.mu.Unlock()
	select {
	case <-w.done: // the same ACK again
		return
	default:
	}
	w.end(true)
	switch {
	case news:
		c.hear(req)
		c.a.events.put(LateAnswer{Call: c, SDP: answer})
	case w.offered && up:
		c.hangUp("the other side did not answer our offer")
	}
}
