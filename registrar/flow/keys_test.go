package flow

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/scripts/lab/memnet"
)

// A message with keys is written to a flow with TLS and to no other; what has none goes everywhere.
func TestKeysAreNotWritten(t *testing.T) {
	const head = "MESSAGE sip:a@b SIP/2.0\r\n\r\n"
	for _, transport := range []string{TLS, TCP, UDP} {
		for body, carries := range map[string]bool{"hello": false, "a=crypto:1 x inline:y": true, "--b\r\n\r\na=key-mgmt:mikey x\r\n--b--": true, "k=clear:x": true} {
			synctest.Test(t, func(t *testing.T) {
				refused := 0
				table := NewTable(Limits{}, Events{KeysRefused: func(f Flow) {
					if refused++; f.Transport != transport {
						t.Errorf("refused on %s, want %s", f.Transport, transport)
					}
				}})
				n, err := writeTo(t, table, transport, head+body)
				if want := carries && transport != TLS; want != errors.Is(err, ErrKeysInClear) || want != (refused == 1) || want != (n == 0) {
					t.Errorf("%s %q: wrote %d, %v, told %d times", transport, body, n, err, refused)
				}
			})
		}
	}
}

func writeTo(t *testing.T, table *Table, transport, message string) (int, error) {
	if transport == UDP {
		c, err := memnet.New(1).ListenPacket("10.0.0.1:5060")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return table.Packets(c).WriteTo([]byte(message), &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 5060})
	}
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() { _, _ = theirs.Read(make([]byte, 1000)) }()
	c := newConn(table, ours, transport, time.Now())
	defer c.Conn.Close()
	return c.Write([]byte(message))
}
