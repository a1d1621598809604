package proxy

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

// Everything that this hop changes in a message is in this file (RFC 3261 §16.6, §16.7).
//
//	caller ── leg in ──▶ forward ── leg out ──▶ callee
//	       ◀── in ────── backward ◀── out ─────

// A leg is one side of a forwarded request.
type leg struct {
	account string
	flow    location.Flow
	host    string // by which this side reaches us
	port    int
}

// An editable is a message that this hop may change.
type editable interface {
	sip.Message
	RemoveHeader(name string) bool
}

// A hop is what forward needs to know of one request.
type hop struct {
	in, out leg
	target  *sip.Uri // new Request-URI; nil within a dialog, where it is the peer's contact already
	record  bool     // stay in the path: the request may begin a dialog
	secure  bool     // of it that is called by sips:, whose route is sips: all along (RFC 3261 §16.6 step 4)
	pop     int      // Route headers of ours to take away
	branch  string   // of our Via
	realm   string   // whose credentials stay here
	tells   bool     // the callee is a window, which hears where this comes from (header.Flow)
	back    bool     // the caller is one, and hears that of the answers
	seal    sealer
	laddr   sip.Addr // of the UDP socket
}

// Headers in which a peer could claim to be somebody, in a request or in an answer: we vouch for From alone, and in an
// answer for whom the plan had called (RFC 3325 §5).
var identityHeaders = []string{"P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Identity"}

// sipVersion is read in any case, and written in capitals (RFC 3261 §7.1).
const sipVersion = "SIP/2.0"

// forward makes the request that is sent on. Max-Forwards has been found to be more than zero.
func (h hop) forward(req *sip.Request) *sip.Request {
	out := req.Clone()
	out.SipVersion = sipVersion
	for range h.pop {
		out.RemoveHeader("Route")
	}
	if h.target != nil {
		out.Recipient = *h.target.Clone()
	}
	decreaseMaxForwards(out)
	removeCredentials(out, "Proxy-Authorization", h.realm)
	removeCredentials(out, "Authorization", h.realm)
	for _, name := range identityHeaders {
		removeAll(out, name)
	}
	h.tell(out, h.tells, h.in, h.out)
	if h.record {
		// Always two, one for each side, as RFC 5658 wants it across transports: so the last of ours that is popped
		// from the Route of a later request always names the side it goes to, and the first the side it comes from.
		callID := req.CallID().Value()
		out.PrependHeader(h.out.recordRoute(callID, h.seal, h.secure), h.in.recordRoute(callID, h.seal, h.secure))
	}
	out.PrependHeader(h.out.via(h.branch))
	h.address(out)
	return out
}

// address points a request at the flow it is to be sent on.
func (h hop) address(req *sip.Request) {
	req.SetTransport(h.out.flow.Transport)
	req.SetSource("")
	req.SetDestination(flow.Destination(h.out.flow))
	req.Laddr = sip.Addr{}
	if h.out.flow.Transport == "UDP" {
		req.Laddr = h.laddr // the phone's NAT knows this socket and no other
	}
}

// cancel makes the CANCEL of a request that forward made, with the Reason headers that say why.
func (h hop) cancel(sent *sip.Request, why []string) *sip.Request {
	req := dialog.Cancel(sent)
	for _, value := range why {
		req.AppendHeader(sip.NewHeader("Reason", value))
	}
	h.address(req)
	return req
}

// release makes the ACK and the BYE that end a call nobody waits for any more: res is the 2xx to sent.
func (h hop) release(sent *sip.Request, res *sip.Response, branch string) (ack, bye *sip.Request) {
	d := dialog.Confirmed(sent, res)
	d.Routes = nil // they lead through here: the callee is at the other end of its flow
	ack, bye = d.Ack(sent), d.Next(sip.BYE)
	ack.PrependHeader(h.out.via(branch + "a"))
	bye.PrependHeader(h.out.via(branch + "b"))
	h.address(ack)
	h.address(bye)
	return ack, bye
}

// tell says in a message that goes on where it came from. Nobody else may say so: what stands there of that is taken away.
func (h hop) tell(m editable, window bool, from, to leg) {
	removeAll(m, header.FlowName)
	if window {
		if f := (header.Flow{From: from.flow.Addr(), To: to.flow.Addr()}); f.From.IsValid() && f.To.IsValid() {
			m.AppendHeader(sip.NewHeader(header.FlowName, f.String()))
		}
	}
}

// backward makes the response that is sent back: without our Via and without claims, to where the request came from.
func (h hop) backward(req *sip.Request, res *sip.Response) *sip.Response {
	out := res.Clone()
	out.SipVersion = sipVersion
	out.RemoveHeader("Via")
	for _, name := range identityHeaders {
		removeAll(out, name)
	}
	h.tell(out, h.back, h.out, h.in)
	template := sip.NewResponseFromRequest(req, sip.StatusTrying, "Trying", nil) // knows the way back (RFC 3261 §18.2.2)
	out.SetTransport(template.Transport())
	out.SetDestination(template.Destination())
	out.SetSource("")
	return out
}

// decreaseMaxForwards counts this hop. A clone shares the header's value with the request it was made from, so it
// is replaced, never changed.
func decreaseMaxForwards(req *sip.Request) {
	left := sip.MaxForwardsHeader(70)
	if mf := req.MaxForwards(); mf != nil {
		left = sip.MaxForwardsHeader(min(mf.Val(), 70) - 1)
		req.ReplaceHeader(&left)
		return
	}
	req.AppendHeader(&left)
}

// removeCredentials takes away those for our realm: they are nobody else's business.
func removeCredentials(req *sip.Request, name, realm string) {
	var others []sip.Header
	for _, h := range req.GetHeaders(name) {
		if !strings.Contains(h.Value(), `realm="`+realm+`"`) {
			others = append(others, h)
		}
	}
	removeAll(req, name)
	for _, h := range others {
		req.AppendHeader(h)
	}
}

func removeAll(m editable, name string) {
	for _, h := range m.GetHeaders(name) {
		m.RemoveHeader(h.Name())
	}
}

func (l leg) via(branch string) *sip.ViaHeader {
	return &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: l.flow.Transport,
		Host: l.host, Port: l.port, Params: sip.HeaderParams{{K: "branch", V: branch}},
	}
}

func (l leg) recordRoute(callID string, seal sealer, secure bool) *sip.RecordRouteHeader {
	u := l.uri(secure)
	u.User = seal.seal(callID, token{account: l.account, flow: l.flow})
	u.UriParams = append(u.UriParams, sip.HeaderKV{K: "lr"})
	return &sip.RecordRouteHeader{Address: u}
}

// uri is where this side reaches us. A sips: URI says nothing of TLS besides (RFC 5630 §3.1.4).
func (l leg) uri(secure bool) sip.Uri {
	if secure {
		return sip.Uri{Scheme: "sips", Host: l.host, Port: l.port}
	}
	return sip.Uri{Scheme: "sip", Host: l.host, Port: l.port, UriParams: sip.HeaderParams{{K: "transport", V: strings.ToLower(l.flow.Transport)}}}
}
