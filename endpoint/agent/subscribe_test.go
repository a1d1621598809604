package agent

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"

	"ewindow/dialplan/programme"
)

func TestSubscription(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		var sub *sip.Request
		l.set(func() { sub = l.sub })
		if e := header.First(sub, "Event"); e != `ua-profile;profile-type="user"` || header.First(sub, "Accept") != programme.ContentType+";version=1" {
			t.Errorf("%s", sub)
		}
		ln := l.current()
		ln.notify(sub, 2, "active;expires=3000", "edited")
		if p := expect[Programme](l); string(p.Body) != "edited" {
			t.Errorf("%q", p.Body)
		}
		ln.notify(sub, 1, "active", "overtaken") // answered, and old news
		l.quiet(time.Minute)
		time.Sleep(3 * time.Hour)
		var last *sip.Request
		l.set(func() { last = l.sub })
		if last.CallID().Value() != sub.CallID().Value() || header.ToTag(last) != "notifier" || last.CSeq().SeqNo <= sub.CSeq().SeqNo {
			t.Errorf("refresh: %s", last)
		}
		for len(l.events) > 0 { // the notifier's answers to refreshes begin their count anew and are old news
			t.Errorf("%+v", <-l.events)
		}
	})
}

func TestSubscriptionOfSomebodyElse(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		var sub *sip.Request
		l.set(func() { sub = l.sub })
		h := func(k, v string) map[string]string {
			m := map[string]string{
				"From": "<sip:milano@" + domain + ">;tag=notifier", "To": header.First(sub, "From"), "Call-ID": header.First(sub, "Call-ID"),
				"CSeq": "9 NOTIFY", "Event": "ua-profile", "Subscription-State": "active", "Content-Type": programme.ContentType,
			}
			m[k] = v
			return m
		}
		for code, m := range map[int][]map[string]string{
			481: {h("Call-ID", "other"), h("To", "<sip:milano@"+domain+">;tag=other"), h("From", "<sip:milano@"+domain+">;tag=other")},
			489: {h("Event", "presence")},
			400: {h("Subscription-State", "-")},
		} {
			for _, headers := range m {
				l.send(request("NOTIFY", l.agent.contact.String(), headers, "evil"))
				l.answers(code)
			}
		}
		l.quiet(time.Minute)
	})
}

func TestResubscribes(t *testing.T) {
	for state, want := range map[string][2]time.Duration{
		"terminated;reason=deactivated":               {0, 2 * time.Second},
		"terminated;reason=timeout":                   {0, 2 * time.Second},
		"terminated;reason=probation;retry-after=15":  {15 * time.Second, 16 * time.Second},
		"Terminated;reason=noresource":                {backoffMost, backoffMost + time.Second},
		"terminated;reason=giveup;retry-after=100000": {backoffMost, backoffMost + time.Second},
	} {
		t.Run(state, func(t *testing.T) {
			simulate(t, func(t *testing.T, l *lab) {
				var sub *sip.Request
				l.set(func() { sub = l.sub })
				begun := time.Now()
				l.current().notify(sub, 2, state, "")
				if p := expect[Programme](l); string(p.Body) != "the plan" {
					t.Errorf("%q", p.Body)
				}
				if took := time.Since(begun); took < want[0] || took > want[1] {
					t.Errorf("subscribed anew after %v, want %v", took, want)
				}
				var again *sip.Request
				l.set(func() { again = l.sub })
				if again.CallID().Value() == sub.CallID().Value() {
					t.Error("in the dialog that was over")
				}
			})
		})
	}
}

func TestSubscribeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		tries := 0
		l.set(func() {
			l.override = func(ln *line, req *sip.Request) bool {
				if req.Method != sip.SUBSCRIBE {
					return false
				}
				tries++
				code := map[int]int{1: 503, 2: 404, 3: 489}[tries]
				if code == 0 {
					return false
				}
				ln.write(sip.NewResponseFromRequest(req, code, "No", nil).String())
				return true
			}
		})
		l.start()
		begun := time.Now()
		l.online()
		if took := time.Since(begun); took < backoffMost || took > 45*time.Second {
			t.Errorf("subscribed after %v", took)
		}
	})
}

// A 200 without NOTIFY is no subscription (RFC 6665 §4.1.2.4).
func TestNoNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		n := 0
		l.set(func() {
			l.override = func(ln *line, req *sip.Request) bool {
				if req.Method != sip.SUBSCRIBE || !l.knows(req) {
					return false
				}
				if n++; n > 1 {
					return false
				}
				res := sip.NewResponseFromRequest(req, 200, "OK", nil)
				res.AppendHeader(sip.NewHeader("Expires", "3600"))
				ln.write(res.String())
				return true
			}
		})
		l.start()
		begun := time.Now()
		l.online()
		if took := time.Since(begun); took < dialog.GiveUp || took > dialog.GiveUp+2*time.Second {
			t.Errorf("subscribed anew after %v", took)
		}
	})
}

func TestProgrammeTypeOnly(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		var sub *sip.Request
		l.set(func() { sub = l.sub })
		text := request("NOTIFY", l.agent.contact.String(), map[string]string{
			"From": "<sip:milano@" + domain + ">;tag=notifier", "To": header.First(sub, "From"), "Call-ID": header.First(sub, "Call-ID"),
			"CSeq": "2 NOTIFY", "Event": "ua-profile", "Subscription-State": "active", "Content-Type": "text/html",
		}, "<html>")
		l.send(strings.Replace(text, "Event:", "o:", 1)) // compact form
		l.quiet(time.Minute)
	})
}
