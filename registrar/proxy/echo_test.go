package proxy

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"ewindow/registrar/signal/dialog"
)

// An earphone is a peer that calls the echo and speaks SRTP by hand; without TLS it speaks plain RTP.
type earphone struct {
	*peer
	number  string
	media   net.PacketConn
	key     []byte // ours
	call    call
	invited msg
	in, out *srtp.Context
	to      netip.AddrPort
}

const gcm = "AEAD_AES_128_GCM"

func (l *lab) earphone(name, transport string) *earphone {
	l.t.Helper()
	l.addAccount(name)
	e := &earphone{number: "echo", peer: l.join(name, transport), key: bytes.Repeat([]byte{byte(l.hosts)}, 28)}
	e.register()
	var err error
	if e.media, err = l.net.ListenPacket(netip.AddrPortFrom(e.host, 4000).String()); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = e.media.Close() })
	return e
}

func (e *earphone) offer() string {
	if e.transport != "TLS" {
		return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\na=rtcp-mux\r\n", e.host, e.host)
	}
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 8 0\r\n"+
		"a=crypto:7 %s inline:%s\r\na=rtcp-mux\r\n", e.host, e.host, gcm, base64.StdEncoding.EncodeToString(e.key))
}

// accept is the answer to an offer of the echo's.
func (e *earphone) accept() string {
	return strings.Replace(strings.Replace(e.offer(), "a=crypto:7", "a=crypto:1", 1), "SAVP 8 0", "SAVP 8", 1)
}

func (e *earphone) invite() {
	e.l.t.Helper()
	e.invited = msg{method: "INVITE", uri: "sip:" + e.number + "@" + domain, callID: "echo-" + e.name, body: e.offer(), extra: "Content-Type: application/sdp"}
	e.ask(e.invited)
}

// dial calls the echo, and acknowledges its answer.
func (e *earphone) dial() {
	e.l.t.Helper()
	e.invite()
	e.answered(e.response(200))
	e.call.ack()
}

// final is the next message but for 100.
func (e *earphone) final() sip.Message { return e.nextFinal() }

func (p *peer) nextFinal() sip.Message {
	for {
		m := p.next()
		if res, ok := m.(*sip.Response); !ok || res.StatusCode != 100 {
			return m
		}
	}
}

func (e *earphone) answered(res *sip.Response) {
	t := e.l.t
	t.Helper()
	e.call = call{p: e.peer, callID: "echo-" + e.name, from: res.From().Value(), to: res.To().Value(), target: res.Contact().Address.String()}
	sdp := string(res.Body())
	if e.transport != "TLS" {
		m := regexp.MustCompile(`(?s)c=IN IP4 (\S+)\r\n.*m=audio (\d+) RTP/AVP 8\r\n`).FindStringSubmatch(sdp)
		if m == nil || strings.Contains(sdp, "crypto") {
			t.Fatalf("answer: %s", sdp)
		}
		e.to = netip.MustParseAddrPort(m[1] + ":" + m[2])
		return
	}
	m := regexp.MustCompile(`(?s)c=IN IP4 (\S+)\r\n.*m=audio (\d+) RTP/SAVP 8\r\n.*a=crypto:7 ` + gcm + ` inline:(\S+)\r\n`).FindStringSubmatch(sdp)
	if m == nil {
		t.Fatalf("answer: %s", sdp)
	}
	e.to = netip.MustParseAddrPort(m[1] + ":" + m[2])
	theirs, err := base64.StdEncoding.DecodeString(m[3])
	if err != nil || bytes.Equal(theirs, e.key) {
		t.Fatalf("the echo's key is %q, ours %x: %v", m[3], e.key, err)
	}
	e.in, e.out = srtpContext(t, theirs), srtpContext(t, e.key)
}

func srtpContext(t testing.TB, key []byte) *srtp.Context {
	t.Helper()
	c, err := srtp.CreateContext(key[:16], key[16:], srtp.ProtectionProfileAeadAes128Gcm)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// say sends a packet; hear is what comes back of it, nil if nothing does within a second.
func (e *earphone) say(seq uint16, what string) {
	t := e.l.t
	t.Helper()
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: seq, Timestamp: uint32(seq) * 160, SSRC: 99}, Payload: []byte(what)}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if e.out != nil {
		if b, err = e.out.EncryptRTP(nil, b, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.media.WriteTo(b, net.UDPAddrFromAddrPort(e.to)); err != nil {
		t.Fatal(err)
	}
}

func (e *earphone) hear() *rtp.Packet {
	t := e.l.t
	t.Helper()
	_ = e.media.SetReadDeadline(time.Now().Add(time.Second))
	b := make([]byte, 2000)
	n, _, err := e.media.ReadFrom(b)
	if err != nil {
		return nil
	}
	plain := b[:n]
	if e.in != nil {
		if plain, err = e.in.DecryptRTP(nil, plain, nil); err != nil {
			t.Fatalf("what came back: %v", err)
		}
	}
	var p rtp.Packet
	if err := p.Unmarshal(plain); err != nil {
		t.Fatal(err)
	}
	return &p
}

// Any account calls the echo and hears itself, over any transport.
func TestEcho(t *testing.T) {
	for name, transport := range map[string]string{"reception": "UDP", "office": "TLS", "milano": "TLS"} {
		simulate(t, always+"number \"*43\" { rings = echo }\n", func(l *lab) {
			e := l.earphone(name, transport)
			if name == "office" {
				e.number = "*43"
			}
			e.dial()
			for i := range 100 {
				e.say(uint16(65500+i), fmt.Sprint("hello ", i)) // over a wrap
				p := e.hear()
				if p == nil || string(p.Payload) != fmt.Sprint("hello ", i) || p.SSRC == 99 || p.PayloadType != 8 {
					t.Fatalf("%s said %d and heard %v", name, i, p)
				}
			}
			e.silent(20 * time.Second) // acknowledged: the 200 is not repeated
			bye := e.call.in("BYE")
			e.write(e.text(bye))
			e.response(200)
			e.say(200, "anybody there?")
			if p := e.hear(); p != nil {
				t.Errorf("after BYE: %v", p)
			}
			e.write(e.text(e.call.in("INFO")))
			e.response(481)
		})
	}
}

// An INVITE without an offer gets the echo's; the answer in the ACK is what holds. Without one that can be used, the
// call ends.
func TestEchoOffers(t *testing.T) {
	for _, usable := range []bool{true, false} {
		simulate(t, always, func(l *lab) {
			e := l.earphone("office", "TLS")
			e.ask(msg{method: "INVITE", uri: "sip:echo@" + domain, callID: "beyond", extra: "Require: foo"})
			e.response(420)
			e.ask(msg{method: "INVITE", uri: "sip:echo@" + domain, callID: "echo-" + e.name})
			res := e.response(200)
			sdp := string(res.Body())
			m := regexp.MustCompile(`(?s)c=IN IP4 (\S+)\r\n.*m=audio (\d+) RTP/SAVP .*?a=crypto:1 ` + gcm + ` inline:(\S+)\r\n`).FindStringSubmatch(sdp)
			if m == nil {
				t.Fatalf("offer: %s", sdp)
			}
			e.to = netip.MustParseAddrPort(m[1] + ":" + m[2])
			key, err := base64.StdEncoding.DecodeString(m[3])
			if err != nil {
				t.Fatal(err)
			}
			e.in, e.out = srtpContext(t, key), srtpContext(t, e.key)
			e.call = call{p: e.peer, callID: "echo-" + e.name, from: res.From().Value(), to: res.To().Value(), target: res.Contact().Address.String()}
			ack := e.call.in("ACK")
			ack.seq = int(res.CSeq().SeqNo)
			if ack.extra = "Content-Type: application/sdp"; usable {
				ack.body = e.accept()
			} else {
				ack.body = "v=0\r\nm=audio 0 RTP/SAVP 8\r\n"
			}
			e.write(e.text(ack))
			if !usable {
				bye, ok := e.final().(*sip.Request)
				if !ok || bye.Method != sip.BYE {
					t.Fatalf("got %v, want BYE", bye)
				}
				e.answer(bye, 200, "")
				return
			}
			e.silent(time.Second) // the ACK has arrived
			e.say(1, "hello")
			if p := e.hear(); p == nil || string(p.Payload) != "hello" {
				t.Errorf("heard %v", p)
			}
			e.write(e.text(e.call.in("BYE")))
			e.response(200)
		})
	}
}

// It ends after two minutes by itself, and says so.
func TestEchoEnds(t *testing.T) {
	simulate(t, always, func(l *lab) {
		e := l.earphone("reception", "TCP")
		e.dial()
		began := time.Now()
		e.silent(100 * time.Second)
		e.say(1, "still there")
		if e.hear() == nil {
			t.Error("nothing comes back after 100 s")
		}
		bye := e.request(sip.BYE)
		if d := time.Since(began).Round(time.Second); d != echoTime {
			t.Errorf("BYE after %v", d)
		}
		if bye.To().Params.GetOr("tag", "") != "reception-tag" || bye.Recipient.String() != e.contact {
			t.Errorf("BYE: %v", bye)
		}
		e.answer(bye, 200, "")
	})
}

// The 200 is repeated until it is acknowledged, and the call ended if it never is.
func TestEchoUnacknowledged(t *testing.T) {
	simulate(t, always, func(l *lab) {
		e := l.earphone("reception", "UDP")
		e.invite()
		began, repeats := time.Now(), 0
		for {
			m := e.next()
			if res, ok := m.(*sip.Response); ok {
				if res.StatusCode == 200 {
					repeats++
				}
				continue
			}
			bye, ok := m.(*sip.Request)
			if !ok || bye.Method != sip.BYE {
				t.Fatalf("got %v after %v and %d times 200", m, time.Since(began), repeats)
			}
			e.answer(bye, 200, "")
			break
		}
		if d := time.Since(began).Round(time.Second); d != dialog.GiveUp || repeats != 11 {
			t.Errorf("%d times 200, then BYE after %v", repeats, d)
		}
	})
}

// There are four places; the same account takes one, the newest call.
func TestEchoPlaces(t *testing.T) {
	plan := always
	for i := range 5 {
		plan += fmt.Sprintf("phone \"phone%d\" { security = \"none\" }\n", i)
	}
	simulate(t, plan, func(l *lab) {
		var all []*earphone
		for i := range 5 {
			all = append(all, l.earphone(fmt.Sprint("phone", i), "TCP"))
		}
		for _, e := range all[:4] {
			e.dial()
		}
		all[4].invite()
		all[4].response(486)
		again := l.earphone("phone0", "TCP")
		again.invite()
		for range 2 { // the 200, and the BYE of the call before: to where the account is registered now
			switch m := again.final().(type) {
			case *sip.Response:
				again.answered(m)
				again.call.ack()
			case *sip.Request:
				again.answer(m, 200, "")
			}
		}
		again.say(1, "hello")
		if again.hear() == nil {
			t.Error("the second call hears nothing")
		}
		all[1].say(1, "hello")
		if all[1].hear() == nil {
			t.Error("another account's call hears nothing")
		}
	})
}

// A phone may do without SRTP only if the plan says so.
func TestEchoPlain(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		plan := always
		if allowed {
			plan = strings.Replace(plan, `auth     = "sha256"`, `security = "none"`, 1)
		}
		simulate(t, plan, func(l *lab) {
			e := l.earphone("office", "TLS")
			offer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n", e.host, e.host)
			e.ask(msg{method: "INVITE", uri: "sip:echo@" + domain, callID: "plain", body: offer, extra: "Content-Type: application/sdp"})
			if !allowed {
				if res := e.response(488); !strings.Contains(res.Reason, "turn on SRTP") {
					t.Errorf("refused with %q", res.Reason)
				}
				return
			}
			sdp := string(e.response(200).Body())
			m := regexp.MustCompile(`m=audio (\d+) RTP/AVP 8\r\n`).FindStringSubmatch(sdp)
			if m == nil || strings.Contains(sdp, "crypto") {
				t.Fatalf("answer: %s", sdp)
			}
			to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.1:" + m[1]))
			b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SSRC: 1}, Payload: []byte("hello")}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			stranger, err := l.net.ListenPacket("10.0.9.9:4000")
			if err != nil {
				t.Fatal(err)
			}
			defer stranger.Close()
			for _, c := range []net.PacketConn{stranger, e.media} {
				_, _ = c.WriteTo(b, to)
				_ = c.SetReadDeadline(time.Now().Add(time.Second))
				back := make([]byte, 2000)
				n, _, err := c.ReadFrom(back)
				if heard := err == nil && string(back[12:n]) == "hello"; heard != (c == e.media) {
					t.Errorf("from %v: heard %v, %v", c.LocalAddr(), heard, err)
				}
			}
		})
	}
}

// A 2xx to a later INVITE is repeated, too, until its own ACK comes, and the call ended if that never does; the same request
// again gets the same answer over any transport, and one that asks for reliable provisional answers gets none.
// The ACK to a challenge within a call says nothing of the 2xx before it, whose ACK has the answer to our offer.
func TestEchoForeignAck(t *testing.T) {
	simulate(t, always, func(l *lab) {
		e := l.earphone("reception", "TCP")
		e.dial()
		e.ask(e.call.in("INVITE"))
		offered := e.response(200)
		e.ask(e.call.in("INVITE").with(e.offer())) // with an ACK to the 407
		for {
			if res := e.final().(*sip.Response); res.StatusCode != 200 { // that is our offer again
				if res.StatusCode != 491 {
					t.Errorf("an offer before the answer to ours: %d, want 491", res.StatusCode)
				}
				break
			}
		}
		ack := e.call.in("ACK").with(e.accept())
		ack.seq = int(offered.CSeq().SeqNo)
		e.write(e.text(ack))
		e.silent(time.Minute)
		e.ask(e.call.in("INVITE").with(e.offer()))
		e.response(200)
	})
}

// What the echo has not is refused within a call too.
func TestEchoHasNot(t *testing.T) {
	simulate(t, always, func(l *lab) {
		e := l.earphone("office", "TLS")
		e.dial()
		for _, c := range []struct {
			m      msg
			status int
		}{
			{e.call.in("SUBSCRIBE").plus("Event: talk"), 489},
			{e.call.in("PRACK").plus("RAck: 1 1 INVITE"), 481},
			{e.call.in("INVITE").with(e.offer()).plus("Content-Encoding: gzip"), 415},
			{e.call.in("INVITE").with(e.offer()).plus("e: Identity"), 200},
		} {
			e.ask(c.m)
			e.response(c.status)
		}
	})
}

func TestEchoReinviteUnacknowledged(t *testing.T) {
	for _, transport := range []string{"UDP", "TCP", "TLS"} {
		simulate(t, always, func(l *lab) {
			name := map[string]string{"TLS": "office"}[transport]
			if name == "" {
				name = "reception"
			}
			e := l.earphone(name, transport)
			e.dial()
			again := e.call.in("INVITE")
			again.extra, again.body = sdpHeader+"\nRequire: 100rel", e.offer()
			e.ask(again)
			first := e.response(200)
			early := e.call.in("ACK")
			early.seq = 1 // of another INVITE
			e.write(e.text(early))
			for range 3 {
				if m, ok := e.final().(*sip.Response); !ok || m.String() != first.String() {
					t.Fatalf("%s: got %v, want the 2xx again", transport, m)
				}
			}
			ack := e.call.in("ACK")
			ack.seq = int(first.CSeq().SeqNo)
			e.write(e.text(ack))
			e.silent(time.Minute)

			e.ask(e.call.in("INVITE").with(e.offer()))
			began, repeats := time.Now(), 0
			for {
				if m, ok := e.final().(*sip.Request); ok {
					e.answer(m, 200, "")
					break
				}
				repeats++
			}
			if d := time.Since(began).Round(time.Second); d != dialog.GiveUp || repeats != 11 {
				t.Errorf("%s: %d times 200, then BYE after %v", transport, repeats, d)
			}
		})
	}
}

// What an offer or a request of the echo has wrong is said in a Warning to whoever has authenticated, and to nobody else.
func TestWarning(t *testing.T) {
	simulate(t, always, func(l *lab) {
		office, milano := l.join("office", "TLS"), l.join("milano", "TLS")
		plain := "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n"
		for _, c := range []struct {
			from *peer
			m    msg
			want string
		}{
			{office, msg{uri: "echo"}.with(plain), "488 session description not acceptable: audio: no acceptable key: no a=crypto line, and plain RTP is not allowed: turn on SRTP with SDES keys"},
			{office, msg{uri: "potsdam"}.with(plain), "403 office may not dial potsdam"},
			{office, msg{uri: "milano"}.with(plain), "480 Not registered"},
			{milano, msg{uri: "nobody"}.with(plain), "404 nothing has the name or number nobody"},
		} {
			c.m.method, c.m.callID, c.m.uri = "INVITE", "warn-"+c.m.uri, "sip:"+c.m.uri+"@"+domain
			c.from.write(c.from.text(c.m))
			if h := c.from.response(407).GetHeader("Warning"); h != nil {
				t.Errorf("a stranger is told %v", h)
			}
			c.m.callID += "-again"
			c.from.ask(c.m)
			res, ok := c.from.nextFinal().(*sip.Response)
			if !ok || res.GetHeader("Warning") == nil {
				t.Fatalf("got %v, want a Warning", res)
			}
			status, text, _ := strings.Cut(c.want, " ")
			if want := "399 " + domain + ` "` + text + `"`; fmt.Sprint(res.StatusCode) != status || res.GetHeader("Warning").Value() != want {
				t.Errorf("%s: %d, %s, want %s", c.m.uri, res.StatusCode, res.GetHeader("Warning"), want)
			}
		}
	})
}

// Holding, and going on; a request without an offer gets ours; one with the secret of another changes nothing.
func TestEchoHold(t *testing.T) {
	simulate(t, always, func(l *lab) {
		e := l.earphone("reception", "TCP")
		e.dial()
		for i, hold := range []bool{true, false} {
			m := e.call.in("INVITE")
			m.extra, m.body = "Content-Type: application/sdp", e.offer()
			if hold {
				m.body += "a=sendonly\r\n"
			}
			e.ask(m)
			res := e.response(200)
			if got := strings.Contains(string(res.Body()), "a=recvonly"); got != hold {
				t.Errorf("hold %v: answer %s", hold, res.Body())
			}
			e.call.ack()
			e.say(uint16(10+i), "hello")
			if heard := e.hear() != nil; heard == hold {
				t.Errorf("hold %v: heard %v", hold, heard)
			}
		}
		e.ask(e.call.in("INVITE")) // wants to hear our offer, and answers it in the ACK
		if offer := string(e.response(200).Body()); !strings.Contains(offer, "m=audio ") {
			t.Errorf("offer: %s", offer)
		}
		ack := e.call.in("ACK")
		ack.seq = e.seq
		ack.extra, ack.body = "Content-Type: application/sdp", e.accept()
		e.write(e.text(ack))
		e.say(15, "hello")
		if e.hear() == nil {
			t.Error("nothing comes back after an answer in an ACK")
		}
		fax := e.call.in("INVITE")
		fax.extra, fax.body = "Content-Type: multipart/mixed;boundary=b", "--b--"
		e.ask(fax)
		e.response(415)
		beyond := e.call.in("INVITE")
		beyond.extra, beyond.body = "Require: foo\nContent-Type: application/sdp", e.offer()
		e.ask(beyond)
		if res := e.response(420); res.GetHeader("Unsupported").Value() != "foo" {
			t.Errorf("Unsupported: %v", res.GetHeader("Unsupported"))
		}
		e.ask(e.call.in("OPTIONS"))
		e.response(200)
		old := e.call.in("INVITE")
		old.seq, old.extra, old.body = 1, "Content-Type: application/sdp", e.offer()
		e.ask(old)
		e.response(500)
		thief := l.join("office", "TCP")
		m := e.call.in("INVITE")
		m.seq, m.extra, m.body = 1000, "Content-Type: application/sdp", e.offer()
		thief.write(thief.text(m))
		thief.response(407)
		e.ask(e.call.in("INFO")) // is not out of order now
		e.response(200)
		e.say(20, "hello")
		if e.hear() == nil {
			t.Error("nothing comes back any more")
		}
	})
}
