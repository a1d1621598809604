package reach

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"

	"github.com/pion/turn/v5"
	"golang.org/x/sys/unix"
)

// backlog is how many packets wait for a connection that takes them more slowly than they come: a quarter of a second of 2 Mbit/s.
const backlog = 64

// unsent is how many bytes the system may have of a connection that it has not sent yet. Without a bound it takes seconds of video.
const unsent = 16 << 10

// stream is a connection to a TURN server over TCP or TLS. Nobody waits for it: what it does not take in time is lost, as it would be
// on a line that is as narrow.
type stream struct {
	*turn.STUNConn
	out  chan []byte
	once sync.Once
	done chan struct{} // closed by Close
	gone chan struct{} // closed when nothing is written any more
}

var errBacklog = errors.New("the connection to the relay takes no more")

// newStream makes a connection's own, and writes to it until Close.
func newStream(c net.Conn) *stream {
	keepLittle(c)
	s := &stream{STUNConn: turn.NewSTUNConn(c), out: make(chan []byte, backlog), done: make(chan struct{}), gone: make(chan struct{})}
	go s.write()
	return s
}

func (s *stream) write() {
	defer close(s.gone)
	for {
		select {
		case b := <-s.out:
			if _, err := s.STUNConn.WriteTo(b, nil); err != nil {
				_ = s.STUNConn.Close() // half a frame may be out: whoever reads notices
				return
			}
		case <-s.done:
			return
		}
	}
}

// WriteTo has a frame written.
func (s *stream) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case s.out <- slices.Clone(b):
		return len(b), nil
	case <-s.done:
		return 0, net.ErrClosed
	case <-s.gone:
		return 0, net.ErrClosed
	default:
		return 0, errBacklog
	}
}

// Close may be called more than once.
func (s *stream) Close() (err error) {
	s.once.Do(func() {
		close(s.done)
		err = s.STUNConn.Close()
		<-s.gone
	})
	return err
}

// keepLittle bounds what waits in the system (TCP_NOTSENT_LOWAT). Where it cannot, that is as it is.
func keepLittle(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
			})
		}
	}
}
