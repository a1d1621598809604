package flow

import (
	"container/list"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/registrar/block"
	"ewindow/registrar/signal/frame"
)

// conn is a connection with deadlines: a message that has begun must end, a peer must make itself known, a write
// must not hang. The SIP stack reads it from one goroutine.
type conn struct {
	net.Conn           // the socket, or TLS over it; changed before anybody reads
	raw       net.Conn // the socket
	table     *Table
	flow      Flow
	addr      netip.Addr // without port, for the crowd
	remote    net.Addr   // without a zone
	frames    *frame.Reader
	accepted  time.Time
	proven    atomic.Bool // somebody has authenticated
	once      sync.Once
	published bool                // under table.mu, as the following
	replaced  bool                // evicted: another connection has its place
	stranger  *block.Place[*conn] // until somebody has authenticated; nil for a guest
	home      *home               // of a guest, and of whoever has authenticated
	halved    time.Time           // when half a ping was read, and nothing since; zero if none was
	fresh     *said               // what was said in the handshake, until something is read behind it
	account   string
	holder    string        // account whose certificate was shown in the handshake; it stays the same
	place     *list.Element // among those of account

	mu        sync.Mutex
	written   sync.Cond // signalled when writing shrinks
	writing   int       // writes under way
	since     time.Time // of the last whole message, or of the connection
	begun     time.Time // of the message that is arriving; zero between messages
	keepUntil time.Time
	heard     time.Time // when anything came last
	pinged    time.Time // the last keepalive
	pings     int       // keepalives in a row, soon after each other
	tokens    float64
	filled    time.Time // when tokens was last brought up to date
}

// pingedFor is how long a ping keeps the connection of whoever has authenticated (RFC 5626 §4.4.1 has them every two minutes
// at most; phones are lazier).
const pingedFor = 10 * time.Minute

// maxWriting is how many answers may wait for a peer that does not take them; until it does, it is not read.
const maxWriting = 16

func newConn(t *Table, raw net.Conn, transport string, now time.Time) *conn {
	remote := raw.RemoteAddr()
	if tcp, ok := remote.(*net.TCPAddr); ok && tcp.Zone != "" {
		remote = &net.TCPAddr{IP: tcp.IP, Port: tcp.Port}
	}
	c := &conn{
		Conn: raw, raw: raw, table: t, addr: block.Addr(remote), remote: remote,
		flow:     Flow{Transport: transport, Remote: remote.String()},
		accepted: now, since: now, tokens: float64(t.limits.Burst), filled: now,
	}
	c.written.L = &c.mu
	c.frames = frame.NewReader(source{c}, c.longest)
	return c
}

// longest is how long the next message may be.
func (c *conn) longest() int {
	if c.proven.Load() {
		return MaxMessage
	}
	return c.table.limits.Message
}

// Read gives the SIP stack one whole message, or a keepalive. When messages come faster than Rate the next one is left
// in the socket for a while: the sender is slowed down and nothing is lost. What is refused is answered here.
func (c *conn) Read(b []byte) (int, error) {
	for {
		c.pause()
		n, err := c.frames.Read(b)
		var refusal *frame.Refusal
		if errors.As(err, &refusal) {
			if answer := refusal.Answer(c.remote.String()); answer != nil {
				_, _ = c.Write(answer)
			}
			if refusal.Lost {
				return 0, err
			}
		}
		now := time.Now()
		message := err != nil || c.frames.Ended()
		ping := !message && n <= 4 && b[0] == '\r'
		if ping {
			n = c.join(b, n, now)
		} else {
			c.halved = time.Time{}
		}
		c.spend(now, message)
		if err == nil {
			c.hear(now, ping)
		}
		if ping && c.proven.Load() {
			c.keep(now.Add(pingedFor)) // of a stranger a ping is no sign of life
		}
		if refusal == nil {
			return n, err
		}
	}
}

// pieces is how far apart the halves of a ping may come.
const pieces = time.Second

// join makes a ping of its halves, which a network may cut as it likes: the stack answers it as a whole alone. A single CRLF is a pong, for
// which nobody asked here, and is handed on; with the next one soon after it that was a ping. Read's goroutine calls it.
func (c *conn) join(b []byte, n int, now time.Time) int {
	switch {
	case n != 2 || len(b) < 4:
		c.halved = time.Time{}
	case now.Sub(c.halved) < pieces:
		c.halved = time.Time{}
		return copy(b, "\r\n\r\n")
	default:
		c.halved = now
	}
	return n
}

// source is what frames reads: it waits for bytes no longer than the peer is allowed to be silent.
type source struct{ c *conn }

func (s source) Read(b []byte) (int, error) {
	c := s.c
	c.mu.Lock()
	switch {
	case !c.frames.Partial():
		c.begun = time.Time{}
	case c.begun.IsZero():
		c.begun = time.Now()
	}
	c.mu.Unlock()
	if err := c.rearm(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if c.fresh != nil && (n > 0 || err != nil) {
		c.table.opened(c.flow, c.fresh, err)
		c.fresh = nil
	}
	return n, err
}

// Write sends a whole message, or a keepalive.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.table.safe(c.flow, b); err != nil {
		return 0, err
	}
	c.mu.Lock()
	c.writing++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.writing--
		c.mu.Unlock()
		c.written.Signal()
	}()
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
// and the SIP stack closes connections with its table of all of them locked. Strangers get no goodbye: they would keep
// their place meanwhile.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = nil
		c.mu.Lock()
		inner := c.Conn
		c.mu.Unlock()
		_ = c.raw.SetReadDeadline(time.Unix(1, 0))
		c.table.closed(c)
		if !c.proven.Load() {
			_ = c.raw.Close()
			c.table.released(c)
			return
		}
		c.table.closing.Go(func() {
			_ = inner.Close()
			c.table.released(c)
		})
	})
	return err
}

// evict closes c at once, and with it what the system holds for it.
func (c *conn) evict() {
	reset(c.raw)
	_ = c.Close()
}

// reset has the next close end the connection with a RST: the system keeps nothing of it.
func reset(raw net.Conn) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// secure puts TLS between c and its socket, before anybody reads.
func (c *conn) secure(tls net.Conn, said *said) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Conn, c.fresh = tls, said
	said.first, said.last = nil, nil
}

// rearm sets the deadline for reading. Another goroutine may do so while Read waits.
func (c *conn) rearm() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	deadline := c.since.Add(c.table.limits.Idle)
	if c.keepUntil.After(deadline) {
		deadline = c.keepUntil
	}
	if gone := c.heard.Add(goneAfter); c.pings >= pingsKnown && gone.Before(deadline) {
		deadline = gone
	}
	if !c.begun.IsZero() {
		deadline = c.begun.Add(c.table.limits.Idle)
	}
	return c.SetReadDeadline(deadline)
}

// spend takes one reading from what the peer may send. message says that a message ended with it: those alone are life.
func (c *conn) spend(now time.Time, message bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if message {
		c.since = now
	}
	c.tokens = min(float64(c.table.limits.Burst), c.tokens+now.Sub(c.filled).Seconds()*c.table.limits.Rate) - 1
	c.filled = now
}

// A peer that pings every pingSoon is missed when nothing comes for quietAfter, and its flow has failed after goneAfter
// (RFC 5626 §5.4): it has given the connection up itself by then, since no pong came. A connection whose way was cut tells
// nobody: for others it takes TCP's minutes, or a write.
const (
	pingSoon   = 5 * time.Second
	quietAfter = 8 * time.Second
	goneAfter  = 12 * time.Second
	pingsKnown = 2 // such pings in a row: whoever pings so does so always
)

// hear notes that something came.
func (c *conn) hear(now time.Time, ping bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = now
	if !ping {
		return
	}
	if apart := now.Sub(c.pinged); apart > pingSoon {
		c.pings = 0
	} else if apart >= time.Second {
		c.pings++
	}
	c.pinged = now
}

// quiet says whether nothing came from a peer that should have pinged.
func (c *conn) quiet(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pings >= pingsKnown && now.Sub(c.heard) > quietAfter
}

// pause waits until the peer may send another message, and has taken the answers to those before.
func (c *conn) pause() {
	if wait := c.owed(time.Now()); wait > 0 {
		time.Sleep(wait)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.writing >= maxWriting {
		c.written.Wait()
	}
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
