package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// A name or number is what its URI means, however it is written: RFC 3261 §19.1.4, RFC 3966 §4.
func TestDialledForms(t *testing.T) {
	plan := always + `
number "*60#" { rings = munich }
number "+390255" { rings = munich }
`
	simulate(t, plan, func(l *lab) {
		milano, munich := l.pair()
		for i, c := range []struct {
			uri    string
			status int
		}{
			{"sip:munich@" + domain, 200},
			{"sip:%6dunic%68@" + domain, 200},
			{"sip:munich@" + strings.ToUpper(domain), 200},
			{"sips:munich@" + domain, 200},
			{"sip:*60#@" + domain, 200},
			{"sip:*60%23@" + domain, 200},
			{"sip:%2A60%23@" + domain, 200},
			{"sip:+39-02-55@" + domain + ";user=phone", 200},
			{"sip:+390255;isub=1@" + domain + ";user=phone", 200},
			{"tel:+39-02-55", 200},
			{"tel:*60%23;phone-context=" + domain, 200},
			{"tel:+39-02-56", 404},
			{"sip:Munich@" + domain, 404}, // the user part has a case
			{"sip:munic%68%00@" + domain, 404},
		} {
			m := msg{method: "OPTIONS", uri: c.uri, to: "<sip:x@" + domain + ">", callID: itoa(i)}
			milano.ask(m)
			if c.status == 200 {
				req := munich.request(sip.OPTIONS)
				if got := strings.Replace(req.Recipient.String(), "sips:", "sip:", 1); got != munich.contact {
					t.Errorf("%s goes to %s", c.uri, got)
				}
				munich.answer(req, 200, "")
			}
			milano.response(c.status)
		}
	})
}

// Who sends is the same, however the name is written; it goes on as it came.
func TestEscapedNames(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		from := "<sip:%6Dilano@" + domain + ">;tag=1"
		milano.ask(msg{method: "OPTIONS", uri: "sip:munich@" + domain, from: from, callID: "escaped"})
		req := munich.request(sip.OPTIONS)
		if got := req.From().Value(); got != from {
			t.Errorf("From: %s", got)
		}
		munich.answer(req, 200, "")
		milano.response(200)
		milano.ask(msg{method: "REGISTER", uri: "sip:" + domain, from: from, to: "<sip:mil%61no@" + domain + ">", extra: "Expires: 600"})
		milano.response(200)
	})
}

// Quoted strings pass through here byte for byte.
func TestQuotedStrings(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		const methods = `;methods="INVITE, ACK, BYE, CANCEL";+x="<a; b>"`
		contact := "<" + milano.contact + ">"
		edit := strings.NewReplacer("Contact: "+contact, "Contact: "+contact+methods)
		milano.ask(msg{method: "REGISTER", uri: "sip:" + domain, to: "<sip:milano@" + domain + ">", extra: "Expires: 600", edit: edit})
		milano.response(200)
		from, to := `"Bar, A; <kitchen>" <sip:milano@`+domain+`>;tag=7;x="a, b"`, `"Say \"hi, you\"" <sip:munich@`+domain+`>`
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, from: from, to: to, callID: "quoted", edit: edit})
		req := munich.request(sip.INVITE)
		for name, want := range map[string]string{"From": from, "To": to, "Contact": contact + methods} {
			if got := req.GetHeader(name).Value(); got != want {
				t.Errorf("%s: %s\nwant %s", name, got, want)
			}
		}
		munich.answer(req, 486, "")
		milano.response(486)
	})
}

// So does what other proxies have written: what stands around the URI of a route or of Refer-To is theirs too.
func TestRoutesPassAsTheyCame(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		routes := []string{`"Edge, one" <sip:edge.example.net;lr;Ftag=A>;x="a, b";Y`, `<sip:two.example.net:5070;lr=on>;did=1.2`, `<sip:three.example.net;LR>`}
		const refer = `"Bar; <kitchen>" <sip:munich@reg.example.org?Replaces=1%3Bto-tag%3D2>;method=INVITE;x="a, b"`
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "routes",
			extra: "Record-Route: " + strings.Join(routes[:2], " , ") + "\nrecord-route: " + routes[2] + "\nr: " + refer})
		req := munich.request(sip.INVITE)
		values := func(m sip.Message, name string) (out []string) {
			for _, h := range m.GetHeaders(name) {
				out = append(out, h.Value())
			}
			return out
		}
		theirs := func(m sip.Message) []string { // behind our own two
			all := values(m, "Record-Route")
			return all[min(2, len(all)):]
		}
		if got := theirs(req); !slices.Equal(got, routes) {
			t.Errorf("Record-Route of the INVITE: %q, want %q", got, routes)
		}
		if got := values(req, "Refer-To"); !slices.Equal(got, []string{refer}) {
			t.Errorf("Refer-To: %q, want %q", got, refer)
		}
		munich.answer(req, 200, "")
		if got := theirs(milano.response(200)); !slices.Equal(got, routes) {
			t.Errorf("Record-Route of the 200: %q, want %q", got, routes)
		}
	})
}

// Requests of peers that know RFC 2543 only, and those that end their way here.
func TestOldPeers(t *testing.T) {
	none := strings.NewReplacer("Max-Forwards: 70\n", "")
	zero := strings.NewReplacer("Max-Forwards: 70\n", "Max-Forwards: 0\n")
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		for name, c := range map[string]struct {
			m      msg
			status int
		}{
			"REGISTER without Max-Forwards": {msg{method: "REGISTER", uri: "sip:" + domain, to: "<sip:milano@" + domain + ">", edit: none}, 200},
			"REGISTER with 0":               {msg{method: "REGISTER", uri: "sip:" + domain, to: "<sip:milano@" + domain + ">", edit: zero}, 200},
			"OPTIONS to the registrar":      {msg{method: "OPTIONS", uri: "sip:" + domain, edit: zero}, 200},
			"OPTIONS to the echo":           {msg{method: "OPTIONS", uri: "sip:echo@" + domain, edit: zero}, 200},
			"OPTIONS to somebody":           {msg{method: "OPTIONS", uri: "sip:munich@" + domain, edit: zero}, 483},
		} {
			c.m.callID = name
			milano.ask(c.m)
			if res := milano.response(c.status); res == nil {
				t.Error(name)
			}
		}
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, from: "<sip:milano@" + domain + ">", callID: "2543", edit: none})
		req := munich.request(sip.INVITE)
		if req.From().Params.Has("tag") || req.MaxForwards() == nil || req.MaxForwards().Val() != 70 {
			t.Errorf("it went on as\n%s", req)
		}
		munich.answer(req, 486, "")
		milano.response(486)
		munich.request(sip.ACK)

		// Neither branch nor tag: it is found by all the rest (RFC 3261 §17.2.3).
		plain := strings.NewReplacer("Max-Forwards: 70\n", "", ";branch=old;rport", "")
		m := msg{method: "INVITE", uri: "sip:munich@" + domain, from: "sip:milano@" + domain, to: "sip:munich@" + domain, callID: "older", edit: plain, branch: "old"}
		milano.ask(m)
		req = munich.request(sip.INVITE)
		munich.answer(req, 180, "")
		milano.response(180)
		m.method, m.seq = "CANCEL", int(req.CSeq().SeqNo)
		milano.write(milano.text(m))
		milano.response(200)
		milano.response(487)
		munich.answer(munich.request(sip.CANCEL), 200, "")
	})
}

// What two say to each other within their call goes on, whether its method is known here or not (RFC 3261 §16.3): a transfer,
// say. Outside of a call it does not.
func TestUnknownMethods(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		caller, called := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		for _, method := range []string{"REFER", "NOTIFY", "SUBSCRIBE", "MESSAGE", "PUBLISH", "UNHEARD-OF"} {
			for _, side := range []struct{ from, to call }{{caller, called}, {called, caller}} {
				m := side.from.in(method).plus("Event: refer\nRefer-To: <sip:milano@" + domain + ">")
				side.from.p.ask(m)
				req := side.to.p.request(sip.RequestMethod(method))
				if len(req.GetHeaders("Route")) != 0 || len(req.GetHeaders("Proxy-Authorization")) != 0 {
					t.Errorf("it went on as\n%s", req)
				}
				side.to.p.answer(req, 202, "")
				side.from.p.response(202)
			}
		}
		milano.write(milano.text(msg{method: "REFER", uri: "sip:munich@" + domain, callID: "outside"}))
		milano.response(405)
		munich.silent(time.Second)
	})
}

// A status line needs no reason, nor, from some phones, the blank before it, and SIP is SIP in small letters; it is passed
// on as it should be (RFC 3261 §7.1, §7.2). Requests likewise.
func TestStartLines(t *testing.T) {
	simulate(t, allAtOnce, func(l *lab) {
		caller, m := l.group()
		call := to301
		call.edit = strings.NewReplacer("301@"+domain+" SIP/2.0", "301@"+domain+" Sip/2.0")
		caller.ask(call)
		for _, p := range m {
			req := p.request(sip.INVITE)
			if got := req.SipVersion; got != "SIP/2.0" {
				t.Errorf("a request of %s goes on", got)
			}
			ringing := sip.NewResponseFromRequest(req, 180, "Ringing", nil).String()
			_, rest, _ := strings.Cut(ringing, "\r\n")
			for start, want := range map[string]string{"SIP/2.0 180": "", "SIP/2.0 180 ": "", "sip/2.0 180 Here": "Here", "Sip/2.0 180": ""} {
				p.raw(start + "\r\n" + rest)
				if res := caller.response(180); res.SipVersion != "SIP/2.0" || res.Reason != want {
					t.Errorf("%q over %s goes on as %s", start, p.transport, res.StartLine())
				}
			}
		}
	})
}

// A final answer that cannot be passed on is the last that comes: the caller hears that it is one, instead of nothing.
func TestMalformedAnswers(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		for i, bad := range []*strings.Replacer{
			strings.NewReplacer("Contact: <", "Contact: De: sk <"), strings.NewReplacer("Contact:", "Expires: 3\r\nExpires: 4\r\nContact:"),
			strings.NewReplacer("To: <sip:munich@", "To: <sip:mun ich@"), strings.NewReplacer("Via: SIP/2.0/TLS 10.0.1.1", "X: SIP/2.0/TLS 10.0.1.1"),
		} {
			for _, status := range []int{200, 486} {
				for _, method := range []sip.RequestMethod{sip.INVITE, sip.OPTIONS} {
					m := msg{method: string(method), uri: "sip:munich@" + domain, callID: fmt.Sprint("malformed", i, status, method)}
					milano.ask(m)
					req := munich.request(method)
					res := sip.NewResponseFromRequest(req, status, "Whatever", nil)
					res.AppendHeader(sip.NewHeader("Contact", "<"+munich.contact+">"))
					text := res.String()
					if bad.Replace(text) == text {
						t.Fatalf("%d leaves\n%s", i, text)
					}
					began := time.Now()
					munich.raw(bad.Replace(text))
					milano.response(502)
					if d := time.Since(began); d > time.Second {
						t.Errorf("%d %d %s: said after %v", i, status, method, d)
					}
					if method == sip.INVITE && status == 486 {
						munich.request(sip.ACK)
					}
				}
			}
		}
	})
}

// A callee that gives no tag (RFC 3261 §12.1.2) hears the ACK and the BYE, and can hang up itself; nothing else goes where
// it would pass as a new call.
func TestTaglessCallee(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		for i, who := range []string{"caller", "callee"} {
			milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "tagless" + itoa(i)})
			req := munich.request(sip.INVITE)
			res := sip.NewResponseFromRequest(req, 200, "OK", nil)
			res.To().Params.Remove("tag")
			res.AppendHeader(sip.NewHeader("Contact", "<"+munich.contact+">"))
			munich.raw(res.String())
			res = milano.response(200)
			var up, down []string
			for _, h := range res.GetHeaders("Record-Route") {
				up, down = append([]string{"Route: " + h.Value()}, up...), append(down, "Route: "+h.Value())
			}
			caller := call{p: milano, callID: "tagless" + itoa(i), from: res.From().Value(), to: res.To().Value(), target: munich.contact, route: strings.Join(up, "\n")}
			called := call{p: munich, callID: caller.callID, from: caller.to, to: caller.from, target: milano.contact, route: strings.Join(down, "\n")}
			caller.ack()
			munich.request(sip.ACK)
			if who == "callee" {
				munich.write(munich.text(called.in("BYE")))
				milano.answer(milano.request(sip.BYE), 200, "")
				munich.response(200)
				continue
			}
			again := caller.in("INVITE")
			again.uri = "sip:munich@elsewhere.example"
			milano.ask(again)
			milano.response(403)
			milano.write(milano.text(caller.in("BYE")))
			munich.answer(munich.request(sip.BYE), 200, "")
			milano.response(200)
		}
	})
}

// A route is ours, however its user is written (RFC 3261 §19.1.4).
func TestEscapedRoute(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		caller, _ := milano.call(munich, "sip:munich@"+domain)
		for _, escaped := range []func(c byte) string{
			func(c byte) string { return fmt.Sprintf("%%%02X", c) },
			func(c byte) string { return fmt.Sprintf("%%%02x", c) },
		} {
			m := caller.in("INFO")
			var lines []string
			for _, line := range strings.Split(m.extra, "\n") {
				before, user, _ := strings.Cut(line, "sip:")
				lines = append(lines, before+"sip:"+escaped(user[0])+user[1:])
			}
			m.extra = strings.Join(lines, "\n")
			milano.ask(m)
			munich.answer(munich.request(sip.INFO), 200, "")
			milano.response(200)
		}
	})
}

// Who answers is who was called: an answer may not claim another identity, as a request may not.
func TestClaimsOfIdentity(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		const claims = "P-Asserted-Identity: \"The boss\" <sip:boss@reg.example.org>, <tel:+1>\nRemote-Party-ID: <sip:boss@reg.example.org>"
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "claims", extra: claims})
		req := munich.request(sip.INVITE)
		munich.answer(req, 180, claims)
		ringing := milano.response(180)
		munich.answer(req, 200, claims)
		for _, m := range []sip.Message{req, ringing, milano.response(200)} {
			for _, name := range identityHeaders {
				if got := m.GetHeaders(name); got != nil {
					t.Errorf("goes on with %v:\n%s", got, m)
				}
			}
		}
	})
}

// A strict router's requests are put right, in both directions (RFC 3261 §16.4); a challenge is answered for the
// Request-URI that it sent.
func TestStrictRouter(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		caller, called := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		strict := func(c call, method string) msg {
			m := c.in(method)
			first, rest, _ := strings.Cut(c.route, "\n")
			m.uri = strings.Trim(strings.TrimPrefix(first, "Route: "), "<>")
			m.extra = rest + "\nRoute: <" + c.target + ">"
			return m
		}
		for _, side := range []struct{ from, to call }{{caller, called}, {called, caller}} {
			side.from.p.ask(strict(side.from, "INFO"))
			req := side.to.p.request(sip.INFO)
			if got := req.Recipient.String(); got != side.from.target || len(req.GetHeaders("Route")) != 0 {
				t.Errorf("it went on as\n%s", req)
			}
			side.to.p.answer(req, 200, "")
			side.from.p.response(200)
		}
		alone := strict(caller, "INFO") // with nothing behind it, there is no telling whom it is for
		alone.extra = ""
		milano.write(milano.text(alone))
		milano.response(403)
		milano.write(milano.text(strict(caller, "BYE")))
		munich.answer(munich.request(sip.BYE), 200, "")
		milano.response(200)
		munich.silent(time.Second)
	})
}
