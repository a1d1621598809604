package proxy

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/flow"
)

func TestPlanRefuses(t *testing.T) {
	simulate(t, always, func(l *lab) { // the bubble's clock begins on a Saturday, 00:00 UTC: potsdam is closed
		milano, phone := l.join("milano", "TLS"), l.join("reception", "UDP")
		stranger, keys, safe := l.join("stranger", "TCP"), l.join("office", "TCP"), l.join("office", "TLS")
		for _, p := range []*peer{milano, phone, stranger, keys, safe} {
			p.register()
		}
		for _, test := range []struct {
			from   *peer
			to     string
			status int
			reason string
		}{
			{milano, "potsdam", 403, "no link is between milano and potsdam"},
			{milano, "reception", 403, "a window does not call a phone"},
			{milano, "nothing", 404, "nothing has the name or number nothing"},
			{milano, "milano", 403, "milano would call itself"},
			{milano, "munich", 480, "Not registered"},
			{phone, "munich", 403, "reception may not dial munich"},
			{phone, "potsdam", 480, "potsdam is closed now"},
			{stranger, "milano", 403, "stranger is not in the plan"},
			{keys, "milano", 403, "This phone must encrypt: let it call over TLS with SRTP (SDES)"},
			{safe, "potsdam", 403, "office may not dial potsdam"},
		} {
			test.from.ask(msg{method: "INVITE", uri: "sip:" + test.to + "@" + domain, callID: "to-" + test.to})
			res := test.from.response(test.status)
			if res.Reason != test.reason {
				t.Errorf("%s → %s: %q, want %q", test.from.name, test.to, res.Reason, test.reason)
			}
			if test.to != "potsdam" || test.status != 480 {
				continue
			}
			retry := res.GetHeader("Retry-After")
			if retry == nil {
				t.Fatal("480 without Retry-After")
			}
			seconds, _ := strconv.Atoi(retry.Value())
			opens := time.Date(2000, 1, 3, 8, 0, 0, 0, time.UTC) // Monday 09:00 in Berlin
			if got := time.Now().Add(time.Duration(seconds) * time.Second); got.Sub(opens).Abs() > 2*time.Second {
				t.Errorf("Retry-After leads to %v, want %v", got, opens)
			}
		}
	})
}

// A window may call up to a minute before the link begins, no earlier: the plan is asked each time.
func TestPlanByTheClock(t *testing.T) {
	plan := strings.ReplaceAll(strings.Replace(always, "when    = always", "when    = open", 1), "Mo-Su 00:00-24:00", "Sa 09:00-10:00")
	simulate(t, plan, func(l *lab) {
		milano, munich := l.join("milano", "TLS"), l.join("munich", "TLS")
		time.Sleep(time.Until(time.Date(2000, 1, 1, 7, 58, 50, 0, time.UTC))) // both are at UTC+1
		milano.connect()
		munich.connect()
		milano.register()
		munich.register()
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "early"})
		milano.response(480)
		time.Sleep(15 * time.Second)
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "in time"})
		munich.request(sip.INVITE)
	})
}

// Whatever comes without credentials is challenged or refused, and goes nowhere.
func TestUnauthenticated(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		caller, _ := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		intruder := l.join("milano", "UDP")
		for _, test := range []struct {
			method string
			status int
		}{
			{"INVITE", 407}, {"OPTIONS", 407}, {"REGISTER", 401}, {"SUBSCRIBE", 401}, {"MESSAGE", 405}, {"REFER", 405},
			{"NOTIFY", 405}, {"PUBLISH", 405}, {"INFO", 481}, {"UPDATE", 481}, {"PRACK", 481}, {"BYE", 481}, {"CANCEL", 481},
			{"NONSENSE", 405},
		} {
			intruder.write(intruder.text(msg{method: test.method, uri: "sip:munich@" + domain, callID: "x" + test.method, extra: "Event: ua-profile"}))
			intruder.response(test.status)
			// The same, pretending to be in the call; without its tokens that is worth nothing.
			m := caller.in(test.method)
			m.callID, m.extra = caller.callID, "Event: ua-profile"
			switch test.method {
			case "INVITE", "OPTIONS":
				test.status = 481
			case "REGISTER":
				test.status = 404 // at munich's contact
			}
			intruder.write(intruder.text(m))
			intruder.response(test.status)
		}
		intruder.write(intruder.text(msg{method: "ACK", uri: "sip:munich@" + domain, callID: "xACK"}))
		munich.silent(time.Second)
		intruder.silent(time.Second)
	})
}

// An account may speak for itself alone, also inside somebody's call.
func TestImpersonation(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		phone, office := l.join("reception", "TCP"), l.join("office", "TCP")
		phone.register()
		phone.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "as-stranger", from: "<sip:stranger@" + domain + ">;tag=1"})
		phone.response(403)
		phone.ask(msg{method: "INVITE", uri: "sip:milano@" + domain, callID: "elsewhere", from: "<sip:reception@example.com>;tag=1"})
		phone.response(403)
		phone.ask(msg{method: "OPTIONS", uri: "sip:" + domain, from: "<sip:stranger@" + domain + ">;tag=1"})
		phone.response(403)

		caller, called := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		stolen := caller // everything about the dialog, but not the account
		stolen.p = office
		office.ask(stolen.in("INVITE"))
		office.response(403)
		// A token is good for its own Call-ID only.
		m := caller.in("INVITE")
		m.callID = "another"
		milano.write(milano.text(m))
		milano.response(481)
		munich.silent(time.Second)
		_ = called
	})
}

func TestOpensNoWay(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		for _, test := range []struct {
			name   string
			m      msg
			status int
			header string
		}{
			{"another domain", msg{method: "INVITE", uri: "sip:munich@example.com"}, 403, ""},
			{"forged Route", msg{method: "INVITE", uri: "sip:munich@" + domain, extra: "Route: <sip:10.0.0.9;lr>"}, 403, ""},
			{"Route to another port here", msg{method: "INVITE", uri: "sip:munich@" + domain, extra: "Route: <sip:10.0.0.1:22;lr>"}, 403, ""},
			{"option", msg{method: "INVITE", uri: "sip:munich@" + domain, extra: "Proxy-Require: foo, bar"}, 420, "Unsupported"},
			{"out of hops", msg{method: "INVITE", uri: "sip:munich@" + domain, maxForwards: -1}, 483, ""},
			{"a To tag, but no dialog", msg{method: "INVITE", uri: "sip:munich@" + domain, to: "<sip:munich@" + domain + ">;tag=x"}, 481, ""},
		} {
			test.m.callID = test.name
			text := strings.Replace(milano.text(test.m), "Max-Forwards: -1", "Max-Forwards: 0", 1)
			milano.write(text)
			res := milano.next().(*sip.Response)
			if res.StatusCode == 407 {
				test.m.extra += "\n" + milano.credentials(test.m, res, "milano-secret")
				milano.write(strings.Replace(milano.text(test.m), "Max-Forwards: -1", "Max-Forwards: 0", 1))
				res = milano.next().(*sip.Response)
			}
			if res.StatusCode != test.status {
				t.Errorf("%s: %d %s, want %d", test.name, res.StatusCode, res.Reason, test.status)
			}
			if test.header != "" && res.GetHeader(test.header) == nil {
				t.Errorf("%s: no %s", test.name, test.header)
			}
		}
		munich.silent(time.Second)
	})
}

// A request that comes round again unchanged is in a loop (RFC 5393).
func TestLoop(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "loop"})
		invite := munich.request(sip.INVITE)
		// Somebody sends it back to us with the Request-URI that it had here.
		again := invite.Clone()
		again.Recipient = sip.Uri{Scheme: "sip", User: "munich", Host: domain}
		again.PrependHeader(&sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "TLS", Host: "10.0.9.9",
			Params: sip.HeaderParams{{K: "branch", V: "z9hG4bK-elsewhere"}}})
		munich.raw(again.String())
		munich.response(482)
	})
}

func TestOptions(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(msg{method: "OPTIONS", uri: "sip:" + domain})
		res := milano.response(200)
		if h := res.GetHeader("Allow"); h == nil || h.Value() != allow {
			t.Errorf("Allow is %v", h)
		}
		milano.ask(msg{method: "OPTIONS", uri: "sip:munich@" + domain, callID: "o"})
		munich.answer(munich.request(sip.OPTIONS), 200, "")
		milano.response(200)
		milano.ask(msg{method: "OPTIONS", uri: "sip:potsdam@" + domain, callID: "p"})
		milano.response(403)
	})
}

// One account cannot fill the proxy with calls that ring; the end of a call that is up goes on all the same.
func TestTooManyAtOnce(t *testing.T) {
	simulateWith(t, always, flow.Limits{Burst: 1000}, func(l *lab) {
		milano, munich := l.pair()
		up, _ := milano.call(munich, "sip:munich@"+domain)
		up.ack()
		munich.request(sip.ACK)
		time.Sleep(time.Minute) // nothing of it is under way any more
		for i := range l.server.forward.busy.limit {
			milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "many" + itoa(i)})
			munich.request(sip.INVITE)
		}
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "one too many"})
		milano.response(503)
		milano.ask(up.in("INFO"))
		milano.response(503)
		milano.write(milano.text(up.in("BYE"))) // unchallenged
		munich.answer(munich.request(sip.BYE), 200, "")
		milano.response(200)
	})
}

// Bytes that are no SIP never hurt anybody else.
func TestGarbage(t *testing.T) {
	for name, text := range map[string]string{
		"noise":             "\x00\x01\x02\xff\xfe garbage \r\n\r\n",
		"half a message":    "INVITE sip:munich@reg.example.org SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.7",
		"no CSeq":           "OPTIONS sip:reg.example.org SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.7;branch=z9hG4bK1\r\nContent-Length: 0\r\n\r\n",
		"huge body":         "OPTIONS sip:reg.example.org SIP/2.0\r\nContent-Length: 4294967295\r\n\r\n",
		"endless header":    "OPTIONS sip:reg.example.org SIP/2.0\r\nX: " + strings.Repeat("a", 100_000),
		"http":              "GET / HTTP/1.1\r\nHost: reg.example.org\r\n\r\n",
		"Via of the moon":   "OPTIONS sip:reg.example.org SIP/2.0\r\nVia: SIP/2.0/TCP moon.example:99999;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		"a stray answer":    "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bKnone\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
		"an answer's noise": "SIP/2.0 999999 \r\nContent-Length: 0\r\n\r\n",
	} {
		for _, transport := range []string{"TCP", "UDP"} {
			t.Run(name+" "+transport, func(t *testing.T) {
				simulate(t, always, func(l *lab) {
					phone, milano := l.join("reception", "UDP"), l.join("milano", "TLS")
					phone.register()
					milano.register()
					bad := l.join("noise", transport)
					if transport == "UDP" && len(text) > 60_000 {
						text = text[:60_000]
					}
					_, _ = bad.send([]byte(text))
					time.Sleep(12 * time.Second)
					synctest.Wait()
					if transport == "TCP" {
						for m := bad.next(); m != nil; m = bad.next() { // a 400 perhaps, then the end
							if res, ok := m.(*sip.Response); !ok || res.StatusCode < 400 {
								t.Errorf("answered with %v", m)
							}
						}
					}
					phone.ask(msg{method: "INVITE", uri: "sip:milano@" + domain, callID: "still well"})
					milano.request(sip.INVITE)
				})
			})
		}
	}
}

// send is raw without caring whether it arrives.
func (p *peer) send(b []byte) (int, error) {
	if p.transport == "UDP" {
		return p.packets.WriteTo(b, p.l.server.listeners.UDP.LocalAddr())
	}
	return p.conn.Write(b)
}

// Bytes that drip keep no connection, and neither does silence; a peer that has registered may be silent.
func TestSlowloris(t *testing.T) {
	simulate(t, always, func(l *lab) {
		phone := l.join("reception", "TCP")
		phone.register()
		drip, silent, half := l.join("drip", "TCP"), l.join("silent", "TCP"), l.join("reception", "TCP")
		half.register()
		half.raw("OPTIONS sip:reg.example.org SIP/2.0\r\n") // also from somebody known: a message that begins must end
		begun := time.Now()
		for i := 0; time.Since(begun) < 9*time.Second; i++ {
			drip.raw("OPTIONS sip:reg.example.org SIP/2.0\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"[i : i+1])
			time.Sleep(time.Second)
		}
		time.Sleep(1500 * time.Millisecond)
		for _, p := range []*peer{drip, silent, half} {
			select {
			case _, open := <-p.inbox:
				if open {
					t.Errorf("%s was answered", p.name)
				}
			default:
				t.Errorf("%s still holds its connection after %v", p.name, time.Since(begun))
			}
		}
		time.Sleep(5 * time.Minute)
		phone.ask(phone.reg("Expires: 600"))
		phone.response(200)
	})
}
