// Package dialog is one side's half of a dialog (RFC 3261 §12), whichever end of SIP it is on: what identifies it, where
// the other side is, and the numbers of both sides' requests. It sends nothing; whoever does adds the Via.
package dialog

import (
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// An ID names a dialog at one of its sides (RFC 3261 §12).
type ID struct{ CallID, LocalTag, RemoteTag string }

// String is a key for it: no part of it can be mistaken for another.
func (id ID) String() string {
	return strings.Join([]string{id.CallID, id.LocalTag, id.RemoteTag}, "\x00")
}

// IDOf is the ID of the dialog that a request from the other side is in.
func IDOf(req *sip.Request) ID {
	return ID{CallID: req.CallID().Value(), LocalTag: header.ToTag(req), RemoteTag: header.FromTag(req)}
}

// A Dialog is one side's half. The zero RemoteTag is that of a dialog which is not confirmed yet, or of requests outside
// of dialogs. Not for use by several goroutines at once.
type Dialog struct {
	ID
	Local, Remote sip.Uri
	Target        sip.Uri // the other side's Contact; without host if it cannot be called
	Routes        []sip.Uri
	Seq           uint32 // of our latest request
	heard         uint32 // of the other side's latest request
	heardAny      bool
}

// Accept is the dialog that a request outside dialogs makes when it is accepted (RFC 3261 §12.1.1), at its receiver. tag
// is the receiver's.
func Accept(req *sip.Request, tag string) Dialog {
	d := Dialog{
		ID:    ID{CallID: req.CallID().Value(), LocalTag: tag, RemoteTag: header.FromTag(req)},
		Local: *req.To().Address.Clone(), Remote: *req.From().Address.Clone(), Routes: header.RecordRoute(req),
		heard: req.CSeq().SeqNo, heardAny: true,
	}
	d.Refresh(req)
	return d
}

// Confirmed is the dialog that a 2xx to a request of ours makes (RFC 3261 §12.1.2).
func Confirmed(req *sip.Request, res *sip.Response) Dialog {
	d := Dialog{
		ID:    ID{CallID: res.CallID().Value(), LocalTag: header.FromTag(res)},
		Local: *res.From().Address.Clone(), Remote: *res.To().Address.Clone(), Target: *req.Recipient.Clone(), Seq: req.CSeq().SeqNo,
	}
	d.Confirm(res)
	return d
}

// Confirm takes what a 2xx to a request of ours settles: the first one the other side's tag and the route, each one the
// target.
func (d *Dialog) Confirm(res *sip.Response) {
	if d.RemoteTag == "" {
		d.RemoteTag = header.ToTag(res)
		d.Routes = header.RecordRoute(res)
		slices.Reverse(d.Routes)
	}
	d.Refresh(res)
}

// Refresh takes the target that a request or a 2xx brings which may change it (RFC 3261 §12.2).
func (d *Dialog) Refresh(m sip.Message) {
	if contact := header.Contact(m); contact != nil {
		d.Target = *contact
	}
}

// An Order is how the number of a request compares with those before it (RFC 3261 §12.2.2).
type Order int

// Late is older than the latest, Again is the latest, and Next is newer.
const (
	Late Order = iota
	Again
	Next
)

// Heard compares the number of a request from the other side, and remembers it if it is new.
func (d *Dialog) Heard(seq uint32) Order {
	switch {
	case d.heardAny && seq < d.heard:
		return Late
	case d.heardAny && seq == d.heard:
		return Again
	}
	d.heard, d.heardAny = seq, true
	return Next
}

// Next is the next request of the dialog.
func (d *Dialog) Next(method sip.RequestMethod) *sip.Request {
	d.Seq++
	return d.Request(method, d.Seq)
}

// Request is a request of the dialog with a number of its own.
func (d *Dialog) Request(method sip.RequestMethod, seq uint32) *sip.Request {
	req := sip.NewRequest(method, *d.Target.Clone())
	for _, uri := range d.Routes {
		req.AppendHeader(&sip.RouteHeader{Address: *uri.Clone()})
	}
	from, to := &sip.FromHeader{Address: *d.Local.Clone()}, &sip.ToHeader{Address: *d.Remote.Clone()}
	from.Params.Add("tag", d.LocalTag)
	if d.RemoteTag != "" {
		to.Params.Add("tag", d.RemoteTag)
	}
	callID, hops := sip.CallIDHeader(d.CallID), sip.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
	req.AppendHeader(from)
	req.AppendHeader(to)
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	req.SetBody(nil)
	return req
}

// Ack is the ACK to the 2xx of an INVITE that was sent: it has its number and its credentials (RFC 3261 §13.2.2.4).
func (d *Dialog) Ack(invite *sip.Request) *sip.Request {
	ack := d.Request(sip.ACK, invite.CSeq().SeqNo)
	sip.CopyHeaders("Authorization", invite, ack)
	sip.CopyHeaders("Proxy-Authorization", invite, ack)
	return ack
}

// Cancel is the CANCEL of an INVITE that was sent, with its Via (RFC 3261 §9.1).
func Cancel(invite *sip.Request) *sip.Request {
	req := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	req.AppendHeader(invite.Via().Clone()) // the topmost: those below it are of the hops before us
	sip.CopyHeaders("Route", invite, req)
	hops := sip.MaxForwardsHeader(70)
	req.AppendHeader(&hops)
	sip.CopyHeaders("From", invite, req)
	sip.CopyHeaders("To", invite, req)
	sip.CopyHeaders("Call-ID", invite, req)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	req.SetBody(nil)
	return req
}
