package flow

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// A Listener gives the SIP stack connections that are within the limits and, for TLS, set up. Run does the work;
// Accept hands out its results.
type Listener struct {
	table     *Table
	inner     net.Listener
	transport string
	config    *tls.Config
	others    *Others // of a shared port; nil: there is SIP alone
	ready     chan net.Conn
	done      chan struct{}
	once      sync.Once
}

// Listen wraps l. transport is TCP or TLS; config is needed for TLS alone.
func (t *Table) Listen(l net.Listener, transport string, config *tls.Config) *Listener {
	if config != nil {
		config = listening(config, t.events.Shown)
	}
	return &Listener{
		table: t, inner: l, transport: transport, config: config,
		ready: make(chan net.Conn), done: make(chan struct{}),
	}
}

// Run accepts connections until ctx ends or the listener fails, and joins the handshakes under way.
func (l *Listener) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var handshakes sync.WaitGroup
	defer handshakes.Wait()
	defer l.Close()
	pause := 5 * time.Millisecond
	for {
		raw, err := l.inner.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			// Too many open files, or the peer went away in the queue: neither ends the listener.
			select {
			case <-time.After(pause):
				pause = min(2*pause, time.Second)
				continue
			case <-l.done:
				return nil
			}
		}
		pause = 5 * time.Millisecond
		c := newConn(l.table, raw, l.transport, time.Now())
		if !l.table.admit(c, time.Now()) {
			reset(raw)
			_ = raw.Close()
			continue
		}
		handshakes.Go(func() { l.setUp(ctx, c) })
	}
}

// setUp takes a connection through the handshake to Accept, or on a shared port to whoever takes its protocol.
func (l *Listener) setUp(ctx context.Context, c *conn) {
	if l.config != nil && !l.secure(ctx, c) {
		return
	}
	l.table.publish(c)
	select {
	case l.ready <- c:
	case <-l.done:
		_ = c.Close()
	}
}

// secure sets TLS up. false: c was closed, or is somebody else's.
func (l *Listener) secure(ctx context.Context, c *conn) bool {
	raw, said := c.raw, &said{}
	hurry, cancel := context.WithTimeout(ctx, l.table.limits.Handshake)
	defer cancel()
	if l.others != nil {
		first, stun, err := l.inClear(hurry, c, said)
		switch {
		case err != nil:
			l.table.failed(hurry, c.flow, said, err)
			_ = c.Close()
			return false
		case stun:
			l.give(ctx, c, first, tls.ConnectionState{}, alpnTURN)
			return false
		}
		raw = first
	}
	turn := &turn{Conn: raw, turns: l.table.turns, over: hurry.Done(), said: said}
	secure := tls.Server(turn, l.config)
	err := secure.HandshakeContext(hurry)
	turn.end()
	if err != nil {
		l.table.failed(hurry, c.flow, said, err)
		_ = c.Close()
		return false
	}
	if l.others.forHandshake(secure.ConnectionState().NegotiatedProtocol) {
		_ = secure.CloseWrite() // within the handshake's time, as the rest of it
		_ = c.Close()
		return false
	}
	c.holder = said.holder
	if l.others == nil {
		c.secure(secure, said)
		return true
	}
	protocol, over, err := l.protocol(ctx, c, secure)
	switch {
	case err != nil:
		l.table.opened(c.flow, said, err)
		_ = c.Close()
		return false
	case protocol != alpnSIP:
		l.give(ctx, c, over, secure.ConnectionState(), protocol)
		return false
	}
	c.secure(over, said)
	return true
}

// Accept returns a connection that is ready for use. After Close the error is net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.done:
		return nil, fmt.Errorf("accept %s: %w", l.transport, net.ErrClosed)
	}
}

// Close ends Run and Accept. Connections that were handed out stay open.
func (l *Listener) Close() error {
	err := error(nil)
	l.once.Do(func() {
		close(l.done)
		err = l.inner.Close()
	})
	return err
}

// Addr is the address listened on.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }
