package reach

import (
	"net/netip"
	"testing"
)

// Checks go to what could be the other side's machine, whoever named it.
func TestCheckable(t *testing.T) {
	for _, test := range []struct {
		at              string
		far, near, here bool // whether they go there from a machine of that kind
	}{
		{"203.0.113.1:5000", true, true, true},
		{"[2001:db8::1]:5000", true, true, true},
		{"192.168.1.10:5000", true, true, true},
		{"203.0.113.1:0", false, false, false},
		{"0.0.0.0:5000", false, false, false},
		{"[::]:5000", false, false, false},
		{"255.255.255.255:5000", false, false, false},
		{"224.0.0.1:5000", false, false, false},
		{"[ff02::1]:5000", false, false, false},
		{"127.0.0.1:5000", false, false, true},
		{"[::1]:5000", false, false, true},
		{"169.254.169.254:80", false, true, false},
		{"[fe80::1]:5000", false, false, false},
	} {
		at := netip.MustParseAddrPort(test.at)
		got := [3]bool{(&attempt{}).checkable(at), (&attempt{near: true}).checkable(at), (&attempt{alone: true}).checkable(at)}
		if want := [3]bool{test.far, test.near, test.here}; got != want {
			t.Errorf("%s: %v, want %v", test.at, got, want)
		}
	}
}
