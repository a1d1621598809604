package proxy

import (
	"testing"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// flowClaims are what somebody may write to have a window believe that he is elsewhere.
const flowClaims = "X-EWindow-Flow: 198.51.100.66;to=198.51.100.66\nx-ewindow-flow : 198.51.100.66;to=198.51.100.66\n" +
	"X-EWINDOW-FLOW: 198.51.100.66\nSubject: a\n X-EWindow-Flow: 198.51.100.66;to=198.51.100.66\nX-EWindow-Flow: \n 198.51.100.66;to=198.51.100.66"

// hears makes sure that a message says where it comes from, as the registrar sees it, and nothing else about that; nil for nothing.
func hears(t *testing.T, what string, m sip.Message, from, to *peer) {
	t.Helper()
	if from == nil {
		if got := m.GetHeaders(header.FlowName); len(got) > 0 {
			t.Errorf("%s goes on with %v", what, got)
		}
		return
	}
	want := header.Flow{From: from.host, To: to.host}
	if got := header.ReadFlow(m); got != want {
		t.Errorf("%s goes on with %v, want %v:\n%s", what, m.GetHeaders(header.FlowName), want, m)
	}
}

// A window hears where a message really comes from: of requests and answers, the first and later ones, and from the registrar alone.
// Phones hear nothing of it.
func TestWindowsHearOfFlows(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		for _, transport := range []string{"UDP", "TCP", "TLS"} {
			reception := l.join("reception", transport)
			reception.register()
			id := "call over " + transport
			reception.ask(msg{method: "INVITE", uri: "sip:milano@" + domain, callID: id, extra: flowClaims})
			invite := milano.request(sip.INVITE)
			hears(t, "a phone's INVITE", invite, reception, milano)
			milano.answer(invite, 180, flowClaims)
			hears(t, "a window's 180", reception.response(180), nil, nil)
			milano.answer(invite, 486, flowClaims)
			hears(t, "a window's 486", reception.response(486), nil, nil)
			milano.request(sip.ACK)

			caller, called := reception.call(milano, "sip:milano@"+domain)
			reception.write(reception.text(caller.in("ACK").plus(flowClaims)))
			hears(t, "a phone's ACK", milano.request(sip.ACK), reception, milano)
			for _, method := range []sip.RequestMethod{sip.UPDATE, sip.INFO, sip.INVITE} {
				reception.ask(caller.in(string(method)).plus(flowClaims))
				req := milano.request(method)
				hears(t, "a phone's "+string(method), req, reception, milano)
				milano.answer(req, 200, flowClaims)
				hears(t, "a window's 200", reception.response(200), nil, nil)
			}
			caller.ack()
			milano.request(sip.ACK)
			milano.ask(called.in("INVITE").plus(flowClaims))
			req := reception.request(sip.INVITE)
			hears(t, "a window's INVITE to a phone", req, nil, nil)
			reception.answer(req, 200, flowClaims)
			hears(t, "a phone's 200", milano.response(200), reception, milano)
		}
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "between windows", extra: flowClaims})
		invite := munich.request(sip.INVITE)
		hears(t, "a window's INVITE", invite, milano, munich)
		munich.answer(invite, 200, flowClaims)
		hears(t, "a window's 200 to a window", milano.response(200), munich, milano)

		office, reception := l.join("office", "TLS"), l.join("reception", "UDP")
		office.register()
		reception.ask(msg{method: "INVITE", uri: "sip:office@" + domain, callID: "phones", extra: flowClaims})
		hears(t, "a phone's INVITE to a phone", office.request(sip.INVITE), nil, nil)
	})
}
