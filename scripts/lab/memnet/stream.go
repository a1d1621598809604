package memnet

import (
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	window     = 256 << 10 // bytes that may be written and not yet read
	firstRetry = 200 * time.Millisecond
	lastRetry  = 120 * time.Second
	giveUp     = 924 * time.Second // Linux's tcp_retries2
)

// conn is one end of a stream, a net.Conn. What it writes goes into its outbox, over the link, into the peer's inbox.
// All fields are under Network.mu.
type conn struct {
	network       *Network
	local, remote netip.AddrPort
	peer          *conn
	gate          gate
	read, write   deadline
	closed        bool
	err           error // the stream is broken
	ended         bool  // the peer has closed and all it wrote is in the inbox

	inbox  []byte
	unread int // bytes that the peer has written and we have not read

	outbox []segment   // not yet on the link
	last   time.Time   // arrival of the last segment: streams keep the order
	retry  *time.Timer // for the first in the outbox
	wait   time.Duration
	stuck  time.Time // since when
}

// segment is what is sent at once; end says that nothing follows.
type segment struct {
	data []byte
	end  bool
}

func (c *conn) Read(b []byte) (int, error) {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.error("read", net.ErrClosed)
		case c.read.passed():
			return 0, c.error("read", os.ErrDeadlineExceeded)
		case len(b) == 0:
			return 0, nil
		case len(c.inbox) > 0:
			n := copy(b, c.inbox)
			if c.inbox = c.inbox[n:]; len(c.inbox) == 0 {
				c.inbox = nil
			}
			c.unread -= n
			c.peer.gate.open()
			return n, nil
		case c.err != nil:
			return 0, c.error("read", c.err)
		case c.ended:
			return 0, io.EOF
		}
		c.gate.pass(&c.network.mu)
	}
}

// Write waits only while the peer has much to read.
func (c *conn) Write(b []byte) (int, error) {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	written := 0
	for {
		switch {
		case c.closed:
			return written, c.error("write", net.ErrClosed)
		case c.write.passed():
			return written, c.error("write", os.ErrDeadlineExceeded)
		case c.err != nil:
			return written, c.error("write", c.err)
		case written == len(b):
			return written, nil
		}
		room := min(window-c.peer.unread, len(b)-written)
		if room <= 0 {
			c.gate.pass(&c.network.mu)
			continue
		}
		c.outbox = append(c.outbox, segment{data: append([]byte(nil), b[written:written+room]...)})
		c.peer.unread += room
		written += room
		c.send()
	}
}

// send puts on the link what it takes. A segment that is lost holds up those behind it until it is sent again.
func (c *conn) send() {
	link := c.network.link(c.local.Addr(), c.remote.Addr())
	for len(c.outbox) > 0 && c.retry == nil {
		if !link.passes() || c.network.host(c.remote.Addr()).off {
			c.hold()
			break
		}
		c.stuck = time.Time{}
		s := c.outbox[0]
		c.outbox = c.outbox[1:]
		c.ship(link, func() { c.peer.take(s) })
	}
	if c.closed && len(c.outbox) == 0 {
		delete(c.network.host(c.local.Addr()).conns, c)
	}
	link.run()
}

// ship puts something on the link, behind all that this end has shipped before.
func (c *conn) ship(link *link, arrive func()) {
	at := time.Now().Add(link.delay())
	if at.Before(c.last) {
		at = c.last
	}
	c.last = at
	link.push(at, arrive)
}

// hold tries the first segment of the outbox again later.
func (c *conn) hold() {
	if c.stuck.IsZero() {
		c.stuck, c.wait = time.Now(), firstRetry
	}
	c.retry = time.AfterFunc(c.wait, func() {
		c.network.mu.Lock()
		defer c.network.mu.Unlock()
		c.retry = nil
		if time.Since(c.stuck) >= giveUp {
			c.fail(syscall.ETIMEDOUT)
		}
		c.send()
	})
	c.wait = min(2*c.wait, lastRetry)
}

// take is the arrival of a segment.
func (c *conn) take(s segment) {
	switch {
	case c.network.host(c.local.Addr()).off:
		// The host is off: nobody takes it or says so. The other side will try again, and hear when we are back.
		if p := c.peer; !p.gone() {
			p.outbox = append([]segment{s}, p.outbox...)
			if p.retry == nil {
				p.hold()
			}
		}
	case c.gone() && !s.end:
		c.reset()
	case c.gone():
	case s.end:
		c.ended = true
		c.gate.open()
	default:
		c.inbox = append(c.inbox, s.data...)
		c.gate.open()
	}
}

// gone says that this end takes no more data.
func (c *conn) gone() bool { return c.closed || c.err != nil }

// reset tells the peer that the stream is broken.
func (c *conn) reset() {
	link := c.network.link(c.local.Addr(), c.remote.Addr())
	if !link.passes() {
		return
	}
	c.ship(link, func() {
		if !c.network.host(c.remote.Addr()).off {
			c.peer.fail(syscall.ECONNRESET)
		}
	})
	link.run()
}

// fail breaks this end. What has arrived can still be read.
func (c *conn) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.drop()
	c.gate.open()
}

// drop forgets what is not yet on the link.
func (c *conn) drop() {
	c.outbox = nil
	if c.retry != nil {
		c.retry.Stop()
		c.retry = nil
	}
	delete(c.network.host(c.local.Addr()).conns, c)
}

// die is the end of the host or process: what was not sent is lost.
func (c *conn) die(tell bool) {
	if tell && c.err == nil {
		c.reset()
	}
	c.shut()
	c.drop()
}

// Close sends what is written and then the end of the stream, in the background as a kernel does.
func (c *conn) Close() error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if c.closed {
		return c.error("close", net.ErrClosed)
	}
	c.shut()
	if c.err == nil {
		c.outbox = append(c.outbox, segment{end: true})
		c.send()
	}
	return nil
}

func (c *conn) shut() {
	c.closed = true
	c.inbox = nil
	c.read.set(c.network, &c.gate, time.Time{})
	c.write.set(c.network, &c.gate, time.Time{})
}

func (c *conn) error(op string, err error) error {
	if e, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, e)
	}
	return opError(op, "tcp", c.LocalAddr(), c.RemoteAddr(), err)
}

// LocalAddr is a *net.TCPAddr.
func (c *conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr is a *net.TCPAddr.
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) SetDeadline(t time.Time) error      { return c.setDeadline(t, &c.read, &c.write) }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.setDeadline(t, &c.read) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, &c.write) }

func (c *conn) setDeadline(t time.Time, which ...*deadline) error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if c.closed {
		return c.error("set", net.ErrClosed)
	}
	for _, d := range which {
		d.set(c.network, &c.gate, t)
	}
	return nil
}
