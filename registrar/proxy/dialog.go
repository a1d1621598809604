package proxy

import (
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

// A half is our half of a dialog: one that ends here, a subscription or a call to the echo, or one of two others that we
// end in the place of one of them.
type half struct {
	dialog.Dialog
	account string // of the other side
	flow    location.Flow
	event   string // of a subscription: their Event, with its parameters: some tell several subscriptions of a dialog apart
}

// accept is our half of the dialog that r makes.
func (s *Server) accept(r *request, account, tag string) half {
	return half{Dialog: dialog.Accept(r.Request, tag), account: account, flow: r.flow, event: header.First(r, "Event")}
}

// contactFor is this server's contact as the peer at the other end of f can use it.
func (s *Server) contactFor(f location.Flow) string {
	l := s.leg("", f)
	u := sip.Uri{Scheme: "sip", Host: l.host, Port: l.port, UriParams: sip.HeaderParams{{K: "transport", V: strings.ToLower(f.Transport)}}}
	return u.String()
}

// own completes a request of ours in d, to be sent over f.
func (s *Server) own(d half, req *sip.Request, f location.Flow) *sip.Request {
	h := hop{out: s.leg(d.account, f)}
	h.laddr.IP, h.laddr.Port = s.hosts.udpLocal()
	req.PrependHeader(h.out.via(sip.GenerateBranchN(16)))
	h.address(req)
	return req
}

// flowOf is the way to the other side: the flow its contact is registered on now, else the one the dialog began on.
func (s *Server) flowOf(d half) (location.Flow, bool) {
	contacts := s.locations.ByContact(d.Target.String(), time.Now())
	i := slices.IndexFunc(contacts, func(b location.Binding) bool {
		return b.AOR == d.account && !b.Lost && s.flows.Alive(b.Flow)
	})
	if i >= 0 {
		return contacts[i].Flow, true
	}
	return d.flow, s.flows.Alive(d.flow)
}
