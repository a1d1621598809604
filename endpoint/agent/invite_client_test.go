package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
)

// dialled is what an Invite in the background comes to.
type dialled struct {
	call   *Call
	answer []byte
	err    error
}

func (l *lab) invite(ctx context.Context) chan dialled {
	done := make(chan dialled, 1)
	go func() {
		c, answer, err := l.agent.Invite(ctx, "munich", []byte(offer1))
		done <- dialled{c, answer, err}
	}()
	return done
}

// callUp makes a call from the window, over a proxy that record-routes.
func (l *lab) callUp(headers ...string) *Call {
	l.t.Helper()
	done := l.invite(context.Background())
	invite := l.gets(sip.INVITE)
	l.reply(invite, 100, "", "")
	l.reply(invite, 200, "far", answer1, append(headers, "Record-Route", "<sip:tok1@10.0.0.1:5061;transport=tls;lr>",
		"Record-Route", "<sip:tok2@10.0.0.1:5061;transport=tls;lr>")...)
	ack := l.gets(sip.ACK)
	if ack.CSeq().SeqNo != invite.CSeq().SeqNo || ack.Recipient.Host != "far.invalid" {
		l.t.Errorf("ACK: %s", ack)
	}
	d := <-done
	if d.err != nil {
		l.t.Fatal(d.err)
	}
	if string(d.answer) != answer1 || d.call.Peer() != "munich" || d.call.ID() != invite.CallID().Value() || d.call.Local() != windowAddr {
		l.t.Errorf("call: %q %q %q %v", d.answer, d.call.Peer(), d.call.ID(), d.call.Local())
	}
	return d.call
}

// in makes a request of the other side within a call that the window made.
func (l *lab) in(c *Call, method, cseq, body string, headers ...string) string {
	h := map[string]string{
		"From": "<sip:munich@" + domain + ">;tag=" + c.dialog.RemoteTag, "To": "<sip:milano@" + domain + ">;tag=" + c.dialog.LocalTag,
		"Call-ID": c.ID(), "CSeq": cseq + " " + method,
	}
	for i := 0; i+1 < len(headers); i += 2 {
		h[headers[i]] = headers[i+1]
	}
	return request(method, l.agent.contact.String(), h, body)
}

// gone checks that no call is left.
func (l *lab) gone() {
	l.t.Helper()
	time.Sleep(100 * time.Millisecond) // whatever is on its way
	l.agent.mu.Lock()
	defer l.agent.mu.Unlock()
	if n := len(l.agent.calls); n != 0 {
		l.t.Errorf("%d calls are still known", n)
	}
}

func TestCallAndBye(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c := l.callUp()
		c.Bye("closing time")
		if e := expect[Ended](l); e.Call != c || e.Reason != "closing time" {
			t.Errorf("%+v", e)
		}
		bye := l.gets(sip.BYE)
		if r := header.First(bye, "Reason"); r != `SIP;cause=200;text="closing time"` {
			t.Errorf("Reason: %s", r)
		}
		routes := bye.GetHeaders("Route")
		if len(routes) != 2 || !strings.Contains(routes[0].Value(), "tok2") || bye.Recipient.Host != "far.invalid" {
			t.Errorf("route set:\n%s", bye)
		}
		l.reply(bye, 200, "", "")
		l.gone()
		c.Bye("again")
		l.quiet(time.Minute)
		if _, err := c.Reinvite(t.Context(), []byte(offer2)); !errors.Is(err, ErrEnded) || err.Error() != "the call has ended: closing time" {
			t.Errorf("Reinvite: %v", err)
		}
		if err := c.Info(t.Context(), controlType, []byte("x")); !errors.Is(err, ErrEnded) {
			t.Errorf("Info: %v", err)
		}
	})
}

func TestOtherSideHangsUp(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c := l.callUp()
		l.send(l.in(c, "BYE", "1", "", "Reason", `SIP;cause=200;text="they closed"`))
		l.answers(200)
		if e := expect[Ended](l); e.Call != c || e.Reason != "the other side hung up: they closed" {
			t.Errorf("%+v", e)
		}
		l.gone()
		l.send(l.in(c, "BYE", "2", ""))
		l.answers(481)
	})
}

func TestInviteChallenged(t *testing.T) {
	for _, code := range []int{401, 407} {
		simulate(t, func(t *testing.T, l *lab) {
			done := l.invite(t.Context())
			invite := l.gets(sip.INVITE)
			if header.First(invite, "Authorization")+header.First(invite, "Proxy-Authorization") != "" {
				t.Errorf("credentials of a REGISTER went on: %s", invite)
			}
			l.current().challenge(invite, code, domain, "SHA-256", "MD5")
			l.gets(sip.ACK)
			second := l.gets(sip.INVITE)
			if !l.knows(second) || second.CSeq().SeqNo <= invite.CSeq().SeqNo || second.CallID().Value() != invite.CallID().Value() {
				t.Errorf("second INVITE: %s", second)
			}
			l.reply(second, 200, "far", answer1)
			ack := l.gets(sip.ACK)
			if header.First(ack, "Authorization")+header.First(ack, "Proxy-Authorization") == "" {
				t.Errorf("ACK without the INVITE's credentials: %s", ack)
			}
			if d := <-done; d.err != nil {
				t.Error(d.err)
			}
		})
	}
}

func TestInviteChallengedByAStranger(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		done := l.invite(t.Context())
		l.current().challenge(l.gets(sip.INVITE), 401, "munich.example.com", "MD5")
		l.gets(sip.ACK)
		var foreign *foreignRealm
		if d := <-done; !errors.As(d.err, &foreign) {
			t.Error(d.err)
		}
		l.silent(time.Minute)
		l.gone()
	})
}

func TestInviteRefused(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		done := l.invite(t.Context())
		l.reply(l.gets(sip.INVITE), 480, "far", "", "Retry-After", "20")
		l.gets(sip.ACK)
		d := <-done
		var status *StatusError
		if !errors.As(d.err, &status) || *status != (StatusError{480, "Reason", 20 * time.Second}) || d.err.Error() != "480 Reason (retry after 20s)" {
			t.Errorf("%v", d.err)
		}
		l.gone()
		l.quiet(time.Minute) // no Ended for a call that was never given out
	})
}

func TestInviteNotAnswered(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		done := l.invite(t.Context())
		l.gets(sip.INVITE)
		d := <-done
		if d.err == nil || d.err.Error() != "408 no answer" {
			t.Errorf("%v", d.err)
		}
		l.gone()
	})
}

func TestInviteCancelled(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		ctx, cancel := context.WithCancel(t.Context())
		done := l.invite(ctx)
		invite := l.gets(sip.INVITE)
		cancel()
		if d := <-done; !errors.Is(d.err, context.Canceled) {
			t.Errorf("%v", d.err)
		}
		l.silent(5 * time.Second) // no CANCEL before a provisional response
		l.reply(invite, 180, "far", "")
		got := l.gets(sip.CANCEL)
		if got.Via().Value() != invite.Via().Value() || got.CSeq().SeqNo != invite.CSeq().SeqNo {
			t.Errorf("CANCEL: %s", got)
		}
		l.reply(got, 200, "far", "")
		l.reply(invite, 487, "far", "")
		l.gets(sip.ACK)
		l.gone()
	})
}

func TestLateCancel(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		ctx, cancel := context.WithCancel(t.Context())
		done := l.invite(ctx)
		invite := l.gets(sip.INVITE)
		l.reply(invite, 180, "far", "")
		time.Sleep(time.Second)
		cancel()
		<-done
		l.gets(sip.CANCEL)
		l.reply(invite, 200, "far", answer1) // had crossed
		ack := l.gets(sip.ACK)
		bye := l.gets(sip.BYE)
		if header.ToTag(ack) != "far" || header.ToTag(bye) != "far" || bye.CSeq().SeqNo <= ack.CSeq().SeqNo {
			t.Errorf("%s\n%s", ack, bye)
		}
		l.reply(bye, 200, "", "")
		l.gone()
		l.quiet(time.Minute)
	})
}

func TestSecondAnswers(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		done := l.invite(t.Context())
		invite := l.gets(sip.INVITE)
		l.reply(invite, 200, "far", answer1)
		l.gets(sip.ACK)
		<-done
		time.Sleep(time.Second)
		l.reply(invite, 200, "far", answer1) // our ACK was lost
		l.gets(sip.ACK)
		l.reply(invite, 200, "fork", answer1) // somebody else took the call, too
		ack := l.gets(sip.ACK)
		bye := l.gets(sip.BYE)
		if header.ToTag(ack) != "fork" || header.ToTag(bye) != "fork" {
			t.Errorf("%s\n%s", ack, bye)
		}
		l.reply(bye, 200, "", "")
		time.Sleep(time.Minute)
		l.current().conn.Close()
		expect[Offline](l)
		l.online()
		l.reply(invite, 200, "far", answer1) // over another connection, to no transaction
		l.gets(sip.ACK)
		l.silent(time.Minute)
	})
}

func TestAnswerWithoutSDP(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		done := l.invite(t.Context())
		l.reply(l.gets(sip.INVITE), 200, "far", "")
		l.gets(sip.ACK)
		if d := <-done; d.err == nil || d.err.Error() != "the 200 to our INVITE brought no SDP answer" {
			t.Errorf("%v", d.err)
		}
		l.reply(l.gets(sip.BYE), 200, "", "")
		l.gone()
	})
}

func TestBadCallee(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		for to, want := range map[string]string{
			"":                         `"" is neither an account name nor a SIP URI`,
			"a b":                      `"a b" is neither an account name nor a SIP URI`,
			"sip:x@y\r\nContact: evil": `"sip:x@y\r\nContact: evil" is neither an account name nor a SIP URI`,
			"sip:":                     `"sip:" is not a SIP URI`,
		} {
			if _, _, err := l.agent.Invite(t.Context(), to, []byte(offer1)); err == nil || err.Error() != want {
				t.Errorf("%q: %v", to, err)
			}
		}
		if _, _, err := l.agent.Invite(t.Context(), "munich", nil); err == nil || err.Error() != "an INVITE needs an offer" {
			t.Error(err)
		}
	})
}

func TestReinvite(t *testing.T) {
	for _, test := range []struct {
		code int
		end  string // reason of the end, or none
	}{
		{488, ""}, {500, ""}, {430, ""},
		{481, "the other side does not know the call any more"}, {408, "the other side does not answer any more"},
	} {
		simulate(t, func(t *testing.T, l *lab) {
			c := l.callUp()
			done := async(func() error { _, err := c.Reinvite(t.Context(), []byte(offer2)); return err })
			l.reply(l.gets(sip.INVITE), test.code, "", "")
			l.gets(sip.ACK)
			var status *StatusError
			if err := <-done; !errors.As(err, &status) || status.Code != test.code {
				t.Errorf("%d: %v", test.code, err)
			}
			if test.end == "" {
				done := async(func() error {
					answer, err := c.Reinvite(t.Context(), []byte(offer2))
					if string(answer) != answer2 {
						t.Errorf("answer %q", answer)
					}
					return err
				})
				l.reply(l.gets(sip.INVITE), 200, "", answer2)
				l.gets(sip.ACK)
				if err := <-done; err != nil {
					t.Error(err)
				}
				l.quiet(time.Minute)
				return
			}
			if e := expect[Ended](l); e.Reason != test.end {
				t.Errorf("%+v", e)
			}
			if test.code == 408 {
				l.reply(l.gets(sip.BYE), 200, "", "")
			}
			l.gone()
		})
	}
}

func TestReinviteChallengedInDialog(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c := l.callUp()
		done := async(func() error { return c.Info(t.Context(), controlType, []byte("<x/>")) })
		l.current().challenge(l.gets(sip.INFO), 407, domain, "SHA-256")
		info := l.gets(sip.INFO)
		if !l.knows(info) || string(info.Body()) != "<x/>" || header.MediaType(info) != controlType {
			t.Errorf("INFO: %s", info)
		}
		l.reply(info, 200, "", "")
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Bye("") // the nonce is known now
		bye := l.gets(sip.BYE)
		if !l.knows(bye) {
			t.Errorf("BYE: %s", bye)
		}
		l.reply(bye, 200, "", "")
		expect[Ended](l)
	})
}

// Both sides make an offer at once: ours gets 491, so does theirs, and the caller waits longer.
func TestGlare(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c := l.callUp()
		done := async(func() error { _, err := c.Reinvite(t.Context(), []byte(offer2)); return err })
		invite := l.gets(sip.INVITE)
		l.send(l.in(c, "INVITE", "1", answer2))
		l.answers(491)
		l.send(l.in(c, "ACK", "1", ""))
		l.reply(invite, 491, "", "")
		l.gets(sip.ACK)
		begun := time.Now()
		time.Sleep(time.Second)
		l.send(l.in(c, "INVITE", "2", answer2)) // theirs gets through meanwhile
		offer := expect[Reoffer](l)
		if string(offer.Offer) != answer2 || offer.Call != c {
			t.Errorf("%+v", offer)
		}
		if err := offer.Answer([]byte(offer1)); err != nil {
			t.Error(err)
		}
		if res := l.answers(200); string(res.Body()) != offer1 {
			t.Errorf("%s", res)
		}
		l.send(l.in(c, "ACK", "2", ""))
		again := l.gets(sip.INVITE)
		if wait := time.Since(begun); wait < 2100*time.Millisecond || wait > 4*time.Second+10*time.Millisecond {
			t.Errorf("tried again after %v", wait)
		}
		l.reply(again, 200, "", answer2)
		l.gets(sip.ACK)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The connection dies without a word while a re-INVITE is on its way: the call lives, and goes on over the next one.
func TestCallOutlivesConnection(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c := l.callUp()
		const stale = 2 // CSeq of the INVITE that is on its way over the dead connection: it may arrive when that is whole again
		fresh := func(method sip.RequestMethod) *sip.Request {
			for {
				m := <-l.inbox
				if req, is := m.(*sip.Request); is && req.CSeq().SeqNo == stale {
					continue
				} else if !is || req.Method != method {
					t.Fatalf("the window sent %v, want %s", first(m), method)
				} else {
					return req
				}
			}
		}
		l.net.CutBoth(registrarAddr.Addr(), windowAddr)
		time.AfterFunc(time.Minute, func() { l.net.RestoreBoth(registrarAddr.Addr(), windowAddr) })
		if _, err := c.Reinvite(t.Context(), []byte(offer2)); !errors.Is(err, ErrOffline) {
			t.Errorf("Reinvite: %v", err)
		}
		expect[Offline](l)
		if _, err := c.Reinvite(t.Context(), []byte(offer2)); !errors.Is(err, ErrOffline) {
			t.Errorf("Reinvite: %v", err)
		}
		for range 10 {
			if e, is := (<-l.events).(Ended); is {
				t.Fatalf("ended: %s", e.Reason)
			}
			if l.agent.currentFlow() != nil {
				break
			}
		}
		expect[Programme](l)
		done := async(func() error { _, err := c.Reinvite(t.Context(), []byte(offer2)); return err })
		invite := fresh(sip.INVITE)
		l.reply(invite, 200, "", answer2)
		fresh(sip.ACK)
		if err := <-done; err != nil {
			t.Error(err)
		}
		l.current().conn.Close()
		c.Bye("meanwhile") // goes over the next connection
		fresh(sip.BYE)
	})
}

// Nobody answers within the call, but the registrar does: the other side is gone.
func TestOtherSideGone(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c := l.callUp()
		begun := time.Now()
		done := async(func() error { _, err := c.Reinvite(t.Context(), []byte(offer2)); return err })
		l.reply(l.gets(sip.INVITE), 100, "", "")
		if err := <-done; err == nil || err.Error() != "408 the other side does not answer" {
			t.Errorf("Reinvite: %v", err)
		}
		if took := time.Since(begun); took > dialog.GiveUp+pongWithin {
			t.Errorf("took %v", took)
		}
		expect[Ended](l)
		l.gets(sip.CANCEL)
		l.gets(sip.BYE)
	})
}

// A re-INVITE that nobody waits for any more is cancelled; the next one waits until it is over. If its 200 had crossed,
// the offer counts.
func TestAbandonedReinvite(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c := l.callUp()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first := async(func() error { _, err := c.Reinvite(ctx, []byte(offer2)); return err })
		invite := l.gets(sip.INVITE)
		l.reply(invite, 100, "", "")
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		l.gets(sip.CANCEL)
		second := async(func() error { _, err := c.Reinvite(t.Context(), []byte(offer1)); return err })
		l.silent(time.Second)
		l.reply(invite, 200, "", answer2)
		if e := expect[LateAnswer](l); string(e.SDP) != answer2 || e.Call != c {
			t.Errorf("%+v", e)
		}
		l.gets(sip.ACK)
		l.reply(l.gets(sip.INVITE), 200, "", answer1)
		l.gets(sip.ACK)
		if err := <-second; err != nil {
			t.Error(err)
		}
	})
}

func TestByeAtTheEnd(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		c := l.callUp()
		go l.cancel()
		bye := l.gets(sip.BYE)
		if header.First(bye, "Reason") != `SIP;cause=200;text="the window was switched off"` {
			t.Errorf("%s", bye)
		}
		_ = c // the BYE is not answered: Run ends all the same
	})
}

func TestBoundedCalls(t *testing.T) {
	simulate(t, func(t *testing.T, l *lab) {
		for range maxCalls {
			l.callUp()
		}
		_, _, err := l.agent.Invite(t.Context(), "munich", []byte(offer1))
		if err == nil || err.Error() != "486 16 calls at once are the most" {
			t.Error(err)
		}
		l.send(request("INVITE", l.agent.contact.String(), nil, offer1))
		l.answers(486)
	})
}
