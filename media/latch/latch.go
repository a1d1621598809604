// Package latch knows where a stream's packets go when nobody checks the way beforehand (symmetric RTP, RFC 4961).
package latch

import (
	"net/netip"
	"sync"

	"ewindow/media/negotiate"
	"ewindow/media/udp"
)

// Latch knows where a stream's packets go: to where the other side said it listens, until an authentic packet of its
// own shows where it really is (symmetric RTP, RFC 4961). Without SRTP nothing is authentic; then only the address
// that SDP names is believed, and that from which its signalling comes, and only the port may be another.
//
// The zero value goes nowhere. It is for any goroutine.
type Latch struct {
	mu        sync.Mutex
	sdp       [2]netip.Addr     // what SDP names: for RTP, RTCP
	told      [2]netip.AddrPort // where that leads: SDP's, or the router's before it
	now       [2]netip.AddrPort
	mux       bool
	strict    bool       // what nothing vouches for comes from there, too: RTP without keys, a handshake
	flow      netip.Addr // of the signalling; invalid if that is not known
	heard     bool       // something authentic came from where RTP goes
	listening bool       // told an address that can be sent to; hold with c=0.0.0.0 (RFC 3264 §8.4) is none
}

// Update takes what was agreed. An address that SDP repeats leaves what was learnt alone.
func (l *Latch) Update(d *negotiate.Stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.strict, l.flow = d.Plain || d.Handshake != nil, d.Flow
	told := [2]netip.AddrPort{udp.Unmap(d.RTP), udp.Unmap(d.RTP)}
	if !d.Mux {
		told[1] = udp.Following(d.RTP, d.RTCP)
	}
	l.sdp = [2]netip.Addr{told[0].Addr(), told[1].Addr()}
	if d.Behind { // a router that keeps ports has the same ones
		for i, a := range told {
			if a.IsValid() {
				told[i] = netip.AddrPortFrom(d.Flow, a.Port())
			}
		}
	}
	l.heard = l.heard && told[0].Addr() == l.told[0].Addr()
	for i := range told {
		if told[i] != l.told[i] || d.Mux != l.mux {
			l.told[i], l.now[i] = told[i], told[i]
		}
	}
	l.mux = d.Mux
	l.listening = sendable(told[0])
}

func sendable(a netip.AddrPort) bool {
	return a.IsValid() && a.Port() != 0 && !a.Addr().IsUnspecified() && !a.Addr().IsMulticast() &&
		a.Addr() != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// Permits says whether a packet from there is looked at at all.
func (l *Latch) Permits(from netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := from.Addr()
	return !l.strict || at == l.sdp[0] || at == l.sdp[1] || at == l.flow
}

// Authentic takes the source of an authenticated packet, the newest of its kind so far, on the RTP socket or the RTCP
// socket. It says whether the other side has moved.
func (l *Latch) Authentic(from netip.AddrPort, rtcpSocket bool) (moved bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !sendable(from) {
		return false
	}
	i := 0
	if rtcpSocket {
		i = 1
	}
	if i == 1 && l.mux {
		return false // RTP's address is RTCP's too, and that one knows where it is
	}
	moved = l.now[i] != from
	l.now[i] = from
	l.heard = l.heard || from.Addr() == l.now[0].Addr()
	if l.mux {
		l.now[1] = l.now[0]
	}
	return moved
}

// RTP is where RTP goes; ok is false while nowhere.
func (l *Latch) RTP() (to netip.AddrPort, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now[0], l.listening && sendable(l.now[0])
}

// Doubt is where RTP goes, and whether nobody answers for that: it is not where the signalling comes from, which is known to be the other
// side's, and nothing has come from there.
func (l *Latch) Doubt() (to netip.Addr, doubted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to = l.now[0].Addr()
	return to, !l.heard && l.flow.IsValid() && to != l.flow
}

// RTCP is where RTCP goes, and by which socket.
func (l *Latch) RTCP() (to netip.AddrPort, rtcpSocket, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now[1], !l.mux, sendable(l.now[1])
}
