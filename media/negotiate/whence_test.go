package negotiate

import (
	"net/netip"
	"testing"
)

func TestFrom(t *testing.T) {
	for _, c := range []struct {
		what, sdp, theirs, ours string
		behind                  bool
	}{
		{"a phone behind a router", "192.168.1.20:4000", "203.0.113.7", "198.51.100.9", true},
		{"one behind its carrier's too", "100.64.0.9:4000", "203.0.113.7", "198.51.100.9", true},
		{"a public one", "203.0.113.7:4000", "203.0.113.7", "198.51.100.9", false},
		{"one that another machine answers for", "203.0.113.8:4000", "203.0.113.7", "198.51.100.9", false},
		{"one on our network, both behind its router", "192.168.1.20:4000", "198.51.100.9", "198.51.100.9", false},
		{"one on our network, as is the registrar", "192.168.1.20:4000", "192.168.1.20", "192.168.1.9", false},
		{"one behind a router within our network", "192.168.7.20:4000", "10.0.0.8", "10.0.0.9", true},
		{"signalling by the other family", "192.168.1.20:4000", "2001:db8::7", "2001:db8::9", false},
		{"a registrar that says nothing", "192.168.1.20:4000", "", "", false},
		{"hold", "", "203.0.113.7", "198.51.100.9", false},
	} {
		theirs, _ := netip.ParseAddr(c.theirs)
		ours, _ := netip.ParseAddr(c.ours)
		sdp, _ := netip.ParseAddrPort(c.sdp)
		d := Description{Video: &Stream{RTP: sdp}}
		d.From(theirs, ours)
		if s := d.Video; s.Flow != theirs || s.Behind != c.behind {
			t.Errorf("%s: flow %v, behind it %t, want %t", c.what, s.Flow, s.Behind, c.behind)
		}
	}
}
