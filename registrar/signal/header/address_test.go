package header

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// What stands in quotes is one value, whatever it holds, and is written again as it came.
func TestParseAddress(t *testing.T) {
	for _, c := range []struct{ value, display, uri, written string }{
		{`<sip:a@b>`, "", "sip:a@b", `<sip:a@b>`},
		{`sip:a@b;tag=1`, "", "sip:a@b", `<sip:a@b>;tag=1`},
		{`sip:a@b ; TAG = 1`, "", "sip:a@b", `<sip:a@b>;tag=1`},
		{`<sip:a@b>;methods="INVITE, ACK"`, "", "sip:a@b", `<sip:a@b>;methods="INVITE, ACK"`},
		{`<sip:a@b>;methods="INVITE,ACK";x`, "", "sip:a@b", `<sip:a@b>;methods="INVITE,ACK";x`},
		{`<sip:a@b>;x="1";y="a;b";z="c=d"`, "", "sip:a@b", `<sip:a@b>;x="1";y="a;b";z="c=d"`},
		{`<sip:a@b>;x="say \"hi there\", <you>"`, "", "sip:a@b", `<sip:a@b>;x="say \"hi there\", <you>"`},
		{`sip:a@b;x="<c>, d"`, "", "sip:a@b", `<sip:a@b>;x="<c>, d"`},
		{`"A, B; C" <sip:a@b>`, "A, B; C", "sip:a@b", `"A, B; C" <sip:a@b>`},
		{`"<sip:evil@x>" <sip:a@b;x=1>;q=0.5`, "<sip:evil@x>", "sip:a@b;x=1", `"<sip:evil@x>" <sip:a@b;x=1>;q=0.5`},
		{`"a \"b\" c"<sip:a@b>`, `a \"b\" c`, "sip:a@b", `"a \"b\" c" <sip:a@b>`},
		{`Anna  <sip:a@b>`, "Anna", "sip:a@b", `"Anna" <sip:a@b>`},
		{`<sip:a@b;Transport=tcp?x=y>`, "", "sip:a@b;transport=tcp?x=y", `<sip:a@b;transport=tcp?x=y>`},
		{`*`, "", "*", "*"},
	} {
		a, err := ParseAddress(c.value)
		if err != nil {
			t.Errorf("%s: %v", c.value, err)
			continue
		}
		written := (&sip.ContactHeader{DisplayName: a.Display, Address: a.URI, Params: a.Params}).Value()
		if uri := a.URI.String(); a.Display != c.display || uri != c.uri && !a.URI.Wildcard || written != c.written {
			t.Errorf("%s: %q %q %s, want %q %q %s", c.value, a.Display, uri, written, c.display, c.uri, c.written)
		}
	}
	for _, bad := range []string{
		"", "<>", "<sip:a@b", `"a" sip:a@b`, `"a <sip:a@b>`, `"a" b <sip:a@b>`, `<sip:a@b> c`, "sip:a@b?x=y", `a;b <sip:c@d>`, "a@b",
	} {
		if a, err := ParseAddress(bad); err == nil {
			t.Errorf("%q is taken as %q %s", bad, a.Display, a.URI.String())
		}
	}
}

func TestParseVia(t *testing.T) {
	for value, want := range map[string]string{
		"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport":               "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport",
		"SIP / 2.0 / TCP \t a.example : 5070 ; Branch = z9hG4bK1":   "SIP/2.0/TCP a.example:5070;branch=z9hG4bK1",
		`SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK1;x="a, b;c"`: `SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK1;x="a, b;c"`,
		"SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1":                 "SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1",
		"SIP/2.0/UDP 192.0.2.1;;branch=z9hG4bK1;":                   "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
		`SIP/2.0/UDP 192.0.2.1;branch=1 (Acme "proxy"; 2)`:          "SIP/2.0/UDP 192.0.2.1;branch=1",
		`SIP/2.0/UDP 192.0.2.1 (Acme);branch=1`:                     "SIP/2.0/UDP 192.0.2.1",
		`SIP/2.0/UDP 192.0.2.1;branch=1;x="a (b)"`:                  `SIP/2.0/UDP 192.0.2.1;branch=1;x="a (b)"`,
	} {
		if v, err := ParseVia(value); err != nil || v.Value() != want {
			t.Errorf("%s: %v, %v", value, v, err)
		}
	}
	for _, bad := range []string{"", ";", "SIP/2.0 a", "SIP/2.0/UDP", "SIP/2.0/UDP ;branch=1", "SIP/2.0/UDP a b", "SIP/2.0/UDP a:x", "SIP/2.0/UDP a:0", "SIP/2.0/UDP a:65536", "SIP/2.0/UDP a,b"} {
		if v, err := ParseVia(bad); err == nil {
			t.Errorf("%q is taken as %s", bad, v.Value())
		}
	}
}

// Readers of texts keep to quotes as well.
func TestQuoted(t *testing.T) {
	for value, want := range map[string]string{
		`"a;expires=1" <sip:a@b;expires=2>;expires=3`: "3", `<sip:a@b>;x="expires=4;expires=5";expires=6`: "6", `a;x="1";expires="7"`: "7",
	} {
		if got := Param(value, "expires"); got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
	if got := Word(`"a;b" c;d`); got != `"a;b" c` {
		t.Errorf("%q", got)
	}
	if got := strings.Join(Elements(`"a, b" <sip:c,d@e>;x="f, g", h`), "|"); got != `"a, b" <sip:c,d@e>;x="f, g"|h` {
		t.Error(got)
	}
}

// Who answers or forwards a request says where it came from (RFC 3261 §18.2.1, RFC 3581 §4); what its sender wrote of that
// does not stay.
func TestStamp(t *testing.T) {
	const v4, v6 = "198.51.100.7:6000", "[2001:db8::7]:6000"
	for _, c := range []struct{ via, source, want string }{
		{"198.51.100.7:5060;branch=z9hG4bKa", v4, "198.51.100.7:5060;branch=z9hG4bKa"},
		{"198.51.100.7;branch=z9hG4bKa;rport", v4, "198.51.100.7;branch=z9hG4bKa;rport=6000;received=198.51.100.7"},
		{"10.0.0.5:5060;branch=z9hG4bKa", v4, "10.0.0.5:5060;branch=z9hG4bKa;received=198.51.100.7"},
		{"phone.example;branch=z9hG4bKa", v4, "phone.example;branch=z9hG4bKa;received=198.51.100.7"},
		{"198.51.100.7;received=8.8.8.8;branch=z9hG4bKa", v4, "198.51.100.7;branch=z9hG4bKa"},
		{"10.0.0.5;received=8.8.8.8;rport=1;branch=z9hG4bKa", v4, "10.0.0.5;received=198.51.100.7;rport=6000;branch=z9hG4bKa"},
		{"[2001:DB8:0::7]:5060;branch=z9hG4bKa", v6, "[2001:DB8:0::7]:5060;branch=z9hG4bKa"},
		{"[2001:db8::8];branch=z9hG4bKa;RPORT", v6, "[2001:db8::8];branch=z9hG4bKa;rport=6000;received=2001:db8::7"},
		{"[fe80::1];branch=z9hG4bKa", "[fe80::1%eth0]:5060", "[fe80::1];branch=z9hG4bKa"},
		{"10.0.0.5", v4, "10.0.0.5;received=198.51.100.7"},
		{"10.0.0.5", "a pipe", "10.0.0.5"},
	} {
		via, err := ParseVia("SIP/2.0/UDP " + c.via)
		if err != nil {
			t.Fatal(err)
		}
		if Stamp(via, c.source); via.Value() != "SIP/2.0/UDP "+c.want {
			t.Errorf("%s from %s: %s, want %s", c.via, c.source, via.Value(), c.want)
		}
	}
}
