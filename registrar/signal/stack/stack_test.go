package stack

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Whatever a message names as its destination: the stack opens no connection and asks no DNS.
func TestNeverDials(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no loopback:", err)
	}
	defer listener.Close()
	s := New(Config{Request: func(*sip.Request, *sip.ServerTx) {}})
	defer s.Close()
	for _, transport := range []string{"TLS", "TCP", "UDP"} {
		for _, to := range []string{listener.Addr().String(), "registrar.invalid:5061"} {
			var uri sip.Uri
			if err := sip.ParseUri("sip:milano@reg.example.org", &uri); err != nil {
				t.Fatal(err)
			}
			req := sip.NewRequest(sip.ACK, uri)
			req.AppendHeader(&sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: transport,
				Params: sip.HeaderParams{{K: "branch", V: sip.GenerateBranch()}}})
			req.SetTransport(transport)
			req.SetDestination(to)
			if err := s.Write(req); !errors.Is(err, ErrNoDial) {
				t.Errorf("%s to %s: %v", transport, to, err)
			}
		}
	}
	if err := listener.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if conn, err := listener.Accept(); err == nil {
		conn.Close()
		t.Error("somebody dialled")
	}
}
