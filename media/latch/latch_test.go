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
