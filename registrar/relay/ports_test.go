package relay

import (
	"net"
	"testing"

	"github.com/pion/stun/v4"
)

// sameDoor gives connections of which the peer's address is always that of another one.
type sameDoor struct {
	net.Listener
	at net.Addr
}

func (s sameDoor) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	return neighbour{c, s.at}, err
}

type neighbour struct {
	net.Conn
	at net.Addr
}

func (n neighbour) RemoteAddr() net.Addr { return n.at }

// Routers use one port of theirs for two connections to two of ours: a neighbour ends nobody's connection by that, takes none of its
// rights, and has an allocation of its own.
func TestPortOfTwo(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		l.stop()
		l.serve(func(c *Config) {
			under, err := l.net.Listen(serverIP + ":443")
			if err != nil {
				t.Fatal(err)
			}
			at := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 40000}
			c.TCP, c.TLS = sameDoor{c.TCP, at}, sameDoor{under, at}
		})
		first := l.tcp("milano", "198.51.100.7")
		first.allocate()
		if _, code := first.ask(stun.MethodCreatePermission, toPeer("8.8.8.8:1")); code != 0 {
			t.Fatalf("CreatePermission: %d", code)
		}
		second := l.as("munich", &turner{l: l, stream: l.dialAt("198.51.100.9", serverIP+":443")})
		if _, code := second.ask(stun.MethodCreatePermission, toPeer("8.8.8.8:1")); code == 0 {
			t.Error("a neighbour has a permission without an allocation")
		}
		second.allocate()
		for _, c := range []*turner{first, second} {
			if _, code := c.ask(stun.MethodCreatePermission, toPeer("8.8.4.4:1")); code != 0 {
				t.Errorf("%s: CreatePermission: %d", c.name, code)
			}
		}
		second.stream.Close()
		if _, code := first.ask(stun.MethodChannelBind, channelNumber(0x4000), toPeer("8.8.8.8:1")); code != 0 {
			t.Errorf("after the neighbour is gone: ChannelBind: %d", code)
		}
	})
}
