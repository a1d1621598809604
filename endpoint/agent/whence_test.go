package agent

import (
	"context"
	"net/netip"
	"testing"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// A call knows where the other side's latest offer or answer came from. The same offer from elsewhere is news.
func TestWhence(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		at := func(from string) []string {
			return []string{header.FlowName, from + ";to=198.51.100.9"}
		}
		comes := func(c *Call, when, want string) {
			t.Helper()
			if theirs, ours := c.Whence(); theirs != netip.MustParseAddr(want) || ours != netip.MustParseAddr("198.51.100.9") {
				t.Errorf("%s: from %v to %v, want %s", when, theirs, ours, want)
			}
		}
		c, res := l.answered(at("203.0.113.7")...)
		comes(c, "INVITE", "203.0.113.7")
		seq := 1
		for _, move := range []struct {
			method sip.RequestMethod
			from   string
		}{{sip.INVITE, "203.0.113.8"}, {sip.UPDATE, "203.0.113.9"}} {
			seq++
			l.send(l.within(res, string(move.method), seq, offer1, at(move.from)...))
			re := expect[Reoffer](l)
			comes(c, string(move.method), move.from)
			if err := re.Answer([]byte(answer1)); err != nil {
				t.Fatal(err)
			}
			l.answers(200)
			if move.method == sip.INVITE {
				l.send(l.within(res, "ACK", seq, ""))
			}
			seq++
			l.send(l.within(res, "UPDATE", seq, offer1, at(move.from)...)) // nothing new
			l.answers(200)
		}
		l.send(l.within(res, "INVITE", 12, "", at("203.0.113.10")...))
		re := expect[Reoffer](l)
		if err := re.Answer([]byte(answer1)); err != nil {
			t.Fatal(err)
		}
		l.answers(200)
		l.send(l.within(res, "ACK", 12, offer2, at("203.0.113.11")...))
		expect[LateAnswer](l)
		comes(c, "ACK", "203.0.113.11")
		again := async(func() error { _, err := c.Reinvite(context.Background(), []byte(offer1)); return err })
		l.reply(l.gets(sip.INVITE), 200, "", answer2, at("203.0.113.12")...)
		l.gets(sip.ACK)
		if err := <-again; err != nil {
			t.Fatal(err)
		}
		comes(c, "our re-INVITE's answer", "203.0.113.12")
		if theirs, _ := func() (netip.Addr, netip.Addr) { _, in := l.rings(offer1, "Call-ID", "other"); return in.Call.Whence() }(); theirs.IsValid() {
			t.Errorf("without the header a call comes from %v", theirs)
		}
	})
}
