package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
)

// ended waits for a BYE within a second, answers it and returns it. What else comes is let past.
func (p *peer) ended() *sip.Request {
	p.l.t.Helper()
	late := time.After(time.Second)
	for {
		select {
		case m, open := <-p.inbox:
			if !open {
				p.l.t.Fatalf("%s: the connection ended without a BYE", p.name)
			}
			req, is := m.(*sip.Request)
			if is && req.Method == sip.BYE {
				p.answer(req, 200, "")
				return req
			}
			if is && req.Method != sip.ACK {
				p.answer(req, 200, "")
			}
		case <-late:
			p.l.t.Fatalf("%s: no BYE within a second", p.name)
		}
	}
}

// cutOff waits for the end of the connection, within a second.
func (p *peer) cutOff() {
	p.l.t.Helper()
	late := time.After(time.Second)
	for {
		select {
		case m, open := <-p.inbox:
			if !open {
				return
			}
			p.l.t.Logf("%s: %v", p.name, m)
		case <-late:
			p.l.t.Fatalf("%s: the connection lives on", p.name)
		}
	}
}

// A removed account is out at once, and its connection is closed.
func TestAccountRemoved(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "TCP")
		p.register()
		caller := l.join("reception", "TCP") // known, and not registered
		caller.ask(msg{method: "OPTIONS", uri: "sip:" + domain, callID: "o"})
		caller.response(200)
		l.removeAccount("reception")
		if got := len(l.server.registrar.table.All(time.Now())); got != 0 {
			t.Errorf("%d bindings are left", got)
		}
		p.cutOff()
		caller.cutOff()
	})
}

// Both sides of a call end when the account of either is removed or gets another secret: who had it sees nothing any
// more, and nobody is seen by it.
func TestCallsOfChangedAccount(t *testing.T) {
	for name, change := range map[string]func(*lab){
		"caller removed":  func(l *lab) { l.removeAccount("milano") },
		"callee removed":  func(l *lab) { l.removeAccount("munich") },
		"caller rotated":  func(l *lab) { l.rotateAccount("milano", "another") },
		"callee rotated":  func(l *lab) { l.rotateAccount("munich", "another") },
		"after a request": nil,
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, always, func(l *lab) {
				milano, munich := l.pair()
				caller, called := milano.call(munich, "sip:munich@"+domain)
				last := [2]int{milano.seq, munich.seq}
				caller.ack()
				munich.request(sip.ACK)
				if change == nil { // numbers go on from the last request of each side
					for _, side := range []struct{ from, to call }{{caller, called}, {called, caller}} {
						for range 3 {
							side.from.p.ask(side.from.in("INFO"))
							side.to.p.answer(side.to.p.request(sip.INFO), 200, "")
							side.from.p.response(200)
						}
					}
					last = [2]int{milano.seq, munich.seq}
					change = func(l *lab) { l.removeAccount("milano") }
				}
				change(l)
				for i, side := range []struct{ to, from call }{{caller, called}, {called, caller}} {
					bye := side.to.p.ended()
					if got := bye.Recipient.String(); got != side.to.p.contact {
						t.Errorf("%s: BYE to %s, want the contact %s", side.to.p.name, got, side.to.p.contact)
					}
					if from, to := bye.From().Value(), bye.To().Value(); from != side.from.from || to != side.from.to {
						t.Errorf("%s: BYE from %s to %s, want %s to %s", side.to.p.name, from, to, side.from.from, side.from.to)
					}
					if id := bye.CallID().Value(); id != caller.callID {
						t.Errorf("%s: Call-ID %s", side.to.p.name, id)
					}
					if got := int(bye.CSeq().SeqNo); got <= last[1-i] {
						t.Errorf("%s: CSeq %d, the other side's last was %d", side.to.p.name, got, last[1-i])
					}
					if h := bye.GetHeader("Reason"); h == nil || !strings.Contains(h.Value(), "cause=403") {
						t.Errorf("%s: Reason is %v", side.to.p.name, h)
					}
				}
				if l.server.calls.up("milano", "munich") {
					t.Error("the call counts as up")
				}
			})
		})
	}
}

// Whose account changed is cut off; whose did not stays as it was.
func TestOthersStay(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		l.rotateAccount("milano", "another")
		milano.cutOff()
		munich.ask(msg{method: "OPTIONS", uri: "sip:" + domain, callID: "o"})
		munich.response(200)
		// The old secret is of no use, the new one is.
		again := l.join("milano", "TLS")
		m := again.reg("Expires: 600")
		again.write(again.text(m))
		challenge := again.response(401)
		m.extra = "Expires: 600\n" + again.credentials(m, challenge, "milano-secret")
		again.write(again.text(m))
		again.response(401)
		m.extra = "Expires: 600\n" + again.credentials(m, challenge, "another")
		again.write(again.text(m))
		again.response(200)
		time.Sleep(2 * time.Second)
		again.ask2(msg{method: "OPTIONS", uri: "sip:" + domain, callID: "o"}, "another")
		again.response(200)
	})
}

// ask2 is ask with a secret of one's own.
func (p *peer) ask2(m msg, secret string) {
	p.l.t.Helper()
	p.write(p.text(m))
	m.extra += "\n" + p.credentials(m, p.response(401), secret)
	p.write(p.text(m))
}

// A phone on UDP has no connection to be cut: its call ends by BYE, also one that rings or is answered too late.
func TestRemovedWhileRinging(t *testing.T) {
	simulate(t, plainOffice, func(l *lab) {
		reception, office := l.join("reception", "UDP"), l.join("office", "UDP")
		reception.register()
		office.register()
		ring := func(id string) *sip.Request {
			reception.ask(msg{method: "INVITE", uri: "sip:office@" + domain, callID: id, body: "v=0\n", extra: "Content-Type: application/sdp"})
			invite := office.request(sip.INVITE)
			office.answer(invite, 180, "")
			reception.response(180)
			return invite
		}
		invite := ring("callee")
		l.removeAccount("office")
		office.answer(invite, 200, "")
		reception.response(200)
		for _, p := range []*peer{reception, office} {
			p.ended()
		}
		l.addAccount("office")
		office.register()
		ring("caller")
		l.removeAccount("reception")
		reception.response(403)
		office.request(sip.CANCEL)
	})
}

// The echo is a call like any other.
func TestEchoOfRemovedAccount(t *testing.T) {
	simulate(t, always, func(l *lab) {
		p := l.join("reception", "UDP")
		p.register()
		p.ask(msg{method: "INVITE", uri: "sip:echo@" + domain, callID: "e", extra: "Content-Type: application/sdp",
			body: "v=0\r\no=- 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"})
		p.response(200)
		l.removeAccount("reception")
		p.ended()
	})
}

// A window is told at once that its partner is no more, and that it is there again.
func TestProgrammeOfPartner(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		munich.subscribe()
		milano.subscribe()
		begun := time.Now()
		l.removeAccount("milano")
		if p := munich.notified("active"); len(p.Links) != 0 {
			t.Errorf("it still sees %+v", p.Links)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("after %v", took)
		}
		milano.cutOff()
		if n := l.subscriptions(); n != 1 {
			t.Errorf("%d subscriptions, want munich's alone", n)
		}
		l.addAccount("milano")
		if p := munich.notified("active"); len(p.Links) == 0 || p.Links[0].Partner != "milano" {
			t.Errorf("it does not see its partner again: %+v", p.Links)
		}
		l.removeAccount("reception") // may ring milano and potsdam only
		munich.silent(time.Minute)
	})
}

// A call that is older than this process is known again by the first request in it.
func TestCallFromBeforeRestart(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		caller, called := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		time.Sleep(time.Second)
		for _, d := range l.server.calls.of("milano") {
			l.server.calls.down(d.callID, d.sides[0].RemoteTag, d.sides[1].RemoteTag)
		}
		munich.ask(called.in("INFO"))
		milano.answer(milano.request(sip.INFO), 200, "")
		munich.response(200)
		l.removeAccount("milano")
		for _, side := range []struct{ to, from call }{{caller, called}, {called, caller}} {
			bye := side.to.p.ended()
			if got := bye.Recipient.String(); got != side.to.p.contact {
				t.Errorf("%s: BYE to %s, want %s", side.to.p.name, got, side.to.p.contact)
			}
			if header := bye.From().Value() + bye.To().Value(); !strings.Contains(header, "munich-tag") || !strings.Contains(header, "milano-tag") {
				t.Errorf("%s: BYE from %s to %s", side.to.p.name, bye.From().Value(), bye.To().Value())
			}
			if bye.CSeq().SeqNo <= uint32(side.from.p.seq) {
				t.Errorf("%s: CSeq %d", side.to.p.name, bye.CSeq().SeqNo)
			}
		}
	})
}

// However many calls are made, what is remembered of them is bounded.
func TestCallsAreBounded(t *testing.T) {
	c := &calls{byID: map[string]*relayed{}}
	flow := location.Flow{Transport: "UDP", Remote: "192.0.2.1:5060"}
	add := func(i int, a, b string) {
		d := between(fmt.Sprint(i), &sip.Uri{}, "x", &sip.Uri{}, "y")
		for n, account := range []string{a, b} {
			d.sides[n].account, d.sides[n].flow = account, flow
		}
		c.add(d)
	}
	for i := range 3 * maxOfPair {
		add(i, "milano", "munich")
	}
	if n := len(c.of("milano")); n != maxOfPair {
		t.Errorf("%d calls of one pair, at most %d should be", n, maxOfPair)
	}
	for i := range 2 * maxRelayed {
		add(1000+i, fmt.Sprint("a", i%1000), fmt.Sprint("b", i/3))
	}
	if len(c.byID) > maxRelayed {
		t.Errorf("%d calls, at most %d should be", len(c.byID), maxRelayed)
	}
}
