package flow

import (
	"net"
	"testing"

	"github.com/pion/stun/v4"
)

func TestPong(t *testing.T) {
	for _, from := range []*net.UDPAddr{{IP: net.IPv4(192, 0, 2, 1), Port: 5060}, {IP: net.ParseIP("2001:db8::1"), Port: 40000}} {
		ask := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
		answer := &stun.Message{Raw: pong(ask.Raw, from)}
		var at stun.XORMappedAddress
		if err := answer.Decode(); err != nil {
			t.Fatal(err)
		}
		if err := at.GetFrom(answer); err != nil || answer.Type != stun.BindingSuccess || answer.TransactionID != ask.TransactionID || !at.IP.Equal(from.IP) || at.Port != from.Port {
			t.Errorf("%v: %v, %v, %v", from, answer, at, err)
		}
	}
	at := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5060}
	if got := pong([]byte("\r\n\r\n"), at); string(got) != "\r\n" {
		t.Errorf("CRLF CRLF: %q", got)
	}
	ask := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	for name, b := range map[string][]byte{
		"CRLF": []byte("\r\n"), "nothing": nil, "zeros": make([]byte, 4), "SIP": []byte("OPTIONS sip:a SIP/2.0\r\n\r\n"),
		"cut short": ask[:19], "an answer": stun.MustBuild(stun.TransactionID, stun.BindingSuccess).Raw,
		"an indication": stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication)).Raw,
	} {
		if got := pong(b, at); got != nil {
			t.Errorf("%s is answered with %x", name, got)
		}
	}
}
