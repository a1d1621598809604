package proxy

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/validate"
)

// Times of a forwarded INVITE.
const (
	timerC   = 3 * time.Minute  // for a final answer after the last provisional one (RFC 3261 §16.6 step 11)
	giveUp   = 32 * time.Second // 64·T1: for the answer to a CANCEL
	maxTries = 500              // provisional answers that are passed on; then they are swallowed
)

// relay forwards a request and passes back the answers, until the transaction is over (RFC 3261 §16.6, §16.7).
func (s *Server) relay(r *request, h hop) {
	if !s.busy.enter(h.in.account) {
		s.reply(r, vOverload.with("Retry-After", "5"))
		return
	}
	defer s.busy.leave(h.in.account)
	x := &exchange{s: s, r: r, h: h, cancelled: make(chan struct{})}
	if r.IsInvite() {
		// Told under the lock of the transaction's state machine: note it, no more.
		note := sync.OnceFunc(func() { close(x.cancelled) })
		if !r.tx.OnCancel(func(*sip.Request) { note() }) {
			return
		}
		_ = r.tx.Respond(s.response(r.Request, verdict{status: 100, reason: "Trying"}))
	}
	x.sent = h.forward(r.Request)
	tx, err := s.ua.TransactionLayer().Request(context.Background(), x.sent)
	if err != nil {
		s.log.Info("cannot forward", "method", r.Method, "aor", h.out.account, "call_id", r.CallID().Value(), "err", err)
		s.conclude(r.Request, r.tx, vFlowFailed)
		return
	}
	x.tx = tx
	// A repeated 2xx comes this way, and goes all the way: its ACK does too.
	tx.OnRetransmission(func(res *sip.Response) {
		if res.IsSuccess() && !x.late() {
			_ = r.tx.Respond(h.backward(r.Request, res))
		}
	})
	if r.IsInvite() {
		if !x.invite() {
			tx.Terminate()
		}
		return
	}
	x.other()
	tx.Terminate()
}

// An exchange is one forwarded request: our server transaction and our client transaction.
type exchange struct {
	s         *Server
	r         *request
	h         hop
	sent      *sip.Request
	tx        *sip.ClientTx
	cancelled chan struct{} // closed by a CANCEL from the caller, who then has had its 487 from sipgo
	tries     int
}

// late says whether the caller does not wait for an answer any more.
func (x *exchange) late() bool {
	select {
	case <-x.cancelled:
		return true
	case <-x.r.tx.Done():
		return true
	default:
		return false
	}
}

// other waits for the answer to anything but INVITE. After 32 s without one nothing is said: the caller's own
// transaction has run out at the same time, and a 408 would only be noise (RFC 4320 §4.2).
func (x *exchange) other() {
	for {
		select {
		case res := <-x.tx.Responses():
			if final := x.pass(res); final {
				if x.r.Method == sip.BYE {
					x.s.calls.down(x.r.CallID().Value())
					x.s.log.Info("call ended", "aor", x.h.in.account, "callee", x.h.out.account, "call_id", x.r.CallID().Value())
				}
				return
			}
		case <-x.tx.Done():
			if !errors.Is(x.tx.Err(), sip.ErrTransactionTimeout) {
				x.s.conclude(x.r.Request, x.r.tx, vFlowFailed)
			}
			return
		case <-x.r.tx.Done():
			return
		case <-x.s.done:
			return
		}
	}
}

// pass sends an answer back and says whether it was the last.
func (x *exchange) pass(res *sip.Response) (final bool) {
	if problem := validate.Response(res); problem != nil || len(res.GetHeaders("Via")) < 2 {
		return false // without the caller's Via it would go nowhere
	}
	if res.IsProvisional() {
		if x.tries++; res.StatusCode > 100 && x.tries < maxTries {
			_ = x.r.tx.Respond(x.h.backward(x.r.Request, res))
		}
		return false
	}
	x.s.metrics.Request(string(x.r.Method), res.StatusCode)
	_ = x.r.tx.Respond(x.h.backward(x.r.Request, res))
	return true
}

// invite waits for the answer to an INVITE, and after a 2xx for its repetitions. If it says that the INVITE was
// answered, the client transaction is to live on by itself: over UDP it acknowledges a repeated answer.
func (x *exchange) invite() (answered bool) {
	timer := time.NewTimer(timerC)
	defer timer.Stop()
	rung := false // a provisional answer has come: only now may a CANCEL follow (RFC 3261 §9.1)
	for {
		select {
		case res := <-x.tx.Responses():
			if res.IsProvisional() {
				rung = true
				timer.Reset(timerC)
			}
			if final := x.pass(res); final {
				if res.IsSuccess() {
					x.accepted()
					x.established()
				}
				return true
			}
		case <-timer.C:
			x.s.conclude(x.r.Request, x.r.tx, vTimeout)
			return x.abandon(rung)
		case <-x.tx.Done():
			v := vFlowFailed
			if errors.Is(x.tx.Err(), sip.ErrTransactionTimeout) {
				v = vTimeout
			}
			x.s.conclude(x.r.Request, x.r.tx, v)
			return false
		case <-x.cancelled:
			x.s.metrics.Request(string(x.r.Method), sip.StatusRequestTerminated)
			return x.abandon(rung)
		case <-x.r.tx.Done(): // the caller's connection has ended
			return x.abandon(rung)
		case <-x.s.done:
			return false
		}
	}
}

// accepted notes that a call is up, if it is one of two spaces.
func (x *exchange) accepted() {
	if !x.h.record {
		return // a re-INVITE
	}
	from, to, id := x.h.in.account, x.h.out.account, x.r.CallID().Value()
	x.s.log.Info("call answered", "aor", from, "callee", to, "call_id", id)
	plan := x.s.Plan()
	_, a := plan.Space(from)
	_, b := plan.Space(to)
	if a && b {
		x.s.calls.up(from, to, id)
	}
}

// established passes on what still comes after a 2xx, for as long as the callee may repeat it: the repetitions by
// OnRetransmission, and the ACK of a caller that gives it the branch of the INVITE (RFC 2543).
func (x *exchange) established() {
	for {
		select {
		case ack := <-x.r.tx.Acks():
			if validate.Request(ack) == nil {
				a := &request{Request: ack, tx: x.r.tx, flow: x.r.flow}
				x.s.readRoute(a)
				x.s.ack(a)
			}
		case <-x.tx.Responses():
		case <-x.tx.Done():
			return
		case <-x.r.tx.Done():
			return
		case <-x.s.done:
			return
		}
	}
}

// abandon cancels an INVITE nobody waits for any more, as soon as that is allowed. If the callee has accepted at the
// same moment, the call is ended at once: its 2xx would find no caller.
func (x *exchange) abandon(rung bool) (answered bool) {
	timer := time.NewTimer(giveUp)
	defer timer.Stop()
	if rung {
		x.s.send(x.h.cancel(x.sent))
	}
	for {
		select {
		case res := <-x.tx.Responses():
			switch {
			case res.IsSuccess():
				if validate.Response(res) == nil {
					ack, bye := x.h.release(x.sent, res, sip.GenerateBranchN(16))
					_ = x.s.ua.TransportLayer().WriteMsg(ack)
					x.s.send(bye)
				}
				return true
			case !res.IsProvisional():
				return true
			case !rung:
				rung = true
				x.s.send(x.h.cancel(x.sent))
			}
		case <-timer.C:
			return false
		case <-x.tx.Done():
			return false
		case <-x.s.done:
			return false
		}
	}
}

// send sends a request of our own whose answer does not matter, and waits for it in the background.
func (s *Server) send(req *sip.Request) {
	if !s.enter() {
		return
	}
	tx, err := s.ua.TransactionLayer().Request(context.Background(), req)
	if err != nil {
		s.working.Done()
		return
	}
	go func() {
		defer s.working.Done()
		defer tx.Terminate()
		for {
			select {
			case res := <-tx.Responses():
				if !res.IsProvisional() {
					return
				}
			case <-tx.Done():
				return
			case <-s.done:
				return
			}
		}
	}()
}
