package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// pinned are requests in whose midst the plan changes to one by which they would be treated otherwise. Each is treated
// by the plan that was in force when it came; the next one is not.
var pinned = []struct {
	name     string
	plan     string
	old, new string // what the edit replaces
	do       func(l *lab, edit func())
}{
	{
		name: "a call that is not allowed any more", plan: always,
		old: "may_dial = [milano, potsdam, office]", new: "may_dial = [milano, potsdam]",
		do: func(l *lab, edit func()) {
			office, reception := l.join("office", "TLS"), l.join("reception", "UDP")
			office.register()
			m := msg{method: "INVITE", uri: "sip:office@" + domain, callID: "p"}.with(bareSDP)
			reception.askAmid(m, edit)
			office.request(sip.INVITE)
			m.callID = "q"
			l.wantStatus(reception, m, 403)
		},
	},
	{
		name: "a call to a phone whose keys are to travel by now", plan: always,
		old: "security = \"none\"", new: "security = \"sdes\"",
		do: func(l *lab, edit func()) {
			office, reception := l.join("office", "TLS"), l.join("reception", "UDP")
			office.register()
			m := msg{method: "INVITE", uri: "sip:office@" + domain, callID: "p"}.with(bareSDP)
			reception.askAmid(m, edit)
			office.request(sip.INVITE)
			m.callID = "q"
			l.wantRefused(reception, m, vMustEncrypt)
		},
	},
	{
		name: "a call to the echo", plan: always,
		old: "security = \"none\"", new: "security = \"sdes\"",
		do: func(l *lab, edit func()) {
			e := l.earphone("reception", "UDP")
			m := msg{method: "INVITE", uri: "sip:echo@" + domain, callID: "p", body: e.offer(), extra: sdpHeader}
			e.askAmid(m, edit)
			if got := string(e.response(200).Body()); !strings.Contains(got, "RTP/AVP 8") {
				l.t.Errorf("the echo's answer: %s", got)
			}
			m.callID = "q"
			l.wantRefused(e.peer, m, vMustEncrypt)
		},
	},
	{
		name: "an answer to a challenge by another algorithm", plan: always,
		old: "auth     = \"sha256\"", new: "auth     = \"md5\"",
		do: func(l *lab, edit func()) {
			office := l.join("office", "TLS")
			office.askAmid(msg{method: "REGISTER", uri: "sip:" + domain, to: "<sip:office@" + domain + ">"}, edit)
			office.response(200)
		},
	},
	{
		name: "a window that is a phone by now", plan: strings.Replace(always, "[milano, potsdam, office]", "[milano, office]", 1),
		old: "space \"potsdam\" {\n  timezone = \"Europe/Berlin\"\n  open     = \"Mo-Fr 09:00-17:00\"\n}",
		new: "phone \"potsdam\" {}",
		do: func(l *lab, edit func()) {
			potsdam := l.join("potsdam", "TCP")
			potsdam.askAmid(msg{method: "REGISTER", uri: "sip:" + domain, to: "<sip:potsdam@" + domain + ">"}, edit)
			if res := potsdam.response(403); res.Reason != vNotTLS.reason {
				l.t.Errorf("answered %s", res.Reason)
			}
		},
	},
	{
		name: "a subscription to what is no space any more", plan: strings.Replace(always, "[milano, potsdam, office]", "[milano, office]", 1),
		old: "space \"potsdam\" {\n  timezone = \"Europe/Berlin\"\n  open     = \"Mo-Fr 09:00-17:00\"\n}",
		do: func(l *lab, edit func()) {
			potsdam := l.join("potsdam", "TLS")
			potsdam.register()
			potsdam.askAmid(potsdam.sub(3600), edit)
			potsdam.response(200)
			potsdam.notified("terminated") // what it is told is by the plan in force
		},
	},
	{
		name: "a hold, by a phone whose keys are to travel by now", plan: always,
		old: "security = \"none\"", new: "security = \"sdes\"",
		do: func(l *lab, edit func()) {
			office, reception := l.join("office", "TLS"), l.join("reception", "UDP")
			office.register()
			reception.register()
			caller, _ := reception.call(office, "sip:office@"+domain)
			caller.ack()
			office.request(sip.ACK)
			reception.askAmid(caller.in("INVITE").with(bareSDP), edit)
			office.request(sip.INVITE)
			l.wantRefused(reception, caller.in("UPDATE").with(bareSDP), vMustWithin)
		},
	},
	{
		name: "a group of which one is called later", plan: strings.ReplaceAll(firstFree, "desk1\" { security = \"sdes\"", "desk1\" { security = \"none\""),
		old: "phone \"desk2\" { security = \"none\" }", new: "phone \"desk2\" { security = \"sdes\" }",
		do: func(l *lab, edit func()) {
			caller, m := l.group()
			caller.ask(to301)
			m[0].request(sip.INVITE)
			edit()
			m[1].request(sip.INVITE) // after 20 s
			next := to301
			next.callID = "h"
			next.uri = "sip:desk2@" + domain
			l.wantRefused(caller, next, vCalleeInClear)
		},
	},
}

func TestPlanIsPinned(t *testing.T) {
	for _, c := range pinned {
		t.Run(c.name, func(t *testing.T) {
			simulate(t, c.plan, func(l *lab) {
				edited := strings.Replace(c.plan, c.old, c.new, 1)
				if edited == c.plan {
					t.Fatal("nothing to replace")
				}
				next := parsePlan(t, edited)
				c.do(l, func() { l.server.SetPlan(next) })
				if l.server.Plan() != next {
					t.Error("the plan has not changed: this shows nothing")
				}
				time.Sleep(time.Second)
			})
		})
	}
}

// wantStatus fails unless m, sent by p, is answered with status.
func (l *lab) wantStatus(p *peer, m msg, status int) {
	l.t.Helper()
	if res := p.final(m); res.StatusCode != status {
		l.t.Errorf("%s of %s: %d %s, want %d", m.method, p.name, res.StatusCode, res.Reason, status)
	}
}
