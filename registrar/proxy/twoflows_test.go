package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// twoFlows is a window with a flow of each reg-id (RFC 5626 §4.2), the second registered last.
func (l *lab) twoFlows(name string) (first, second *peer) {
	l.t.Helper()
	first, second = l.join(name, "TLS"), l.join(name, "TLS")
	for i, p := range []*peer{first, second} {
		p.contact += fmt.Sprintf(`>;+sip.instance="<urn:uuid:00000000-0000-4000-8000-000000000001>";reg-id=%d;x="<`, i+1) // ends in the writer's ">"
		time.Sleep(time.Second)
		p.register()
	}
	return first, second
}

// An INVITE goes by one flow of a window at a time (RFC 5626 §5.3): by the next one when the first fails, or answers nothing at all,
// and never by both while one answers.
func TestForkOverFlows(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(first, second *peer, invite *sip.Request) // to the one that got the INVITE first
		within    time.Duration                                  // until the other one gets it; 0: it never does
	}{
		"its connection ends": {func(_, second *peer, _ *sip.Request) { second.hangUp() }, time.Second},
		"it says 430":         {func(_, second *peer, r *sip.Request) { second.answer(r, 430, "") }, time.Second},
		"it says nothing":     {func(*peer, *peer, *sip.Request) {}, hush + time.Second},
		"it rings":            {func(_, second *peer, r *sip.Request) { second.answer(r, 180, "") }, 0},
		"it tries":            {func(_, second *peer, r *sip.Request) { second.answer(r, 100, "") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, always, func(l *lab) {
				milano := l.join("milano", "TLS")
				milano.register()
				first, second := l.twoFlows("munich")
				milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "c"})
				invite := second.request(sip.INVITE)
				c.meanwhile(first, second, invite)
				begun := time.Now()
				if c.within == 0 {
					if name == "it rings" {
						milano.response(180)
					}
					first.silent(10 * time.Second)
					second.answer(invite, 486, "")
					milano.response(486)
					return
				}
				again := first.request(sip.INVITE)
				if took := time.Since(begun); took > c.within {
					t.Errorf("by the next flow after %v", took)
				}
				first.answer(again, 486, "")
				milano.response(486)
				if took := time.Since(begun); took > c.within+time.Second {
					t.Errorf("the caller heard after %v", took)
				}
			})
		})
	}
}

// Where every flow has failed the caller hears so; a phone's other device is not called for one that fails.
func TestForkWithoutFlows(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, old := l.join("milano", "TLS"), l.join("munich", "TLS")
		milano.register()
		old.register() // another device
		first, second := l.twoFlows("munich")
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "c"})
		second.request(sip.INVITE)
		second.hangUp()
		first.request(sip.INVITE)
		first.hangUp()
		milano.response(430)
		old.silent(time.Second)
	})
}

// What follows in a call goes by a flow that lives, and a request whose flow ends under way by the other one; so do NOTIFYs.
func TestDialogOverFlows(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano := l.join("milano", "TLS")
		milano.register()
		first, second := l.twoFlows("munich")
		first.ask(first.sub(3600))
		first.response(200)
		second.answer(second.request(sip.NOTIFY), 200, "")
		caller, _ := milano.call(second, "sip:munich@"+domain)
		caller.ack()
		second.request(sip.ACK)
		milano.ask(caller.in("INFO"))
		second.request(sip.INFO)
		second.hangUp()
		first.answer(first.request(sip.INFO), 200, "")
		milano.response(200)
		l.server.SetPlan(parsePlan(t, strings.Replace(always, `link "the long window"`, `link "renamed"`, 1)))
		first.answer(first.request(sip.NOTIFY), 200, "")
		milano.write(milano.text(caller.in("BYE")))
		first.answer(first.request(sip.BYE), 200, "")
		milano.response(200)
	})
}
