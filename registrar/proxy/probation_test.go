package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan"
)

// newcomer is a plan in which potsdam has a link with everybody, of which munich's comes first. Simulated time begins on
// Saturday, the 1st of January 2000.
const newcomer = `
space "milano" {
  timezone = "UTC"
  open     = "Mo-Fr 08:00-18:00"
}
space "munich" {
  timezone = "UTC"
  open     = "Mo-Fr 09:00-17:00"
}
space "potsdam" {
  timezone = "UTC"
  open     = "Mo-Fr 10:00-20:00"
}
link "first" {
  between = [munich, potsdam]
  when    = open
}
link "second" {
  between = [milano, potsdam]
  when    = open
}
link "third" {
  between = [milano, munich]
  when    = open
}
phone "reception" {
  at       = milano
  may_dial = [milano, potsdam]
  security = "none"
}
phone "office" {
  at       = munich
  may_dial = [munich, potsdam]
  security = "none"
}
`

const onProbation = "potsdam is on probation until confirmed; its sponsor is milano"

var trial = dialplan.Probations{"potsdam": {Sponsor: "milano"}}

// drain answers what has come so far, and counts NOTIFYs.
func (p *peer) drain() (told int) {
	for {
		select {
		case m, open := <-p.inbox:
			if !open {
				return told
			}
			if req, is := m.(*sip.Request); is && req.Method != sip.ACK {
				p.answer(req, 200, "")
				if req.Method == sip.NOTIFY {
					told++
				}
			}
		default:
			return told
		}
	}
}

// try calls, has the callee answer and hangs up, if the call comes to it. It returns the final status and its reason.
func (p *peer) try(callee *peer) (int, string) {
	p.l.t.Helper()
	id := fmt.Sprintf("try-%s-%s-%d", p.name, callee.name, p.seq)
	p.ask(msg{method: "INVITE", uri: "sip:" + callee.name + "@" + domain, callID: id, body: "v=0\n", extra: "Content-Type: application/sdp"})
	for {
		select {
		case m := <-callee.inbox:
			if req, is := m.(*sip.Request); is && req.Method == sip.INVITE {
				callee.answer(req, 200, "")
			}
		case m := <-p.inbox:
			res, is := m.(*sip.Response)
			switch {
			case !is || res.IsProvisional():
				continue
			case res.StatusCode != 200:
				return res.StatusCode, res.Reason
			}
			c := call{p: p, callID: id, from: res.From().Value(), to: res.To().Value(), target: res.Contact().Address.String()}
			for _, h := range slices.Backward(res.GetHeaders("Record-Route")) {
				c.route += "Route: " + h.Value() + "\n"
			}
			c.ack()
			callee.request(sip.ACK)
			p.write(p.text(c.in("BYE")))
			callee.answer(callee.request(sip.BYE), 200, "")
			p.response(200)
			return 200, ""
		case <-time.After(time.Minute):
			p.l.t.Fatalf("%s calls %s: no answer", p.name, callee.name)
		}
	}
}

// A day is the peers of newcomer, and what the plan says while it goes on.
type aDay struct {
	*lab
	peers   map[string]*peer
	members []string // who has an account, windows and phones
	plan    *dialplan.Plan
	counted map[int]int
}

func (d *aDay) join(name string) {
	d.addAccount(name)
	d.peers[name] = d.lab.join(name, "TLS")
	d.members = append(d.members, name)
}

// may is what Explain and the callee's own programme say of a call now.
func (d *aDay) may(caller, callee string) bool {
	d.t.Helper()
	now := time.Now()
	made, err := d.plan.Programme(callee, now)
	if err != nil {
		d.t.Fatal(err)
	}
	e, err := d.plan.Explain(callee, now)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, phone := d.plan.Phone(caller); phone {
		return e.Open && made.Phone(caller) != nil
	}
	return e.Partner == caller
}

// everybody calls everybody.
func (d *aDay) everybody() {
	d.t.Helper()
	for _, name := range d.members {
		p := d.peers[name]
		p.drain()
		p.ask(p.reg("Expires: 3600"))
		p.response(200)
	}
	for _, caller := range d.members {
		for _, space := range d.plan.Spaces() {
			callee := space.Name
			if callee == caller {
				continue
			}
			here := slices.Contains(d.members, callee)
			if !here {
				continue
			}
			may := d.may(caller, callee)
			for _, p := range d.peers {
				p.drain()
			}
			status, reason := d.peers[caller].try(d.peers[callee])
			d.counted[status]++
			_, trying := d.plan.Probation("potsdam")
			outside := map[string]bool{"munich": true, "office": true}
			refused := trying && (outside[caller] && callee == "potsdam" || caller == "potsdam" && outside[callee])
			if (status == 200) != may || refused != (status == 403 && reason == onProbation) {
				d.t.Errorf("%s: %s calls %s: %d %s; by explain and programme: %v", time.Now().Format("15:04"), caller, callee, status, reason, may)
			}
		}
	}
}

// until has everybody call everybody each half hour.
func (d *aDay) until(hour, minute int) {
	end := time.Date(2000, 1, 3, hour, minute, 0, 0, time.UTC)
	for time.Now().Before(end) {
		d.everybody()
		time.Sleep(min(30*time.Minute, time.Until(end)))
	}
}

// told says which windows are notified within a second of a change.
func (d *aDay) told(change func()) string {
	for _, name := range d.members {
		p := d.peers[name]
		p.drain()
		if _, is := d.plan.Space(name); is {
			m := p.sub(3600)
			m.callID = fmt.Sprint(m.callID, p.seq)
			p.ask(m)
			p.response(200)
			p.notified("active")
		}
	}
	time.Sleep(time.Second)
	for _, p := range d.peers {
		p.drain()
	}
	change()
	time.Sleep(time.Second)
	var out []string
	for _, name := range d.members {
		if d.peers[name].drain() > 0 {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// For a day, through invitation, joining, confirmation and revocation, the registrar lets pass exactly the calls that explain and
// the callee's programme allow, and says to the others why.
func TestMembershipForADay(t *testing.T) {
	simulate(t, newcomer, func(l *lab) {
		d := &aDay{lab: l, peers: map[string]*peer{}, plan: parsePlan(t, newcomer), counted: map[int]int{}}
		l.accounts.set(func() { clear(l.accounts.names) })
		time.Sleep(time.Until(time.Date(2000, 1, 3, 7, 15, 0, 0, time.UTC)))
		for _, name := range []string{"milano", "munich", "reception", "office"} {
			d.join(name)
		}
		d.until(10, 45) // invited
		if told := d.told(func() {
			l.server.SetProbations(trial)
			d.plan = d.plan.Under(trial)
			d.join("potsdam")
		}); told != "milano" {
			t.Errorf("joined: told %q, want the sponsor alone", told)
		}
		if on := l.server.Status().Account("potsdam").Probation; on == nil || on.Sponsor != "milano" {
			t.Errorf("its status is %+v", on)
		}
		d.until(13, 15)
		if told := d.told(func() {
			l.server.SetProbations(nil)
			d.plan = d.plan.Under(nil)
		}); told != "milano munich potsdam" {
			t.Errorf("confirmed: told %q", told)
		}
		if on := l.server.Status().Account("potsdam").Probation; on != nil {
			t.Errorf("its status is %+v", on)
		}
		d.until(16, 15)
		if told := d.told(func() {
			l.removeAccount("potsdam")
			d.peers["potsdam"].cutOff()
			d.members = slices.DeleteFunc(d.members, func(name string) bool { return name == "potsdam" })
			delete(d.peers, "potsdam")
		}); told != "milano munich" {
			t.Errorf("revoked: told %q", told)
		}
		d.until(21, 15)
		if d.counted[200] < 40 || d.counted[403] < 20 || d.counted[480] < 40 {
			t.Errorf("too few of a kind: %v", d.counted)
		}
	})
}

// A call that a probation forbids ends when that begins, also one that rings then: neither window is trusted to do it.
func TestProbationEndsCalls(t *testing.T) {
	for _, ringing := range []bool{false, true} {
		simulate(t, always, func(l *lab) {
			milano, munich := l.pair()
			on := dialplan.Probations{"munich": {Sponsor: "potsdam"}}
			if ringing {
				milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "late", body: "v=0\n", extra: "Content-Type: application/sdp"})
				invite := munich.request(sip.INVITE)
				l.server.SetProbations(on)
				munich.answer(invite, 200, "")
				milano.response(200)
			} else {
				caller, _ := milano.call(munich, "sip:munich@"+domain)
				caller.ack()
				munich.request(sip.ACK)
				l.server.SetProbations(on)
			}
			for _, p := range []*peer{milano, munich} {
				if h := p.ended().GetHeader("Reason"); h == nil || !strings.Contains(h.Value(), "cause=403") || !strings.Contains(h.Value(), "munich is on probation") {
					t.Errorf("%s: Reason is %v", p.name, h)
				}
			}
			l.server.SetPlan(parsePlan(t, always+"# edited\n")) // probations outlive an edit
			if status, reason := milano.try(munich); status != 403 {
				t.Errorf("%d %s", status, reason)
			}
			l.server.SetProbations(nil)
			if status, reason := milano.try(munich); status != 200 {
				t.Errorf("%d %s", status, reason)
			}
		})
	}
}
