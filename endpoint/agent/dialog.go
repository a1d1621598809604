package agent

import (
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan/username"
	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

const (
	allowed     = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY"
	supported   = "timer, outbound, " + header.TrickleTag
	sdpType     = "application/sdp"
	controlType = "application/media_control+xml" // RFC 5168
)

// newDialog is the beginning of a dialog in which the first request is ours.
func (a *Agent) newDialog(remote, target sip.Uri) dialog.Dialog {
	return dialog.Dialog{ID: dialog.ID{CallID: newCallID(), LocalTag: newTag()}, Local: a.aor, Remote: remote, Target: target}
}

// request makes a request of a dialog, with what we say about ourselves in each.
func (a *Agent) request(d *dialog.Dialog, method sip.RequestMethod) *sip.Request {
	req := d.Next(method)
	a.addVia(req)
	switch method {
	case sip.INVITE, sip.UPDATE, sip.SUBSCRIBE: // they refresh the target
		a.addContact(req, &req.Recipient)
	}
	a.addAgent(req)
	req.AppendHeader(sip.NewHeader("Allow", allowed))
	req.AppendHeader(sip.NewHeader("Supported", supported))
	return req
}

// addVia adds our Via; the stack adds our address.
func (a *Agent) addVia(req *sip.Request) {
	via := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "TLS"}
	via.Params.Add("branch", newBranch())
	req.PrependHeader(via)
}

// addContact adds our Contact as it stands in dialogs: exactly what we registered, but sips: in a request for such a URI
// or the answer to one (RFC 3261 §8.1.1.8, §12.1.1).
func (a *Agent) addContact(m sip.Message, to *sip.Uri) {
	contact := a.contact.Clone()
	if to.Scheme == "sips" {
		contact.Scheme = "sips"
	}
	m.AppendHeader(&sip.ContactHeader{Address: *contact})
}

func (a *Agent) addAgent(m sip.Message) {
	if a.cfg.UserAgent != "" {
		m.AppendHeader(sip.NewHeader("User-Agent", header.Safe(a.cfg.UserAgent)))
	}
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
