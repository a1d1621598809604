package window

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/negotiate"
)

// mixed is a SIP side on which anything happens in any order.
type mixed struct {
	*lab
	rnd     *rand.Rand
	n       int
	fars    []*far
	waiting []*outgoing
	in      []*incoming
	dialogs map[*fakeDialog]bool // established → the other side has ended it
	order   []*fakeDialog        // in which they began
}

func (m *mixed) far(p negotiate.Policy) *far {
	f := m.lab.far(p)
	m.fars = append(m.fars, f)
	return f
}

// collect takes the INVITEs that the window has sent.
func (m *mixed) collect() {
	for {
		select {
		case o := <-m.sip.invites:
			m.waiting = append(m.waiting, o)
		default:
			return
		}
	}
}

// reply answers an INVITE of the window: no, yes, or yes with a BYE right behind or even before it.
func (m *mixed) reply() {
	m.collect()
	if len(m.waiting) == 0 {
		return
	}
	o := m.waiting[0]
	m.waiting = m.waiting[1:]
	if m.rnd.IntN(3) == 0 {
		close(o.reply)
		return
	}
	d := newDialog(fmt.Sprint("o", m.n))
	answer := m.far(negotiate.DTLS).answer(o.offer)
	if o.ctx.Err() != nil {
		return // cancelled: nobody takes the answer
	}
	m.dialogs[d], m.order = false, append(m.order, d)
	bye := m.rnd.IntN(4)
	switch bye {
	case 1:
		m.end(d)
	case 3: // it rings until the window gives up; then the 200 crosses the CANCEL
		o.cross <- established{d, d.id, answer}
		return
	}
	o.reply <- established{d, d.id, answer}
	if bye == 2 {
		m.end(d)
	}
}

func (m *mixed) end(d *fakeDialog) {
	m.dialogs[d] = true
	d.end("hung up")
	m.sip.tell(ended{d, "hung up"})
}

func (m *mixed) call() {
	from, policy := "munich", negotiate.DTLS
	if m.rnd.IntN(3) == 0 {
		from, policy = "desk", negotiate.SDES
	}
	in := m.invite(fmt.Sprint("i", m.n), from, m.far(policy).offer())
	m.in = append(m.in, in)
	m.dialogs[in.fakeDialog], m.order = false, append(m.order, in.fakeDialog)
	switch m.rnd.IntN(4) {
	case 0:
		in.ack <- errors.New("no ACK")
		m.dialogs[in.fakeDialog] = true
	case 1:
		m.end(in.fakeDialog)
		in.ack <- errors.New("hung up")
	default:
		in.ack <- nil
	}
}

// alive makes sure that no call goes on whose dialog has ended.
func (m *mixed) alive() {
	m.t.Helper()
	synctest.Wait()
	for _, c := range m.w.Status().Calls {
		for d, over := range m.dialogs {
			if over && d.id == c.ID {
				m.t.Fatalf("%d: the call %+v goes on, and its dialog has ended", m.n, c)
			}
		}
	}
}

// any is one of the latest dialogs, nil without any.
func (m *mixed) any() *fakeDialog {
	latest := m.order[max(0, len(m.order)-4):]
	if len(latest) == 0 {
		return nil
	}
	return latest[m.rnd.IntN(len(latest))]
}

// one does one of the things.
func (m *mixed) one() {
	m.n++
	switch m.rnd.IntN(10) {
	case 0:
		m.sip.tell(registration{errors.New("gone")})
	case 1, 2:
		m.sip.tell(registration{})
	case 3:
		p := plan("milano")
		if m.rnd.IntN(4) == 0 {
			p.Links, p.Open = nil, nil
		}
		m.sip.tell(planCame{encode(m.t, p)})
	case 4, 5:
		m.reply()
	case 6, 7:
		m.call()
	case 8:
		if d := m.any(); d != nil && !m.dialogs[d] {
			m.end(d)
		}
	case 9:
		if d := m.any(); d != nil {
			m.reoffer(d, []byte("nonsense"))
		}
	}
}

// Whatever the SIP side does in whatever order: each INVITE has one answer, each dialog an end, and after closing time
// nothing runs and no socket is open.
func TestMixedSignalling(t *testing.T) {
	cameras := 0
	for seed := range uint64(40) {
		simulate(t, func(l *lab) {
			l.devices.SetPace(time.Second, time.Second)
			m := &mixed{lab: l, rnd: rand.New(rand.NewPCG(seed, 2)), dialogs: map[*fakeDialog]bool{}}
			l.online(plan("milano"))
			for range 60 {
				m.one()
				m.alive()
				if m.rnd.IntN(3) > 0 {
					time.Sleep(time.Duration(m.rnd.IntN(3000)) * time.Millisecond)
				}
			}
			closed := plan("milano")
			closed.Links, closed.Open = nil, nil
			l.sip.tell(planCame{encode(t, closed)})
			synctest.Wait()
			m.collect()
			for _, o := range m.waiting {
				if o.ctx.Err() == nil {
					t.Errorf("seed %d: an INVITE goes on after closing time", seed)
				}
			}
			l.quiet("after closing time")
			if calls := l.w.Status().Calls; len(calls) > 0 {
				t.Errorf("seed %d: calls %+v", seed, calls)
			}
			for _, in := range m.in {
				if n := len(in.answered) + len(in.refused); n > 1 || n == 0 && len(in.said()) == 0 && !m.dialogs[in.fakeDialog] {
					t.Errorf("seed %d: %s was answered %d times and refused %d times", seed, in.id, len(in.answered), len(in.refused))
				}
			}
			for d, over := range m.dialogs {
				if refused := m.refused(d); !over && !refused && len(d.said()) != 1 {
					t.Errorf("seed %d: %s ended with BYEs %q", seed, d.id, d.said())
				}
			}
			for _, f := range m.fars {
				f.close()
			}
			cameras += l.devices.Starts(protocol.Camera)
		})
		if t.Failed() {
			return
		}
	}
	if cameras < 40 {
		t.Errorf("the camera ran %d times only: the events are not mixed well", cameras)
	}
}

// refused says whether a dialog is of an INVITE that the window refused.
func (m *mixed) refused(d *fakeDialog) bool {
	for _, in := range m.in {
		if in.fakeDialog == d {
			return len(in.refused) > 0
		}
	}
	return false
}
