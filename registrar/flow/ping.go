package flow

import (
	"bytes"
	"net"

	"github.com/pion/stun/v4"
)

// pong is the answer to a datagram by which a phone keeps its NAT open, or looks whether we are still there: a STUN binding
// request (RFC 5626 §3.5.2, RFC 8489), or CRLF CRLF, which is for streams but is sent over UDP too. nil if it is neither.
func pong(b []byte, from net.Addr) []byte {
	if bytes.Equal(b, []byte("\r\n\r\n")) {
		return []byte("\r\n")
	}
	at, ok := from.(*net.UDPAddr)
	if !ok || !stun.IsMessage(b) {
		return nil
	}
	ask := stun.Message{Raw: b}
	if ask.Decode() != nil || ask.Type != stun.BindingRequest {
		return nil
	}
	answer, err := stun.Build(stun.NewTransactionIDSetter(ask.TransactionID), stun.BindingSuccess, &stun.XORMappedAddress{IP: at.IP, Port: at.Port})
	if err != nil {
		return nil
	}
	return answer.Raw
}
