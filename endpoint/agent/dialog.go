package agent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan/username"
	"ewindow/registrar/signal/header"
)

const (
	allowed     = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY"
	supported   = "timer, outbound"
	sdpType     = "application/sdp"
	controlType = "application/media_control+xml" // RFC 5168
)

// dialog is one side's half of a dialog (RFC 3261 §12): who, over which proxies, with which numbers. It is also the
// state of a REGISTER's sequence, which is none. Not for use by several goroutines at once.
type dialog struct {
	callID              string
	localTag, remoteTag string
	local, remote       sip.Uri
	target              sip.Uri // the other side's Contact
	routes              []sip.Uri
	seq                 uint32 // of our latest request
	heard               uint32 // of the other side's latest request
	heardAny            bool
}

// request makes the next request of the dialog, or the ACK or CANCEL with a given number.
func (a *Agent) request(d *dialog, method sip.RequestMethod, seq uint32) *sip.Request {
	req := sip.NewRequest(method, *d.target.Clone())
	via := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "TLS"} // sipgo adds our address
	via.Params.Add("branch", newBranch())
	req.AppendHeader(via)
	for _, uri := range d.routes {
		req.AppendHeader(&sip.RouteHeader{Address: *uri.Clone()})
	}
	from := &sip.FromHeader{Address: *d.local.Clone()}
	from.Params.Add("tag", d.localTag)
	to := &sip.ToHeader{Address: *d.remote.Clone()}
	if d.remoteTag != "" {
		to.Params.Add("tag", d.remoteTag)
	}
	callID, hops := sip.CallIDHeader(d.callID), sip.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
	req.AppendHeader(from)
	req.AppendHeader(to)
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	switch method {
	case sip.INVITE, sip.UPDATE, sip.SUBSCRIBE: // they refresh the target
		a.addContact(req)
	}
	if method != sip.ACK && method != sip.CANCEL {
		a.addAgent(req)
		req.AppendHeader(sip.NewHeader("Allow", allowed))
		req.AppendHeader(sip.NewHeader("Supported", supported))
	}
	req.SetBody(nil)
	return req
}

// addContact adds our Contact as it stands in dialogs: exactly what we registered.
func (a *Agent) addContact(m sip.Message) {
	m.AppendHeader(&sip.ContactHeader{Address: *a.contact.Clone()})
}

func (a *Agent) addAgent(m sip.Message) {
	if a.cfg.UserAgent != "" {
		m.AppendHeader(sip.NewHeader("User-Agent", header.Safe(a.cfg.UserAgent)))
	}
}

// confirm takes what a 2xx to our request settles: on the first one the other side's tag and the route
// (RFC 3261 §12.1.2), on each the target.
func (d *dialog) confirm(res *sip.Response) {
	if d.remoteTag == "" {
		d.remoteTag = header.ToTag(res)
		d.routes = header.RecordRoute(res)
		slices.Reverse(d.routes)
	}
	if contact := header.Contact(res); contact != nil {
		d.target = *contact
	}
}

// accept is the dialog that a request outside dialogs makes when it is accepted (RFC 3261 §12.1.1).
func accept(req *sip.Request) *dialog {
	d := &dialog{
		callID: req.CallID().Value(), localTag: newTag(), remoteTag: header.FromTag(req),
		local: *req.To().Address.Clone(), remote: *req.From().Address.Clone(),
		target: *req.From().Address.Clone(), routes: header.RecordRoute(req),
		heard: req.CSeq().SeqNo, heardAny: true,
	}
	if contact := header.Contact(req); contact != nil {
		d.target = *contact
	}
	return d
}

// inOrder says whether a request's number is higher than all before (RFC 3261 §12.2.2), and remembers it.
func (d *dialog) inOrder(seq uint32) bool {
	if d.heardAny && seq <= d.heard {
		return false
	}
	d.heard, d.heardAny = seq, true
	return true
}

// peerURI is the URI for whom the window calls: an account name, or a whole SIP URI.
func (a *Agent) peerURI(to string) (sip.Uri, error) {
	if username.Valid(to) {
		return sip.Uri{Scheme: "sip", User: to, Host: a.domain}, nil
	}
	var uri sip.Uri
	if strings.ContainsAny(to, " \t\r\n<>\"") || !strings.HasPrefix(to, "sip:") && !strings.HasPrefix(to, "sips:") {
		return uri, fmt.Errorf("%q is neither an account name nor a SIP URI", to)
	}
	if err := sip.ParseUri(to, &uri); err != nil || uri.Host == "" {
		return uri, fmt.Errorf("%q is not a SIP URI", to)
	}
	return uri, nil
}
