package proxy

import (
	"errors"
	"log/slog"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/stack"
	"ewindow/registrar/signal/validate"
)

// A forwarder passes requests on and answers back: the stateful half of a proxy (RFC 3261 §16.6 to §16.11). Which way they
// go has been decided. It owns the INVITEs under way.
type forwarder struct {
	plan    func() *dialplan.Plan // in force
	site    *site
	locate  *locator
	wire    wire
	sender  sender
	answers *answerer
	keys    keyWatch
	epochs  *epochs
	calls   *calls
	work    *work
	ledger  *ledger
	log     *slog.Logger

	busy  quota // of each caller, but for the ends of its calls
	byes  quota // these: who may begin nothing more can still hang up
	forks forks
}

// relay forwards a request of an account by a way that there is, and passes back the answers, until the transaction is over
// (RFC 3261 §16.6, §16.7). When the flow fails it takes the next one of the same device (RFC 5626 §5.3).
func (w *forwarder) relay(r *request, from string, find way) {
	if r.IsInvite() {
		w.fork(r, from, []way{find}, false)
		return
	}
	under := &w.busy
	if r.Method == sip.BYE {
		under = &w.byes
	}
	if !under.enter(from) {
		w.answers.reply(r, vOverload.with("Retry-After", "5"))
		return
	}
	defer under.leave(from)
	x := &exchange{w: w, r: r}
	var tried []location.Flow
	for {
		h, v := find(tried)
		if v.status != 0 {
			w.answers.conclude(r.Request, r.tx, v)
			if x.tx != nil {
				x.hungUp()
			}
			return
		}
		tried = append(tried, h.out.flow)
		tx, err := w.wire.Request(h.forward(r.Request))
		if err != nil {
			w.cannotForward(r, h, err)
			continue
		}
		w.wire.Taken(r.Request)
		x.h, x.tx = h, tx
		failed := x.wait()
		tx.Terminate()
		if !failed {
			return
		}
	}
}

func (w *forwarder) cannotForward(r *request, h hop, err error) {
	w.log.Info("cannot forward", "method", r.Method, "aor", h.in.account, "callee", h.out.account, "call_id", r.CallID().Value(), "err", err)
}

// An exchange is one forwarded request that is no INVITE: our server transaction and our client transaction.
type exchange struct {
	w  *forwarder
	r  *request
	h  hop
	tx *stack.ClientTx
}

// wait waits for the answer, and says whether the flow has failed before it. After 32 s without one nothing is said: the caller's own
// transaction has run out at the same time, and a 408 would only be noise (RFC 4320 §4.2).
//
// If the connection of whoever asked ends meanwhile, what was asked for is done all the same, a BYE above all: many hang up
// and are gone. The answer goes nowhere: its own transaction ended with the connection (RFC 3261 §17.1.4), and nothing is
// dialled.
func (x *exchange) wait() (failed bool) {
	for {
		select {
		case res := <-x.tx.Responses():
			if res.IsProvisional() {
				x.w.wire.Taken(res)
				continue // it has no place here (RFC 4320 §4.1)
			}
			if err := unsound(res); err != nil {
				x.w.badAnswer(x.r, x.h, err)
				x.w.answers.conclude(x.r.Request, x.r.tx, vBadAnswer)
				x.hungUp()
				return false
			}
			if x.w.keys.leaks(res, x.r.flow) {
				x.w.answers.conclude(x.r.Request, x.r.tx, vAnswerKeys)
				return false
			}
			x.w.answers.pass(x.r, x.h, res)
			x.hungUp()
			return false
		case <-x.tx.Done():
			if !errors.Is(x.tx.Err(), sip.ErrTransactionTimeout) {
				return true
			}
			x.hungUp()
			return false
		case <-x.w.work.over:
			return false
		}
	}
}

// hungUp notes, if this is a BYE, that the call is over: to whoever sent it that is so, whatever the answer (RFC 3261 §15.1.1).
func (x *exchange) hungUp() {
	if x.r.Method == sip.BYE {
		x.w.calls.over(x.r.CallID().Value(), header.FromTag(x.r), header.ToTag(x.r), x.h.in.account+" hung up")
		x.w.log.Info("call ended", "aor", x.h.in.account, "callee", x.h.out.account, "call_id", x.r.CallID().Value())
	}
}

// unsound says why an answer cannot be passed back: without the caller's Via it would go nowhere.
func unsound(res *sip.Response) error {
	if p := validate.Response(res); p != nil {
		return p
	}
	if len(res.GetHeaders("Via")) < 2 {
		return errors.New("the Via of the caller is missing")
	}
	return nil
}

// badAnswer is told of a final answer that cannot be passed back. No other will come: who asked hears of it at once.
func (w *forwarder) badAnswer(r *request, h hop, err error) {
	w.log.Info("the answer is malformed: it is not passed on", "aor", h.in.account, "callee", h.out.account, "call_id", r.CallID().Value(), "method", r.Method, "err", err)
}

// ack passes on the ACK to a 2xx, end to end and without a transaction (RFC 3261 §16.11). The ACK to another answer
// ends at the server transaction, or here, if the answer was ours and is forgotten.
func (w *forwarder) ack(r *request) {
	if !r.inDialog() || r.far || header.MaxForwards(r.Request) == 0 {
		return
	}
	if f, ok := w.locate.across(r.to().account, r.Recipient.String(), r.to().flow); ok {
		h := w.site.hop(r, r.from().account, r.to().account, f)
		_ = w.wire.Write(h.forward(r.Request)) // lost ones are asked for by repeating the 2xx
	}
}
