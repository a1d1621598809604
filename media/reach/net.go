package reach

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"

	"ewindow/media/udp"
)

// A carrier is that by which media go and come: a socket of this machine, or an address at a server.
type carrier interface {
	Send(b []byte, to netip.AddrPort) error
	SendAll(datagrams [][]byte, to netip.AddrPort) (failed int, err error)
	last() **place // where the last of media came from
}

// A receiver takes what carriers receive.
type receiver interface {
	came(c carrier, b []byte, from netip.AddrPort, at time.Time)   // media
	answers(c carrier, b []byte, from netip.AddrPort) (taken bool) // STUN, which pion gets if it is not taken
}

// sockets is the machine's network as pion sees it: whatever UDP socket it opens for checks is one of ours as well, by which
// media come and go.
type sockets struct {
	transport.Net
	to    receiver
	turns *turns // of checks

	mu   sync.Mutex
	open []*conn
}

// Interfaces are those of the machine without addresses of IPv6 that lead no further than the next cable (RFC 8445 §5.1.1.1): beside
// each there is another one.
func (n *sockets) Interfaces() ([]*transport.Interface, error) {
	all, err := n.Net.Interfaces()
	if err != nil {
		return nil, err
	}
	out := make([]*transport.Interface, 0, len(all))
	for _, i := range all {
		with := transport.NewInterface(i.Interface)
		addresses, _ := i.Addrs() // one without any is one without any
		for _, a := range addresses {
			if p, ok := a.(*net.IPNet); !ok || p.IP.To4() != nil || !p.IP.IsLinkLocalUnicast() {
				with.AddAddress(a)
			}
		}
		out = append(out, with)
	}
	return out, nil
}

// ListenUDP opens a socket for checks.
func (n *sockets) ListenUDP(network string, addr *net.UDPAddr) (transport.UDPConn, error) {
	var under transport.UDPConn
	var err error
	if _, kernel := n.Net.(*stdnet.Net); kernel {
		under, err = udp.Listen(addr.AddrPort())
	} else {
		under, err = n.Net.ListenUDP(network, addr)
	}
	if err != nil {
		return nil, err
	}
	c := &conn{UDPConn: under, socket: udp.New(packetConn(under)), to: n.to, turns: n.turns}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open = append(n.open, c)
	return c, nil
}

// at is the socket with a local address, or nil.
func (n *sockets) at(addr netip.AddrPort) *conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.open {
		if a, ok := udp.AddrPort(c.LocalAddr()); ok && a == addr {
			return c
		}
	}
	return nil
}

// has says whether a socket is one of these.
func (n *sockets) has(c carrier) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.open, func(o *conn) bool { return o == c })
}

// packetConn is the kernel's socket itself where it is one.
func packetConn(c transport.UDPConn) net.PacketConn {
	if u, ok := c.(*net.UDPConn); ok {
		return u
	}
	return c
}

// conn is a socket that keeps media from pion.
type conn struct {
	transport.UDPConn
	socket *udp.Socket
	to     receiver
	turns  *turns
	from   *place // of the last of media; the reader's alone
}

// WriteTo is pion's way of sending. A check whose turn it is not is as one that is lost.
func (c *conn) WriteTo(b []byte, to net.Addr) (int, error) {
	if at, ok := udp.AddrPort(to); ok && check(b) && !c.turns.may(lane{c, at}, time.Now()) {
		return len(b), nil
	}
	return c.UDPConn.WriteTo(b, to)
}

// Send sends to an address.
func (c *conn) Send(b []byte, to netip.AddrPort) error { return c.socket.Send(b, to) }

// SendAll sends several, with as few calls as the machine allows.
func (c *conn) SendAll(datagrams [][]byte, to netip.AddrPort) (failed int, err error) {
	return c.socket.SendAll(datagrams, to)
}

func (c *conn) last() **place { return &c.from }

// ReadFrom gives pion what is its own (RFC 7983 §7): STUN. It is the only reader.
func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, came, err := c.socket.Receive(b)
		if err != nil {
			return 0, nil, err
		}
		switch {
		case n > 0 && b[0] > 3:
			c.to.came(c, b[:n], from, came)
			continue
		case c.to.answers(c, b[:n], from):
			continue
		}
		c.turns.heard(lane{c, from}, time.Now())
		return n, net.UDPAddrFromAddrPort(from), nil
	}
}

// The other ways of reading are nobody's: they would take media away.
var errReader = fmt.Errorf("reach: only ReadFrom reads this socket: %w", io.ErrNoProgress)

func (c *conn) Read([]byte) (int, error)                      { return 0, errReader }
func (c *conn) ReadFromUDP([]byte) (int, *net.UDPAddr, error) { return 0, nil, errReader }
func (c *conn) ReadMsgUDP(_, _ []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	return 0, 0, 0, nil, errReader
}
