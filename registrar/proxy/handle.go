package proxy

import (
	"runtime/debug"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/validate"
)

// handle takes every request that begins a transaction, in a goroutine of its own. The flow's next message waits until
// it returns or says Taken.
func (s *Server) handle(req *sip.Request, tx *sip.ServerTx) {
	if !s.work.enter() {
		return
	}
	defer s.work.leave()
	from := location.Flow{Transport: flow.UDP, Remote: req.Source()}
	if req.Transport() != flow.UDP {
		var ok bool
		if from, ok = s.flows.Find(req.Source()); !ok {
			return // the connection has ended meanwhile
		}
	}
	defer func() {
		// One peer's message must not end everybody's calls, whatever we overlooked in it.
		if p := recover(); p != nil {
			s.metrics.Panic()
			s.log.Error("a request made the server panic; please report it", "method", req.Method,
				"peer", from.Remote, "panic", p, "stack", string(debug.Stack()), stranger(from.Remote))
		}
	}()
	if scanner(req) {
		return
	}
	if problem := validate.Request(req); problem != nil {
		s.log.Debug("malformed request", "peer", from.Remote, "reason", problem.Reason)
		if problem.Status != 0 {
			s.answers.answer(req, tx, verdict{status: problem.Status, reason: header.Safe(problem.Reason)})
		}
		return
	}
	if from.Transport == flow.UDP {
		from = datagramFlow(req)
	}
	r := &request{Request: req, tx: tx, flow: from, asked: req.Recipient.String(), plan: s.Plan()}
	if s.answers.repeated(r) {
		return
	}
	s.site.readRoute(r)
	s.dispatch(r)
}

// dispatch hands a request to the part that it is for.
func (s *Server) dispatch(r *request) {
	own := s.echo.find(r)
	switch v := s.site.admissible(r); {
	case s.keys.leaked(r.Request):
		s.log.Info("refused: keys came in clear", "method", r.Method, "peer", r.flow.Remote, "transport", r.flow.Transport, stranger(r.flow.Remote))
		s.answers.reply(r, leakRefusal(r))
	case v.status != 0:
		s.answers.reply(r, v)
	case own != nil:
		s.echo.within(r, own)
	case r.IsAck():
		s.forward.ack(r)
	case r.IsCancel():
		s.answers.reply(r, vNoDialog) // one that matches an INVITE never comes here
	case r.Method == sip.REGISTER:
		s.registrar.register(r)
	case r.inDialog():
		s.router.within(r)
	case r.Method == sip.SUBSCRIBE:
		s.notifier.subscribe(r)
	case r.Method == sip.OPTIONS && r.Recipient.User == "" && s.site.hosts.ours(r.Recipient.Host):
		s.options(r)
	case r.Method == sip.INVITE, r.Method == sip.OPTIONS:
		s.router.outside(r)
	default:
		s.answers.reply(r, vNoDialog) // BYE, INFO, UPDATE, PRACK of a dialog that is none of ours
	}
}

// options answers an OPTIONS to the registrar itself: who pings it wants to know that it is alive (RFC 3261 §11).
func (s *Server) options(r *request) {
	v := s.gate.sender(r, asServer)
	if v.status == 0 {
		v = vOK.with("Allow", allow).with("Accept", "application/sdp").with("Allow-Events", s.notifier.events())
	}
	s.answers.reply(r, v)
}
