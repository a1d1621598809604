package handshake

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v5/deadline"
)

// pipe is the way as the library sees it: a socket that is connected to the other side, wherever that is.
type pipe struct {
	in     chan []byte
	out    func([]byte) error
	mute   atomic.Bool // nothing goes any more: no word of an end, which would be taken for that of the call
	read   *deadline.Deadline
	closed chan struct{}
	once   sync.Once
}

func newPipe(out func([]byte) error) *pipe {
	return &pipe{in: make(chan []byte, inQueue), out: out, read: deadline.New(), closed: make(chan struct{})}
}

// nobody is the address of whoever is at the other end: the way alone knows it.
type nobody struct{}

func (nobody) Network() string { return "media" }
func (nobody) String() string  { return "media" }

func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case <-p.closed:
		return 0, nil, net.ErrClosed
	case <-p.read.Done():
		return 0, nil, os.ErrDeadlineExceeded
	case d := <-p.in:
		return copy(b, d), nobody{}, nil
	}
}

// WriteTo never fails: what is not sent is repeated.
func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	if !p.mute.Load() {
		_ = p.out(b)
	}
	return len(b), nil
}

func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipe) SetReadDeadline(t time.Time) error { p.read.Set(t); return nil }
func (p *pipe) SetDeadline(t time.Time) error     { return p.SetReadDeadline(t) }

func (*pipe) SetWriteDeadline(time.Time) error { return nil }
func (*pipe) LocalAddr() net.Addr              { return nobody{} }
