package agent

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Whatever a message names as its destination: the SIP stack opens no connection and asks no DNS.
func TestStackNeverDials(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no loopback:", err)
	}
	defer listener.Close()
	a, err := New(Config{Registrar: domain, Space: "milano", Secret: secret, Dial: func(context.Context) (net.Conn, error) { return nil, errNoDial }})
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{listener.Addr().String(), "registrar.invalid:5061"} {
		req := a.request(&dialog{local: a.aor, remote: a.aor, target: a.aor, callID: "x"}, sip.ACK, 1)
		req.SetTransport("TLS")
		req.SetDestination(to)
		if err := a.ua.TransportLayer().WriteMsg(req); !errors.Is(err, errNoDial) && !isDNS(err) {
			t.Errorf("%s: %v", to, err)
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

func isDNS(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns)
}
