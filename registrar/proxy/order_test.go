package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/flow"
)

// rounds is how often a sequence of messages that were sent in one piece has to arrive in its order. One after the other
// in goroutines of their own they do so in about one round of five.
const rounds = 20

// transports are the ways to the registrar; reception and office are phones.
var transports = []string{"TLS", "TCP", "UDP"}

// together sends what f writes in one piece; over UDP datagram by datagram.
func (p *peer) together(f func()) {
	p.l.t.Helper()
	if p.transport == "UDP" {
		f()
		return
	}
	var text strings.Builder
	p.gather = &text
	f()
	p.gather = nil
	p.raw(text.String())
}

// methods are the next n messages, requests by their method and responses by their status, without 100.
func (p *peer) messages(n int) string {
	p.l.t.Helper()
	var got []string
	for len(got) < n {
		switch m := p.next().(type) {
		case *sip.Request:
			got = append(got, string(m.Method))
		case *sip.Response:
			if m.StatusCode != 100 {
				got = append(got, itoa(m.StatusCode))
			}
		default:
			return strings.Join(append(got, "nothing"), " ")
		}
	}
	return strings.Join(got, " ")
}

func eachTransport(t *testing.T, f func(l *lab, caller, callee *peer, round string)) {
	plan := strings.Replace(plainOffice, "may_dial = [milano, potsdam, office]", "may_dial = [milano, potsdam, office, munich]", 1)
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			simulateWith(t, plan, flow.Limits{}, func(l *lab) {
				caller, callee := l.join("reception", transport), l.join("office", transport)
				for round := range rounds {
					caller.register()
					callee.register()
					f(l, caller, callee, fmt.Sprint("order-", round))
					time.Sleep(time.Minute) // everything of this round is over
				}
			})
		})
	}
}

func TestResponsesInOrder(t *testing.T) {
	eachTransport(t, func(l *lab, caller, callee *peer, round string) {
		caller.ask(msg{method: "INVITE", uri: "sip:office@" + domain, callID: round})
		invite := callee.request(sip.INVITE)
		callee.together(func() {
			callee.answer(invite, 180, "")
			callee.answer(invite, 183, "")
			callee.answer(invite, 200, "")
		})
		if got := caller.messages(3); got != "180 183 200" {
			l.t.Errorf("%s: the caller got %s", round, got)
		}
		drain(caller, callee)
	})
}

func TestRequestsInOrder(t *testing.T) {
	eachTransport(t, func(l *lab, caller, callee *peer, round string) {
		up, _ := caller.call(callee, "sip:office@"+domain)
		caller.together(func() {
			up.ack()
			caller.write(caller.text(up.in("BYE")))
		})
		if got := callee.messages(2); got != "ACK BYE" {
			l.t.Errorf("%s: the callee got %s", round, got)
		}
		drain(caller, callee)
	})
}

// A BYE right behind the 200 does not come before it.
func TestResponseBeforeRequest(t *testing.T) {
	eachTransport(t, func(l *lab, caller, callee *peer, round string) {
		caller.ask(msg{method: "INVITE", uri: "sip:office@" + domain, callID: round})
		invite := callee.request(sip.INVITE)
		var route []string
		for _, h := range invite.GetHeaders("Record-Route") {
			route = append(route, "Route: "+h.Value())
		}
		callee.together(func() {
			callee.answer(invite, 200, "")
			callee.write(callee.text(msg{method: "BYE", uri: invite.Contact().Address.String(), from: invite.To().Value() + ";tag=office-tag",
				to: invite.From().Value(), callID: round, extra: strings.Join(route, "\n")}))
		})
		if got := caller.messages(2); got != "200 BYE" {
			l.t.Errorf("%s: the caller got %s", round, got)
		}
		drain(caller, callee)
	})
}

// A caller hangs up at once: the CANCEL is right behind the INVITE.
func TestCancelBehindInvite(t *testing.T) {
	eachTransport(t, func(l *lab, caller, callee *peer, round string) {
		m := msg{method: "INVITE", uri: "sip:office@" + domain, callID: round}
		caller.write(caller.text(m))
		res := caller.response(407)
		m.extra = caller.credentials(m, res, caller.name+"-secret")
		caller.write(caller.text(msg{method: "ACK", uri: m.uri, to: res.To().Value(), callID: round, seq: int(res.CSeq().SeqNo),
			branch: res.Via().Params.GetOr("branch", "")}))
		m.branch = "z9hG4bK-" + caller.name + "-" + round
		caller.together(func() {
			caller.write(caller.text(m))
			caller.write(caller.text(msg{method: "CANCEL", uri: m.uri, callID: round, seq: caller.seq, branch: m.branch}))
		})
		if got := caller.messages(2); got != "200 487" {
			l.t.Errorf("%s: the caller got %s", round, got)
		}
		invite := callee.request(sip.INVITE)
		callee.answer(invite, 180, "")
		callee.request(sip.CANCEL)
		callee.answer(invite, 487, "")
		drain(caller, callee)
	})
}

// drain takes what still comes.
func drain(peers ...*peer) {
	time.Sleep(time.Minute)
	for _, p := range peers {
		for len(p.inbox) > 0 {
			<-p.inbox
		}
	}
}
