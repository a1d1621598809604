package proxy

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/scripts/bench/hostile"
)

// Whatever strangers send, from a hundred connections or as datagrams: the process grows by less than 50 MB, and a phone
// that registers next is served. They are not held up here by how fast one may come and send: more gets in than will ever.
func TestHostileMemory(t *testing.T) {
	const most = 50 << 20
	listen := func() (net.Listener, net.PacketConn) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Skip("no loopback:", err)
		}
		p, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l, p
	}
	tcp, udp := listen()
	names := &accounts{names: map[string]bool{"reception": true}}
	server, err := New(Config{
		Domain: "reg.test", Key: bytes.Repeat([]byte{7}, 32), Plan: parsePlan(t, always), Accounts: names,
		Locations: location.New(location.Config{}),
		Limits:    flow.Limits{Arrivals: 1 << 30, ArrivalRate: 1 << 30, Burst: 1 << 30, Rate: 1 << 30},
	}, Listeners{TCP: tcp, UDP: udp})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for _, kind := range hostile.Kinds() {
		for _, addr := range []net.Addr{tcp.Addr(), udp.LocalAddr()} {
			if addr.Network() == "udp" && (kind.Stream || len(kind.Message(0)) > 65_000) {
				continue
			}
			t.Run(kind.Name+" "+addr.Network(), func(t *testing.T) {
				attack := hostile.Attack{
					Kind: kind, Connections: 100, Bytes: 5 << 20, Most: time.Second, Hold: 100 * time.Millisecond,
					Dial: func() (net.Conn, error) { return net.Dial(addr.Network(), addr.String()) },
				}
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
	c, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("OPTIONS sip:reg.test SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n" +
		"From: <sip:reception@reg.test>;tag=1\r\nTo: <sip:reg.test>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 12)
	if _, err := c.Read(b); err != nil || string(b) != "SIP/2.0 401 " {
		t.Errorf("after all that: %q, %v", b, err)
	}
}
