package latch

import (
	"net/netip"
	"testing"

	"ewindow/media/negotiate"
)

func TestWithoutKeysBelievesOnlyTheAddressOfSDP(t *testing.T) {
	var l Latch
	d := &negotiate.Stream{RTP: netip.MustParseAddrPort("10.0.0.1:4000"), RTCP: netip.MustParseAddrPort("10.0.0.1:4001"), Plain: true}
	l.Update(d)
	for from, want := range map[string]bool{"10.0.0.1:9999": true, "10.0.0.1:4000": true, "10.0.0.3:4000": false, "[::1]:4000": false} {
		if got := l.Permits(netip.MustParseAddrPort(from)); got != want {
			t.Errorf("packets from %s: %t", from, got)
		}
	}
	l.Authentic(netip.MustParseAddrPort("10.0.0.1:9999"), false)
	if to, ok := l.RTP(); !ok || to.Port() != 9999 {
		t.Errorf("RTP goes to %v", to)
	}
	if to, rtcpSocket, _ := l.RTCP(); to.Port() != 4001 || !rtcpSocket {
		t.Errorf("RTCP goes to %v", to)
	}
	for _, bad := range []string{"0.0.0.0:4000", "224.0.0.1:4000", "255.255.255.255:4000", "10.0.0.1:0"} {
		d.RTP = netip.MustParseAddrPort(bad)
		l.Update(d)
		if to, ok := l.RTP(); ok {
			t.Errorf("RTP goes to %v", to)
		}
	}
}

// An address that is not the signalling's is doubted until something authentic comes from there, and so is another one that SDP names then.
func TestDoubt(t *testing.T) {
	at := netip.MustParseAddrPort
	d := &negotiate.Stream{RTP: at("198.51.100.9:4000"), RTCP: at("198.51.100.9:4001")}
	var l Latch
	expect := func(what, to string, doubted bool) {
		t.Helper()
		if at, is := l.Doubt(); at != netip.MustParseAddr(to) || is != doubted {
			t.Errorf("%s: %v, doubted %t", what, at, is)
		}
	}
	l.Update(d)
	expect("nobody knows where the signalling comes from", "198.51.100.9", false)
	d.Flow = netip.MustParseAddr("198.51.100.9")
	l.Update(d)
	expect("from there", "198.51.100.9", false)
	d.Flow = netip.MustParseAddr("203.0.113.7")
	l.Update(d)
	expect("from elsewhere", "198.51.100.9", true)
	l.Authentic(at("203.0.113.7:4001"), true)
	expect("a report from elsewhere", "198.51.100.9", true)
	l.Authentic(at("198.51.100.9:4001"), true)
	expect("a report from there", "198.51.100.9", false)
	l.Update(d)
	expect("a refresh", "198.51.100.9", false)
	d.RTP = at("198.51.100.66:4000")
	l.Update(d)
	expect("another address", "198.51.100.66", true)
	l.Authentic(at("203.0.113.7:61000"), false)
	expect("media from elsewhere go there", "203.0.113.7", false)
	d.RTP, d.Behind = at("192.168.1.20:4000"), true
	l.Update(d)
	expect("behind a router", "203.0.113.7", false)
}

// Where the signalling comes from is believed as well, and nobody else. What is sent first goes there if the address of SDP is behind
// that router.
func TestFlow(t *testing.T) {
	at := netip.MustParseAddrPort
	d := &negotiate.Stream{RTP: at("192.168.1.20:4000"), RTCP: at("192.168.1.20:4001"), Plain: true, Flow: netip.MustParseAddr("203.0.113.7")}
	var l Latch
	l.Update(d)
	if to, _ := l.RTP(); to != d.RTP {
		t.Errorf("RTP goes to %v", to)
	}
	d.Behind = true
	l.Update(d)
	if to, ok := l.RTP(); !ok || to != at("203.0.113.7:4000") {
		t.Errorf("RTP goes to %v", to)
	}
	if to, _, ok := l.RTCP(); !ok || to != at("203.0.113.7:4001") {
		t.Errorf("RTCP goes to %v", to)
	}
	for from, want := range map[string]bool{"192.168.1.20:9": true, "203.0.113.7:61000": true, "203.0.113.8:4000": false, "198.51.100.66:4000": false} {
		if got := l.Permits(at(from)); got != want {
			t.Errorf("packets from %s: %t", from, got)
		}
	}
	l.Authentic(at("203.0.113.7:61000"), false)
	l.Update(d)
	if to, _ := l.RTP(); to != at("203.0.113.7:61000") {
		t.Errorf("after a refresh RTP goes to %v", to)
	}
	d.Flow = netip.MustParseAddr("198.51.100.9")
	l.Update(d)
	if to, _ := l.RTP(); to != at("198.51.100.9:4000") {
		t.Errorf("after a move RTP goes to %v", to)
	}
	if from := at("203.0.113.7:61000"); l.Permits(from) {
		t.Error("the router of before is believed")
	}
	d.RTP, d.RTCP = netip.AddrPort{}, netip.AddrPort{}
	l.Update(d)
	if to, ok := l.RTP(); ok {
		t.Errorf("on hold RTP goes to %v", to)
	}
}
