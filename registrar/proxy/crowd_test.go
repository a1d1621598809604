package proxy

import (
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/flow"
)

// alive says whether the peer's connection is still there.
func (p *peer) alive() bool {
	p.l.t.Helper()
	time.Sleep(time.Second)
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// Whatever a peer authenticates with, its connection is its own from then on; until then, and whatever else it sends, it
// has to make room for others.
func TestAuthenticatedStays(t *testing.T) {
	const places = 12
	for name, ask := range map[string]struct {
		transport string
		account   string
		request   func(p *peer)
		stays     bool
	}{
		"REGISTER":            {"TCP", "reception", func(p *peer) { p.register() }, true},
		"OPTIONS to us":       {"TCP", "reception", func(p *peer) { p.ask(msg{method: "OPTIONS", uri: "sip:" + domain}); p.response(200) }, true},
		"OPTIONS to somebody": {"TCP", "reception", func(p *peer) { p.ask(msg{method: "OPTIONS", uri: "sip:nobody@" + domain}); p.response(404) }, true},
		"INVITE, refused by the plan": {"TCP", "stranger", func(p *peer) {
			p.ask(msg{method: "INVITE", uri: "sip:milano@" + domain})
			p.response(403)
		}, true},
		"SUBSCRIBE": {"TLS", "milano", func(p *peer) {
			p.ask(msg{method: "SUBSCRIBE", uri: "sip:milano@" + domain, extra: "Event: ua-profile\nExpires: 3600"})
			p.response(200)
		}, true},
		"nothing":                         {"TCP", "reception", func(p *peer) {}, false},
		"REGISTER without credentials":    {"TCP", "reception", func(p *peer) { p.write(p.text(p.reg("Expires: 600"))); p.response(401) }, false},
		"a window that comes without TLS": {"TCP", "milano", func(p *peer) { p.ask(p.reg("Expires: 600")); p.response(403) }, false},
		"BYE of no dialog":                {"TCP", "reception", func(p *peer) { p.write(p.text(msg{method: "BYE", uri: "sip:milano@" + domain})); p.response(481) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			simulateWith(t, always, flow.Limits{Connections: places}, func(l *lab) {
				p := l.join(ask.account, ask.transport)
				ask.request(p)
				for range 2 * places {
					l.join("noise", "TCP")
				}
				if alive := p.alive(); alive != ask.stays {
					t.Errorf("alive: %v, want %v", alive, ask.stays)
				}
				if n := l.server.flows.Len(); n > places {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

// A request within a call authenticates like any other.
func TestAuthenticatedWithin(t *testing.T) {
	simulateWith(t, always, flow.Limits{Connections: 12}, func(l *lab) {
		milano, munich := l.pair()
		caller, _ := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		milano.connect() // the network changed; it does not register again, but goes on
		milano.ask(caller.in("UPDATE"))
		munich.answer(munich.request("UPDATE"), 200, "")
		milano.response(200)
		for range 24 {
			l.join("noise", "TCP")
		}
		if !milano.alive() || !munich.alive() {
			t.Error("who is in a call was pushed out")
		}
	})
}

// An account that is no more has no connection any more, whatever it was used for.
func TestRevokedConnections(t *testing.T) {
	simulate(t, always, func(l *lab) {
		registered, calls, other := l.join("reception", "TCP"), l.join("reception", "TCP"), l.join("office", "TCP")
		registered.register()
		other.register()
		calls.ask(msg{method: "OPTIONS", uri: "sip:" + domain})
		calls.response(200)
		l.removeAccount("reception")
		if registered.alive() || calls.alive() || !other.alive() {
			t.Error("a connection of the removed account is left, or another is gone")
		}
	})
}
