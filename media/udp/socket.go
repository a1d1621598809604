// Package udp is a UDP socket as media want it: it says when a datagram came, and sends several at once.
package udp

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readBuffer  = 1 << 20 // bytes asked of the kernel, which gives what it may: a keyframe of 4 Mbit/s video is 100 kB
	writeBuffer = 1 << 19
)

// Listen opens a socket of the kernel's at an address; port 0 is any. It sends to one machine at a time: an address that somebody
// names may be all those of the network here, which nobody but the kernel knows.
func Listen(addr netip.AddrPort) (*net.UDPConn, error) {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	if err := narrow(c); err != nil {
		c.Close()
		return nil, err
	}
	_ = c.SetReadBuffer(readBuffer) // as much as the system allows is good enough
	_ = c.SetWriteBuffer(writeBuffer)
	return c, nil
}

// narrow takes away the permission to send to broadcast addresses, which Go gives to every socket.
func narrow(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 0) })
	return errors.Join(failed, err)
}

// AddrPort takes the address out of a net.Addr, IPv4 in its short form; ok is false where it has none.
func AddrPort(a net.Addr) (addr netip.AddrPort, ok bool) {
	switch a := a.(type) {
	case *net.UDPAddr:
		addr = a.AddrPort()
	case interface{ AddrPort() netip.AddrPort }:
		addr = a.AddrPort()
	case nil:
		return addr, false
	default:
		var err error
		if addr, err = netip.ParseAddrPort(a.String()); err != nil {
			return netip.AddrPort{}, false
		}
	}
	return Unmap(addr), addr.IsValid()
}

// Unmap is the same address, IPv4 in its short form.
func Unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// Following is where the reports of a stream go that has no port in common with them: where SDP says, else to the port after the
// media's (RFC 3550 §11).
func Following(media, said netip.AddrPort) netip.AddrPort {
	if said.IsValid() || !media.IsValid() {
		return Unmap(said)
	}
	return netip.AddrPortFrom(media.Addr().Unmap(), media.Port()+1)
}

// Socket is a UDP socket as a stream uses it. Of Linux' own sockets the kernel says when a datagram came, which on a busy
// machine is long before anybody reads it, and takes packets of one size in a single call; any other net.PacketConn
// does without. Sending is for any goroutine, receiving for one.
type Socket struct {
	net.PacketConn
	udp *net.UDPConn // the same, nil for another kind

	control []byte
	stamps  stamps
	begun   time.Time // the origin of the monotonic clock that stamps sees

	single atomic.Bool // packets go one by one: the way does not take several

	mu   sync.Mutex
	room []byte // of SendAll
}

// New makes one of c, which stays the caller's to close.
func New(c net.PacketConn) *Socket {
	s := &Socket{PacketConn: c, begun: time.Now()}
	u, ok := c.(*net.UDPConn)
	if !ok {
		return s
	}
	s.udp = u
	if raw, err := u.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { // without stamps a datagram comes when it is read
			if askForStamps(fd) == nil {
				s.control = make([]byte, stampSpace)
			}
		})
	}
	return s
}

// Receive reads a datagram; came is when it arrived at this machine, zero if that is not known.
func (s *Socket) Receive(b []byte) (n int, from netip.AddrPort, came time.Time, err error) {
	if s.udp == nil {
		n, addr, err := s.ReadFrom(b)
		if err != nil {
			return n, from, came, err
		}
		from, _ = AddrPort(addr)
		return n, from, came, nil
	}
	n, told, _, from, err := s.udp.ReadMsgUDPAddrPort(b, s.control)
	if err != nil {
		return n, Unmap(from), came, err
	}
	if stamp, ok := stampOf(s.control[:told]); ok {
		came = s.begun.Add(time.Duration(s.stamps.arrival(s.clocks, stamp)))
	}
	return n, Unmap(from), came, nil
}

// clocks reads the monotonic clock, since begun, and the wall clock, in ns.
func (s *Socket) clocks() (mono, wall int64) {
	now := time.Now()
	return int64(now.Sub(s.begun)), now.UnixNano()
}

// Send writes a datagram.
func (s *Socket) Send(b []byte, to netip.AddrPort) error {
	if s.udp != nil {
		_, err := s.udp.WriteToUDPAddrPort(b, to)
		return err
	}
	_, err := s.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err
}

// A call takes so many segments and bytes at most (udp(7); UDP_MAX_SEGMENTS of Linux 4.18).
const (
	mostSegments     = 64
	mostSegmentBytes = 60_000
)

// SendAll writes several datagrams, those of one size, and a shorter one behind them, in one call (generic segmentation
// offload, UDP_SEGMENT of udp(7)). failed is how many could not be written, err why the last of them.
func (s *Socket) SendAll(datagrams [][]byte, to netip.AddrPort) (failed int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(datagrams) > 0 {
		n := 1
		if s.udp != nil && !s.single.Load() {
			n = segments(datagrams)
		}
		if n > 1 && s.sendSegments(datagrams[:n], to) == nil {
			datagrams = datagrams[n:]
			continue
		}
		lost := 0
		for _, b := range datagrams[:n] {
			if e := s.Send(b, to); e != nil {
				lost, err = lost+1, e
			}
		}
		if n > 1 && lost == 0 { // it is not the network that is at fault
			s.single.Store(true)
		}
		failed += lost
		datagrams = datagrams[n:]
	}
	return failed, err
}

// segments is how many datagrams from the first can be written in one call.
func segments(datagrams [][]byte) int {
	size, bytes := len(datagrams[0]), 0
	for i, b := range datagrams {
		bytes += len(b)
		switch {
		case len(b) > size || i == mostSegments || bytes > mostSegmentBytes:
			return max(i, 1)
		case len(b) < size:
			return i + 1
		}
	}
	return len(datagrams)
}

func (s *Socket) sendSegments(datagrams [][]byte, to netip.AddrPort) error {
	all := s.room[:0]
	for _, b := range datagrams {
		all = append(all, b...)
	}
	s.room = all
	_, _, err := s.udp.WriteMsgUDPAddrPort(all, segmentSize(len(datagrams[0])), to)
	return err
}

// segmentSize is the control message that has the kernel cut what is written into datagrams of so many bytes.
func segmentSize(bytes int) []byte {
	const header = unix.SizeofCmsghdr // length in the size of a register, level, type (cmsg(3))
	b := make([]byte, unix.CmsgSpace(2))
	if header == 16 {
		binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(2)))
	} else {
		binary.NativeEndian.PutUint32(b, uint32(unix.CmsgLen(2)))
	}
	binary.NativeEndian.PutUint32(b[header-8:], unix.IPPROTO_UDP)
	binary.NativeEndian.PutUint32(b[header-4:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], uint16(bytes))
	return b
}
