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

// sockets is the machine's network as pion sees it: whatever UDP socket it opens for checks is one of ours as well, by which
// media come and go.
type sockets struct {
	transport.Net
	media func(*conn, []byte, netip.AddrPort, time.Time) // takes what comes and is none of pion's

	mu   sync.Mutex
	open []*conn
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
	c := &conn{UDPConn: under, socket: udp.New(packetConn(under)), media: n.media}
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
func (n *sockets) has(c *conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.open, c)
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
	media  func(*conn, []byte, netip.AddrPort, time.Time)
	from   *place // of the last of media; the reader's alone
}

// ReadFrom gives pion what is its own (RFC 7983 §7): STUN. It is the only reader.
func (c *conn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, came, err := c.socket.Receive(b)
		if err != nil {
			return 0, nil, err
		}
		if n > 0 && b[0] > 3 {
			c.media(c, b[:n], from, came)
			continue
		}
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
