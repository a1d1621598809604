package engine

import (
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/engine/protocol"
)

// exiting is a process whose connection is gone.
type exiting struct {
	conn   net.Conn
	exited bool
}

func (e exiting) Conn() net.Conn { return e.conn }
func (e exiting) Kill()          {}
func (e exiting) Wait() error    { return nil }
func (e exiting) Exited() bool   { return e.exited }

// A process that has ended is not accused of anything while its end is on its way to us, however long that takes; one
// that has not is.
func TestEndThatIsNotKnownYet(t *testing.T) {
	for _, exited := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			theirs.Close()
			r := newRole(protocol.Camera, Config{Log: slog.New(slog.DiscardHandler)})
			l := &link{child: exiting{ours, exited}, in: newTap(ours), gone: make(chan struct{}), stopped: make(chan struct{}), broken: make(chan error, 1)}
			l.lost(errors.New("closed its connection and did not exit"))
			if broken := len(l.broken) > 0; broken == exited {
				t.Errorf("exited %v, called broken %v", exited, broken)
			}
			now := time.Now()
			s := supervisor{role: r, link: l, state: state{phase: running, due: now, started: now, want: 1, have: 1}}
			s.handle(happening{what: tick})
			if judged := s.state.phase != running; judged == exited {
				t.Errorf("exited %v, judged by its progress %v", exited, judged)
			}
			if exited && !s.state.due.After(now) {
				t.Error("it is not looked at again")
			}
		})
	}
}
