package memnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	backlog    = 128               // connections that wait to be accepted
	dialRetry  = time.Second       // after an attempt of no answer, doubled each time
	dialGiveUp = 127 * time.Second // with Linux's six retries
)

// Listen opens a stream listener on a host, such as "10.0.0.1:5061". Port 0 picks one.
func (n *Network) Listen(address string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, h, err := n.place(address)
	if err == nil && h.listeners[at.Port()] != nil {
		err = os.NewSyscallError("bind", syscall.EADDRINUSE)
	}
	if err != nil {
		return nil, opError("listen", "tcp", nil, net.TCPAddrFromAddrPort(at), err)
	}
	l := &listener{network: n, local: at}
	h.listeners[at.Port()] = l
	return l, nil
}

// listener is a net.Listener.
type listener struct {
	network *Network
	local   netip.AddrPort
	queue   []*conn
	closed  bool
	gate    gate
}

func (l *listener) Accept() (net.Conn, error) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	for {
		switch {
		case l.closed:
			return nil, opError("accept", "tcp", nil, l.Addr(), net.ErrClosed)
		case len(l.queue) > 0:
			c := l.queue[0]
			l.queue = l.queue[1:]
			return c, nil
		}
		l.gate.pass(&l.network.mu)
	}
}

// Addr is a *net.TCPAddr.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }

// Close ends the listener; connections that nobody accepted are reset.
func (l *listener) Close() error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if l.closed {
		return opError("close", "tcp", nil, l.Addr(), net.ErrClosed)
	}
	l.close()
	return nil
}

func (l *listener) close() {
	l.closed = true
	for _, c := range l.queue {
		c.die(true)
	}
	l.queue = nil
	delete(l.network.host(l.local.Addr()).listeners, l.local.Port())
	l.gate.open()
}

// Dial connects from a host to a listener's address. It takes a round trip; without an answer it tries again after 1, 2, 4 …
// seconds, for 127 s or until ctx is done.
func (n *Network) Dial(ctx context.Context, from netip.Addr, to string) (net.Conn, error) {
	return n.DialFrom(ctx, netip.AddrPortFrom(from, 0), to)
}

// DialFrom is Dial from a port, which may be that of other connections, to other listeners: a router may translate so.
func (n *Network) DialFrom(ctx context.Context, from netip.AddrPort, to string) (net.Conn, error) {
	remote, err := netip.ParseAddrPort(to)
	if err != nil {
		return nil, opError("dial", "tcp", nil, nil, err)
	}
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	begun := time.Now()
	for retry := dialRetry; ; retry *= 2 {
		c, err := n.attempt(ctx, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), remote)
		if c != nil {
			return c, nil
		}
		if err == nil && time.Since(begun)+retry > dialGiveUp {
			err = os.NewSyscallError("connect", syscall.ETIMEDOUT)
		}
		if err == nil {
			err = sleep(ctx, retry)
		}
		if err != nil {
			return nil, opError("dial", "tcp", nil, net.TCPAddrFromAddrPort(remote), err)
		}
	}
}

// attempt is one try to connect: neither a connection nor an error means that no answer came.
func (n *Network) attempt(ctx context.Context, from, to netip.AddrPort) (*conn, error) {
	n.mu.Lock()
	trip, answered := n.roundTrip(from.Addr(), to.Addr())
	n.mu.Unlock()
	if !answered {
		return nil, ctx.Err()
	}
	if err := sleep(ctx, trip); err != nil {
		return nil, err
	}
	return n.connect(from, to)
}

// roundTrip says how long a packet and its answer take, if both get through.
func (n *Network) roundTrip(a, b netip.Addr) (time.Duration, bool) {
	there, back := n.link(a, b), n.link(b, a)
	if n.host(b).off || !there.passes() || !back.passes() {
		return 0, false
	}
	return there.delay() + back.delay(), true
}

// connect makes both ends of a stream, or neither if the other side has gone away or is too busy to accept.
func (n *Network) connect(from, to netip.AddrPort) (*conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h, other := n.host(from.Addr()), n.host(to.Addr())
	l := other.listeners[to.Port()]
	switch {
	case h.off || from.Addr().Is4() != to.Addr().Is4():
		return nil, os.NewSyscallError("connect", syscall.ENETUNREACH)
	case other.off:
		return nil, nil
	case l == nil:
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	case len(l.queue) >= backlog:
		return nil, nil
	}
	if from.Port() == 0 {
		from = netip.AddrPortFrom(from.Addr(), h.freePort())
	}
	ours := &conn{network: n, local: from, remote: to}
	theirs := &conn{network: n, local: to, remote: ours.local, peer: ours}
	ours.peer = theirs
	h.conns[ours] = struct{}{}
	other.conns[theirs] = struct{}{}
	l.queue = append(l.queue, theirs)
	l.gate.open()
	return ours, nil
}

// sleep waits, or returns why ctx is done. A deadline is a time-out, as from package net.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
