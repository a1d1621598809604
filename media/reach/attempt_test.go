package reach

import (
	"fmt"
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

// Whoever names one address again and again has little sent there; its other addresses are checked all the same.
func TestManyAtOne(t *testing.T) {
	a := &attempt{component: 1}
	var theirs []string
	for port := range 30 {
		theirs = append(theirs, fmt.Sprintf("%d 1 udp %d 203.0.113.9 %d typ host", port, 2130706431-port, 1000+port))
	}
	theirs = append(theirs, "x 1 udp 1 198.51.100.7 5000 typ srflx raddr 192.168.1.10 rport 5000", "y 1 udp 2 evil.example.org 5000 typ host", "z 2 udp 3 198.51.100.8 5000 typ host")
	got := map[string]int{}
	for _, c := range a.worthChecks(theirs) {
		got[c.Address()]++
	}
	if len(got) != 2 || got["203.0.113.9"] != mostAtOne || got["198.51.100.7"] != 1 {
		t.Errorf("%v are checked", got)
	}
}
