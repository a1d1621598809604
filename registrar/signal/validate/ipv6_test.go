package validate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// The messages of RFC 5118 §4, each with its verdict and what is read in it. Their bodies have the length that they have:
// what the RFC prints there (268, 181, 236) is right for none of them.
func TestIPv6Torture(t *testing.T) {
	const at1 = "[2001:db8::9:1]:0"
	want := map[string]struct{ verdict, uri, vias, contact string }{
		"ipv6-good":                     {"ok", "[2001:db8::10]:0", at1, "[2001:db8::1]:0"},                 // §4.1
		"ipv6-bad":                      {"400 Request-URI is malformed", "", "", ""},                       // §4.2: no brackets
		"port-ambiguous":                {"ok", "[2001:db8::10:5070]:0", at1, "[2001:db8::1]:0"},            // §4.3: it is what it says
		"port-unambiguous":              {"ok", "[2001:db8::10]:5070", at1, "[2001:db8::1]:0"},              // §4.4
		"via-received-param-with-delim": {"ok", "[2001:db8::10]:0", at1 + "<2001:db8::9:255", ""},           // §4.5: as good as without
		"via-received-param-no-delim":   {"ok", "[2001:db8::10]:0", at1 + "<2001:db8::9:255", at1},          // §4.5
		"ipv6-in-sdp":                   {"ok", "[2001:db8::10]:0", "[2001:db8::20]:0", "[2001:db8::20]:0"}, // §4.6
		"mult-ip-in-header": {"ok", "host.example.net:0", // §4.7
			"[2001:db8::9:1]:6050, 192.0.2.1:0, [2001:db8::9:255]:0<192.0.2.200", ""},
		"mult-ip-in-sdp": {"ok", "[2001:db8::10]:0", at1, at1}, // §4.8
		"ipv4-mapped-ipv6": {"ok", "example.com:0", // §4.9
			"[::ffff:192.0.2.10]:19823, [::ffff:192.0.2.2]:0", "[::ffff:192.0.2.2]:0"},
		"ipv6-bug-abnf-3-colons":     {"ok", "[2001:db8::c000:201]:0", "lab1.east.example.com:0", ""}, // §4.10: to be tolerated
		"ipv6-correct-abnf-2-colons": {"ok", "[2001:db8::c000:201]:0", "lab1.east.example.com:0", ""}, // §4.10
	}
	files, err := filepath.Glob(filepath.Join("testdata", "rfc5118", "*.dat"))
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %d verdicts, %v", len(files), len(want), err)
	}
	// place is a host and port: of an address what it means, not how it is written.
	place := func(host string, port int) string {
		if a, err := header.Addr(host); err == nil {
			if host = a.String(); a.Is6() {
				host = "[" + host + "]"
			}
		}
		return fmt.Sprintf("%s:%d", host, port)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".dat")
		want := want[name]
		if got := verdict(t, string(raw)); got != want.verdict {
			t.Errorf("%s: %s, want %s", name, got, want.verdict)
		}
		if want.verdict != "ok" {
			continue
		}
		m, err := Parser().ParseSIP(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		req := m.(*sip.Request)
		var vias []string
		for _, h := range req.GetHeaders("Via") {
			v := h.(*sip.ViaHeader)
			at := place(v.Host, v.Port)
			if received := param(v.Params, "received"); received != "" {
				at += "<" + strings.Trim(received, "[]")
			}
			vias = append(vias, at)
		}
		contact := ""
		if c := header.Contact(req); c != nil {
			contact = place(c.Host, c.Port)
		}
		for _, c := range [][2]string{
			{place(req.Recipient.Host, req.Recipient.Port), want.uri}, {strings.Join(vias, ", "), want.vias}, {contact, want.contact},
		} {
			if c[0] != c[1] {
				t.Errorf("%s: read %s, want %s", name, c[0], c[1])
			}
		}
	}
}

// An IPv6 address without brackets is refused wherever it stands: what would be its port (RFC 5118 §4.2)?
func TestIPv6WithoutBrackets(t *testing.T) {
	invite := message1("INVITE")
	for _, c := range []struct{ raw, want string }{
		{strings.Replace(invite, "munich@window.example SIP", "munich@2001:db8::10 SIP", 1), "400 Request-URI is malformed"},
		{with(invite, "Via", "Via: SIP/2.0/UDP 2001:db8::9:1;branch=z9hG4bK1"), "400 Via is malformed"},
		{with(invite, "Contact", "Contact: <sip:a@2001:db8::1>"), "400 Contact is malformed"},
		{with(invite, "From", "From: <sip:a@2001:db8::1>;tag=1"), "400 From is malformed"},
		{with(invite, "To", "To: sip:a@2001:db8::1"), "400 To is malformed"},
		{with(invite, "Contact", "Contact: <sip:a@b>\r\nRoute: <sip:2001:db8::1;lr>"), "400 Route is malformed"},
		{with(invite, "Contact", "Contact: <sip:a@b>\r\nRecord-Route: <sip:2001:db8::1;lr>"), "400 Record-Route is malformed"},
		{with(invite, "Contact", "Contact: <sip:a@[2001:db8::1>"), "400 Contact is malformed"},
		{with(invite, "Contact", "Contact: <sip:a@[2001:db8::1]>"), "ok"},
	} {
		if got := verdict(t, c.raw); got != c.want {
			t.Errorf("%s: %s, want %s", c.raw, got, c.want)
		}
	}
}
