package agent

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"ewindow/scripts/bench/hostile"
)

// Whatever comes over a window's connection, it grows by less than 50 MB: what passes the registrar may come from a
// stranger.
func TestHostileMemory(t *testing.T) {
	const most = 50 << 20
	a, err := New(Config{
		Registrar: "reg.test", Space: "milano", Secret: "secret",
		Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("nobody is there") },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.stack.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("no loopback:", err)
	}
	defer l.Close()
	connect := func() (net.Conn, error) { // the registrar's end
		ours, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return nil, err
		}
		theirs, err := l.Accept()
		if err != nil {
			return nil, err
		}
		f, err := newFlow(theirs)
		if err != nil {
			return nil, err
		}
		a.adopt(f)
		return ours, nil
	}
	for _, kind := range hostile.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			attack := hostile.Attack{Kind: kind, Connections: 1, Bytes: 2 << 20, Most: 500 * time.Millisecond, Hold: 50 * time.Millisecond, Dial: connect}
			sent := int64(0)
			grown := hostile.Growth(func() { sent = attack.Run(t.Context()) })
			t.Logf("%.1f MB sent, %.1f MB grown", float64(sent)/(1<<20), float64(grown)/(1<<20))
			if grown > most {
				t.Errorf("grew by %d MB after %d MB, at most %d MB are allowed", grown>>20, sent>>20, most>>20)
			}
			if sent < 100 {
				t.Errorf("only %d bytes could be sent: this shows nothing", sent)
			}
		})
	}
}
