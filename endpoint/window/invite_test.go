package window

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/negotiate"
)

// The other side hangs up right behind its 200: the end is told before the INVITE returns. Nothing may be sent to
// nobody.
func TestByeRightBehindA200(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		o := <-l.sip.invites
		f := l.far(negotiate.DTLS)
		defer f.close()
		d := newDialog("a")
		d.end("hung up")
		l.sip.tell(ended{d, "hung up"})
		synctest.Wait()
		o.reply <- established{d, "a", f.answer(o.offer)}
		synctest.Wait()
		if calls := l.w.Status().Calls; len(calls) != 0 {
			t.Errorf("calls %+v", calls)
		}
		if l.devices.Starts(protocol.Camera)+l.devices.Starts(protocol.Sound) > 0 {
			t.Error("camera or sound was started")
		}
		if last := l.w.Status().Last("munich"); last == nil || last.Why != "hung up" {
			t.Errorf("the last call %+v", last)
		}
		again := <-l.sip.invites // it calls again, after the second that follows an end
		if again.peer != "munich" {
			t.Errorf("called %s", again.peer)
		}
	})
}

// The same for a call of the other side: its BYE is there before our 2xx is said to be acknowledged.
func TestByeRightBehindOurs(t *testing.T) {
	simulate(t, func(l *lab) {
		l.planned(plan("milano"))
		f := l.far(negotiate.DTLS)
		defer f.close()
		in := l.invite("b", "munich", f.offer())
		f.accept(<-in.answered)
		l.sip.tell(ended{in.fakeDialog, "hung up"})
		in.ack <- errors.New("the call has ended: hung up")
		l.quiet("after the BYE")
		if c := l.w.Status().Call("munich"); c != nil && c.ID == "b" {
			t.Errorf("call %+v", *c)
		}
	})
}

// A caller that gives up while the sockets for its call are opened leaves nothing behind.
func TestCallerGivesUpEarly(t *testing.T) {
	simulate(t, func(l *lab) {
		l.planned(plan("milano"))
		synctest.Wait()
		gate := make(chan struct{})
		l.mu.Lock()
		l.gate = gate
		l.mu.Unlock()
		f := l.far(negotiate.DTLS)
		defer f.close()
		in := l.invite("b", "munich", f.offer())
		synctest.Wait()
		l.sip.tell(ended{in.fakeDialog, "the caller gave up"})
		synctest.Wait()
		close(gate)
		synctest.Wait()
		l.mu.Lock()
		open := l.sockets
		l.mu.Unlock()
		if len(in.answered) > 0 || open > 0 || l.devices.Starts(protocol.Camera) > 0 {
			t.Errorf("answered %d, sockets %d, camera starts %d", len(in.answered), open, l.devices.Starts(protocol.Camera))
		}
	})
}

// While sockets take their time, the window goes on: it says what it knows, and closes by its plan.
func TestNothingWaitsForSockets(t *testing.T) {
	simulate(t, func(l *lab) {
		gate := make(chan struct{})
		l.gate = gate
		defer close(gate)
		l.online(plan("milano"))
		synctest.Wait()
		if c := l.w.Status().Call("munich"); c == nil || c.Up {
			t.Fatalf("call %+v", c)
		}
		time.Sleep(10 * time.Second)
		l.sip.tell(registration{errors.New("connection refused")})
		closed := plan("milano")
		closed.Links = nil
		l.sip.tell(planCame{encode(t, closed)})
		synctest.Wait()
		s := l.w.Status()
		if len(s.Calls) != 0 || s.Screen.Reason != "Nobody to see" || s.Registration.Online {
			t.Errorf("status %+v", s)
		}
	})
}

// What is hung up while it rings is cancelled; a 2xx that had crossed gets its BYE, and no media.
func TestHungUpWhileItRings(t *testing.T) {
	for name, crossed := range map[string]bool{"cancelled": false, "a 2xx crossed": true} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(l *lab) {
				l.online(plan("milano"))
				o := <-l.sip.invites
				f := l.far(negotiate.DTLS)
				defer f.close()
				d := newDialog("a")
				if crossed {
					o.cross <- established{d, "a", f.answer(o.offer)}
				}
				closed := plan("milano")
				closed.Links = nil
				l.sip.tell(planCame{encode(t, closed)})
				synctest.Wait()
				if o.ctx.Err() == nil {
					t.Error("the INVITE goes on")
				}
				time.Sleep(time.Second)
				if said := d.said(); l.devices.Starts(protocol.Camera) > 0 || crossed != (len(said) == 1) {
					t.Errorf("BYEs %q, camera starts %d", said, l.devices.Starts(protocol.Camera))
				}
			})
		})
	}
}

func TestRefusals(t *testing.T) {
	simulate(t, func(l *lab) {
		l.planned(plan("milano"))
		plain := l.far(negotiate.None)
		defer plain.close()
		for _, c := range []struct {
			id, from string
			offer    []byte
			want     int
		}{
			{"no SDP at all", "munich", []byte("nonsense"), 488},
			{"plain RTP for a phone with SDES", "desk", plain.offer(), 488},
			{"a stranger", "mallory", plain.offer(), 403},
		} {
			in := l.invite(c.id, c.from, c.offer)
			if got := <-in.refused; got != c.want {
				t.Errorf("%s: %d, want %d", c.id, got, c.want)
			}
			synctest.Wait()
			if last := l.w.Status().Last(c.from); last == nil || last.ID != c.id || last.Status != c.want {
				t.Errorf("%s: the status says %+v", c.id, last)
			}
		}
		l.quiet("after refusals")
	})
}

// An INVITE without an offer gets ours in the 2xx; media begins with the answer in the ACK.
func TestInviteWithoutOffer(t *testing.T) {
	simulate(t, func(l *lab) {
		l.planned(plan("milano"))
		in := l.invite("p", "munich", nil)
		f := l.far(negotiate.DTLS)
		defer f.close()
		answer := f.answer(<-in.answered)
		l.quiet("before the ACK")
		l.sip.tell(lateAnswer{in.fakeDialog, answer})
		in.ack <- nil
		time.Sleep(time.Second)
		l.sees("after the ACK")
	})
}

// A new call of the partner while the old one is up: not a picture is missing, and the old one ends once the new one
// has taken its place.
func TestReplacementShowsNoGap(t *testing.T) {
	simulate(t, func(l *lab) {
		l.online(plan("milano"))
		f := l.far(negotiate.DTLS)
		old := l.called(f, "old")
		l.sees("with the first call")
		time.Sleep(5 * time.Second)
		next := l.far(negotiate.DTLS)
		defer next.close()
		next.silence(true)
		in := l.invite("new", "munich", next.offer())
		next.accept(<-in.answered)
		in.ack <- nil
		worst := time.Duration(0)
		watch := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				worst = max(worst, time.Since(l.devices.Screen().At))
			}
		}
		watch(5 * time.Second)
		l.sees("while the new call shows nothing")
		if s := l.w.Status(); len(s.Calls) != 2 || !s.Calls[0].Leaving || !s.Calls[0].Shown || len(old.said()) > 0 {
			t.Errorf("calls %+v, BYEs %q", s.Calls, old.said())
		}
		next.silence(false)
		watch(5 * time.Second)
		l.sees("with the new call")
		if said := old.said(); len(said) != 1 || !strings.Contains(said[0], "replaced") {
			t.Errorf("BYEs of the old call %q", said)
		}
		f.close()
		watch(2 * time.Second)
		l.sees("with the new call alone")
		if s := l.w.Status(); len(s.Calls) != 1 || s.Calls[0].ID != "new" {
			t.Errorf("calls %+v", s.Calls)
		}
		if worst > 150*time.Millisecond {
			t.Errorf("no picture for %v", worst)
		}
	})
}

// Call-IDs are chosen by others: two calls with the same one are two calls.
func TestSameCallID(t *testing.T) {
	simulate(t, func(l *lab) {
		l.planned(plan("milano"))
		var ins []*incoming
		for range 2 {
			f := l.far(negotiate.DTLS)
			defer f.close()
			in := l.invite("same", "munich", f.offer())
			f.accept(<-in.answered)
			in.ack <- nil
			ins = append(ins, in)
			time.Sleep(2 * time.Second)
			l.sees("with a call")
		}
		if first, second := ins[0].said(), ins[1].said(); len(first) != 1 || len(second) != 0 || len(l.w.Status().Calls) != 1 {
			t.Errorf("BYEs %q and %q, calls %+v", first, second, l.w.Status().Calls)
		}
	})
}
