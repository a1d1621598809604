package media

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"ewindow/media/udp"
)

// Sockets are the UDP sockets of one call. Whoever made them closes them, after Session.Run has returned;
// a Session reads and writes them and closes none. VideoRTP and VideoRTCP may be nil: a call without picture.
type Sockets struct {
	AudioRTP, AudioRTCP net.PacketConn
	VideoRTP, VideoRTCP net.PacketConn
}

const portTries = 64

// Listen opens the four sockets of a call on addr. RTP ports are even and RTCP is the port above
// (RFC 3550 §11), also where rtcp-mux is going to be agreed.
func Listen(addr netip.Addr) (*Sockets, error) {
	s := &Sockets{}
	var err error
	if s.AudioRTP, s.AudioRTCP, err = listenPair(addr); err != nil {
		return nil, err
	}
	if s.VideoRTP, s.VideoRTCP, err = listenPair(addr); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// Close closes every socket that is there.
func (s *Sockets) Close() error {
	var errs []error
	for _, c := range []net.PacketConn{s.AudioRTP, s.AudioRTCP, s.VideoRTP, s.VideoRTCP} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Port is the local port of one of the sockets, 0 for nil: what goes in SDP.
func Port(c net.PacketConn) uint16 {
	if c == nil {
		return 0
	}
	a, _ := udp.AddrPort(c.LocalAddr())
	return a.Port()
}

// listenPair lets the kernel choose a port and takes the one beside it.
func listenPair(addr netip.Addr) (rtp, rtcp *net.UDPConn, err error) {
	for range portTries {
		var first *net.UDPConn
		first, err = udp.Listen(netip.AddrPortFrom(addr, 0))
		if err != nil {
			break // the address itself is bad
		}
		port := Port(first)
		var second *net.UDPConn
		if second, err = udp.Listen(netip.AddrPortFrom(addr, port^1)); err != nil {
			_ = first.Close()
			continue
		}
		if port&1 == 1 {
			first, second = second, first
		}
		return first, second, nil
	}
	return nil, nil, fmt.Errorf("open a pair of UDP ports for RTP on %s: %w; check that the address is this machine's and that ports are free", addr, err)
}
