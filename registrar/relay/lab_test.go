package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"

	"ewindow/scripts/lab/memnet"
)

const (
	realm     = "reg.example.org"
	serverIP  = "203.0.113.1"
	serverAt  = serverIP + ":3478"
	privateIP = "10.1.1.1" // of the server, too
)

// A lab is a relay on a network in memory.
type lab struct {
	t      *testing.T
	net    *memnet.Network
	server *Server
	issuer Issuer
	stop   func()

	mu       sync.Mutex
	accounts map[string]string // what changes with their secret
}

// simulate runs f with a relay in simulated time.
func simulate(t *testing.T, edit func(*Config), f func(*lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, net: memnet.New(1), accounts: map[string]string{"milano": "1", "munich": "1"}}
		l.net.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
		l.serve(edit)
		defer func() { l.stop() }()
		f(l)
	})
}

func (l *lab) serve(edit func(*Config)) {
	l.t.Helper()
	udp, err1 := l.net.ListenPacket(serverAt)
	tcp, err2 := l.net.Listen(serverAt)
	if err := errors.Join(err1, err2); err != nil {
		l.t.Fatal(err)
	}
	l.issuer = Issuer{Secret: Own([]byte("0123456789abcdef0123456789abcdef"), func(account string) (string, bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		proof, ok := l.accounts[account]
		return proof, ok
	})}
	c := Config{
		UDP: udp, TCP: tcp, Realm: realm, Secret: l.issuer.Secret,
		Relay: []netip.Addr{netip.MustParseAddr(serverIP)}, Ports: Ports{50000, 50099},
		Listen: func(at netip.AddrPort) (net.PacketConn, error) { return l.net.ListenPacket(at.String()) },
		Machine: func() []netip.Addr {
			return []netip.Addr{netip.MustParseAddr(serverIP), netip.MustParseAddr(privateIP)}
		},
	}
	if edit != nil {
		edit(&c)
	}
	var err error
	if l.server, err = New(c); err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.server.Run(ctx) }()
	l.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			l.t.Errorf("Run: %v", err)
		}
		synctest.Wait()
		if s := l.server.State(); s.Allocations != 0 || s.Connections != 0 || len(l.server.clients.by) != 0 {
			l.t.Errorf("left after Run: %+v, %d clients", s, len(l.server.clients.by))
		}
		l.stop = func() {}
	}
}

func (l *lab) setAccount(name, proof string) {
	l.mu.Lock()
	if l.accounts[name] = proof; proof == "" {
		delete(l.accounts, name)
	}
	l.mu.Unlock()
	l.server.AccountChanged(name)
}

// A turner is a TURN client of a few lines.
type turner struct {
	l              *lab
	packets        net.PacketConn // over UDP
	stream         net.Conn       // over TCP
	name, password string
	realm, nonce   string
}

// udp makes a client with fresh credentials of an account.
func (l *lab) udp(account, host string) *turner {
	l.t.Helper()
	p, err := l.net.ListenPacket(host + ":0")
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { p.Close() })
	return l.as(account, &turner{l: l, packets: p})
}

func (l *lab) dial(host string) net.Conn {
	l.t.Helper()
	return l.dialAt(host, serverAt)
}

func (l *lab) dialAt(host, server string) net.Conn {
	l.t.Helper()
	c, err := l.net.Dial(l.t.Context(), netip.MustParseAddr(host), server)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

func (l *lab) tcp(account, host string) *turner {
	l.t.Helper()
	return l.as(account, &turner{l: l, stream: l.dial(host)})
}

func (l *lab) as(account string, c *turner) *turner {
	if r := l.issuer.Relays(account, time.Now()); r != nil {
		c.name, c.password = r.Username, r.Password
	}
	return c
}

func (c *turner) send(b []byte) {
	var err error
	if c.stream != nil {
		_, err = c.stream.Write(b)
	} else {
		_, err = c.packets.WriteTo(b, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(serverAt)))
	}
	if err != nil {
		c.l.t.Helper()
		c.l.t.Errorf("send: %v", err)
	}
}

// receive is the next frame; nil if none comes within 3 s.
func (c *turner) receive() []byte {
	b := make([]byte, 2000)
	if c.packets != nil {
		_ = c.packets.SetReadDeadline(time.Now().Add(3 * time.Second))
		n, _, err := c.packets.ReadFrom(b)
		if err != nil {
			return nil
		}
		return b[:n]
	}
	_ = c.stream.SetReadDeadline(time.Now().Add(3 * time.Second))
	if _, err := io.ReadFull(c.stream, b[:4]); err != nil {
		return nil
	}
	size := int(binary.BigEndian.Uint16(b[2:])) + 16
	if b[0]>>6 == 1 {
		size = (size - 16 + 3) / 4 * 4
	}
	if _, err := io.ReadFull(c.stream, b[4:4+size]); err != nil {
		return nil
	}
	return b[:4+size]
}

// once sends a request and returns its answer; nil without one.
func (c *turner) once(method stun.Method, attributes ...stun.Setter) *stun.Message {
	c.l.t.Helper()
	all := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)
	if c.nonce != "" {
		all = append(all, stun.NewUsername(c.name), stun.NewRealm(c.realm), stun.NewNonce(c.nonce), c.key())
	}
	m, err := stun.Build(all...)
	if err != nil {
		c.l.t.Fatal(err)
	}
	c.send(m.Raw)
	for {
		b := c.receive()
		if b == nil {
			return nil
		}
		answer := &stun.Message{Raw: b}
		if answer.Decode() == nil && answer.TransactionID == m.TransactionID {
			return answer
		}
	}
}

func (c *turner) key() stun.MessageIntegrity {
	return stun.NewLongTermIntegrity(c.name, c.realm, c.password)
}

// ask sends a request with credentials, and returns its answer and error code: 0 for success, -1 for no answer.
func (c *turner) ask(method stun.Method, attributes ...stun.Setter) (*stun.Message, int) {
	c.l.t.Helper()
	for try := 0; ; try++ {
		answer := c.once(method, attributes...)
		if answer == nil {
			return nil, -1
		}
		if answer.Type.Class == stun.ClassSuccessResponse {
			return answer, 0
		}
		var code stun.ErrorCodeAttribute
		if err := code.GetFrom(answer); err != nil {
			c.l.t.Fatal(err)
		}
		var nonce stun.Nonce
		if try == 0 && nonce.GetFrom(answer) == nil {
			var of stun.Realm
			_ = of.GetFrom(answer)
			c.nonce, c.realm = nonce.String(), of.String()
			continue
		}
		if !answer.Contains(stun.AttrNonce) && c.key().Check(answer) != nil {
			c.l.t.Errorf("the answer %s is not signed", answer)
		}
		return answer, int(code.Code)
	}
}

func transport(protocol byte) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{protocol, 0, 0, 0}}
}

func toPeer(text string) stun.Setter {
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		panic(err)
	}
	return xorPeer{at}
}

// xorPeer is XOR-PEER-ADDRESS, also with an IPv4 address as one of IPv6.
type xorPeer struct{ netip.AddrPort }

func (x xorPeer) AddTo(m *stun.Message) error {
	ip, family := x.Addr().AsSlice(), byte(1)
	if len(ip) == 16 {
		family = 2
	}
	mask := append([]byte{0x21, 0x12, 0xa4, 0x42}, m.TransactionID[:]...)
	for i := range ip {
		ip[i] ^= mask[i]
	}
	m.Add(stun.AttrXORPeerAddress, append(binary.BigEndian.AppendUint16([]byte{0, family}, x.Port()^0x2112), ip...))
	return nil
}

func channelNumber(n uint16) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrChannelNumber, Value: append(binary.BigEndian.AppendUint16(nil, n), 0, 0)}
}

// allocate gets an allocation, and returns its relayed address.
func (c *turner) allocate() netip.AddrPort {
	c.l.t.Helper()
	answer, code := c.ask(stun.MethodAllocate, transport(17))
	if code != 0 {
		c.l.t.Fatalf("Allocate: %d", code)
	}
	var at stun.XORMappedAddress
	if err := at.GetFromAs(answer, stun.AttrXORRelayedAddress); err != nil {
		c.l.t.Fatal(err)
	}
	ip, _ := netip.AddrFromSlice(at.IP)
	return netip.AddrPortFrom(ip.Unmap(), uint16(at.Port))
}

// say sends data to a peer without a channel.
func (c *turner) say(peer, text string) {
	c.l.t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), toPeer(peer),
		stun.RawAttribute{Type: stun.AttrData, Value: []byte(text)})
	if err != nil {
		c.l.t.Fatal(err)
	}
	c.send(m.Raw)
}

// channelData is text for a channel, as it goes over the wire.
func channelData(channel uint16, text string) []byte {
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, channel), uint16(len(text)))
	return append(append(b, text...), make([]byte, (4-len(text)%4)%4)...)
}

// hears is the payload of the next data and, without a channel, the peer that sent it.
func (c *turner) hears() (text, peer string) {
	b := c.receive()
	switch {
	case len(b) < 4:
		return "", ""
	case b[0]>>6 == 1:
		return string(b[4 : 4+int(binary.BigEndian.Uint16(b[2:]))]), ""
	}
	m := &stun.Message{Raw: b}
	var from stun.XORMappedAddress
	if err := m.Decode(); err != nil || from.GetFromAs(m, stun.AttrXORPeerAddress) != nil {
		return "", ""
	}
	data, _ := m.Get(stun.AttrData)
	ip, _ := netip.AddrFromSlice(slices.Clone(from.IP))
	return string(data), netip.AddrPortFrom(ip.Unmap(), uint16(from.Port)).String()
}

func udpAddr(at netip.AddrPort) net.Addr { return net.UDPAddrFromAddrPort(at) }
