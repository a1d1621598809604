package proxy

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
)

// A site is this hop as its peers see it: by which names and addresses they reach it, what it writes of itself into
// messages, and what it recognises as its own in theirs. It has no state.
type site struct {
	realm string
	hosts *hosts
	seal  sealer
	flows interface{ Local(location.Flow) string }
}

// address is the address of this machine that the peer at the other end of f talks to.
func (s *site) address(f location.Flow) string { return s.hosts.address(f, s.flows.Local(f)) }

// hop describes the way of r from one account to another over f.
func (s *site) hop(r *request, from, to string, f location.Flow) hop {
	h := hop{
		in: s.leg(from, r.flow), out: s.leg(to, f),
		pop: r.pop, branch: s.branch(r), realm: s.realm, seal: s.seal,
	}
	_, h.tells = r.plan.Space(to)
	_, h.back = r.plan.Space(from)
	h.laddr.IP, h.laddr.Port = s.hosts.udpLocal()
	return h
}

func (s *site) leg(account string, f location.Flow) leg {
	l := leg{account: account, flow: f}
	l.host, l.port = s.hosts.sentBy(f, s.flows.Local(f))
	return l
}

// contactFor is this server's contact as the peer at the other end of f can use it; secure if it calls by sips:.
func (s *site) contactFor(f location.Flow, secure bool) string {
	u := s.leg("", f).uri(secure)
	return u.String()
}

// own completes a request of ours in d, to be sent over f.
func (s *site) own(d half, req *sip.Request, f location.Flow) *sip.Request {
	h := hop{out: s.leg(d.account, f)}
	h.laddr.IP, h.laddr.Port = s.hosts.udpLocal()
	req.PrependHeader(h.out.via(sip.GenerateBranchN(16)))
	h.address(req)
	return req
}

// owns says whether a From or To is the account's address-of-record here.
func (s *site) owns(u *sip.Uri, account string) bool {
	return header.User(u) == account && s.hosts.ours(u.Host)
}

// readRoute finds our own Route headers at the top. A strict router of RFC 2543 has put the first of them into the
// Request-URI, and what was there behind the others: that is put right first (RFC 3261 §16.4).
func (s *site) readRoute(r *request) {
	if first, strict := s.seal.open(r.CallID().Value(), header.User(&r.Recipient)); strict {
		routes := r.GetHeaders("Route")
		if len(routes) == 0 {
			r.far = true
			return
		}
		last, err := header.ParseAddress(routes[len(routes)-1].Value())
		if err != nil {
			r.far = true
			return
		}
		r.Request = r.Request.Clone() // its transaction has the other one
		r.Recipient = last.URI
		removeAll(r.Request, "Route")
		for _, h := range routes[:len(routes)-1] {
			r.AppendHeader(h)
		}
		r.mine = append(r.mine, first)
	}
	for _, h := range r.GetHeaders("Route") {
		route, err := header.ParseAddress(h.Value())
		if err != nil {
			r.far = true
			return
		}
		t, sealed := s.seal.open(r.CallID().Value(), header.User(&route.URI))
		if !sealed && !s.hosts.oursAt(route.URI.Host, route.URI.Port) {
			r.far = true
			return
		}
		if sealed {
			r.mine = append(r.mine, t)
		}
		r.pop++
	}
}

// looped says whether the request has been here before and would go the same way again (RFC 5393 §4.2.1): our Via
// ends in a mark made of what decides the way.
func (s *site) looped(r *request) bool {
	suffix := "." + s.mark(r)
	for _, h := range r.GetHeaders("Via") {
		via, ok := h.(*sip.ViaHeader)
		if ok && s.hosts.oursAt(via.Host, via.Port) && strings.HasSuffix(via.Params.GetOr("branch", ""), suffix) {
			return true
		}
	}
	return false
}

func (s *site) mark(r *request) string {
	seq := strconv.FormatUint(uint64(r.CSeq().SeqNo), 10)
	return s.seal.text("loop", r.Recipient.String(), header.FromTag(r), header.ToTag(r), r.CallID().Value(), seq, string(r.CSeq().MethodName))
}

// branch is for the Via of the forwarded request.
func (s *site) branch(r *request) string {
	return sip.GenerateBranchN(16) + "." + s.mark(r)
}

// admissible is the verdict on what can be judged without knowing the sender (RFC 3261 §16.3); status 0 if it passes.
func (s *site) admissible(r *request) verdict {
	switch r.Method {
	case sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.OPTIONS, sip.INFO, sip.UPDATE, sip.PRACK, sip.REGISTER, sip.SUBSCRIBE:
	default:
		if !r.inDialog() { // there it is between the two, whether we know it or not (RFC 3261 §16.3)
			return verdict{status: 405, reason: "Method Not Allowed"}.with("Allow", allow)
		}
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
	if s.looped(r) {
		return vLoop
	}
	return verdict{}
}
