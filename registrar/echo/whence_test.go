package echo

import (
	"net"
	"net/netip"
	"testing"
)

// Without SRTP the echo believes whom a window believes: where the SIP comes from, now, and where SDP says. It tells where media came from.
func TestHeard(t *testing.T) {
	e, _ := testEcho()
	c := caller
	c.Plain, c.Peer = true, netip.MustParseAddr("203.0.113.7")
	call, _, err := e.Answer(offered("m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 97", "a=rtpmap:97 H264/90000"), c)
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	seq := byte(0)
	comes := func(from string, want bool) {
		t.Helper()
		seq++
		back := call.audio.packet([]byte{0x80, 0, 0, seq, 0, 0, 0, 0, 0, 0, 0, 77, 'x'}, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from)))
		if (back != nil) != want {
			t.Errorf("from %s: %x came back", from, back)
		}
	}
	says := func(want string) {
		t.Helper()
		if got := call.Heard(); got != want {
			t.Errorf("says %q, want %q", got, want)
		}
	}
	const noPicture = "; no picture came, SDP says it would from 10.0.1.1:4002"
	says("no sound came, SDP says it would from 10.0.1.1:4000" + noPicture)
	comes("198.51.100.66:9", false)
	says("no sound came, SDP says it would from 10.0.1.1:4000; what came from 198.51.100.66:9 was not believed" + noPicture)
	comes("10.0.1.1:4444", true)
	says("sound from 10.0.1.1, as SDP says; what came from 198.51.100.66:9 was not believed" + noPicture)
	comes("203.0.113.7:61000", true)
	says("sound from 203.0.113.7:61000, SDP says 10.0.1.1:4000: a router stands between; what came from 198.51.100.66:9 was not believed" + noPicture)
	call.From(netip.MustParseAddr("203.0.113.8"))
	comes("203.0.113.7:61000", false)
	comes("203.0.113.8:61000", true)
}
