package flow

import (
	"context"
	"net"
	"sync"
	"time"
)

// An Inlet is where connections of one protocol come in that were told apart on a shared port: a net.Listener for those who serve it.
type Inlet struct {
	addr net.Addr
	come chan net.Conn
	done chan struct{}
	once sync.Once
}

// NewInlet makes the inlet of a port that is listened on at addr.
func NewInlet(addr net.Addr) *Inlet {
	return &Inlet{addr: addr, come: make(chan net.Conn), done: make(chan struct{})}
}

// take waits until somebody accepts c, for so long at most. If nobody does it is the caller's still.
func (i *Inlet) take(ctx context.Context, c net.Conn, within time.Duration) bool {
	patience := time.NewTimer(within)
	defer patience.Stop()
	select {
	case i.come <- c:
		return true
	case <-patience.C:
	case <-i.done:
	case <-ctx.Done():
	}
	return false
}

// Accept waits for a connection. After Close the error is net.ErrClosed.
func (i *Inlet) Accept() (net.Conn, error) {
	select {
	case c := <-i.come:
		return c, nil
	case <-i.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. Connections that were accepted stay open.
func (i *Inlet) Close() error {
	i.once.Do(func() { close(i.done) })
	return nil
}

// Addr is the address of the shared port.
func (i *Inlet) Addr() net.Addr { return i.addr }
