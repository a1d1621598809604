package proxy

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Whatever comes from strangers, each line that they cause says so, and there are five a minute at most.
func TestStrangersLog(t *testing.T) {
	simulate(t, withKeys, func(l *lab) {
		milano := l.join("milano", "TLS")
		milano.register()
		before := strings.Count(l.log.String(), "\n")
		began := time.Now()
		for i := range 120 {
			for _, transport := range []string{"UDP", "TCP", "TLS"} {
				p := l.join("reception", transport)
				for n, m := range []msg{
					{method: "REGISTER", uri: "sip:" + domain}, {method: "INVITE", uri: "sip:milano@" + domain}, {method: "SUBSCRIBE", uri: "sip:" + domain, extra: "Event: ua-profile"},
					{method: "OPTIONS", uri: "sip:" + domain},
				} {
					m.callID = fmt.Sprint(i, transport, n)
					p.write(p.text(m))
					if res := p.challenged(); res != nil {
						m.extra += "\n" + p.credentials(m, res, "wrong")
						p.write(p.text(m))
						p.challenged()
					}
				}
				p.write(p.text(msg{method: "INVITE", uri: "sip:milano@" + domain, callID: "keys" + itoa(i)}.with(keyedSDP)))
				for _, m := range []string{"BYE", "CANCEL", "ACK", "INFO", "MESSAGE", "NONSENSE", "PRACK"} {
					p.write(p.text(msg{method: m, uri: "sip:milano@" + domain, callID: m + itoa(i)}))
				}
				p.raw("SIP/2.0 200 OK\r\n\r\n")
				_, _ = p.send([]byte("\x00 noise \r\n\r\n"))
				if p.conn != nil {
					p.hangUp()
				}
			}
			time.Sleep(time.Second)
		}
		minutes := int(time.Since(began)/time.Minute) + 1
		time.Sleep(time.Second)
		lines := strings.Split(strings.TrimSpace(l.log.String()), "\n")[before:]
		for _, line := range lines {
			if !strings.Contains(line, " block=10.0.") && !strings.Contains(line, " by=strangers ") {
				t.Errorf("a stranger caused a line that does not say so: %s", line)
			}
		}
		if len(lines) < 2 || len(lines) > 5*minutes {
			t.Errorf("%d lines in %d minutes:\n%s", len(lines), minutes, strings.Join(lines, "\n"))
		}
	})
}

// A phone that does not get as far as SIP is in the log, with why; thousands of them are a few lines, and leave room for one
// that is elsewhere.
func TestFailedHandshakesLog(t *testing.T) {
	secure := func(c *Config) { c.TLS = &tls.Config{Certificates: []tls.Certificate{{}}} }
	simulateConfig(t, always, secure, func(l *lab) {
		try := func(from string, text string) {
			c, err := l.net.Dial(l.t.Context(), netip.MustParseAddr(from), "10.0.0.1:5061")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write([]byte(text))
			time.Sleep(100 * time.Millisecond)
			_ = c.Close()
		}
		began := time.Now()
		for i := range 2000 {
			from := fmt.Sprintf("10.0.9.%d", 1+i%200)
			try(from, "") // looks whether the port is open
			try(from, "REGISTER sip:reg.example.org SIP/2.0\r\n")
		}
		try("10.0.7.7", "GET / HTTP/1.1\r\n")
		minutes := int(time.Since(began)/time.Minute) + 1
		time.Sleep(time.Minute)
		text := l.log.String()
		lines := strings.Split(strings.TrimSpace(text), "\n")
		if len(lines) > 5*minutes {
			t.Errorf("%d lines in %d minutes", len(lines), minutes)
		}
		for _, want := range []string{
			`level=INFO msg="TLS handshake failed" peer=10.0.9.1:`,
			` transport=TLS reason="the peer does not speak TLS: it speaks SIP in clear; let it use TLS, or the port for TCP" err="tls: first record does not look like a TLS handshake" block=10.0.9.0/24`,
			`reason="the peer does not speak TLS: it speaks HTTP" err="tls: first record does not look like a TLS handshake" block=10.0.7.0/24`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("not in the log: %s\n%s", want, text)
			}
		}
		if strings.Contains(text, "without a word") {
			t.Error("who looks whether the port is open is in the log")
		}
	})
}

// challenged is the next challenge, or nil if the answer is another one.
func (p *peer) challenged() *sip.Response {
	for {
		res, ok := p.next().(*sip.Response)
		switch {
		case !ok || res.StatusCode == 401 || res.StatusCode == 407:
			return res
		case res.StatusCode > 100:
			return nil
		}
	}
}
