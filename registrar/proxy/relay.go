package proxy

import (
	"errors"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/stack"
	"ewindow/registrar/signal/validate"
)

// relay forwards a request and passes back the answers, until the transaction is over (RFC 3261 §16.6, §16.7).
func (s *Server) relay(r *request, h hop) {
	if r.IsInvite() {
		s.fork(r, h.in.account, []way{func() (hop, verdict) { return h, verdict{} }}, false)
		return
	}
	if !s.busy.enter(h.in.account) {
		s.answers.reply(r, vOverload.with("Retry-After", "5"))
		return
	}
	defer s.busy.leave(h.in.account)
	x := &exchange{s: s, r: r, h: h}
	sent := h.forward(r.Request)
	var err error
	if x.tx, err = s.stack.Request(sent); err != nil {
		s.cannotForward(r, h, err)
		s.answers.conclude(r.Request, r.tx, vFlowFailed)
		return
	}
	s.stack.Taken(r.Request)
	x.wait()
	x.tx.Terminate()
}

func (s *Server) cannotForward(r *request, h hop, err error) {
	s.log.Info("cannot forward", "method", r.Method, "aor", h.in.account, "callee", h.out.account, "call_id", r.CallID().Value(), "err", err)
}

// An exchange is one forwarded request that is no INVITE: our server transaction and our client transaction.
type exchange struct {
	s  *Server
	r  *request
	h  hop
	tx *stack.ClientTx
}

// wait waits for the answer. After 32 s without one nothing is said: the caller's own
// transaction has run out at the same time, and a 408 would only be noise (RFC 4320 §4.2).
func (x *exchange) wait() {
	for {
		select {
		case res := <-x.tx.Responses():
			if !sound(res) || res.IsProvisional() {
				x.s.stack.Taken(res)
				continue // a provisional answer has no place here (RFC 4320 §4.1)
			}
			if x.s.keys.leaks(res, x.r.flow) {
				x.s.answers.conclude(x.r.Request, x.r.tx, vAnswerKeys)
				return
			}
			x.s.answers.pass(x.r, res)
			if x.r.Method == sip.BYE {
				x.s.over(x.r.CallID().Value(), header.FromTag(x.r), header.ToTag(x.r), x.h.in.account+" hung up")
				x.s.log.Info("call ended", "aor", x.h.in.account, "callee", x.h.out.account, "call_id", x.r.CallID().Value())
			}
			return
		case <-x.tx.Done():
			if !errors.Is(x.tx.Err(), sip.ErrTransactionTimeout) {
				x.s.answers.conclude(x.r.Request, x.r.tx, vFlowFailed)
			}
			return
		case <-x.r.tx.Done():
			return
		case <-x.s.work.over:
			return
		}
	}
}

// sound says whether an answer can be passed back: without the caller's Via it would go nowhere.
func sound(res *sip.Response) bool {
	return validate.Response(res) == nil && len(res.GetHeaders("Via")) >= 2
}
