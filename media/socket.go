package media

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a UDP socket as a stream uses it. Of Linux' own sockets the kernel says when a datagram came, which on a busy
// machine is long before anybody reads it, and takes packets of one size in a single call; any other net.PacketConn
// does without. Sending is for any goroutine, receiving for one.
type socket struct {
	net.PacketConn
	udp *net.UDPConn // the same, nil for another kind

	control []byte
	stamps  stamps
	begun   time.Time // the origin of the monotonic clock that stamps sees

	single atomic.Bool // packets go one by one: the way does not take several
}

func newSocket(c net.PacketConn) *socket {
	s := &socket{PacketConn: c, begun: time.Now()}
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

// receive reads a datagram; came is when it arrived at this machine, zero if that is not known.
func (s *socket) receive(b []byte) (n int, from netip.AddrPort, came time.Time, err error) {
	if s.udp == nil {
		n, addr, err := s.ReadFrom(b)
		if err != nil {
			return n, from, came, err
		}
		from, _ = addrPort(addr)
		return n, from, came, nil
	}
	n, told, _, from, err := s.udp.ReadMsgUDPAddrPort(b, s.control)
	if err != nil {
		return n, unmap(from), came, err
	}
	if stamp, ok := stampOf(s.control[:told]); ok {
		came = s.begun.Add(time.Duration(s.stamps.arrival(s.clocks, stamp)))
	}
	return n, unmap(from), came, nil
}

// clocks reads the monotonic clock, since begun, and the wall clock, in ns.
func (s *socket) clocks() (mono, wall int64) {
	now := time.Now()
	return int64(now.Sub(s.begun)), now.UnixNano()
}

// send writes a datagram.
func (s *socket) send(b []byte, to netip.AddrPort) error {
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

// sendAll writes several datagrams, those of one size, and a shorter one behind them, in one call (generic segmentation
// offload, UDP_SEGMENT of udp(7)). failed is how many could not be written, err why the last of them. room is memory to use.
func (s *socket) sendAll(datagrams [][]byte, to netip.AddrPort, room *[]byte) (failed int, err error) {
	for len(datagrams) > 0 {
		n := 1
		if s.udp != nil && !s.single.Load() {
			n = segments(datagrams)
		}
		if n > 1 && s.sendSegments(datagrams[:n], to, room) == nil {
			datagrams = datagrams[n:]
			continue
		}
		lost := 0
		for _, b := range datagrams[:n] {
			if e := s.send(b, to); e != nil {
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

func (s *socket) sendSegments(datagrams [][]byte, to netip.AddrPort, room *[]byte) error {
	all := (*room)[:0]
	for _, b := range datagrams {
		all = append(all, b...)
	}
	*room = all
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
