package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	desks = always + `
phone "caller" {
  may_dial = [desks, desk1, desk2]
  security = "none"
}
phone "desk1" { security = "sdes" }
phone "desk2" { security = "none" }
phone "desk3" { security = "none" }
number "302" {
  rings = desk1
  busy  = desk2
}
number "301" { rings = desks }
group "desks" {
  members = [desk1, desk2, desk3]
`
	firstFree = desks + "  ring = first\n}\n"
	allAtOnce = desks + "  ring = all\n}\n"
)

// group registers a caller and three phones, which 301 leads to.
func (l *lab) group() (caller *peer, members [3]*peer) {
	l.t.Helper()
	l.addAccount("caller")
	caller = l.join("caller", "UDP")
	caller.register()
	for i := range members {
		name := fmt.Sprint("desk", i+1)
		l.addAccount(name)
		members[i] = l.join(name, []string{"TLS", "TCP", "UDP"}[i])
		members[i].register()
	}
	return caller, members
}

var to301 = msg{method: "INVITE", uri: "sip:301@" + domain, callID: "g", body: "v=0\n", extra: "Content-Type: application/sdp"}

// refuse answers an INVITE with an error, and takes the ACK.
func (p *peer) refuse(req *sip.Request, status int) {
	p.l.t.Helper()
	p.answer(req, status, "")
	p.request(sip.ACK)
}

// acknowledge sends the ACK to a final answer other than 2xx.
func (p *peer) acknowledge(m msg, res *sip.Response) {
	p.write(p.text(msg{method: "ACK", uri: m.uri, to: res.To().Value(), callID: m.callID, seq: int(res.CSeq().SeqNo),
		branch: res.Via().Params.GetOr("branch", "")}))
}

// One after the other: who is busy, away or does not answer is passed over; the first who answers has the call.
func TestFirstFree(t *testing.T) {
	for _, status := range []int{486, 480, 408, 430, 404, 503} {
		simulate(t, firstFree, func(l *lab) {
			caller, m := l.group()
			caller.ask(to301)
			first := m[0].request(sip.INVITE)
			m[1].silent(5 * time.Second)
			m[0].refuse(first, status)
			second := m[1].request(sip.INVITE)
			if a, b := first.Via().Params.GetOr("branch", "a"), second.Via().Params.GetOr("branch", "b"); a == b {
				t.Errorf("both have the branch %s", a)
			}
			if rr := second.GetHeaders("Record-Route"); len(rr) != 2 || len(second.GetHeaders("Via")) != 2 {
				t.Errorf("the second INVITE: %v", second)
			}
			m[1].answer(second, 180, "")
			caller.response(180)
			m[1].answer(second, 200, "")
			res := caller.response(200)
			if tag := res.To().Params.GetOr("tag", ""); tag != "desk2-tag" {
				t.Errorf("%d: answered by %s", status, tag)
			}
			m[2].silent(time.Minute)
		})
	}
}

// 20 s without an answer: the next one's turn, and the first stops ringing.
func TestNoAnswer(t *testing.T) {
	simulate(t, firstFree, func(l *lab) {
		caller, m := l.group()
		caller.ask(to301)
		first := m[0].request(sip.INVITE)
		m[0].answer(first, 180, "")
		began := time.Now()
		second := m[1].request(sip.INVITE)
		if d := time.Since(began).Round(time.Second); d != ringTime {
			t.Errorf("the second rings after %v", d)
		}
		cancel := m[0].request(sip.CANCEL)
		if got, want := cancel.Via().Value(), first.Via().Value(); got != want {
			t.Errorf("CANCEL has the Via %s, the INVITE %s", got, want)
		}
		m[0].answer(cancel, 200, "")
		m[0].refuse(first, 487)
		m[1].answer(second, 200, "")
		if tag := caller.response(180).To().Params.GetOr("tag", ""); tag != "desk1-tag" {
			t.Errorf("180 of %s", tag)
		}
		if tag := caller.response(200).To().Params.GetOr("tag", ""); tag != "desk2-tag" {
			t.Errorf("200 of %s", tag)
		}
		m[2].silent(time.Minute)
	})
}

// Answered just as the turn goes to the next: the answer counts, and the next stops ringing.
func TestAnsweredAfterTurn(t *testing.T) {
	simulate(t, firstFree, func(l *lab) {
		caller, m := l.group()
		caller.ask(to301)
		first := m[0].request(sip.INVITE)
		m[0].answer(first, 180, "")
		second := m[1].request(sip.INVITE)
		m[1].answer(second, 180, "")
		caller.response(180)
		caller.response(180)
		m[0].request(sip.CANCEL)
		m[0].answer(first, 200, "")
		if tag := caller.response(200).To().Params.GetOr("tag", ""); tag != "desk1-tag" {
			t.Errorf("200 of %s", tag)
		}
		m[1].answer(m[1].request(sip.CANCEL), 200, "")
		m[1].refuse(second, 487)
		m[2].silent(time.Minute)
	})
}

// All at once: the first who answers has the call, the others stop ringing.
func TestAll(t *testing.T) {
	simulate(t, allAtOnce, func(l *lab) {
		caller, m := l.group()
		caller.ask(to301)
		var invites [3]*sip.Request
		for i, p := range m {
			invites[i] = p.request(sip.INVITE)
			p.answer(invites[i], 180, "")
			caller.response(180)
		}
		m[2].answer(invites[2], 200, "")
		res := caller.response(200)
		if tag := res.To().Params.GetOr("tag", ""); tag != "desk3-tag" {
			t.Errorf("200 of %s", tag)
		}
		for i, p := range m[:2] {
			cancel := p.request(sip.CANCEL)
			if got := cancel.GetHeaders("Reason"); len(got) != 1 || got[0].Value() != answeredElsewhere {
				t.Errorf("cancelled for %v", got)
			}
			p.answer(cancel, 200, "")
			p.refuse(invites[i], 487)
		}
		// The dialog is with the one who answered: Record-Route leads to it and to nobody else.
		var routes []string
		for _, h := range res.GetHeaders("Record-Route") {
			routes = append(routes, "Route: "+h.Value())
		}
		slices.Reverse(routes)
		c := call{p: caller, callID: "g", from: res.From().Value(), to: res.To().Value(),
			target: res.Contact().Address.String(), route: strings.Join(routes, "\n")}
		c.ack()
		m[2].request(sip.ACK)
		caller.write(caller.text(c.in("BYE")))
		m[2].answer(m[2].request(sip.BYE), 200, "")
		caller.response(200)
		m[0].silent(time.Minute)
	})
}

// Two answer at once: the caller hears of one, the other's call is ended.
func TestTwoAnswer(t *testing.T) {
	simulate(t, allAtOnce, func(l *lab) {
		caller, m := l.group()
		caller.ask(to301)
		a, b := m[0].request(sip.INVITE), m[1].request(sip.INVITE)
		m[2].refuse(m[2].request(sip.INVITE), 486)
		m[0].answer(a, 200, "")
		m[1].answer(b, 200, "")
		won, lost := m[0], m[1]
		if tag := caller.response(200).To().Params.GetOr("tag", ""); tag == "desk2-tag" {
			won, lost = lost, won
		}
		lost.request(sip.ACK)
		bye := lost.request(sip.BYE)
		if tag := bye.To().Params.GetOr("tag", ""); tag != lost.name+"-tag" {
			t.Errorf("BYE to %s", tag)
		}
		lost.answer(bye, 200, "")
		won.silent(time.Minute)
	})
}

// Nobody answers: the best of what they said (RFC 3261 §16.7 step 6), from whomever and in whatever order.
func TestBestAnswer(t *testing.T) {
	for plan, all := range map[string]bool{allAtOnce: true, firstFree: false} {
		for _, test := range []struct {
			statuses [3]int
			want     int
		}{
			{[3]int{480, 486, 404}, 486}, {[3]int{500, 480, 503}, 480}, {[3]int{503, 503, 503}, 500},
			{[3]int{486, 404, 415}, 415}, {[3]int{480, 486, 603}, 603}, {[3]int{480, 302, 486}, 302}, {[3]int{404, 430, 408}, 404},
		} {
			simulate(t, plan, func(l *lab) {
				caller, m := l.group()
				caller.ask(to301)
				for i, p := range m {
					p.refuse(p.request(sip.INVITE), test.statuses[i])
				}
				caller.acknowledge(to301, caller.response(test.want))
				if caller.silent(time.Minute); t.Failed() {
					t.Errorf("all %v, %v", all, test.statuses)
				}
			})
		}
	}
}

// 6xx speaks for everybody: nobody else is called, and who rings stops.
func TestDeclined(t *testing.T) {
	simulate(t, firstFree, func(l *lab) {
		caller, m := l.group()
		caller.ask(to301)
		m[0].refuse(m[0].request(sip.INVITE), 603)
		caller.acknowledge(to301, caller.response(603))
		m[1].silent(time.Minute)
	})
	simulate(t, allAtOnce, func(l *lab) {
		caller, m := l.group()
		caller.ask(to301)
		var invites [3]*sip.Request
		for i, p := range m {
			invites[i] = p.request(sip.INVITE)
		}
		for i, p := range m[:2] {
			p.answer(invites[i], 180, "")
			caller.response(180)
		}
		m[2].refuse(invites[2], 603)
		for i, p := range m[:2] {
			p.answer(p.request(sip.CANCEL), 200, "")
			p.refuse(invites[i], 487)
		}
		caller.acknowledge(to301, caller.response(603))
	})
}

// Challenges of several callees go back together (RFC 3261 §16.7 step 7).
func TestChallengesTogether(t *testing.T) {
	simulate(t, allAtOnce, func(l *lab) {
		caller, m := l.group()
		caller.ask(to301)
		for i, p := range m {
			status, extra := 401, `WWW-Authenticate: Digest realm="`+p.name+`", nonce="n"`
			if i == 1 {
				status, extra = 407, `Proxy-Authenticate: Digest realm="`+p.name+`", nonce="n"`
			}
			p.answer(p.request(sip.INVITE), status, extra)
			p.request(sip.ACK)
		}
		var res *sip.Response
		for res == nil {
			if r, ok := caller.next().(*sip.Response); ok && r.StatusCode >= 200 {
				res = r
			}
		}
		if a, b := len(res.GetHeaders("WWW-Authenticate")), len(res.GetHeaders("Proxy-Authenticate")); a != 2 || b != 1 {
			t.Errorf("%d and %d challenges came back: %v", a, b, res)
		}
	})
}

// The caller hangs up: everybody stops ringing, and nobody else is called.
func TestCancelGroup(t *testing.T) {
	for plan, all := range map[string]bool{allAtOnce: true, firstFree: false} {
		simulate(t, plan, func(l *lab) {
			caller, m := l.group()
			caller.ask(to301)
			ringing := m[:1]
			if all {
				ringing = m[:]
			}
			invites := map[*peer]*sip.Request{}
			for _, p := range ringing {
				invites[p] = p.request(sip.INVITE)
				p.answer(invites[p], 180, "")
				caller.response(180)
			}
			cancel := to301
			cancel.method, cancel.seq, cancel.extra, cancel.body = "CANCEL", caller.seq, "Reason: Q.850;cause=16;text=\"a, b\"\nreason: SIP;cause=200", ""
			cancel.branch = "z9hG4bK-caller-INVITE-" + itoa(caller.seq)
			caller.write(caller.text(cancel))
			for _, p := range ringing {
				got := p.request(sip.CANCEL)
				if why := reasons(got); !slices.Equal(why, []string{`Q.850;cause=16;text="a, b"`, "SIP;cause=200"}) {
					t.Errorf("cancelled for %q", why)
				}
				p.answer(got, 200, "")
				p.refuse(invites[p], 487)
			}
			if !all {
				m[1].silent(time.Minute)
			}
		})
	}
}

// Who is not there is passed over without waiting; if nobody is, that is said.
func TestAbsentMembers(t *testing.T) {
	simulate(t, firstFree, func(l *lab) {
		caller, m := l.group()
		m[0].hangUp()
		time.Sleep(time.Second)
		began := time.Now()
		caller.ask(to301)
		req := m[1].request(sip.INVITE)
		if d := time.Since(began); d > time.Second {
			t.Errorf("the next rings after %v", d)
		}
		m[1].hangUp() // while it is ringing: 430, the next
		last := m[2].request(sip.INVITE)
		m[2].answer(last, 200, "")
		caller.response(200)
		_ = req
	})
	simulate(t, allAtOnce, func(l *lab) {
		caller, m := l.group()
		m[0].hangUp()
		m[1].hangUp()
		m[2].ask(msg{method: "REGISTER", uri: "sip:" + domain, to: "<sip:desk3@" + domain + ">", extra: "Expires: 0"})
		m[2].response(200)
		time.Sleep(time.Second)
		caller.ask(to301)
		caller.response(430)
	})
}

// A number may say who is called while its phone is busy.
func TestBusyElsewhere(t *testing.T) {
	simulate(t, firstFree, func(l *lab) {
		caller, m := l.group()
		to302 := to301
		to302.uri = "sip:302@" + domain
		caller.ask(to302)
		m[0].refuse(m[0].request(sip.INVITE), 486)
		m[1].refuse(m[1].request(sip.INVITE), 480)
		caller.acknowledge(to302, caller.response(486))
		m[2].silent(time.Minute)
	})
}

// Who may dial whom is asked for every INVITE: an edit of the plan counts for the next call, and not for this one.
func TestEditWhileCalling(t *testing.T) {
	simulate(t, firstFree, func(l *lab) {
		caller, m := l.group()
		up, _ := caller.call(m[0], "sip:desk1@"+domain)
		up.ack()
		m[0].request(sip.ACK)
		l.server.SetPlan(parsePlan(t, strings.Replace(firstFree, "may_dial = [desks, desk1, desk2]", "may_dial = [milano]", 1)))
		caller.ask(up.in("INVITE"))
		m[0].answer(m[0].request(sip.INVITE), 200, "")
		caller.response(200)
		up.ack()
		m[0].request(sip.ACK)
		for _, uri := range []string{"sip:desk1@" + domain, "sip:301@" + domain} {
			caller.ask(msg{method: "INVITE", uri: uri, callID: "later" + uri})
			caller.response(403)
		}
	})
}

// A phone whose SDP carries keys is called over TLS only.
func TestCalleeInClear(t *testing.T) {
	simulate(t, strings.Replace(firstFree, `phone "desk2" { security = "none" }`, `phone "desk2" {}`, 1), func(l *lab) {
		caller, m := l.group()
		caller.ask(msg{method: "INVITE", uri: "sip:desk2@" + domain, callID: "clear"})
		if res := caller.response(480); !strings.Contains(res.Reason, "over TLS") {
			t.Errorf("refused with %q", res.Reason)
		}
		caller.ask(to301)
		m[0].refuse(m[0].request(sip.INVITE), 486)
		m[2].answer(m[2].request(sip.INVITE), 200, "")
		caller.response(200)
		m[1].silent(time.Minute)
	})
}

// Whoever was cancelled because it did not answer in time counts as that: the caller never cancelled anything.
func TestNobodyAnswers(t *testing.T) {
	simulate(t, firstFree, func(l *lab) {
		caller, m := l.group()
		caller.ask(to301)
		for _, p := range m[:2] {
			invite := p.request(sip.INVITE)
			p.answer(invite, 180, "")
			caller.response(180)
			p.answer(p.request(sip.CANCEL), 200, "")
			p.refuse(invite, 487)
		}
		m[2].refuse(m[2].request(sip.INVITE), 480)
		caller.acknowledge(to301, caller.response(408))
	})
}
