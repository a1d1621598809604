package relay

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// Whom a window may not send to, and why.
var forbidden = []struct{ kind, peer string }{
	{"loopback", "127.0.0.1"}, {"loopback", "127.8.8.8"}, {"loopback", "::1"},
	{"unspecified", "0.0.0.0"}, {"unspecified", "::"}, {"this network", "0.1.2.3"},
	{"link-local", "169.254.169.254"}, {"link-local", "fe80::1"}, {"site-local", "fec0::1"},
	{"multicast", "224.0.0.251"}, {"multicast", "239.1.2.3"}, {"multicast", "ff02::1"},
	{"broadcast", "255.255.255.255"}, {"reserved", "240.0.0.1"}, {"IETF", "192.0.0.8"},
	{"private", "10.0.0.1"}, {"private", "172.16.0.1"}, {"private", "172.31.255.255"}, {"private", "192.168.1.1"},
	{"shared", "100.64.0.1"}, {"shared", "100.127.255.255"}, {"benchmark", "198.18.0.1"}, {"ULA", "fd00::1"}, {"ULA", "fc00::1"},
	{"mapped", "::ffff:8.8.8.8"}, {"mapped loopback", "::ffff:127.0.0.1"}, {"mapped relay", "::ffff:" + serverIP},
	{"compatible", "::8.8.8.8"}, {"NAT64", "64:ff9b::a00:1"}, {"6to4", "2002:a00:1::1"}, {"Teredo", "2001::1"},
	{"the server's other address", privateIP},
}

var permitted = []string{"8.8.8.8", "100.63.255.255", "172.32.0.1", "11.0.0.1", "2001:db8::1", "2606:4700::1111", serverIP}

func TestAddresses(t *testing.T) {
	p := &peers{relay: []netip.Addr{netip.MustParseAddr(serverIP)}, ports: Ports{50000, 50099}, machine: func() []netip.Addr {
		return []netip.Addr{netip.MustParseAddr(serverIP), netip.MustParseAddr(privateIP)}
	}}
	for _, c := range forbidden {
		if p.address(netip.MustParseAddr(c.peer)) == nil {
			t.Errorf("%s (%s) is permitted", c.peer, c.kind)
		}
	}
	for _, peer := range permitted {
		if err := p.address(netip.MustParseAddr(peer)); err != nil {
			t.Errorf("%s: %v", peer, err)
		}
	}
	p.allow = prefixes("10.0.0.0/16", "fd00::/16", "127.0.0.0/8", "0.0.0.0/0", "::/0") // the last three open private networks alone
	for peer, want := range map[string]bool{
		"10.0.0.1": true, "192.168.0.1": true, "fd00::1": true, privateIP: false, "127.0.0.1": false, "169.254.1.1": false, "::ffff:10.0.0.1": false, "::1": false,
	} {
		if err := p.address(netip.MustParseAddr(peer)); (err == nil) != want {
			t.Errorf("%s, allowed: %v", peer, err)
		}
	}
	for at, want := range map[string]bool{serverAt: false, serverIP + ":5061": false, serverIP + ":49999": false, serverIP + ":50000": true, serverIP + ":50099": true, serverIP + ":50100": false} {
		if err := p.at(netip.MustParseAddrPort(at)); (err == nil) != want {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// Each forbidden peer is answered 403, to CreatePermission and to ChannelBind, and what is sent to it all the same goes
// nowhere; over TCP too.
func TestForbiddenPeers(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		for _, c := range []*turner{l.udp("milano", "198.51.100.7"), l.tcp("munich", "198.51.100.8")} {
			c.allocate()
			for i, f := range forbidden {
				addr := netip.MustParseAddr(f.peer)
				if !addr.Is4() && !addr.Is4In6() {
					continue // of another family than the allocation: 443
				}
				peer := netip.AddrPortFrom(addr, 50001).String()
				if _, code := c.ask(stun.MethodCreatePermission, toPeer(peer)); code != 403 {
					t.Errorf("%s (%s): CreatePermission: %d", f.peer, f.kind, code)
				}
				if _, code := c.ask(stun.MethodChannelBind, channelNumber(0x4000+uint16(i)), toPeer(peer)); code != 403 {
					t.Errorf("%s (%s): ChannelBind: %d", f.peer, f.kind, code)
				}
			}
			if _, code := c.ask(stun.MethodCreatePermission, toPeer("[fd00::1]:1")); code != 443 {
				t.Errorf("another family: %d", code)
			}
			for _, at := range []string{serverAt, serverIP + ":5061"} {
				if _, code := c.ask(stun.MethodChannelBind, channelNumber(0x4100), toPeer(at)); code != 403 {
					t.Errorf("%s: ChannelBind: %d", at, code)
				}
			}
			// One that is forbidden among others: none is permitted.
			if _, code := c.ask(stun.MethodCreatePermission, toPeer("10.0.0.1:1"), toPeer("8.8.8.8:1")); code != 403 {
				t.Errorf("one of two: %d", code)
			}
		}
		if n := l.server.State().Refused["peer"]; n < 40 {
			t.Errorf("%d refusals counted", n)
		}
	})
}

// What is sent without a permission, or to a service of the server itself, goes nowhere.
func TestSentToForbidden(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		var ears []*turner
		for _, at := range []string{privateIP + ":5060", serverIP + ":5060", serverIP + ":50050", "192.168.1.1:5060"} {
			p, err := l.net.ListenPacket(at)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			ears = append(ears, &turner{l: l, packets: p})
		}
		c := l.udp("milano", "198.51.100.7")
		c.allocate()
		if _, code := c.ask(stun.MethodCreatePermission, toPeer(serverIP+":5060")); code != 0 {
			t.Errorf("the relay's own address: %d", code) // by address alone, as the other window's allocation has it
		}
		for _, at := range []string{privateIP + ":5060", serverIP + ":5060", serverIP + ":50050", "192.168.1.1:5060"} {
			c.say(at, "knock knock")
		}
		if _, code := c.ask(stun.MethodChannelBind, channelNumber(0x4001), toPeer(serverIP+":50050")); code != 0 {
			t.Errorf("a port of the relay: %d", code)
		}
		c.send(channelData(0x4001, "knock knock")) // something else listens there
		for _, e := range ears {
			if b := e.receive(); b != nil {
				t.Errorf("%s hears %q", e.packets.LocalAddr(), b)
			}
		}
	})
}

// A private network that the admin allows is relayed to, from a permission to its end.
func TestAllowedPeer(t *testing.T) {
	simulate(t, func(c *Config) { c.Allow = prefixes("192.168.1.0/24") }, func(l *lab) {
		p, err := l.net.ListenPacket("192.168.1.1:7000")
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		peer := &turner{l: l, packets: p}
		for _, come := range []func(account, host string) *turner{l.udp, l.tcp} {
			c := come("milano", "198.51.100.7")
			at := c.allocate()
			if _, code := c.ask(stun.MethodCreatePermission, toPeer("192.168.1.1:1")); code != 0 {
				t.Fatalf("CreatePermission: %d", code)
			}
			c.say("192.168.1.1:7000", "hello")
			if b := peer.receive(); string(b) != "hello" {
				t.Errorf("the peer heard %q", b)
			}
			answer := func(text string) {
				t.Helper()
				if _, err := p.WriteTo([]byte(text), udpAddr(at)); err != nil {
					t.Error(err)
				}
			}
			answer("hi")
			if text, from := c.hears(); text != "hi" || from != "192.168.1.1:7000" {
				t.Errorf("heard %q of %s", text, from)
			}
			time.Sleep(permission)
			answer("still there?")
			if text, _ := c.hears(); text != "" {
				t.Errorf("after its permission the peer is heard: %q", text)
			}
		}
		if s := l.server.State(); s.Allocations != 1 || s.Sent != 10 || s.Received != 2*14 {
			t.Errorf("%+v", s)
		}
	})
}

// Whatever pion/turn lets through, an allocation's socket sends nothing to a forbidden peer.
func TestSocketForbids(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		l.udp("milano", "198.51.100.7").allocate()
		k := l.server.allocations.all()[0]
		n := uint64(0)
		for _, f := range forbidden {
			at := netip.AddrPortFrom(netip.MustParseAddr(f.peer), 50001)
			if at.Addr().Is4In6() {
				continue // as a destination it is the IPv4 address
			}
			n++
			if _, err := k.WriteTo([]byte("x"), udpAddr(at)); err != nil || l.server.State().Sent != 0 || l.server.State().Refused["peer"] != n {
				t.Errorf("%s (%s): %v, %+v", f.peer, f.kind, err, l.server.State())
			}
		}
	})
}

// Over IPv6 it is the same.
func TestForbiddenPeersOfIPv6(t *testing.T) {
	six := netip.MustParseAddr("2001:db8:5::1")
	simulate(t, func(c *Config) {
		c.Relay = append(c.Relay, six)
		own := c.Machine
		c.Machine = func() []netip.Addr { return append(own(), six) }
	}, func(l *lab) {
		c := l.udp("milano", "198.51.100.7")
		family := stun.RawAttribute{Type: stun.AttrRequestedAddressFamily, Value: []byte{2, 0, 0, 0}}
		answer, code := c.ask(stun.MethodAllocate, transport(17), family)
		var at stun.XORMappedAddress
		if code != 0 || at.GetFromAs(answer, stun.AttrXORRelayedAddress) != nil || !at.IP.Equal(six.AsSlice()) {
			t.Fatalf("%d, %v", code, at)
		}
		for i, f := range forbidden {
			addr := netip.MustParseAddr(f.peer)
			want := 403
			if addr.Is4() || addr.Is4In6() { // pion/turn takes a mapped one for IPv4
				want = 443
			}
			peer := netip.AddrPortFrom(addr, 50001).String()
			if _, code := c.ask(stun.MethodCreatePermission, toPeer(peer)); code != want {
				t.Errorf("%s (%s): CreatePermission: %d", f.peer, f.kind, code)
			}
			if _, code := c.ask(stun.MethodChannelBind, channelNumber(0x4000+uint16(i)), toPeer(peer)); code != want {
				t.Errorf("%s (%s): ChannelBind: %d", f.peer, f.kind, code)
			}
		}
		for _, peer := range []string{"[2001:db8::1]:1", "[2001:db8:5::1]:50000"} {
			if _, code := c.ask(stun.MethodChannelBind, channelNumber(0x4200+uint16(len(peer))), toPeer(peer)); code != 0 {
				t.Errorf("%s: ChannelBind: %d", peer, code)
			}
		}
	})
}
