package header

import (
	"net/netip"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestFlow(t *testing.T) {
	want := Flow{From: netip.MustParseAddr("203.0.113.7"), To: netip.MustParseAddr("2001:db8::9")}
	for _, c := range []struct {
		values []string
		want   Flow
	}{
		{[]string{want.String()}, want},
		{[]string{"::ffff:203.0.113.7 ; To=\"2001:db8::9\""}, want},
		{nil, Flow{}},
		{[]string{want.String(), want.String()}, Flow{}}, // one of them is somebody else's
		{[]string{"203.0.113.7"}, Flow{}},
		{[]string{"203.0.113.7;to=here"}, Flow{}},
		{[]string{"fe80::1%eth0;to=203.0.113.9"}, Flow{}},
		{[]string{"203.0.113.7:5060;to=203.0.113.9"}, Flow{}},
		{[]string{""}, Flow{}},
	} {
		req := sip.NewRequest(sip.INVITE, sip.Uri{Host: "example.org"})
		for _, v := range c.values {
			req.AppendHeader(sip.NewHeader(FlowName, v))
		}
		if got := ReadFlow(req); got != c.want {
			t.Errorf("%q: %v, want %v", c.values, got, c.want)
		}
	}
}
