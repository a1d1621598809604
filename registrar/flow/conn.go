package flow

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"time"
)

// conn is a connection with deadlines: a message that has begun must end, a peer must make itself known, a write
// must not hang. The SIP stack reads it from one goroutine.
type conn struct {
	net.Conn
	table     *Table
	flow      Flow
	serial    uint64
	addr      netip.Addr // what PerAddress counts by
	remote    net.Addr   // without a zone: the SIP stack's table of connections drops zones too
	published bool       // under table.mu
	once      sync.Once

	mu        sync.Mutex
	since     time.Time // of the last whole message, or of the connection
	begun     time.Time // of the message that is arriving; zero between messages
	keepUntil time.Time
	tokens    float64
	filled    time.Time // when tokens was last brought up to date
}

func newConn(t *Table, c net.Conn, transport string, now time.Time) *conn {
	remote := c.RemoteAddr()
	if tcp, ok := remote.(*net.TCPAddr); ok && tcp.Zone != "" {
		remote = &net.TCPAddr{IP: tcp.IP, Port: tcp.Port}
	}
	return &conn{
		Conn: c, table: t, addr: group(remote), remote: remote,
		flow:  Flow{Transport: transport, Remote: remote.String()},
		since: now, tokens: float64(t.limits.Burst), filled: now,
	}
}

// RemoteAddr is the peer's address without a zone.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// Read waits for bytes no longer than the peer is allowed to be silent. When messages come faster than Rate the
// next one is left in the socket for a while: the sender is slowed down and nothing is lost.
func (c *conn) Read(b []byte) (int, error) {
	if wait := c.owed(time.Now()); wait > 0 {
		time.Sleep(wait)
	}
	if err := c.rearm(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if n > 0 && len(bytes.Trim(b[:n], "\r\n\x00")) > 0 { // CRLF between messages is a keepalive (RFC 5626 §3.5.1)
		c.mu.Lock()
		if c.begun.IsZero() {
			c.begun = time.Now()
		}
		c.mu.Unlock()
	}
	return n, err
}

// Write sends a whole message, or a keepalive.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.table.safe(c.flow, b); err != nil {
		return 0, err
	}
	if err := c.SetWriteDeadline(time.Now().Add(c.table.limits.Write)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Close() // half a message may be out: nothing that follows could be understood
	}
	return n, err
}

// Close may be called more than once. It does not wait: TLS says goodbye for up to 5 s to a peer that does not read,
// and the SIP stack closes connections with its table of all of them locked.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = nil
		c.mu.Lock()
		inner := c.Conn
		c.mu.Unlock()
		_ = inner.SetReadDeadline(time.Unix(1, 0))
		c.table.closing.Go(func() { _ = inner.Close() })
		c.table.closed(c)
	})
	return err
}

// secure puts TLS between c and its socket, before anybody reads.
func (c *conn) secure(tls net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Conn = tls
}

// rearm sets the deadline for reading. Another goroutine may do so while Read waits.
func (c *conn) rearm() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	deadline := c.since.Add(c.table.limits.Idle)
	if c.keepUntil.After(deadline) {
		deadline = c.keepUntil
	}
	if !c.begun.IsZero() {
		deadline = c.begun.Add(c.table.limits.Idle)
	}
	return c.SetReadDeadline(deadline)
}

func (c *conn) complete(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun, c.since = time.Time{}, now
	c.tokens = min(float64(c.table.limits.Burst), c.tokens+now.Sub(c.filled).Seconds()*c.table.limits.Rate) - 1
	c.filled = now
}

// owed is how long the peer has to wait until it may send another message.
func (c *conn) owed(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	missing := -(c.tokens + now.Sub(c.filled).Seconds()*c.table.limits.Rate)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / c.table.limits.Rate * float64(time.Second))
}

func (c *conn) keep(until time.Time) {
	c.mu.Lock()
	if until.After(c.keepUntil) {
		c.keepUntil = until
	}
	c.mu.Unlock()
	_ = c.rearm() // a closed connection needs none
}

// known says whether the peer has proved who it is, lately.
func (c *conn) known(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keepUntil.After(now)
}
