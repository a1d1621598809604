package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
)

// reg is a REGISTER of the peer for itself.
func (p *peer) reg(extra string) msg {
	return msg{method: "REGISTER", uri: "sip:" + domain, to: fmt.Sprintf("<sip:%s@%s>", p.name, domain), extra: extra}
}

func contacts(res *sip.Response) string {
	var out []string
	for _, h := range res.GetHeaders("Contact") {
		out = append(out, h.Value())
	}
	return strings.Join(out, " ")
}

func TestRegister(t *testing.T) {
	simulate(t, always, func(l *lab) {
		for _, transport := range []string{"UDP", "TCP", "TLS"} {
			p := l.join("reception", transport)
			res := p.register()
			if got := contacts(res); !strings.Contains(got, "<"+p.contact+">;expires=600") {
				t.Errorf("%s: 200 has Contact %s", transport, got)
			}
			if res.GetHeader("Date") == nil {
				t.Errorf("%s: 200 has no Date", transport)
			}
		}
		p := l.join("milano", "TLS")
		p.contact += `>;+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000001>";reg-id=1;x="<` // ends in the writer's ">"
		p.ask(p.reg("Supported: outbound"))
		res := p.response(200)
		if got := contacts(res); !strings.Contains(got, `;+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000001>";reg-id=1;expires=3600`) {
			t.Errorf("200 has Contact %s", got)
		}
		if h := res.GetHeader("Require"); h == nil || h.Value() != "outbound" {
			t.Error("200 does not confirm outbound (RFC 5626 §6)")
		}
	})
}

// Which algorithm a challenge names depends on the plan; a name that nobody has is treated like a phone.
func TestChallenge(t *testing.T) {
	simulate(t, always, func(l *lab) {
		for _, test := range []struct{ name, algorithm string }{
			{"milano", "SHA-256"}, {"potsdam", "SHA-256"}, {"reception", "MD5"}, {"office", "SHA-256"}, {"nobody", "MD5"},
		} {
			p := l.join(test.name, "TLS")
			p.write(p.text(p.reg("")))
			res := p.response(401)
			got := res.GetHeaders("WWW-Authenticate")
			if len(got) != 1 || !strings.Contains(got[0].Value(), "algorithm="+test.algorithm) {
				t.Errorf("%s: challenged with %v, want %s alone", test.name, got, test.algorithm)
			}
		}
	})
}

// An unknown account and a wrong secret get the same answer.
func TestWrongSecret(t *testing.T) {
	simulate(t, always, func(l *lab) {
		for _, name := range []string{"milano", "nobody"} {
			p := l.join(name, "TLS")
			m := p.reg("")
			p.write(p.text(m))
			m.extra = p.credentials(m, p.response(401), "wrong")
			p.write(p.text(m))
			if res := p.response(401); res.Reason != "Unauthorized" {
				t.Errorf("%s: %s", name, res.Reason)
			}
		}
		if !strings.Contains(l.log.String(), "authentication failed: unknown account or wrong secret") {
			t.Error("nothing is logged")
		}
	})
}

func TestRegisterRefusals(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "TCP")
		for _, test := range []struct {
			name   string
			change func(*msg)
			status int
			header string
		}{
			{"To of another", func(m *msg) { m.to = "<sip:stranger@" + domain + ">" }, 403, ""},
			{"From of another", func(m *msg) { m.from = "<sip:stranger@" + domain + ">;tag=1" }, 403, ""},
			{"From of another domain", func(m *msg) { m.from = "<sip:reception@example.com>;tag=1" }, 403, ""},
			{"too brief", func(m *msg) { m.extra = "Expires: 5" }, 423, "Min-Expires"},
			{"star without Expires: 0", func(m *msg) { m.extra = "star" }, 400, ""},
		} {
			m := p.reg("")
			test.change(&m)
			if m.extra == "star" {
				m.extra, p.contact = "", "PLACEHOLDER"
				restore := p.contact
				text := strings.ReplaceAll(p.text(m), "<PLACEHOLDER>", "*")
				p.write(text)
				m.extra = p.credentials(m, p.response(401), "reception-secret")
				p.write(strings.ReplaceAll(p.text(m), "<PLACEHOLDER>", "*"))
				p.contact = restore
			} else {
				p.ask(m)
			}
			res := p.response(test.status)
			if test.header != "" && res.GetHeader(test.header) == nil {
				t.Errorf("%s: no %s in %v", test.name, test.header, res)
			}
		}
		if got := l.server.locations.All(time.Now()); len(got) != 0 {
			t.Errorf("refused registrations left %v", got)
		}

		// Without a challenge: what is refused whoever asks.
		p.contact = "sip:reception@10.0.1.1"
		m := p.reg("")
		m.uri = "sip:example.com"
		p.write(p.text(m))
		p.response(404)
		m = p.reg("Require: gruu")
		p.write(p.text(m))
		if h := p.response(420).GetHeader("Unsupported"); h == nil || h.Value() != "gruu" {
			t.Errorf("Unsupported is %v", h)
		}
	})
}

// The keys of a window's calls are in its messages: they do not travel in the clear.
func TestWindowNeedsTLS(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("milano", "TCP")
		p.ask(p.reg(""))
		if res := p.response(403); res.Reason != "A window speaks TLS only" {
			t.Errorf("refused with %q", res.Reason)
		}
	})
}

func TestUnregister(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "TCP")
		p.register()
		p.ask(p.reg("Expires: 0"))
		if got := contacts(p.response(200)); got != "" {
			t.Errorf("still registered: %s", got)
		}
		p.register()
		m := p.reg("Expires: 0")
		p.write(strings.ReplaceAll(p.text(m), "<"+p.contact+">", "*"))
		m.extra += "\n" + p.credentials(m, p.response(401), "reception-secret")
		p.write(strings.ReplaceAll(p.text(m), "<"+p.contact+">", "*"))
		if got := contacts(p.response(200)); got != "" {
			t.Errorf("still registered after Contact: *: %s", got)
		}
	})
}

func TestRegistrationExpires(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		time.Sleep(9 * time.Minute)
		milano.register()
		time.Sleep(2 * time.Minute) // munich's 600 s are over
		if got := len(l.server.locations.All(time.Now())); got != 1 {
			t.Errorf("%d bindings, want milano's alone", got)
		}
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "expired"})
		if res := milano.response(480); res.Reason != "Not registered" {
			t.Errorf("refused with %q", res.Reason)
		}
		_ = munich
	})
}

// A removed account is out within seconds, and its connection is closed.
func TestAccountRemoved(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "TCP")
		p.register()
		l.accounts.remove("reception")
		time.Sleep(11 * time.Second)
		if got := len(l.server.locations.All(time.Now())); got != 0 {
			t.Errorf("%d bindings are left", got)
		}
		if m := p.next(); m != nil {
			t.Errorf("got %v, want the end of the connection", m)
		}
	})
}

// A UDP registration leaves no transaction behind, or a flood of them would fill the memory.
func TestRegisterKeepsNoTransaction(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "UDP")
		m := p.reg("")
		m.seq = 1
		p.write(p.text(m))
		first := p.response(401)
		p.write(p.text(m)) // the same request once more: not answered from a transaction, which would repeat the nonce
		second := p.response(401)
		if first.GetHeader("WWW-Authenticate").Value() == second.GetHeader("WWW-Authenticate").Value() {
			t.Error("the answer to a repeated request came out of a transaction's memory")
		}
		if first.To().Value() != second.To().Value() {
			t.Errorf("the tags differ: %s, %s", first.To().Value(), second.To().Value())
		}
	})
}

// A UDP phone is reached after a restart of the registrar, before it has said anything: from the same socket, as its
// NAT wants it.
func TestRestoredUDP(t *testing.T) {
	simulate(t, plainOffice, func(l *lab) {
		reception, office := l.join("reception", "TCP"), l.join("office", "UDP")
		reception.register()
		now := time.Now()
		l.server.locations.Restore([]location.Binding{{
			AOR: "office", Contact: office.contact, CallID: "before", CSeq: 7, Created: now, Updated: now, Expires: now.Add(time.Hour),
			Flow: location.Flow{Transport: "UDP", Remote: office.host.String() + ":5060"},
		}}, now)
		reception.ask(msg{method: "INVITE", uri: "sip:office@" + domain, callID: "after"})
		invite := office.request(sip.INVITE)
		office.answer(invite, 486, "")
		office.request(sip.ACK)
		reception.response(486)
	})
}

func TestScannersGetNoAnswer(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "UDP")
		p.write(p.text(p.reg("User-Agent: friendly-scanner")))
		p.silent(time.Minute)
	})
}
