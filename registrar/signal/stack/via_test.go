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
