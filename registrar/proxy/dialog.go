package proxy

import (
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
)

// A dialog is one that ends here, a subscription or a call to the echo: what is needed to write requests in it (RFC
// 3261 §12.1.1).
type dialog struct {
	account string
	contact sip.Uri // the other side's, to which our requests go
	flow    location.Flow
	callID  string
	local   string // our From: their To, with our tag
	remote  string // our To: their From
	event   string // of a subscription: their Event, with its parameters: some tell several subscriptions of a dialog apart
}

func (s *Server) dialogOf(r *request, account, tag string) dialog {
	local := sip.HeaderClone(r.To()).(*sip.ToHeader)
	local.Params.Add("tag", tag)
	d := dialog{account: account, flow: r.flow, callID: r.CallID().Value(), local: local.Value(), remote: r.From().Value()}
	d.event = header.First(r, "Event")
	if values := header.Contacts(r); len(values) == 1 {
		// One that cannot be read leaves the host empty.
		_, _ = sip.ParseAddressValue(values[0], &d.contact, nil)
	}
	return d
}

// contactFor is this server's contact as the peer at the other end of f can use it.
func (s *Server) contactFor(f location.Flow) string {
	l := s.leg("", f)
	u := sip.Uri{Scheme: "sip", Host: l.host, Port: l.port, UriParams: sip.HeaderParams{{K: "transport", V: strings.ToLower(f.Transport)}}}
	return u.String()
}

// ownRequest writes a request of ours in d, to be sent over f.
func (s *Server) ownRequest(d dialog, m sip.RequestMethod, seq uint32, f location.Flow) (hop, *sip.Request) {
	h := hop{out: s.leg(d.account, f)}
	h.laddr.IP, h.laddr.Port = s.hosts.udpLocal()
	req := sip.NewRequest(m, *d.contact.Clone())
	maxForwards, callID := sip.MaxForwardsHeader(70), sip.CallIDHeader(d.callID)
	req.AppendHeader(h.out.via(sip.GenerateBranchN(16)))
	req.AppendHeader(&maxForwards)
	req.AppendHeader(sip.NewHeader("From", d.local))
	req.AppendHeader(sip.NewHeader("To", d.remote))
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: m})
	req.AppendHeader(sip.NewHeader("Contact", "<"+s.contactFor(f)+">"))
	return h, req
}

// flowOf is the way to the other side: the flow its contact is registered on now, else the one the dialog began on.
func (s *Server) flowOf(d dialog) (location.Flow, bool) {
	contacts := s.locations.ByContact(d.contact.String(), time.Now())
	i := slices.IndexFunc(contacts, func(b location.Binding) bool {
		return b.AOR == d.account && !b.Lost && s.flows.Alive(b.Flow)
	})
	if i >= 0 {
		return contacts[i].Flow, true
	}
	return d.flow, s.flows.Alive(d.flow)
}
