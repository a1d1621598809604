package relay

import (
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What waits for a connection that takes less than comes: a quarter of a second of 2 Mbit/s. Media beyond that are lost, as they would
// be on a line that is as narrow; answers have room for themselves.
const (
	outboxMedia = 64 // frames
	outboxMost  = 96
	unsent      = 16 << 10 // bytes that the system has of it and has not sent
)

// An outbox writes to a connection, so that nobody who has something for it waits: not who sends to its allocation, and not its own
// requests.
type outbox struct {
	conn net.Conn
	fail func() // ends the connection

	mu     sync.Mutex
	frames [][]byte
	closed bool
	kick   chan struct{}
	gone   chan struct{} // closed when nothing is written any more
}

func newOutbox(c net.Conn, fail func()) *outbox {
	keepLittle(c)
	o := &outbox{conn: c, fail: fail, kick: make(chan struct{}, 1), gone: make(chan struct{})}
	go o.run()
	return o
}

// put takes a frame, and says whether there was room for it.
func (o *outbox) put(frame []byte, media bool) bool {
	most := outboxMost
	if media {
		most = outboxMedia
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || len(o.frames) >= most {
		return false
	}
	o.frames = append(o.frames, slices.Clone(frame))
	select {
	case o.kick <- struct{}{}:
	default:
	}
	return true
}

// take gives what waits; ok is false at the end.
func (o *outbox) take() (frames [][]byte, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	frames, o.frames = o.frames, nil
	return frames, !o.closed
}

func (o *outbox) run() {
	defer close(o.gone)
	for range o.kick {
		frames, ok := o.take()
		if !ok {
			return
		}
		for _, b := range frames {
			if err := o.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
				return
			}
			if _, err := o.conn.Write(b); err != nil { // half a frame may be out: nothing that follows could be understood
				go o.fail()
				return
			}
		}
	}
}

// close ends it; it may be called more than once. What waits is not written any more.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed = true
		close(o.kick)
	}
}

// keepLittle bounds what waits in the system (TCP_NOTSENT_LOWAT). Where it cannot, that is as it is.
func keepLittle(c net.Conn) {
	for {
		under, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = under.NetConn()
	}
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
			})
		}
	}
}
