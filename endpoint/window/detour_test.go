package window

import (
	"net/netip"
	"testing"
)

// Who is to find us at a relay, and who needs none.
func TestHidden(t *testing.T) {
	for _, c := range []struct {
		what, addr, there, theirs, ours string
		hidden, plain                   bool
	}{
		{"a public phone and a public window", "198.51.100.9", "203.0.113.7", "203.0.113.7", "198.51.100.9", false, true},
		{"a phone behind a router", "198.51.100.9", "192.168.1.20", "203.0.113.7", "198.51.100.9", false, true},
		{"each behind a router", "192.168.1.10", "192.168.1.20", "203.0.113.7", "198.51.100.9", true, false},
		{"the window behind one", "192.168.1.10", "203.0.113.7", "203.0.113.7", "198.51.100.9", true, false},
		{"both behind the same", "192.168.1.10", "192.168.1.20", "198.51.100.9", "198.51.100.9", false, false},
		{"all in one network", "192.168.1.10", "192.168.1.20", "192.168.1.20", "192.168.1.10", false, true},
		{"a private network of several", "10.1.1.10", "10.2.1.20", "10.2.1.20", "10.1.1.10", false, true},
		{"a phone outside, the registrar beside us", "192.168.1.10", "192.168.1.20", "203.0.113.7", "192.168.1.10", true, false},
		{"an old registrar", "192.168.1.10", "192.168.1.20", "", "", false, false},
		{"we signal by IPv6, it by IPv4", "192.168.1.10", "192.168.1.20", "203.0.113.7", "2001:db8::9", true, false},
		{"the same, with public addresses", "198.51.100.9", "192.168.1.20", "203.0.113.7", "2001:db8::9", false, false},
		{"both signal by IPv6, media by IPv4", "192.168.1.10", "203.0.113.7", "2001:db8::7", "2001:db8::9", true, false},
		{"the same in one network", "192.168.1.10", "192.168.1.20", "2001:db8::7", "2001:db8::9", false, false},
		{"IPv6", "2001:db8::9", "2001:db8::7", "2001:db8::7", "2001:db8::9", false, true},
		{"hold from the start", "192.168.1.10", "", "2001:db8::7", "2001:db8::9", false, false},
	} {
		var f whence
		f.theirs, _ = netip.ParseAddr(c.theirs)
		f.ours, _ = netip.ParseAddr(c.ours)
		there, _ := netip.ParseAddr(c.there)
		addr := netip.MustParseAddr(c.addr)
		if hidden, plain := f.hidden(addr, there), f.plain(addr); hidden != c.hidden || plain != c.plain {
			t.Errorf("%s: hidden %t, certainly reached %t, want %t, %t", c.what, hidden, plain, c.hidden, c.plain)
		}
	}
}
