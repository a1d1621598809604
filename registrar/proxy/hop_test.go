package proxy

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/flow"
	"ewindow/registrar/location"
)

func TestToken(t *testing.T) {
	s := sealer{key: []byte("0123456789abcdef")}
	for _, want := range []token{
		{"milano", location.Flow{Transport: "TLS", Remote: "192.0.2.1:40000", ID: "fmnqw8x"}},
		{"reception", location.Flow{Transport: "UDP", Remote: "[2001:db8::1]:5060"}},
	} {
		text := s.seal("call", want)
		if got, ok := s.open("call", text); !ok || got != want {
			t.Errorf("opened %+v %v, want %+v", got, ok, want)
		}
		if _, ok := s.open("another call", text); ok {
			t.Error("a token opens another dialog")
		}
		if _, ok := (sealer{key: []byte("0123456789abcdeX")}).open("call", text); ok {
			t.Error("a token opens with another key")
		}
		for i := range text { // no byte may be another, none may be missing
			c := byte('A')
			if text[i] == c {
				c = 'B'
			}
			if got, ok := s.open("call", text[:i]+string(c)+text[i+1:]); ok && got != want {
				t.Errorf("a token was changed to %+v", got)
			}
			if _, ok := s.open("call", text[:i]); ok {
				t.Errorf("a token opens without its last %d characters", len(text)-i)
			}
		}
	}
	if got := s.seal("call", token{"x", location.Flow{Transport: "TLS", Remote: "nonsense"}}); got != "" {
		t.Errorf("sealed an address that is none: %q", got)
	}
}

func parse(t *testing.T, text string) *sip.Request {
	t.Helper()
	m, err := sip.ParseMessage([]byte(strings.ReplaceAll(strings.TrimLeft(text, "\n"), "\n", "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	req := m.(*sip.Request)
	req.SetTransport("UDP")
	req.SetSource("198.51.100.7:6000")
	return req
}

// The received request is never changed: its transaction answers from it.
func TestForwardLeavesTheOriginal(t *testing.T) {
	req := parse(t, `
INVITE sip:munich@reg.example.org SIP/2.0
Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa;received=198.51.100.7
Max-Forwards: 10
From: <sip:a@reg.example.org>;tag=1
To: <sip:munich@reg.example.org>
Call-ID: c
CSeq: 1 INVITE
Proxy-Authorization: Digest username="a", realm="reg.example.org"
Proxy-Authorization: Digest username="a", realm="elsewhere.example"
Contact: <sip:a@10.0.0.5>`)
	before := req.String()
	h := hop{
		in:     leg{"a", location.Flow{Transport: "UDP", Remote: "198.51.100.7:6000"}, "192.0.2.9", 5060},
		out:    leg{"munich", location.Flow{Transport: "TLS", Remote: "203.0.113.4:40000", ID: "1"}, "2001:db8::9", 5061},
		target: &sip.Uri{Scheme: "sip", User: "munich", Host: "x.invalid"}, record: true, branch: "z9hG4bKb", realm: "reg.example.org",
		seal: sealer{key: []byte("k")},
	}
	out := h.forward(req)
	if got := req.String(); got != before {
		t.Errorf("the original was changed to\n%s", got)
	}
	for _, want := range []string{
		"INVITE sip:munich@x.invalid SIP/2.0\r\n", "Via: SIP/2.0/TLS [2001:db8::9]:5061;branch=z9hG4bKb\r\n",
		"Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa;received=198.51.100.7\r\n", "Max-Forwards: 9\r\n",
		"@[2001:db8::9]:5061;transport=tls;lr>\r\n", "@192.0.2.9:5060;transport=udp;lr>\r\n", `realm="elsewhere.example"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out.String(), `realm="reg.example.org"`) {
		t.Errorf("credentials for us went on:\n%s", out)
	}
	if out.Transport() != "TLS" || out.Destination() != flow.Destination(location.Flow{Transport: "TLS", Remote: "203.0.113.4:40000", ID: "1"}) {
		t.Errorf("goes to %s %s", out.Transport(), out.Destination())
	}
}

func TestContact(t *testing.T) {
	for text, want := range map[string]location.Contact{
		"<sip:a@b;transport=tcp>;expires=60;q=0.7":        {URI: "sip:a@b;transport=tcp", Expires: time.Minute, Params: ";q=0.7"},
		`<sip:a@b>;+sip.instance="<urn:uuid:1>";reg-id=2`: {URI: "sip:a@b", Expires: location.Unsaid, Instance: "<urn:uuid:1>", RegID: 2},
		"<sip:a@b>;expires=soon":                          {URI: "sip:a@b", Expires: location.Unsaid},
		`<sip:a@b>;q=1";evil`:                             {URI: "sip:a@b", Expires: location.Unsaid},
		"<sip:a@b?Subject=x>":                             {URI: "sip:a@b", Expires: location.Unsaid},
	} {
		if got, ok := contact(text, location.Unsaid); !ok || got != want {
			t.Errorf("%s: %+v %v, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"*", "", "<sip:>", "<tel:123>", "<sip:a@b>;reg-id=x", "<sip:a@b>;reg-id=0", "<sip:a@b"} {
		if got, ok := contact(text, location.Unsaid); ok {
			t.Errorf("%q was taken: %+v", text, got)
		}
	}
}

// fixed is a listener's address without a listener.
type fixed struct {
	net.Listener
	net.PacketConn
	addr net.Addr
}

func (f fixed) Addr() net.Addr      { return f.addr }
func (f fixed) LocalAddr() net.Addr { return f.addr }
func (f fixed) Close() error        { return nil }

func TestHosts(t *testing.T) {
	at := func(s string) fixed { return fixed{addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s))} }
	h := newHosts("Reg.example.org", "", Listeners{TLS: at("192.0.2.1:5061"), UDP: at("0.0.0.0:5060")})
	for host, want := range map[string]bool{
		"reg.example.org": true, "REG.EXAMPLE.ORG": true, "reg.example.org.": true, "localhost": true, "192.0.2.1": true, "127.0.0.1": true,
		"203.0.113.99": false, "example.org": false, "": false, "[2001:db8::1]": false,
	} {
		if got := h.ours(host); got != want {
			t.Errorf("ours(%q) is %v", host, got)
		}
	}
	for port, want := range map[int]bool{0: true, 5060: true, 5061: true, 22: false} {
		if got := h.oursAt("localhost", port); got != want {
			t.Errorf("port %d: %v", port, got)
		}
	}
	if host, port := h.sentBy(location.Flow{Transport: "TLS", Remote: "192.0.2.7:1"}, "192.0.2.1:5061"); host != "192.0.2.1" || port != 5061 {
		t.Errorf("sent by %s %d", host, port)
	}
	if host, port := h.sentBy(location.Flow{Transport: "UDP", Remote: "127.0.0.1:9"}, ""); host != "127.0.0.1" || port != 5060 {
		t.Errorf("a peer on loopback is told %s %d", host, port)
	}
	h.advertise = "public.example.org"
	if host, _ := h.sentBy(location.Flow{Transport: "TLS", Remote: "192.0.2.7:1"}, "192.0.2.1:5061"); host != "public.example.org" {
		t.Errorf("advertises %s", host)
	}
}
