package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

const fragment = "m=audio 9 RTP/AVP 0\r\na=mid:audio\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=end-of-candidates\r\n"

// Who takes candidates later says so with a tag and the package (RFC 8840 §4.1, RFC 6086 §4); one of them is not enough.
func TestTrickles(t *testing.T) {
	for name, test := range map[string]struct {
		headers []string
		want    bool
	}{
		"both":          {[]string{"Supported", "timer, Trickle-ICE", "Recv-Info", "x, trickle-ice"}, true},
		"the tag alone": {[]string{"Supported", "trickle-ice"}, false},
		"the package":   {[]string{"Recv-Info", "trickle-ice"}, false},
		"neither":       {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, l *lab) {
				asked := make(chan bool, 1)
				go func() { asked <- l.agent.Trickles(t.Context(), "munich") }()
				options := l.gets(sip.OPTIONS)
				if options.Recipient.User != "munich" || !header.Lists(options, "Supported", "trickle-ice") {
					t.Errorf("%s", options)
				}
				l.reply(options, 200, "far", "", test.headers...)
				if got := <-asked; got != test.want {
					t.Errorf("asked: %v", got)
				}
				done := l.invite(t.Context())
				invite := l.gets(sip.INVITE)
				if !takesTrickle(invite) {
					t.Errorf("our INVITE does not say that we do: %s", invite)
				}
				l.reply(invite, 200, "far", answer1, test.headers...)
				l.gets(sip.ACK)
				if d := <-done; d.err != nil || d.call.Trickles() != test.want {
					t.Errorf("%v; of the answer: %v", d.err, !test.want)
				}
				ours, res := l.answered(test.headers...)
				if ours.Trickles() != test.want || !takesTrickle(res) {
					t.Errorf("of the offer: %v; we answer %s", ours.Trickles(), res)
				}
				l.send(request("OPTIONS", l.agent.contact.String(), nil, ""))
				if res := l.answers(200); !takesTrickle(res) {
					t.Errorf("whoever asks is told %s", res)
				}
			})
		})
	}
}

// Whoever is not there, says no or nothing, does not.
func TestTricklesRefused(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		asked := make(chan bool, 1)
		ask := func(ctx context.Context) { asked <- l.agent.Trickles(ctx, "munich") }
		go ask(t.Context())
		l.reply(l.gets(sip.OPTIONS), 480, "", "", "Supported", "trickle-ice", "Recv-Info", "trickle-ice")
		if <-asked {
			t.Error("480 is a yes")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		go ask(ctx)
		l.gets(sip.OPTIONS)
		if <-asked || time.Since(begun) != time.Second {
			t.Errorf("no answer is a yes, or was waited for %v", time.Since(begun))
		}
	})
}

// Candidates go out and come within a call, as they are.
func TestTrickle(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c, res := l.answered("Supported", "trickle-ice", "Recv-Info", "trickle-ice")
		done := async(func() error { return c.Trickle(t.Context(), []byte(fragment)) })
		info := l.gets(sip.INFO)
		for name, want := range map[string]string{"Info-Package": "trickle-ice", "Content-Type": header.TrickleType, "Content-Disposition": "Info-Package"} {
			if got := header.First(info, name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		if string(info.Body()) != fragment {
			t.Errorf("%q", info.Body())
		}
		l.reply(info, 469, "", "")
		var status *StatusError
		if err := <-done; !errors.As(err, &status) || status.Code != 469 || c.isOver() {
			t.Errorf("%v, over: %v", err, c.isOver())
		}

		l.send(l.within(res, "INFO", 2, fragment, "Content-Type", header.TrickleType, "Info-Package", "trickle-ice"))
		l.answers(200)
		if e := expect[Info](l); e.Call != c || e.ContentType != header.TrickleType || string(e.Body) != fragment {
			t.Errorf("%+v", e)
		}
		l.send(l.within(res, "INFO", 3, "x", "Content-Type", "application/x", "Info-Package", "weather"))
		if r := l.answers(469); header.First(r, "Recv-Info") != "trickle-ice" || !strings.Contains(header.First(r, "Warning"), "weather") {
			t.Errorf("%s", r)
		}
		l.send(l.within(res, "INFO", 4, strings.Repeat("a=candidate:x\r\n", 3000), "Content-Type", header.TrickleType, "Info-Package", "trickle-ice"))
		if r := l.answers(413); !strings.Contains(header.First(r, "Warning"), "at most 32768 are read") {
			t.Errorf("%s", r)
		}
		for i := range 2 * maxQueue { // nobody reads them
			l.send(l.within(res, "INFO", 5+i, fragment, "Content-Type", header.TrickleType, "Info-Package", "trickle-ice"))
		}
		l.send(l.within(res, "BYE", 1000, ""))
		time.Sleep(time.Second)
	})
}
