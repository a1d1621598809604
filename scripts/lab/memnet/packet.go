package memnet

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	maxDatagram = 65507 // bytes, as UDP over IPv4
	maxQueue    = 1024  // datagrams that wait to be read; more are lost, as in a kernel
)

// ListenPacket opens a datagram socket on a host, such as "10.0.0.1:5060". Port 0 picks one.
func (n *Network) ListenPacket(address string) (net.PacketConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, h, err := n.place(address)
	if err == nil && h.packets[at.Port()] != nil {
		err = os.NewSyscallError("bind", syscall.EADDRINUSE)
	}
	if err != nil {
		return nil, opError("listen", "udp", nil, net.UDPAddrFromAddrPort(at), err)
	}
	p := &packetConn{network: n, local: at}
	h.packets[at.Port()] = p
	return p, nil
}

type datagram struct {
	from netip.AddrPort
	data []byte
}

// packetConn is a net.PacketConn.
type packetConn struct {
	network *Network
	local   netip.AddrPort
	queue   []datagram
	closed  bool
	gate    gate
	read    deadline
	write   deadline
}

// ReadFrom reads one datagram; what does not fit into b is lost.
func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	for {
		switch {
		case p.closed:
			return 0, nil, p.error("read", net.ErrClosed)
		case p.read.passed():
			return 0, nil, p.error("read", os.ErrDeadlineExceeded)
		case len(p.queue) > 0:
			d := p.queue[0]
			p.queue = p.queue[1:]
			return copy(b, d.data), net.UDPAddrFromAddrPort(d.from), nil
		}
		p.gate.pass(&p.network.mu)
	}
}

// WriteTo sends one datagram. It never waits: a network says nothing of what it loses.
func (p *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	address, err := addrPort(to)
	switch {
	case p.closed:
		err = net.ErrClosed
	case p.write.passed():
		err = os.ErrDeadlineExceeded
	case err == nil && len(b) > maxDatagram:
		err = os.NewSyscallError("sendto", syscall.EMSGSIZE)
	case err == nil && address.Addr().Is4() != p.local.Addr().Is4():
		err = os.NewSyscallError("sendto", syscall.ENETUNREACH)
	}
	if err != nil {
		return 0, p.error("write", err)
	}
	n, d := p.network, datagram{from: p.local, data: append([]byte(nil), b...)}
	n.link(p.local.Addr(), address.Addr()).datagram(len(b), func() {
		q := n.host(address.Addr()).packets[address.Port()]
		if q != nil && len(q.queue) < maxQueue {
			q.queue = append(q.queue, d)
			q.gate.open()
		}
	})
	return len(b), nil
}

func addrPort(a net.Addr) (netip.AddrPort, error) {
	if u, ok := a.(*net.UDPAddr); ok {
		ap := u.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
	}
	ap, err := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), err
}

func (p *packetConn) error(op string, err error) error {
	return opError(op, "udp", p.LocalAddr(), nil, err)
}

// LocalAddr is a *net.UDPAddr.
func (p *packetConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.local) }

// Close ends the socket and every call that waits at it.
func (p *packetConn) Close() error {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	if p.closed {
		return p.error("close", net.ErrClosed)
	}
	p.close()
	return nil
}

// close is Close with the mutex held.
func (p *packetConn) close() {
	p.closed = true
	p.queue = nil
	delete(p.network.host(p.local.Addr()).packets, p.local.Port())
	p.read.set(p.network, &p.gate, time.Time{})
	p.write.set(p.network, &p.gate, time.Time{})
}

func (p *packetConn) SetDeadline(t time.Time) error {
	return p.setDeadline(t, &p.read, &p.write)
}
func (p *packetConn) SetReadDeadline(t time.Time) error  { return p.setDeadline(t, &p.read) }
func (p *packetConn) SetWriteDeadline(t time.Time) error { return p.setDeadline(t, &p.write) }

func (p *packetConn) setDeadline(t time.Time, which ...*deadline) error {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	if p.closed {
		return p.error("set", net.ErrClosed)
	}
	for _, d := range which {
		d.set(p.network, &p.gate, t)
	}
	return nil
}
