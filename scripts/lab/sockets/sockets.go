// Package sockets opens the sockets of a call on a network in memory, for tests of windows.
package sockets

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"ewindow/media"
	"ewindow/scripts/lab/memnet"
)

// Listen opens the four sockets of a call on a host of n: even ports for RTP, the next ones for RTCP. It does there
// what media.Listen does on a real network.
func Listen(n *memnet.Network, addr netip.Addr) (*media.Sockets, error) {
	s := &media.Sockets{}
	for port := uint16(20000); port < 30000; port += 4 {
		var errs []error
		for i, c := range []*net.PacketConn{&s.AudioRTP, &s.AudioRTCP, &s.VideoRTP, &s.VideoRTCP} {
			var err error
			*c, err = n.ListenPacket(netip.AddrPortFrom(addr, port+uint16(i)).String())
			errs = append(errs, err)
		}
		if errors.Join(errs...) == nil {
			return s, nil
		}
		_ = s.Close()
	}
	return nil, fmt.Errorf("no ports left on %s", addr)
}
