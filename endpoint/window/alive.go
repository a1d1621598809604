package window

import (
	"context"
	"errors"
)

// probe asks whether the loop takes what is brought to it, which closes it then.
type probe chan struct{}

// errEnded says that nobody reads the inbox any more.
var errEnded = errors.New("the window has ended")

// Alive returns nil once the loop and the devices' engine have answered. It blocks as long as one of them does not, whatever partner and
// registrar do; a window that has ended, as when its file is read again, is an error.
func (w *Window) Alive(ctx context.Context) error {
	p := make(probe)
	select {
	case w.inbox <- p:
	case <-w.done:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-p:
	case <-w.done:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	w.devices.Alive()
	return nil
}
