package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/status"
)

// The status tells who is where, who should see whom and does, and what happened last.
func TestStatus(t *testing.T) {
	simulate(t, always, func(l *lab) {
		st := l.server.Status()
		if a := st.Account("milano"); a == nil || a.Role != "space" || !a.Open || a.Partner != "munich" || a.Reached || a.Last != nil {
			t.Errorf("before all: %+v", a)
		}
		if a := st.Account("reception"); a == nil || a.Role != "phone" || a.Partner != "" {
			t.Errorf("a phone: %+v", a)
		}
		milano, munich := l.pair()
		milano.subscribe()
		time.Sleep(time.Second)
		st = l.server.Status()
		a := st.Account("milano")
		if a == nil || !a.Reached || len(a.Bindings) != 1 || a.Bindings[0].Contact != milano.contact || a.Bindings[0].Transport != "TLS" ||
			a.Bindings[0].Peer != milano.conn.LocalAddr().String() || time.Since(a.Bindings[0].Since) > 2*time.Second {
			t.Errorf("registered: %+v", a)
		}
		if len(st.Flows) != 2 || st.Flows[0].Account != "milano" || st.Flows[0].Peer != a.Bindings[0].Peer || st.Strangers != 0 {
			t.Errorf("flows %+v, %d strangers", st.Flows, st.Strangers)
		}
		if s := st.Subscriptions; len(s) != 1 || s[0].Event != "ua-profile" || s[0].Subscriber != "milano" || s[0].Sent.IsZero() || s[0].Waits {
			t.Errorf("subscriptions %+v", s)
		}
		if text := st.Text(time.UTC); !strings.Contains(text, "0 of 1 links are up; not: milano and munich") || !strings.Contains(text, "! neither of the two has called") || !strings.Contains(text, "no calls") {
			t.Errorf("in words: %s", text)
		}
		begun := time.Now()
		caller, called := milano.call(munich, "sip:munich@"+domain)
		caller.ack()
		munich.request(sip.ACK)
		st = l.server.Status()
		if got := st.Call("munich", "milano"); got == nil || got.Caller != "milano" || got.ID != caller.callID || got.Since.Before(begun) || len(st.Past) != 0 {
			t.Errorf("calls %+v, past %+v", st.Calls, st.Past)
		}
		time.Sleep(20 * time.Second)
		milano.write(milano.text(caller.in("BYE")))
		called.p.answer(munich.request(sip.BYE), 200, "")
		milano.response(200)
		st = l.server.Status()
		if got := st.Last("milano", "munich"); got == nil || got.Why != "milano hung up" || got.Ended.Sub(got.Since) < 20*time.Second || len(st.Calls) != 0 {
			t.Errorf("calls %+v, past %+v", st.Calls, st.Past)
		}
		munich.hangUp()
		time.Sleep(time.Second)
		for i := range 3 {
			milano.ask(msg{method: "INVITE", uri: "sip:munich@" + domain, callID: "try" + itoa(i), body: "v=0\n", extra: "Content-Type: application/sdp"})
			milano.response(430)
		}
		st = l.server.Status()
		if a := st.Account("munich"); a.Reached || a.Last == nil || a.Last.What != "its connection ended" || !a.Bindings[0].Lost {
			t.Errorf("gone: %+v", a)
		}
		if n := len(st.Past); n != 2 || st.Past[1].Why != "430 Flow Failed" || !st.Past[1].Since.IsZero() {
			t.Errorf("three tries that came to the same: %+v", st.Past)
		}
		if text := st.Text(time.UTC); !strings.Contains(text, "! its connection ended") || !strings.Contains(text, "! munich is away") || !strings.Contains(text, "milano to munich, never answered; 430 Flow Failed") {
			t.Errorf("in words: %s", text)
		}
		l.removeAccount("potsdam")
		if text := l.server.Status().Text(time.UTC); !strings.Contains(text, "! it has no account: ewindow-registrar invite potsdam\n") || strings.Count(text, "no account") != 1 {
			t.Errorf("without an account: %s", text)
		}
		stranger := l.join("office", "TCP")
		stranger.ask2(stranger.reg("Expires: 60"), "wrong")
		stranger.response(401)
		if a := l.server.Status().Account("office"); a.Last == nil || !strings.HasPrefix(a.Last.What, "a wrong secret came from ") {
			t.Errorf("a wrong secret: %+v", a.Last)
		}
	})
}

// Past calls are bounded.
func TestLedgerBound(t *testing.T) {
	var l ledger
	for range 3 * status.MaxPast {
		l.call(status.PastCall{Call: status.Call{Caller: "a", Callee: "b", Since: time.Unix(1, 0)}, Why: "x"})
	}
	if _, past := l.read(func(string) bool { return true }); len(past) != status.MaxPast {
		t.Errorf("%d", len(past))
	}
	l.note("gone", "x", time.Time{})
	l.read(func(string) bool { return false })
	if len(l.last) != 0 {
		t.Error("an account that is no more is remembered")
	}
}
