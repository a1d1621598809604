package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// bareRequest is as short as a request can be: those of real phones are longer. Edits replace parts of it.
func bareRequest(method, user, at string, edits ...string) string {
	text := fmt.Sprintf("%[1]s sip:%[3]s SIP/2.0\nVia: SIP/2.0/UDP %[4]s;branch=z9hG4bK1;rport\nFrom: <sip:%[2]s@%[3]s>;tag=1\n"+
		"To: <sip:%[2]s@%[3]s>\nCall-ID: 1\nCSeq: 1 %[1]s\nMax-Forwards: 70\nContact: <sip:%[2]s@%[4]s>\nContent-Length: 0\n\n",
		method, user, domain, at)
	return strings.ReplaceAll(strings.NewReplacer(edits...).Replace(text), "\n", "\r\n")
}

// bareRequests are what strangers may send.
func bareRequests(at string) map[string]string {
	digest := "Authorization: Digest username=\"bar\", realm=\"" + domain + "\", nonce=\"x\", uri=\"sip:" + domain + "\", " +
		"response=\"d41d8cd98f00b204e9800998ecf8427e\", cnonce=\"1\", nc=00000001, qop=auth, algorithm=MD5\n"
	const end = "Content-Length"
	return map[string]string{
		"REGISTER":              bareRequest("REGISTER", "bar", at),
		"REGISTER of a window":  bareRequest("REGISTER", "milano", at),
		"wrong secret":          bareRequest("REGISTER", "bar", at, end, digest+end),
		"malformed credentials": bareRequest("REGISTER", "bar", at, end, "Authorization: Digest realm=\""+domain+"\"\n"+end),
		"without rport":         bareRequest("REGISTER", "bar", at, ";rport", ""),
		"somebody else in Via":  bareRequest("REGISTER", "bar", at, "UDP "+at, "UDP x"),
		"INVITE":                bareRequest("INVITE", "bar", at),
		"INVITE of a window":    bareRequest("INVITE", "milano", at),
		"an unknown option":     bareRequest("INVITE", "bar", at, end, "Proxy-Require: x\n"+end),
		"keys":                  bareRequest("INVITE", "bar", at, end+": 0\n\n", end+": 24\n\na=crypto:1 AES inline:x\r"),
		"OPTIONS":               bareRequest("OPTIONS", "bar", at),
		"SUBSCRIBE":             bareRequest("SUBSCRIBE", "milano", at, end, "Event: ua-profile\n"+end),
		"an unknown event":      bareRequest("SUBSCRIBE", "milano", at, end, "Event: x\n"+end),
		"an unknown method":     bareRequest("NONSENSE", "bar", at),
		"BYE":                   bareRequest("BYE", "bar", at, "\nCall-ID", ";tag=2\nCall-ID"),
		"CANCEL":                bareRequest("CANCEL", "bar", at),
		"without Max-Forwards":  bareRequest("OPTIONS", "bar", at, "Max-Forwards: 70\n", ""),
		"without CSeq":          bareRequest("OPTIONS", "bar", at, "CSeq: 1 OPTIONS\n", ""),
		"no SIP URI":            bareRequest("OPTIONS", "bar", at, "OPTIONS sip", "OPTIONS tel"),
		"another version":       bareRequest("OPTIONS", "bar", at, "SIP/2.0\nVia", "SIP/3.0\nVia"),
	}
}

// A stranger has one answer to each datagram over UDP, and that is not much longer: nobody is shot at over us.
func TestAnswersToStrangers(t *testing.T) {
	for name := range bareRequests("") {
		t.Run(name, func(t *testing.T) {
			simulate(t, always, func(l *lab) {
				p := l.join("bar", "UDP")
				request := bareRequests(p.host.String() + ":5060")[name]
				got := p.listen(func() { p.raw(request) }, 40*time.Second)
				if len(got) == 1 {
					t.Logf("%d bytes, answered with %d: %.40q", len(request), len(got[0]), got[0])
				}
				switch {
				case len(got) != 1:
					t.Errorf("%d answers, want one: %q", len(got), got)
				case len(got[0]) > len(request)+200:
					t.Errorf("%d bytes for %d:\n%s", len(got[0]), len(request), got[0])
				}
			})
		})
	}
}

// listen returns what arrives within d of doing something.
func (p *peer) listen(do func(), d time.Duration) (got []string) {
	do()
	for end := time.After(d); ; {
		select {
		case m := <-p.inbox:
			got = append(got, m.String())
		case <-end:
			return got
		}
	}
}

// Who floods a block with answers, by forging its addresses, is soon answered with silence. The phones there that have
// authenticated are not affected, and neither are others.
func TestAnswersHaveABudget(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, phone := l.join("milano", "TLS"), l.join("reception", "UDP")
		milano.register()
		phone.register()
		received := 0
		for i := range 20 {
			forged := netip.AddrFrom4([4]byte{10, 0, 1, byte(200 + i)})
			c, err := l.net.ListenPacket(netip.AddrPortFrom(forged, 5060).String())
			if err != nil {
				l.t.Fatal(err)
			}
			l.t.Cleanup(func() { _ = c.Close() })
			go func() {
				b := make([]byte, 65535)
				for {
					n, _, err := c.ReadFrom(b)
					if err != nil {
						return
					}
					received += n
				}
			}()
			for j := range 100 {
				text := bareRequest("REGISTER", "bar", forged.String()+":5060", "z9hG4bK1", fmt.Sprint("z9hG4bK", j))
				_, _ = c.WriteTo([]byte(text), net.UDPAddrFromAddrPort(netip.AddrPortFrom(serverHost, 5060)))
			}
			time.Sleep(100 * time.Millisecond)
			phone.register()
		}
		if received > 256<<10+3*16<<10+20*(4<<10+3*256) || received < 100_000 {
			l.t.Errorf("%d bytes of answers", received)
		}
		phone.ask(msg{method: "INVITE", uri: "sip:milano@" + domain, callID: "still well"})
		req := milano.request("INVITE")
		milano.answer(req, 180, "")
		phone.response(180)
		milano.answer(req, 200, "")
		phone.response(200)
		l.join("stranger", "UDP").register() // next door, for the first time
		l.hosts += 256
		elsewhere := l.join("office", "UDP")
		elsewhere.register()
	})
}
