package window

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A window without registrar and partner is alive; one that has ended is not, and says so.
func TestAlive(t *testing.T) {
	simulate(t, func(l *lab) {
		if err := l.w.Alive(l.t.Context()); err != nil {
			t.Error(err)
		}
		l.stop()
		if err := l.w.Alive(l.t.Context()); !errors.Is(err, errEnded) {
			t.Errorf("after its end: %v", err)
		}
	})
}

// Nobody answers for a loop that does not come round.
func TestNotAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &Window{inbox: make(chan any, 1), done: make(chan struct{})} // and nobody reads
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			if err := w.Alive(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			cancel()
		}
	})
}
