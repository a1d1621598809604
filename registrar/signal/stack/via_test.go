package stack

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/validate"
)

func parsed(t *testing.T, text, source string) *sip.Request {
	t.Helper()
	m, err := validate.Parser().ParseSIP([]byte(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	m.SetTransport("UDP")
	m.SetSource(source)
	return m.(*sip.Request)
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
	} {
		req := parsed(t, "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP "+c.via+", SIP/2.0/UDP 10.0.0.9;received=9.9.9.9;branch=z9hG4bKb\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: c\nCSeq: 1 OPTIONS", c.source)
		stamp(req)
		res := sip.NewResponseFromRequest(req, 401, "Unauthorized", nil)
		if got := res.Via().Value(); got != "SIP/2.0/UDP "+c.want {
			t.Errorf("%s from %s is answered to\n%s\nwant %s", c.via, c.source, got, c.want)
		}
		if got := res.GetHeaders("Via")[1].Value(); !strings.Contains(got, "received=9.9.9.9") {
			t.Errorf("the Via of another: %s", got)
		}
	}
}

// Transactions are told apart, and found again (RFC 3261 §17.2.3), those of RFC 2543 too: without a branch, without tags.
func TestKeys(t *testing.T) {
	key := func(method, via, from, callID, seq, source string) string {
		k, err := keyOf(parsed(t, method+" sip:a SIP/2.0\nVia: SIP/2.0/UDP "+via+"\nFrom: "+from+"\nTo: <sip:a@b>\nCall-ID: "+callID+"\nCSeq: "+seq+" "+method, source), parsed(t, method+" sip:a SIP/2.0\nVia: SIP/2.0/UDP "+via, source))
		if err != nil {
			t.Errorf("%s %s %s: %v", method, via, from, err)
		}
		return k
	}
	const here, branch = "10.0.0.2:5060", "10.0.0.2;branch=z9hG4bKa"
	for _, c := range []struct {
		what string
		one  string
		two  string
		same bool
	}{
		{"by branch, repeated from another port", key("INVITE", branch, "<sip:a@b>;tag=1", "c", "1", here), key("INVITE", branch, "<sip:a@b>;tag=1", "c", "1", "10.0.0.2:6000"), true},
		{"by branch, ACK", key("INVITE", branch, "<sip:a@b>;tag=1", "c", "1", here), key("ACK", branch, "<sip:a@b>;tag=1", "c", "1", here), true},
		{"by branch, from elsewhere", key("INVITE", branch, "<sip:a@b>;tag=1", "c", "1", here), key("INVITE", branch, "<sip:a@b>;tag=1", "c", "1", "10.0.0.3:5060"), false},
		{"old, repeated", key("INVITE", "10.0.0.2", "sip:a@b", "c", "1", here), key("INVITE", "10.0.0.2", "sip:a@b", "c", "1", here), true},
		{"old, ACK", key("INVITE", "10.0.0.2", "sip:a@b", "c", "1", here), key("ACK", "10.0.0.2", "sip:a@b", "c", "1", here), true},
		{"old, next number", key("INVITE", "10.0.0.2", "sip:a@b", "c", "1", here), key("INVITE", "10.0.0.2", "sip:a@b", "c", "2", here), false},
		{"old, other call", key("INVITE", "10.0.0.2", "sip:a@b", "c", "1", here), key("INVITE", "10.0.0.2", "sip:a@b", "d", "1", here), false},
		{"old, other tag", key("INVITE", "10.0.0.2", "<sip:a@b>;tag=1", "c", "1", here), key("INVITE", "10.0.0.2", "<sip:a@b>;tag=2", "c", "1", here), false},
		{"old, other branch", key("INVITE", "10.0.0.2;branch=1", "sip:a@b", "c", "1", here), key("INVITE", "10.0.0.2;branch=2", "sip:a@b", "c", "1", here), false},
		{"old, other method", key("INVITE", "10.0.0.2", "sip:a@b", "c", "1", here), key("BYE", "10.0.0.2", "sip:a@b", "c", "1", here), false},
	} {
		if (c.one == c.two) != c.same {
			t.Errorf("%s: %q and %q", c.what, c.one, c.two)
		}
	}
}
