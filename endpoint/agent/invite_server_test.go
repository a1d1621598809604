package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

// rings sends an INVITE to the window and returns it as the other side sees it.
func (l *lab) rings(offer string, headers ...string) (*sip.Request, Invitation) {
	l.t.Helper()
	h := map[string]string{"Record-Route": "<sip:tok2@10.0.0.1:5061;transport=tls;lr>, <sip:tok1@10.0.0.1:5061;transport=tls;lr>"}
	for i := 0; i+1 < len(headers); i += 2 {
		h[headers[i]] = headers[i+1]
	}
	text := request("INVITE", l.agent.contact.String(), h, offer)
	l.send(text)
	m, err := sip.ParseMessage([]byte(text))
	if err != nil {
		l.t.Fatal(err)
	}
	return m.(*sip.Request), expect[Invitation](l)
}

// within makes a further request of the caller's in the dialog that a 2xx of the window confirmed.
func (l *lab) within(res *sip.Response, method string, cseq int, body string, headers ...string) string {
	h := map[string]string{"To": header.First(res, "To"), "From": header.First(res, "From"), "Call-ID": header.First(res, "Call-ID"), "CSeq": fmt.Sprint(cseq, " ", method)}
	for i := 0; i+1 < len(headers); i += 2 {
		h[headers[i]] = headers[i+1]
	}
	return request(method, l.agent.contact.String(), h, body)
}

// answered makes a call to the window.
func (l *lab) answered(headers ...string) (*Call, *sip.Response) {
	l.t.Helper()
	_, in := l.rings(offer1, headers...)
	done := async(func() error { return in.Call.Answer(context.Background(), []byte(answer1)) })
	res := l.answers(200)
	l.send(l.within(res, "ACK", 1, ""))
	if err := <-done; err != nil {
		l.t.Fatal(err)
	}
	return in.Call, res
}

func TestIncomingCall(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		invite, in := l.rings(offer1, "From", `"M\"unich \\ <b>" <sip:munich@reg.example.org>;tag=them`)
		if in.From != "munich" || in.FromName != `M"unich \ <b>` || string(in.Offer) != offer1 || in.Call.ID() != invite.CallID().Value() || in.Call.Peer() != "munich" {
			t.Errorf("%+v", in)
		}
		done := async(func() error { return in.Call.Answer(t.Context(), []byte(answer1)) })
		res := l.answers(200)
		if string(res.Body()) != answer1 || header.MediaType(res) != sdpType || len(res.GetHeaders("Record-Route")) == 0 || header.Contact(res).String() != l.agent.contact.String() {
			t.Errorf("%s", res)
		}
		l.send(l.within(res, "ACK", 1, ""))
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := in.Call.Answer(t.Context(), []byte(answer1)); !errors.Is(err, errDecided) {
			t.Errorf("second Answer: %v", err)
		}
		in.Call.Reject(486, "Busy Here") // too late
		l.silent(time.Minute)
		in.Call.Bye("")
		bye := l.gets(sip.BYE)
		routes := bye.GetHeaders("Route")
		if len(routes) != 2 || !strings.Contains(routes[0].Value(), "tok2") {
			t.Errorf("route set:\n%s", bye)
		}
		l.reply(bye, 200, "", "")
		expect[Ended](l)
		l.gone()
	})
}

func TestTryingWhileNobodyAnswers(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		l.rings(offer1)
		m := <-l.inbox
		if res, ok := m.(*sip.Response); !ok || res.StatusCode != 100 {
			t.Errorf("%v", first(m))
		}
		begun := time.Now()
		l.answers(480)
		if e := expect[Ended](l); e.Reason != "nobody answered" {
			t.Errorf("%+v", e)
		}
		if took := time.Since(begun); took > decideLimit {
			t.Errorf("took %v", took)
		}
		l.gone()
	})
}

func TestReject(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		_, in := l.rings(offer1)
		in.Call.Reject(486, "Busy\r\nEvil: yes", Header{"Retry-After", "30\r\nEvil: yes"}, Header{"Bad Name", "x"})
		res := l.answers(486)
		if res.Reason != "Busy Evil: yes" || header.First(res, "Retry-After") != "30 Evil: yes" || header.First(res, "Evil") != "" || header.First(res, "Bad Name") != "" {
			t.Errorf("%s", res)
		}
		if e := expect[Ended](l); e.Reason != "refused: 486 Busy Evil: yes" {
			t.Errorf("%+v", e)
		}
		if err := in.Call.Answer(t.Context(), []byte(answer1)); !errors.Is(err, errDecided) {
			t.Errorf("%v", err)
		}
		l.gone()
	})
}

func TestByeBeforeAnswer(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		_, in := l.rings(offer1)
		in.Call.Bye("not now")
		l.answers(480)
		expect[Ended](l)
		l.gone()
	})
}

func TestCallerGivesUp(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		invite, in := l.rings(offer1)
		cancel := dialog.Cancel(invite)
		l.send(cancel.String())
		l.answers(200) // to the CANCEL
		l.answers(487)
		if e := expect[Ended](l); e.Call != in.Call || e.Reason != "the caller gave up" {
			t.Errorf("%+v", e)
		}
		if err := in.Call.Answer(t.Context(), []byte(answer1)); !errors.Is(err, errDecided) {
			t.Errorf("%v", err)
		}
		l.silent(time.Minute)
		l.gone()
	})
}

func TestCancelAfterAnswer(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		invite, in := l.rings(offer1)
		done := async(func() error { return in.Call.Answer(t.Context(), []byte(answer1)) })
		res := l.answers(200)
		l.send(dialog.Cancel(invite).String())
		l.answers(481)
		l.send(l.within(res, "ACK", 1, ""))
		if err := <-done; err != nil {
			t.Error(err)
		}
		l.quiet(time.Minute)
	})
}

func TestLostAck(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		_, in := l.rings(offer1)
		done := async(func() error { return in.Call.Answer(t.Context(), []byte(answer1)) })
		begun := time.Now()
		n := -1 // without the 100
		for {
			m := <-l.inbox
			if req, ok := m.(*sip.Request); ok {
				if req.Method != sip.BYE {
					t.Fatalf("%s", first(m))
				}
				l.reply(req, 200, "", "")
				break
			}
			n++
		}
		if took := time.Since(begun); took < dialog.GiveUp || took > dialog.GiveUp+time.Second {
			t.Errorf("BYE after %v", took)
		}
		if n != 11 { // 0, 0.5, 1.5, 3.5, 7.5, 11.5 … 31.5 s
			t.Errorf("the 200 was sent %d times", n)
		}
		if err := <-done; err == nil || err.Error() != "the call has ended: the caller did not acknowledge" {
			t.Errorf("%v", err)
		}
		if e := expect[Ended](l); e.Reason != "the other side did not acknowledge our answer" {
			t.Errorf("%+v", e)
		}
		l.gone()
	})
}

// We hang up before the ACK is there: the BYE waits for it (RFC 3261 §15).
func TestByeWaitsForAck(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		_, in := l.rings(offer1)
		done := async(func() error { return in.Call.Answer(t.Context(), []byte(answer1)) })
		res := l.answers(200)
		in.Call.Bye("changed my mind")
		if err := <-done; !errors.Is(err, ErrEnded) {
			t.Errorf("%v", err)
		}
		expect[Ended](l)
		l.silent(400 * time.Millisecond)
		l.send(l.within(res, "ACK", 1, ""))
		l.reply(l.gets(sip.BYE), 200, "", "")
		l.gone()
	})
}

func TestInviteWithoutOffer(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		_, in := l.rings("")
		if in.Offer != nil {
			t.Errorf("%q", in.Offer)
		}
		done := async(func() error { return in.Call.Answer(t.Context(), []byte(offer1)) })
		res := l.answers(200)
		l.send(l.within(res, "ACK", 1, answer1))
		if err := <-done; err != nil {
			t.Error(err)
		}
		if e := expect[LateAnswer](l); e.Call != in.Call || string(e.SDP) != answer1 {
			t.Errorf("%+v", e)
		}

		_, in = l.rings("", "Call-ID", "other")
		done = async(func() error { return in.Call.Answer(t.Context(), []byte(offer1)) })
		res = l.answers(200)
		l.send(l.within(res, "ACK", 1, "")) // no answer in it
		<-done
		if e := expect[Ended](l); e.Reason != "the other side did not answer our offer" {
			t.Errorf("%+v", e)
		}
		l.reply(l.gets(sip.BYE), 200, "", "")
	})
}

func TestIncomingReinvite(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c, res := l.answered()
		// The same offer again is answered with the same answer.
		l.send(l.within(res, "INVITE", 2, offer1))
		if again := l.answers(200); string(again.Body()) != answer1 {
			t.Errorf("%s", again)
		}
		l.send(l.within(res, "ACK", 2, ""))
		time.Sleep(time.Second)
		// Refused: the session stands.
		l.send(l.within(res, "INVITE", 3, offer2))
		re := expect[Reoffer](l)
		re.Reject(488, `no "codec" in common`)
		if got := header.First(l.answers(488), "Warning"); got != `399 milano "no 'codec' in common"` {
			t.Errorf("Warning: %s", got)
		}
		l.send(l.within(res, "ACK", 3, ""))
		if err := re.Answer([]byte(answer2)); !errors.Is(err, errDecided) {
			t.Errorf("Answer after Reject: %v", err)
		}
		// Without offer: ours goes, theirs comes back in the ACK.
		l.send(l.within(res, "INVITE", 4, ""))
		re = expect[Reoffer](l)
		if re.Offer != nil {
			t.Errorf("%q", re.Offer)
		}
		if err := re.Answer(nil); err == nil || err.Error() != "an answer needs SDP" {
			t.Error(err)
		}
		if err := re.Answer([]byte(answer2)); err != nil {
			t.Error(err)
		}
		l.answers(200)
		l.send(l.within(res, "ACK", 4, offer2))
		if e := expect[LateAnswer](l); string(e.SDP) != offer2 {
			t.Errorf("%+v", e)
		}
		// Nobody decides: 500.
		l.send(l.within(res, "INVITE", 5, offer1))
		expect[Reoffer](l)
		l.answers(500)
		// Two at once: 500 for the second, with a time to come back.
		l.send(l.within(res, "INVITE", 6, offer1))
		re = expect[Reoffer](l)
		l.send(l.within(res, "INVITE", 7, offer1))
		if busy := l.answers(500); header.First(busy, "Retry-After") == "" {
			t.Errorf("%s", busy)
		}
		if err := re.Answer([]byte(answer1)); err != nil {
			t.Error(err)
		}
		l.answers(200)
		l.send(l.within(res, "ACK", 6, ""))
		// The call ends while one is open: 487.
		l.send(l.within(res, "INVITE", 8, offer2))
		expect[Reoffer](l)
		l.send(l.within(res, "BYE", 9, ""))
		codes := map[int]bool{}
		for n := 0; n < 2; {
			if code := (<-l.inbox).(*sip.Response).StatusCode; code != 100 {
				codes[code] = true
				n++
			}
		}
		if !codes[200] || !codes[487] {
			t.Errorf("%v", codes)
		}
		if e := expect[Ended](l); e.Call != c {
			t.Errorf("%+v", e)
		}
		l.gone()
	})
}

// Our own offer waits while theirs is open, and theirs gets 491 while ours is.
func TestOffersTakeTurns(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c, res := l.answered()
		l.send(l.within(res, "INVITE", 2, offer2))
		re := expect[Reoffer](l)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Reinvite(ctx, []byte(offer1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		re.Reject(488, "")
		l.answers(488)
		done := async(func() error { _, err := c.Reinvite(t.Context(), []byte(offer1)); return err })
		invite := l.gets(sip.INVITE)
		l.send(l.within(res, "INVITE", 3, offer2))
		l.answers(491)
		l.send(l.within(res, "UPDATE", 4, offer2))
		l.answers(491)
		l.reply(invite, 200, "", answer2)
		l.gets(sip.ACK)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestUpdate(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		_, res := l.answered()
		l.send(l.within(res, "UPDATE", 2, "", "Contact", "<sip:munich@moved.invalid>"))
		l.answers(200)
		l.send(l.within(res, "UPDATE", 3, offer2, "Contact", "-"))
		re := expect[Reoffer](l)
		if err := re.Answer([]byte(answer2)); err != nil {
			t.Error(err)
		}
		if got := l.answers(200); string(got.Body()) != answer2 {
			t.Errorf("%s", got)
		}
		l.send(l.within(res, "UPDATE", 4, offer1, "Contact", "-"))
		expect[Reoffer](l).Reject(488, "")
		l.answers(488)
		re.Call.Bye("")
		if bye := l.gets(sip.BYE); bye.Recipient.Host != "moved.invalid" {
			t.Errorf("target was not refreshed: %s", bye)
		}
	})
}

func TestConnectionLostBeforeAnswer(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		_, in := l.rings(offer1)
		l.current().conn.Close()
		seen := 0
		for seen < 3 {
			switch e := (<-l.events).(type) {
			case Ended:
				if e.Reason != "the connection to the registrar was lost before the call was answered" {
					t.Errorf("%+v", e)
				}
				seen++
			case Offline, Online:
				seen++
			}
		}
		expect[Programme](l)
		if err := in.Call.Answer(t.Context(), []byte(answer1)); err == nil {
			t.Error("answered all the same")
		}
		l.gone()
	})
}

func TestSlowReceiverGetsNoInvitations(t *testing.T) {
	q := newQueue()
	for range maxQueue {
		if !q.put(Invitation{}) {
			t.Fatal("refused too early")
		}
	}
	for _, e := range []Event{Invitation{}, Reoffer{}, Info{}} {
		if q.put(e) {
			t.Errorf("%T taken", e)
		}
	}
	for i := range 1000 {
		q.put(Online{})
		q.put(Offline{})
		q.put(Programme{Body: []byte(fmt.Sprint(i))})
	}
	q.put(Ended{Reason: "last"})
	if n := len(q.waiting); n > maxQueue+4 {
		t.Errorf("%d wait", n)
	}
	last := q.waiting[len(q.waiting)-3:]
	if _, is := last[0].(Offline); !is || string(last[1].(Programme).Body) != "999" || last[2].(Ended).Reason != "last" {
		t.Errorf("%+v", last)
	}
}
