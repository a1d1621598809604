package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// pair registers milano and munich.
func (l *lab) pair() (milano, munich *peer) {
	l.t.Helper()
	milano, munich = l.join("milano", "TLS"), l.join("munich", "TLS")
	milano.register()
	munich.register()
	return milano, munich
}

func TestCall(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "c1", body: "v=0\n",
			extra: "Content-Type: application/sdp\nP-Asserted-Identity: <sip:pope@example.org>\nX-Other: kept"})
		invite := munich.request(sip.INVITE)
		if got := invite.Recipient.String(); got != munich.contact {
			t.Errorf("Request-URI is %s, want the contact %s", got, munich.contact)
		}
		if n := len(invite.GetHeaders("Via")); n != 2 {
			t.Errorf("%d Via headers, want 2", n)
		}
		if n := len(invite.GetHeaders("Record-Route")); n != 2 {
			t.Errorf("%d Record-Route headers, want 2", n)
		}
		if mf := invite.MaxForwards(); mf == nil || mf.Val() != 69 {
			t.Errorf("Max-Forwards is %v, want 69", mf)
		}
		for _, name := range []string{"Proxy-Authorization", "Authorization", "P-Asserted-Identity"} {
			if h := invite.GetHeader(name); h != nil {
				t.Errorf("%s was passed on", name)
			}
		}
		if h := invite.GetHeader("X-Other"); h == nil || h.Value() != "kept" {
			t.Errorf("an unknown header was not passed on")
		}
		if string(invite.Body()) != "v=0\n" {
			t.Errorf("body is %q", invite.Body())
		}
		munich.answer(invite, 180, "")
		if n := len(milano.response(180).GetHeaders("Via")); n != 1 {
			t.Errorf("%d Via headers in the 180, want 1", n)
		}
	})
}

func TestDialog(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		caller, called := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		ack := munich.request(sip.ACK)
		if len(ack.GetHeaders("Route")) != 0 {
			t.Errorf("our own Route went on: %v", ack)
		}
		if !l.server.calls.up("milano", "munich") {
			t.Error("the call does not count as up")
		}
		for _, side := range []struct{ from, to call }{{caller, called}, {called, caller}} {
			for _, method := range []string{"INVITE", "INFO", "UPDATE", "OPTIONS"} {
				side.from.p.ask(side.from.in(method))
				req := side.to.p.request(sip.RequestMethod(method))
				side.to.p.answer(req, 200, "")
				side.from.p.response(200)
				if method == "INVITE" {
					side.from.ack()
					side.to.p.request(sip.ACK)
				}
			}
		}
		munich.write(munich.text(called.in("BYE"))) // unchallenged
		bye := milano.request(sip.BYE)
		milano.answer(bye, 200, "")
		munich.response(200)
		if l.server.calls.up("milano", "munich") {
			t.Error("the call still counts as up")
		}
	})
}

// Losing its connection never costs a window its call: it comes back with the same contact, and is found.
func TestDialogOutlivesFlow(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		caller, called := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)

		munich.hangUp()
		time.Sleep(time.Second)
		milano.ask(caller.in("INFO"))
		milano.response(430)

		munich.connect()
		munich.register()
		milano.ask(caller.in("INFO"))
		munich.answer(munich.request(sip.INFO), 200, "")
		milano.response(200)
		munich.ask(called.in("INVITE"))
		milano.answer(milano.request(sip.INVITE), 488, "")
		munich.response(488)
	})
}

// Whoever registers another's contact, before or after it does, gets nothing that is for that one.
func TestContactThief(t *testing.T) {
	simulate(t, always, func(l *lab) {
		early, late := l.join("office", "TLS"), l.join("reception", "TCP")
		early.contact, late.contact = l.contactOf("munich", "TLS"), l.contactOf("munich", "TLS")
		early.register()
		milano, munich := l.pair()
		late.register()
		caller, _ := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		milano.ask(caller.in("INFO"))
		munich.answer(munich.request(sip.INFO), 200, "")
		milano.response(200)

		munich.hangUp()
		time.Sleep(time.Second)
		milano.ask(caller.in("INFO"))
		milano.response(430)
		early.silent(time.Second)
		late.silent(time.Second)
	})
}

func TestFlowGone(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		munich.hangUp()
		time.Sleep(time.Second)
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "gone"})
		milano.response(430)
	})
}

// The callee's connection breaks while it rings.
func TestFlowBreaksMidCall(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "breaks"})
		munich.answer(munich.request(sip.INVITE), 180, "")
		milano.response(180)
		munich.hangUp()
		milano.response(430)
	})
}

func TestCancel(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		m := msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "cancelled"}
		milano.ask(m)
		invite := munich.request(sip.INVITE)
		munich.answer(invite, 180, "")
		milano.response(180)
		branch := "z9hG4bK-milano-INVITE-" + itoa(milano.seq)
		milano.write(milano.text(msg{method: "CANCEL", uri: m.uri, callID: m.callID, seq: milano.seq, branch: branch}))
		cancel := munich.request(sip.CANCEL)
		if got, want := cancel.Via().Params.GetOr("branch", ""), invite.Via().Params.GetOr("branch", "x"); got != want {
			t.Errorf("CANCEL has branch %s, the INVITE had %s", got, want)
		}
		munich.answer(cancel, 200, "")
		munich.answer(invite, 487, "")
		milano.response(200)
		milano.response(487)
		if ack := munich.request(sip.ACK); ack.Via().Params.GetOr("branch", "") != invite.Via().Params.GetOr("branch", "x") {
			t.Errorf("the ACK to the 487 is not the transaction's: %v", ack)
		}
	})
}

// The callee accepts in the moment in which the caller gives up: nobody is left in a call with nobody.
func TestCancelCrossesAnswer(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		m := msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "crossing"}
		milano.ask(m)
		invite := munich.request(sip.INVITE)
		munich.answer(invite, 180, "")
		milano.response(180)
		branch := "z9hG4bK-milano-INVITE-" + itoa(milano.seq)
		milano.write(milano.text(msg{method: "CANCEL", uri: m.uri, callID: m.callID, seq: milano.seq, branch: branch}))
		munich.request(sip.CANCEL)
		munich.answer(invite, 200, "")
		milano.response(200) // to the CANCEL
		milano.response(487)
		munich.request(sip.ACK)
		bye := munich.request(sip.BYE)
		if got := bye.CSeq().SeqNo; got != invite.CSeq().SeqNo+1 {
			t.Errorf("BYE has CSeq %d, the INVITE had %d", got, invite.CSeq().SeqNo)
		}
		munich.answer(bye, 200, "")
	})
}

func TestCallerGone(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "caller-gone"})
		munich.answer(munich.request(sip.INVITE), 180, "")
		milano.response(180)
		milano.hangUp()
		munich.request(sip.CANCEL)
	})
}

// Whoever hangs up and is gone at once has hung up: the BYE reaches the other side, also if it has to be repeated, and the
// call counts as over.
func TestByeAndGone(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, phone := l.join("milano", "TLS"), l.join("reception", "UDP")
		milano.register()
		phone.register()
		caller, called := phone.call(milano, "sip:201@"+domain)
		caller.ack()
		milano.request(sip.ACK)
		l.net.CutBoth(serverHost, phone.host)
		milano.write(milano.text(called.in("BYE")))
		milano.hangUp()
		time.Sleep(3 * time.Second)
		l.net.RestoreBoth(serverHost, phone.host)
		phone.answer(phone.request(sip.BYE), 200, "")
		time.Sleep(time.Second)
		if st := l.server.Status(); len(st.Calls) != 0 || st.Last("reception", "milano") == nil || st.Last("reception", "milano").Why != "milano hung up" {
			t.Errorf("calls %+v, past %+v", st.Calls, st.Past)
		}
	})
}

// A 2xx is repeated until the ACK comes, and each goes all the way.
func TestRepeated2xx(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "repeated"})
		invite := munich.request(sip.INVITE)
		for range 3 {
			munich.answer(invite, 200, "")
			milano.response(200)
			time.Sleep(time.Second)
		}
	})
}

// Timer C: who rings for three minutes and says nothing is not waited for any longer.
func TestRingsForever(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "forever"})
		munich.answer(munich.request(sip.INVITE), 180, "")
		milano.response(180)
		begun := time.Now()
		time.Sleep(170 * time.Second)
		milano.response(408)
		if d := time.Since(begun); d < 3*time.Minute || d > 3*time.Minute+time.Second {
			t.Errorf("408 after %v, want 3 min", d)
		}
		munich.request(sip.CANCEL)
	})
}

func TestNoAnswerAtAll(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "silence"})
		munich.request(sip.INVITE)
		milano.response(408)

		caller, _ := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		milano.ask(caller.in("INFO"))
		munich.request(sip.INFO)
		milano.silent(50 * time.Second) // RFC 4320: no 408 to what is not an INVITE
	})
}

// A busy window's answer goes back as it is, and its ACK ends at the proxy.
func TestBusy(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, munich := l.pair()
		milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "busy"})
		invite := munich.request(sip.INVITE)
		munich.answer(invite, 486, "Retry-After: 7")
		munich.request(sip.ACK)
		res := milano.response(486)
		if h := res.GetHeader("Retry-After"); h == nil || h.Value() != "7" {
			t.Errorf("the callee's header was lost: %v", res)
		}
		milano.write(milano.text(msg{method: "ACK", uri: "sip:munich@" + domain, callID: "busy", to: res.To().Value(),
			seq: int(res.CSeq().SeqNo), branch: res.Via().Params.GetOr("branch", "")}))
		munich.silent(time.Second)
	})
}

// A phone on UDP calls a window on TLS by its number: both ends of the dialog find each other through two transports.
func TestPhoneCallsWindow(t *testing.T) {
	simulate(t, always, func(l *lab) {
		milano, phone := l.join("milano", "TLS"), l.join("reception", "UDP")
		milano.register()
		phone.register()
		caller, called := phone.call(milano, "sip:201@"+domain)
		for _, want := range []string{"transport=udp", "transport=tls"} {
			if !strings.Contains(caller.route, want) {
				t.Errorf("no %s in the route set %s", want, caller.route)
			}
		}
		caller.ack()
		milano.request(sip.ACK)
		milano.ask(called.in("INFO")) // From is sip:201, as it was called
		phone.answer(phone.request(sip.INFO), 200, "")
		milano.response(200)
		phone.write(phone.text(caller.in("BYE")))
		milano.answer(milano.request(sip.BYE), 200, "")
		phone.response(200)
	})
}

// An INVITE with video and keys is larger than the 1,300 bytes at which sipgo refuses UDP.
func TestLargeUDP(t *testing.T) {
	simulate(t, plainOffice, func(l *lab) {
		reception, office := l.join("reception", "TCP"), l.join("office", "UDP")
		reception.register()
		office.register()
		body := "v=0\n" + strings.Repeat("a=x\n", 1000)
		reception.ask(msg{method: "INVITE", uri: "sip:office@" + domain, callID: "large", body: body})
		if got := string(office.request(sip.INVITE).Body()); got != body {
			t.Errorf("%d bytes of the body arrived, want %d", len(got), len(body))
		}
	})
}
