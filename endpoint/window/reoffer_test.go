package window

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/endpoint/agent"
	"ewindow/media/engine/protocol"
	"ewindow/media/negotiate"
)

// asked is an offer within a call, and what the window makes of it.
type asked struct {
	answer chan []byte
	reject chan int
	reason chan string // of reject, before it
}

func (l *lab) reoffer(d *fakeDialog, offer []byte) asked {
	a := asked{make(chan []byte, 1), make(chan int, 1), make(chan string, 1)}
	l.sip.tell(reoffer{d, offer,
		func(sdp []byte) error { a.answer <- sdp; return nil },
		func(status int, reason string) { a.reason <- reason; a.reject <- status }})
	return a
}

// withPhone is a phone's call that is up.
func (l *lab) withPhone() (*incoming, *far) {
	l.t.Helper()
	l.planned(plan("milano"))
	f := l.far(negotiate.SDES)
	in := l.invite("p", "desk", f.offer())
	f.accept(<-in.answered)
	in.ack <- nil
	time.Sleep(time.Second)
	l.sees("with the phone")
	return in, f
}

// A phone that holds gets no pictures and no sound; afterwards it does.
func TestHoldAndResume(t *testing.T) {
	simulate(t, func(l *lab) {
		in, f := l.withPhone()
		defer f.close()
		resumed := string(f.offer())
		f.sdp.Withdraw()
		a := l.reoffer(in.fakeDialog, []byte(strings.ReplaceAll(resumed, "a=sendrecv", "a=inactive")))
		<-a.answer
		time.Sleep(time.Second)
		if s := l.w.Status(); !s.Calls[0].Held || s.Screen.Reason != "On hold" || l.devices.Running(protocol.Camera) {
			t.Errorf("calls %+v, screen %+v, camera %v", s.Calls, s.Screen, l.devices.Running(protocol.Camera))
		}
		time.Sleep(2 * time.Minute)
		a = l.reoffer(in.fakeDialog, []byte(resumed))
		<-a.answer
		time.Sleep(2 * time.Second)
		if s := l.w.Status(); s.Calls[0].Held || !l.devices.Running(protocol.Camera) {
			t.Errorf("calls %+v, camera %v", s.Calls, l.devices.Running(protocol.Camera))
		}
		l.sees("after the hold")
	})
}

// What cannot be agreed leaves the call as it was; what belongs to no call is refused.
func TestReoffersThatAreRefused(t *testing.T) {
	simulate(t, func(l *lab) {
		in, f := l.withPhone()
		defer f.close()
		a := l.reoffer(in.fakeDialog, []byte("nonsense"))
		if got := <-a.reject; got != 488 {
			t.Errorf("nonsense: %d", got)
		}
		if why := <-a.reason; !strings.Contains(why, `"nonsense" is not of the form`) {
			t.Errorf("the caller is told %q", why)
		}
		if got := <-l.reoffer(newDialog("other"), f.offer()).reject; got != 481 {
			t.Errorf("no such call: %d", got)
		}
		time.Sleep(time.Second)
		l.sees("afterwards")
	})
}

// A re-INVITE without an offer gets ours; the answer comes with the ACK, a bad one changes nothing.
func TestReofferWithoutOffer(t *testing.T) {
	simulate(t, func(l *lab) {
		in, f := l.withPhone()
		defer f.close()
		offer := <-l.reoffer(in.fakeDialog, nil).answer
		answer := f.answer(offer)
		l.sip.tell(lateAnswer{in.fakeDialog, answer})
		time.Sleep(time.Second)
		l.sees("after it")
		<-l.reoffer(in.fakeDialog, nil).answer
		l.sip.tell(lateAnswer{in.fakeDialog, []byte("nonsense")})
		time.Sleep(time.Second)
		l.sees("after a bad answer")
	})
}

// A silent partner is asked once for each silence; what becomes of it never ends the call.
func TestReinviteRepairs(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		f := l.far(negotiate.DTLS)
		d := l.called(f, "a")
		l.net.Cut(farHost, milanoHost)
		time.Sleep(11 * time.Second)
		<-d.offers
		close(<-d.reinvites) // refused
		synctest.Wait()
		if c := l.w.Status().Call("munich"); c == nil || c.ID != "a" || c.Silent.IsZero() {
			t.Errorf("after a refusal: %+v", c)
		}
		l.net.Restore(farHost, milanoHost)
		time.Sleep(2 * time.Second)
		l.sees("when the line is back")
		// The second time the other side answers from another place.
		l.net.Cut(farHost, milanoHost)
		time.Sleep(11 * time.Second)
		offer := <-d.offers
		l.net.Restore(farHost, milanoHost)
		moved := l.far(negotiate.DTLS)
		defer moved.close()
		answer := moved.answer(offer)
		f.close()
		(<-d.reinvites) <- answer
		time.Sleep(3 * time.Second)
		l.sees("from its new place")
		if len(d.said()) > 0 || l.w.Status().Call("munich").ID != "a" {
			t.Errorf("BYEs %q", d.said())
		}
	})
}

// A partner who is not where he was is called anew before the silence has lasted long.
func TestPartnerWhoHasGone(t *testing.T) {
	for code, anew := range map[int]bool{404: true, 430: true, 480: true, 488: false, 500: false} {
		simulate(t, func(l *lab) {
			l.online(plan("milano"))
			f := l.far(negotiate.DTLS)
			old := l.called(f, "old")
			old.refusal = &agent.StatusError{Code: code, Reason: "No"}
			f.close()
			time.Sleep(11 * time.Second)
			<-old.offers
			close(<-old.reinvites)
			synctest.Wait()
			select {
			case <-l.sip.invites:
				if !anew {
					t.Errorf("%d: it calls anew", code)
				}
			default:
				if anew {
					t.Errorf("%d: it does not call", code)
				}
			}
		})
	}
}

// A line that stays silent is called anew, and the old call ends when the new one shows a picture.
func TestSilentPartnerIsCalledAnew(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		f := l.far(negotiate.DTLS)
		old := l.called(f, "old")
		f.close()
		time.Sleep(11 * time.Second)
		<-old.offers
		close(<-old.reinvites)
		next := l.far(negotiate.DTLS)
		defer next.close()
		l.called(next, "new")
		l.sees("with the new call")
		if said := old.said(); len(said) != 1 {
			t.Errorf("BYEs of the old call %q", said)
		}
	})
}
