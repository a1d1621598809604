package proxy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

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

// Which algorithm a challenge names depends on the plan. Names that nobody has get one or the other, each always the
// same, so that SHA-256 does not tell which names are windows.
func TestChallenge(t *testing.T) {
	simulate(t, always, func(l *lab) {
		algorithm := func(name string) string {
			p := l.join(name, "TLS")
			p.write(p.text(p.reg("")))
			got := p.response(401).GetHeaders("WWW-Authenticate")
			if len(got) != 1 {
				t.Fatalf("%s: challenged with %v, want one alone", name, got)
			}
			c, err := digest.ParseChallenge(got[0].Value())
			if err != nil {
				t.Fatal(err)
			}
			return c.Algorithm
		}
		for name, want := range map[string]string{
			"milano": "SHA-256", "potsdam": "SHA-256", "reception": "MD5", "office": "SHA-256", "stranger": "MD5",
		} {
			if got := algorithm(name); got != want {
				t.Errorf("%s: challenged with %s, want %s", name, got, want)
			}
		}
		count := map[string]int{}
		for i := range 64 {
			name := fmt.Sprint("nobody", i)
			first := algorithm(name)
			if again := algorithm(name); again != first {
				t.Errorf("%s: challenged with %s, then with %s", name, first, again)
			}
			count[first]++
		}
		if count["MD5"] < 16 || count["SHA-256"] < 16 {
			t.Errorf("names that nobody has are challenged with %v, want both about equally often", count)
		}
	})
}

// A challenge may be answered over another connection, or from another port: a nonce is bound to no address.
func TestAnswerFromElsewhere(t *testing.T) {
	for _, transport := range []string{"UDP", "TCP"} {
		simulate(t, always, func(l *lab) {
			first, second := l.join("reception", transport), l.join("reception", transport)
			m := first.reg("Expires: 600")
			first.write(first.text(m))
			m.extra += "\n" + first.credentials(m, first.response(401), "reception-secret")
			second.write(second.text(m))
			second.response(200)
			third := l.join("reception", transport)
			third.write(third.text(m)) // a replay, from whoever has read along
			if got := third.response(401).GetHeader("WWW-Authenticate").Value(); !strings.Contains(got, "stale=true") {
				t.Errorf("%s: a replay was answered %s", transport, got)
			}
		})
	}
}

// An answer that was lost is given again to the same request: a challenge would look like a refusal.
func TestLostAnswer(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "UDP")
		m := p.reg("Expires: 600")
		p.write(p.text(m))
		m.extra += "\n" + p.credentials(m, p.response(401), "reception-secret")
		text := p.text(m)
		p.write(text)
		first := p.response(200).String()
		for range 3 {
			p.write(text)
			if again := p.response(200).String(); again != first {
				t.Errorf("the answer was\n%s, then\n%s", first, again)
			}
		}
		q := l.join("office", "UDP")
		q.write(text) // somebody else's, with the same words
		q.response(401)
		time.Sleep(time.Minute)
		p.ask(p.reg("Expires: 600"))
		p.response(200)
		if n := len(l.server.answers.repeats.answers); n > 2 { // the 403s and 200s of the last seconds
			t.Errorf("%d answers are remembered after a minute", n)
		}
	})
}

func TestRepeatsAreBounded(t *testing.T) {
	p := repeats{answers: map[repeatKey][]byte{}}
	now := time.Now()
	for i := range 3 * maxRepeats {
		p.note(repeatKey{byte(i), byte(i >> 8)}, []byte{1}, now)
	}
	if len(p.answers) != maxRepeats || len(p.order) != maxRepeats {
		t.Errorf("%d answers are remembered, %d in order", len(p.answers), len(p.order))
	}
}

// A store that cannot answer is not a wrong secret. Who is known may come in all the same.
func TestStoreCannotAnswer(t *testing.T) {
	simulate(t, always, func(l *lab) {
		l.accounts.set(func() { l.accounts.trouble = errors.New("the disk is full") })
		for _, name := range []string{"potsdam", "nobody"} {
			p := l.join(name, "TLS")
			m := p.reg("")
			p.write(p.text(m))
			challenge := p.response(401)
			m.extra = p.credentials(m, challenge, "a secret made a moment ago")
			p.write(p.text(m))
			res := p.response(503)
			if h := res.GetHeader("Retry-After"); h == nil || h.Value() != "3" {
				t.Errorf("%s: Retry-After is %v", name, h)
			}
		}
		l.join("milano", "TLS").register()
		p := l.join("munich", "TLS")
		m := msg{method: "INVITE", uri: "sip:milano@" + domain, callID: "x"}
		p.write(p.text(m))
		m.extra = p.credentials(m, p.response(407), "a secret made a moment ago")
		p.write(p.text(m))
		p.response(503)
		l.accounts.set(func() { l.accounts.trouble = nil })
		m.extra = ""
		p.write(p.text(m))
		m.extra = p.credentials(m, p.response(407), "wrong")
		p.write(p.text(m))
		p.response(407)
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

// Whose secret is right is not told by the log that it is wrong.
func TestOtherDigestURI(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "UDP")
		for uri, status := range map[string]int{"sip:10.0.0.1:5060": 200, "sip:" + domain + ":5060": 200, "sip:pbx.example.org": 401} {
			m := p.reg("Expires: 600")
			p.write(p.text(m))
			hashed := m
			hashed.uri = uri
			m.extra += "\n" + p.credentials(hashed, p.response(401), "reception-secret")
			p.write(p.text(m))
			p.response(status)
		}
		if log := l.log.String(); !strings.Contains(log, "the secret is right, but the digest is for another URI") ||
			!strings.Contains(log, "pbx.example.org") || strings.Contains(log, "wrong secret") {
			t.Error("the log does not say that it is the URI")
		}
	})
}

// A contact may be of any scheme (RFC 3261 §10.2.1). Nobody is called there, and those beside it count.
func TestOtherSchemes(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "TCP")
		p.ask(p.reg("Contact: \"Mail, please\" <mailto:reception@example.org>;q=0.1, <tel:+39-02-55>\nContact: <sip:reception@second.invalid>"))
		if got := len(p.response(200).GetHeaders("Contact")); got != 2 {
			t.Errorf("%d contacts, want the two that can be called", got)
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
			{"too many contacts", func(m *msg) { m.extra = "Contact: <sip:a@b>" + strings.Repeat(", <sip:a@b>", maxContacts) }, 403, ""},
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
		if got := l.server.registrar.table.All(time.Now()); len(got) != 0 {
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
		if got := len(l.server.registrar.table.All(time.Now())); got != 1 {
			t.Errorf("%d bindings, want milano's alone", got)
		}
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "expired"})
		if res := milano.response(480); res.Reason != "Not registered" {
			t.Errorf("refused with %q", res.Reason)
		}
		_ = munich
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
		l.server.registrar.table.Restore([]location.Binding{{
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
		for _, agent := range []string{"friendly-scanner", "sipcli/v1.8", "SIPVicious 0.3", "VaxSIPUserAgent/3.1", "sip-scan", "sipcli(x)"} {
			p.write(p.text(p.reg("User-Agent: " + agent)))
			p.silent(time.Minute)
		}
		for _, agent := range []string{"SIPClient/2.1 (door)", "Acme sipcli/1", "sipcli-phone/3", "sip-scanner", "SIPViciousness"} { // a phone with such a name
			p.write(p.text(p.reg("User-Agent: " + agent)))
			p.response(401)
		}
	})
}

// A phone that sends from one port and listens on another is answered and called where it listens.
func TestListeningPort(t *testing.T) {
	simulate(t, plainOffice, func(l *lab) {
		caller, phone := l.join("reception", "UDP"), l.join("office", "UDP") // phone listens on 5060
		caller.register()
		out, err := l.net.ListenPacket(phone.host.String() + ":41000")
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		listens := phone.packets
		send := func(m msg) {
			text := strings.Replace(phone.text(m), ";rport", "", 1)
			phone.packets = out
			phone.write(text)
			phone.packets = listens
		}
		m := phone.reg("Expires: 600")
		send(m)
		m.extra = "Expires: 600\n" + phone.credentials(m, phone.response(401), "office-secret")
		send(m)
		phone.response(200)
		caller.ask(msg{method: "INVITE", uri: "sip:office@" + domain, callID: "c"})
		invite := phone.request(sip.INVITE)
		phone.answer(invite, 486, "")
		phone.request(sip.ACK)
		caller.response(486)
	})
}

// Where a datagram's sender is reached, by what its Via says.
func TestDatagramFlow(t *testing.T) {
	for _, c := range []struct{ via, source, want string }{
		{"10.0.0.2:5060;branch=z9hG4bK1", "10.0.0.2:41000", "10.0.0.2:5060"},
		{"10.0.0.2;branch=z9hG4bK1", "10.0.0.2:41000", "10.0.0.2:5060"},
		{"10.0.0.2:5060;branch=z9hG4bK1;rport", "10.0.0.2:41000", "10.0.0.2:41000"},
		{"192.168.1.5:5060;branch=z9hG4bK1", "10.0.0.2:41000", "10.0.0.2:41000"}, // behind a NAT
		{"phone.example.org:5060;branch=z9hG4bK1", "10.0.0.2:41000", "10.0.0.2:41000"},
		{"[2001:db8::2]:5062;branch=z9hG4bK1", "[2001:db8::2]:41000", "[2001:db8::2]:5062"},
	} {
		m, err := sip.ParseMessage([]byte("OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP " + c.via + "\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:x>\r\n" +
			"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		m.SetSource(c.source)
		if got := datagramFlow(m.(*sip.Request)).Remote; got != c.want {
			t.Errorf("%s from %s: %s, want %s", c.via, c.source, got, c.want)
		}
	}
}
