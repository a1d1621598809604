package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/relay"
	"ewindow/registrar/signal/relays"
)

// relaysLab has a registrar with a TURN server for every account that there is.
func relaysLab(t *testing.T, f func(l *lab)) {
	t.Helper()
	simulateConfig(t, always, func(c *Config) {
		exists := c.Accounts.Account
		c.Relays = &relay.Issuer{
			URIs:   []string{"stun:registrar.invalid:3478", "turn:registrar.invalid:3478?transport=udp"},
			Secret: relay.Own([]byte("key"), func(name string) (string, bool) { a, ok := exists(name); return a.HA1SHA256, ok }),
		}
	}, f)
}

// relays is a SUBSCRIBE of a window to its relays.
func (p *peer) relays(expires int) msg {
	uri := fmt.Sprintf("sip:%s@%s", p.name, domain)
	return msg{method: "SUBSCRIBE", uri: uri, callID: "relays-" + p.name,
		extra: fmt.Sprintf("Event: %s\nAccept: %s\nExpires: %d", relays.Event, relays.ContentType, expires)}
}

// given takes a NOTIFY with relays.
func (p *peer) given() *relays.Relays {
	p.l.t.Helper()
	req := p.request(sip.NOTIFY)
	p.answer(req, 200, "")
	if got := req.ContentType(); got == nil || got.Value() != relays.ContentType {
		p.l.t.Errorf("%s: Content-Type is %v", p.name, got)
	}
	r, err := relays.Decode(req.Body())
	if err != nil {
		p.l.t.Fatalf("%s: %v", p.name, err)
	}
	return r
}

// stay keeps a window registered for a while, and expects that it is told nothing meanwhile.
func (p *peer) stay(d time.Duration) {
	p.l.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		p.register()
		p.silent(min(4*time.Minute, time.Until(end)))
	}
}

// A window is given relays when it subscribes, and again at half of their life; an edit of the plan is no reason.
func TestRelays(t *testing.T) {
	relaysLab(t, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(milano.relays(3 * 24 * 3600))
		milano.response(200)
		begun := time.Now()
		first := milano.given()
		if left := time.Until(first.Expires); left < relays.Lifetime-2*time.Second || left > relays.Lifetime || len(first.URIs) != 2 ||
			!strings.HasSuffix(first.Username, ":milano") || first.Password == "" {
			t.Errorf("%+v", first)
		}
		milano.stay(time.Hour)
		l.server.SetPlan(parsePlan(t, strings.Replace(always, `link "the long window"`, `link "renamed"`, 1)))
		milano.stay(10 * time.Hour)
		l.server.SetPlan(parsePlan(t, always))
		l.removeAccount("munich")
		milano.stay(50 * time.Minute)
		munich.connect() // its connection is gone with its account
		for time.Since(begun) < relays.Lifetime/2-time.Second {
			milano.register()
			time.Sleep(min(time.Minute, relays.Lifetime/2-time.Second-time.Since(begun)))
		}
		second := milano.given()
		if at := time.Since(begun); at < relays.Lifetime/2 || at > relays.Lifetime/2+10*time.Second {
			t.Errorf("again after %v", at)
		}
		if d := second.Expires.Sub(first.Expires); d < relays.Lifetime/2 || second.Password == first.Password {
			t.Errorf("%+v then %+v", first, second)
		}
	})
}

func TestRelaysRefusals(t *testing.T) {
	relaysLab(t, func(l *lab) {
		milano, phone := l.join("milano", "TLS"), l.join("reception", "TCP")
		m := milano.relays(3600)
		m.uri, m.to = "sip:munich@"+domain, "<sip:munich@"+domain+">"
		milano.ask(m)
		milano.response(403)
		m = milano.relays(3600)
		m.extra = "Event: " + relays.Event + "\nAccept: text/plain"
		milano.ask(m)
		if h := milano.response(406).GetHeader("Accept"); h == nil || h.Value() != relays.ContentType+";version=1" {
			t.Errorf("Accept is %v", h)
		}
		phone.ask(phone.relays(3600))
		phone.response(404)
		m = milano.relays(3600)
		m.extra = "Event: presence"
		milano.write(milano.text(m))
		if h := milano.response(489).GetHeader("Allow-Events"); h == nil || h.Value() != relays.Event+", ua-profile" {
			t.Errorf("Allow-Events is %v", h)
		}
		if n := l.subscriptions(); n != 0 {
			t.Errorf("%d subscriptions", n)
		}
	})
	simulate(t, always, func(l *lab) { // a registrar without a TURN server does not know the package
		milano := l.join("milano", "TLS")
		milano.write(milano.text(milano.relays(3600)))
		milano.response(489)
	})
}

// An account that gets another secret is given other credentials, and the old ones are worth nothing.
func TestRelaysOfRotatedAccount(t *testing.T) {
	relaysLab(t, func(l *lab) {
		milano := l.join("milano", "TLS")
		milano.register()
		milano.ask(milano.relays(3600))
		milano.response(200)
		before := milano.given()
		l.rotateAccount("milano", "another")
		time.Sleep(time.Second)
		if n := l.subscriptions(); n != 0 {
			t.Errorf("%d subscriptions are left", n)
		}
		after := l.server.notifier.packages[relays.Event]
		state, err := after.state(l.server.Plan(), "milano", time.Now())
		if err != nil || state.(relaysState).Password == before.Password {
			t.Errorf("%v, %v", state, err)
		}
	})
}
