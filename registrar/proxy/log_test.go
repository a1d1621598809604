package proxy

import (
	"fmt"
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
