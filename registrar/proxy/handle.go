package proxy

import (
	"log/slog"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan"
	"ewindow/registrar/block"
	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/loglimit"
	"ewindow/registrar/signal/validate"
)

// A request is one on its way through the server, with what has been found out about it.
type request struct {
	*sip.Request
	tx   *sip.ServerTx
	flow location.Flow
	plan *dialplan.Plan // in force when it came: whatever is decided about it goes by this one

	account string // that has proved to be the sender; empty before authenticate
	epoch   uint64 // of that account then, see epochs

	mine []token // of our own Route headers, in order; they have been counted in pop
	pop  int     // own Route headers, with or without a token
	far  bool    // a Route beyond us is left
}

// inDialog says whether the request belongs to a dialog that was set up through this server: both sides' tokens,
// which hold for its Call-ID alone, came back in its Route.
func (r *request) inDialog() bool {
	return len(r.mine) >= 2 && r.To().Params.Has("tag")
}

// from is the side of the dialog that the request comes from, to the one it goes to.
func (r *request) from() token { return r.mine[0] }
func (r *request) to() token   { return r.mine[len(r.mine)-1] }

// handle takes every request that begins a transaction, in a goroutine of its own. The flow's next message waits until
// it returns or says Taken.
func (s *Server) handle(req *sip.Request, tx *sip.ServerTx) {
	if !s.work.enter() {
		return
	}
	defer s.work.leave()
	defer func() {
		// One peer's message must not end everybody's calls, whatever we overlooked in it.
		if p := recover(); p != nil {
			s.metrics.Panic()
			s.log.Error("a request made the server panic; please report it", "method", req.Method,
				"peer", req.Source(), "panic", p, "stack", string(debug.Stack()), stranger(req.Source()))
		}
	}()
	if scanner(req) {
		return
	}
	if problem := validate.Request(req); problem != nil {
		s.log.Debug("malformed request", "peer", req.Source(), "reason", problem.Reason)
		if problem.Status != 0 {
			s.answers.answer(req, tx, verdict{status: problem.Status, reason: header.Safe(problem.Reason)})
		}
		return
	}
	r := &request{Request: req, tx: tx, plan: s.Plan()}
	if req.Transport() == flow.UDP {
		r.flow = datagramFlow(req)
	} else {
		var ok bool
		if r.flow, ok = s.flows.Find(req.Transport(), req.Source()); !ok {
			return // the connection has ended meanwhile
		}
	}
	if s.answers.repeated(r) {
		return
	}
	s.site.readRoute(r)
	s.dispatch(r)
}

// stranger marks a log line that whoever is at remote can cause without having proved who it is.
func stranger(remote string) slog.Attr {
	at, _ := netip.ParseAddrPort(remote)
	return loglimit.Stranger(block.Of(at.Addr()))
}

// scanners are tools that look for registrars to break into. Silence is the one answer that ends their interest.
var scanners = []string{"friendly-scanner", "sipvicious", "sipcli", "pplsip", "sip-scan", "sundayddr", "vaxsipuseragent"}

func scanner(req *sip.Request) bool {
	agent := strings.ToLower(header.First(req, "User-Agent"))
	return slices.ContainsFunc(scanners, func(name string) bool {
		rest, begins := strings.CutPrefix(agent, name)
		return begins && (rest == "" || strings.ContainsAny(rest[:1], "/ -_(")) // SIPClient is not sipcli
	})
}

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
	case r.Method == sip.SUBSCRIBE:
		s.notifier.subscribe(r)
	case r.inDialog():
		s.router.within(r)
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

// admissible is the verdict on what can be judged without knowing the sender (RFC 3261 §16.3); status 0 if it passes.
func (s *site) admissible(r *request) verdict {
	switch r.Method {
	case sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.OPTIONS, sip.INFO, sip.UPDATE, sip.PRACK, sip.REGISTER, sip.SUBSCRIBE:
	default:
		return verdict{status: 405, reason: "Method Not Allowed"}.with("Allow", allow)
	}
	if r.IsAck() || r.IsCancel() {
		return verdict{}
	}
	if v := unknownOptions(r.Request, "Proxy-Require"); v.status != 0 {
		return v
	}
	if r.far {
		return vForeignRoute
	}
	if mf := r.MaxForwards(); mf != nil && mf.Val() == 0 && r.Method != sip.REGISTER && r.Method != sip.SUBSCRIBE {
		return vTooManyHops
	}
	if s.looped(r) {
		return vLoop
	}
	return verdict{}
}
