package agent

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// reinvited handles an INVITE within the call.
func (c *Call) reinvited(req *sip.Request, tx *sip.ServerTx) {
	in := c.a.receive(req, tx)
	if in == nil {
		return
	}
	if res := c.claim(req); res != nil {
		in.decide(res)
		return
	}
	answer := func(sdp []byte) error {
		_, err := c.accept(in, sdp) // the turn goes with it
		return err
	}
	if !c.consult(in, answer) {
		c.release()
	}
}

// updated handles an UPDATE (RFC 3311): an offer like that of a re-INVITE, or without one a sign of life.
func (c *Call) updated(req *sip.Request, tx *sip.ServerTx) {
	in := c.a.receive(req, tx)
	if res := c.claim(req); res != nil {
		in.decide(res)
		return
	}
	defer c.release()
	answer := func(sdp []byte) error {
		c.mu.Lock()
		res := c.yes(req, sdp)
		c.mu.Unlock()
		if err := in.decide(res); err != nil {
			return err
		}
		if sdp != nil {
			c.mu.Lock()
			c.localSDP, c.remoteSDP = sdp, header.Body(req)
			c.mu.Unlock()
		}
		return nil
	}
	if header.Body(req) == nil {
		_ = answer(nil)
		return
	}
	c.consult(in, answer)
}

// claim takes the turn for an offer of the other side, or says why not (RFC 3261 §14.2, RFC 3311 §5.2).
func (c *Call) claim(req *sip.Request) *sip.Response {
	if res := c.tooShort(req); res != nil {
		return res
	}
	select {
	case <-c.ended:
		return c.a.refuse(req, sip.StatusCallTransactionDoesNotExists, noCall)
	case c.turn <- struct{}{}:
	default:
		c.mu.Lock()
		ours := c.ourTurn
		c.mu.Unlock()
		if ours {
			return c.a.refuse(req, sip.StatusRequestPending, "an offer of this window is under way")
		}
		res := c.a.refuse(req, sip.StatusInternalServerError, "An Offer Is Pending")
		res.AppendHeader(sip.NewHeader("Retry-After", fmt.Sprint(rand.N(11))))
		return res
	}
	c.mu.Lock()
	c.ourTurn = false
	c.mu.Unlock()
	return nil
}

// consult asks the application about an offer within the call, unless the offer is what stands already, from where it came before, and
// waits for its decision. It says whether answer was called; if not, the offer was refused and the session stands.
func (c *Call) consult(in *incoming, answer func([]byte) error) (accepted bool) {
	offer := header.Body(in.req)
	moved := c.hear(in.req)
	c.mu.Lock()
	same := offer != nil && string(offer) == string(c.remoteSDP) && c.localSDP != nil && !moved
	sdp := c.localSDP
	c.mu.Unlock()
	if same {
		_ = answer(sdp)
		return true
	}
	no := func(status int, reason string) {
		in.decide(c.a.refuse(in.req, min(max(status, 400), 699), reason))
	}
	var mu sync.Mutex
	event := Reoffer{Call: c, Offer: offer, Reject: func(status int, reason string) {
		mu.Lock()
		defer mu.Unlock()
		no(status, reason)
	}, Answer: func(sdp []byte) error {
		if len(sdp) == 0 {
			return errors.New("an answer needs SDP")
		}
		mu.Lock()
		defer mu.Unlock()
		select {
		case <-in.done:
			return errDecided
		default:
		}
		accepted = true
		return answer(sdp)
	}}
	if !c.a.events.put(event) {
		in.decide(c.a.retryLater(in.req))
		return false
	}
	c.a.stack.Taken(in.req)
	timer := time.NewTimer(consultFor)
	defer timer.Stop()
	select {
	case <-in.done:
	case <-in.cancel:
		no(sip.StatusRequestTerminated, "Request Terminated") // sipgo has said so already
	case <-in.tx.Done():
		no(sip.StatusInternalServerError, "Connection Lost")
	case <-c.ended:
		no(sip.StatusRequestTerminated, "Request Terminated")
	case <-timer.C:
		no(sip.StatusInternalServerError, "No Decision")
	case <-c.a.stop:
		no(sip.StatusServiceUnavailable, "Switched Off")
	}
	mu.Lock()
	defer mu.Unlock()
	return accepted
}
