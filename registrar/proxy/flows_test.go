package proxy

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/pion/stun/v4"

	"ewindow/registrar/location"
)

// Calls by sips: are on TLS all along, and say so (RFC 3261 §12.1.1, §16.6, §26.2.2; RFC 5630).
func TestSips(t *testing.T) {
	simulate(t, plainOffice, func(l *lab) {
		milano, munich := l.pair()
		caller, called := milano.call(munich, "sips:munich@"+domain)
		for name, texts := range map[string][]string{"Route of the caller": strings.Split(caller.route, "\n"), "Route of the callee": strings.Split(called.route, "\n")} {
			if len(texts) != 2 {
				t.Errorf("%s: %q", name, texts)
			}
			for _, text := range texts {
				if !strings.HasPrefix(text, "Route: <sips:") || strings.Contains(text, "transport") {
					t.Errorf("%s: %s", name, text)
				}
			}
		}
		caller.ack()
		munich.request(sip.ACK)
		// As a callee that does as RFC 3261 §12.1.1 wants.
		caller.target = strings.Replace(caller.target, "sip:", "sips:", 1)
		milano.ask(caller.in("INFO"))
		munich.answer(munich.request(sip.INFO), 200, "")
		milano.response(200)
		munich.hangUp()
		munich.connect()
		munich.register()
		milano.ask(caller.in("INFO"))
		munich.answer(munich.request(sip.INFO), 200, "")
		milano.response(200)

		office, reception := l.join("office", "UDP"), l.join("reception", "UDP")
		office.register()
		reception.register()
		reception.write(reception.text(msg{method: "INVITE", uri: "sips:milano@" + domain, callID: "clear"}))
		reception.response(403)
		secure := l.join("reception", "TLS")
		secure.ask(msg{method: "INVITE", uri: "sips:office@" + domain, callID: "no TLS there"})
		secure.response(480)
		reception.contact = "sips:reception@" + reception.host.String()
		reception.ask(reception.reg("Expires: 600"))
		reception.response(403)
	})
}

// A call over a connection of its own lives as long as the call does, without a word.
func TestSilentCall(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, _ := l.pair()
		registered, calls := l.join("reception", "TCP"), l.join("reception", "TCP")
		registered.register()
		caller, called := calls.call(milano, "sip:milano@"+domain)
		caller.ack()
		milano.request(sip.ACK)
		time.Sleep(time.Hour)
		milano.register()
		milano.write(milano.text(called.in("BYE")))
		calls.answer(calls.request(sip.BYE), 200, "")
		milano.response(200)
		time.Sleep(2 * callerIdle)
		if calls.alive() {
			t.Error("the connection outlives its call")
		}
	})
}

// Pings keep the connection of whoever has authenticated, registered there or not; and of nobody else.
func TestPingsKeep(t *testing.T) {
	simulate(t, always, func(l *lab) {
		known, stranger := l.join("reception", "TCP"), l.join("reception", "TCP")
		known.ask(msg{method: "OPTIONS", uri: "sip:" + domain})
		known.response(200)
		for range 60 {
			for _, p := range []*peer{known, stranger} {
				_, _ = p.conn.Write([]byte("\r\n\r\n"))
			}
			time.Sleep(time.Minute)
		}
		if !known.alive() || stranger.alive() {
			t.Errorf("alive: known %v, stranger %v", known.alive(), stranger.alive())
		}
	})
}

// A ping is answered however the network has cut it; a CRLF alone, as some phones keep their NAT open by, is not.
func TestPingInPieces(t *testing.T) {
	simulate(t, always, func(l *lab) {
		for _, test := range []struct {
			pieces []string
			apart  time.Duration
			want   string
		}{
			{[]string{"\r\n\r\n"}, 0, "\r\n"},
			{[]string{"\r", "\n", "\r", "\n"}, 20 * time.Millisecond, "\r\n"},
			{[]string{"\r\n\r", "\n"}, 20 * time.Millisecond, "\r\n"},
			{[]string{"\r\n", "\r\n", "\r\n", "\r\n"}, 20 * time.Millisecond, "\r\n\r\n"},
			{[]string{"\r\n", "\r\n"}, 2 * time.Second, ""},
		} {
			c, err := l.net.Dial(context.Background(), netip.MustParseAddr("10.0.1.9"), netip.AddrPortFrom(serverHost, 5060).String())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range test.pieces {
				_, _ = c.Write([]byte(p))
				time.Sleep(test.apart)
			}
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			got, _ := io.ReadAll(c)
			if string(got) != test.want {
				t.Errorf("%q: %q, want %q", test.pieces, got, test.want)
			}
			c.Close()
		}
	})
}

// A STUN request is answered on the socket of SIP (RFC 5626 §3.5.2).
func TestSTUN(t *testing.T) {
	simulate(t, always, func(l *lab) {
		c, err := l.net.ListenPacket("10.0.1.9:40000")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		answered := func(b []byte) []byte {
			_, _ = c.WriteTo(b, net.UDPAddrFromAddrPort(netip.AddrPortFrom(serverHost, 5060)))
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			buf := make([]byte, 2000)
			n, _, _ := c.ReadFrom(buf)
			return buf[:n]
		}
		ask := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
		answer := &stun.Message{Raw: answered(ask.Raw)}
		if err := answer.Decode(); err != nil || answer.TransactionID != ask.TransactionID {
			t.Errorf("%v, %v", answer, err)
		}
		if got := string(answered([]byte("\r\n\r\n"))); got != "\r\n" {
			t.Errorf("CRLF CRLF: %q", got)
		}
	})
}

// A dialog whose connection has ended goes on over the account's other one, both ways, and not over another's device.
func TestOtherFlow(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, _ := l.pair()
		registered, calls := l.join("reception", "TCP"), l.join("reception", "TCP")
		registered.contact = "sip:reception@10.0.0.7:5090;transport=tcp"
		registered.register()
		caller, called := calls.call(milano, "sip:milano@"+domain)
		caller.ack()
		milano.request(sip.ACK)
		calls.hangUp()
		time.Sleep(time.Second)
		milano.ask(called.in("INFO"))
		registered.answer(registered.request(sip.INFO), 200, "")
		milano.response(200)
		caller.p = registered
		registered.ask(caller.in("INFO"))
		milano.answer(milano.request(sip.INFO), 200, "")
		registered.response(200)
	})
}

// Outbound is required of who asked for it (RFC 5626 §6), not of who could.
func TestRequireOutbound(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "TCP")
		for _, c := range []struct {
			params, extra string
			want          bool
		}{
			{"", "Supported: outbound", false},
			{`;reg-id=1;+sip.instance="<urn:uuid:1>"`, "", false},
			{`;reg-id=1`, "Supported: outbound", false},
			{`;+sip.instance="<urn:uuid:1>"`, "Supported: outbound", false},
			{`;reg-id=1;+sip.instance="<urn:uuid:1>"`, "Supported: path, outbound", true},
		} {
			m := p.reg(strings.TrimSpace("Expires: 600\n" + c.extra))
			contact := "Contact: <" + p.contact + ">"
			m.edit = strings.NewReplacer(contact, contact+c.params)
			p.ask(m)
			if got := p.response(200).GetHeader("Require") != nil; got != c.want {
				t.Errorf("%s, %s: Require %v", c.params, c.extra, got)
			}
		}
	})
}

// A phone that has to encrypt is called over TLS, though it has registered over UDP since.
func TestCalledOverTLS(t *testing.T) {
	simulate(t, always, func(l *lab) {
		phone, later := l.join("office", "TLS"), l.join("office", "UDP")
		phone.register()
		time.Sleep(time.Second)
		later.register()
		caller := l.join("reception", "TLS")
		caller.ask(msg{method: "OPTIONS", uri: "sip:office@" + domain, callID: "o"})
		phone.answer(phone.request(sip.OPTIONS), 200, "")
		caller.response(200)
		later.silent(time.Second)
	})
}

// Where a registered phone is called over UDP, by its Via, its Contact and where it sends from.
func TestListeningAt(t *testing.T) {
	for _, c := range []struct{ via, contact, source, want string }{
		{"10.0.0.2:41000", "sip:a@10.0.0.2", "10.0.0.2:41000", "10.0.0.2:5060"},
		{"10.0.0.2:41000", "sip:a@10.0.0.2:5062", "10.0.0.2:41000", "10.0.0.2:5062"},
		{"10.0.0.2:41000;rport", "sip:a@10.0.0.2:5062", "10.0.0.2:41000", "10.0.0.2:41000"},
		{"10.0.0.2:5062", "sip:a@10.0.0.2:5064", "10.0.0.2:41000", "10.0.0.2:5064"},
		{"10.0.0.2:5062", "sip:a@phone.example.org", "10.0.0.2:41000", "10.0.0.2:5062"},
		{"192.168.1.5:5060", "sip:a@192.168.1.5:5060", "10.0.0.2:41000", "10.0.0.2:41000"}, // behind a NAT
		{"[2001:db8::2]:41000", "sip:a@[2001:db8::2]", "[2001:db8::2]:41000", "[2001:db8::2]:5060"},
	} {
		m := parse(t, "\nREGISTER sip:x SIP/2.0\nVia: SIP/2.0/UDP "+c.via+";branch=z9hG4bK1\nFrom: <sip:a@x>;tag=1\nTo: <sip:a@x>\nCall-ID: 1\nCSeq: 1 REGISTER")
		m.SetSource(c.source)
		r := &request{Request: m, flow: datagramFlow(m)}
		if got := listeningAt(r, c.contact); got != (location.Flow{Transport: "UDP", Remote: c.want}) {
			t.Errorf("%s, %s from %s: %v, want %s", c.via, c.contact, c.source, got, c.want)
		}
	}
}

// Who registers by another connection has left the one before: what waits for an answer there is asked again by the new one, at once.
func TestReplacedConnection(t *testing.T) {
	simulate(t, plainOffice, func(l *lab) {
		milano, munich := l.pair()
		instance := `>;+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000001>";reg-id=1;x="<` // ends in the writer's ">"
		munich.contact += instance
		munich.register()
		caller, _ := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		milano.ask(caller.in("INFO"))
		munich.request(sip.INFO) // and no answer

		again := l.join("munich", "TLS")
		again.contact += instance
		again.register()
		began := time.Now()
		again.answer(again.request(sip.INFO), 200, "")
		milano.response(200)
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("asked after %v", waited)
		}
		milano.ask(caller.in("INFO"))
		again.answer(again.request(sip.INFO), 200, "")
		milano.response(200)
	})
}
