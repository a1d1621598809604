package relay

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"ewindow/registrar/signal/relays"
)

// Two windows that both relay hear each other through their allocations, by channel and without, over UDP and TCP; also
// where the relayed address is a router's, which does not send back what is for itself.
func TestTwoWindowsRelay(t *testing.T) {
	for name, machine := range map[string]string{"own address": serverIP, "a router's": privateIP} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(c *Config) {
				c.Machine = func() []netip.Addr { return []netip.Addr{netip.MustParseAddr(machine)} }
				c.Listen = loopbackToo(c.Listen)
			}, func(l *lab) {
				a, b := l.udp("milano", "198.51.100.7"), l.tcp("munich", "198.51.100.8")
				atA, atB := a.allocate().String(), b.allocate().String()
				if _, code := a.ask(stun.MethodCreatePermission, toPeer(atB)); code != 0 {
					t.Fatalf("CreatePermission: %d", code)
				}
				if _, code := b.ask(stun.MethodChannelBind, channelNumber(0x4000), toPeer(atA)); code != 0 {
					t.Fatalf("ChannelBind: %d", code)
				}
				a.say(atB, "picture")
				if text, _ := b.hears(); text != "picture" {
					t.Errorf("munich hears %q", text)
				}
				b.send(channelData(0x4000, "another"))
				if text, from := a.hears(); text != "another" || from != atB {
					t.Errorf("milano hears %q of %s, not of %s", text, from, atB)
				}
			})
		})
	}
}

func TestBinding(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		c := l.udp("milano", "198.51.100.7")
		answer, code := c.ask(stun.MethodBinding)
		var at stun.XORMappedAddress
		if code != 0 || at.GetFrom(answer) != nil || at.String() != c.packets.LocalAddr().String() {
			t.Errorf("%d, %v, want %v", code, at, c.packets.LocalAddr())
		}
	})
}

func TestQuota(t *testing.T) {
	simulate(t, func(c *Config) { c.Limits = Limits{Each: 3, Allocations: 5} }, func(l *lab) {
		for range 3 {
			l.udp("milano", "198.51.100.7").allocate()
		}
		if _, code := l.tcp("milano", "198.51.100.7").ask(stun.MethodAllocate, transport(17)); code != 486 {
			t.Errorf("the fourth of milano: %d", code)
		}
		munich := l.udp("munich", "198.51.100.8")
		munich.allocate()
		l.udp("munich", "198.51.100.8").allocate()
		if _, code := l.udp("munich", "198.51.100.8").ask(stun.MethodAllocate, transport(17)); code != 486 {
			t.Errorf("the sixth in all: %d", code)
		}
		if _, code := munich.ask(stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)}); code != 0 {
			t.Errorf("giving one back: %d", code)
		}
		l.udp("munich", "198.51.100.8").allocate()
		time.Sleep(lifetime + time.Second) // nobody refreshes them
		if s := l.server.State(); s.Allocations != 0 || s.Refused["quota"] != 2 {
			t.Errorf("%+v", s)
		}
		l.udp("milano", "198.51.100.7").allocate()
	})
}

// An allocation lives for an hour at most without being refreshed, whatever its client asks for.
func TestLifetime(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		c := l.udp("milano", "198.51.100.7")
		c.allocate()
		for asked, want := range map[uint32]time.Duration{3599: 3599 * time.Second, 100_000: lifetime} {
			c.ask(stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: []byte{byte(asked >> 24), byte(asked >> 16), byte(asked >> 8), byte(asked)}})
			time.Sleep(want - time.Minute)
			if n := l.server.State().Allocations; n != 1 {
				t.Fatalf("asked for %d s: gone before", asked)
			}
			c.ask(stun.MethodRefresh)
		}
		time.Sleep(lifetime + time.Minute)
		if n := l.server.State().Allocations; n != 0 {
			t.Error("it lives on")
		}
	})
}

func TestCredentials(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		try := func(edit func(*turner)) int {
			c := l.udp("milano", "198.51.100.7")
			edit(c)
			_, code := c.ask(stun.MethodAllocate, transport(17))
			return code
		}
		old := l.udp("milano", "198.51.100.7")
		time.Sleep(relays.Lifetime - time.Minute)
		if _, code := old.ask(stun.MethodAllocate, transport(17)); code != 0 {
			t.Errorf("before they expire: %d", code)
		}
		time.Sleep(time.Minute)
		for what, edit := range map[string]func(*turner){
			"expired":              func(c *turner) { c.name, c.password = old.name, old.password },
			"without an account":   func(c *turner) { c.l.as("potsdam", c); c.name = "9999999999:potsdam" },
			"of somebody else":     func(c *turner) { c.name = username("munich", time.Now().Add(time.Hour)) },
			"prolonged":            func(c *turner) { c.name = username("milano", time.Now().Add(48*time.Hour)) },
			"with another secret":  func(c *turner) { c.password = password("other", c.name) },
			"without a time":       func(c *turner) { c.name = "milano" },
			"with an odd time":     func(c *turner) { c.name = "0" + c.name },
			"with an empty name":   func(c *turner) { c.name = "9999999999:" },
			"with a password only": func(c *turner) { c.name = "" },
		} {
			if code := try(edit); code != 401 {
				t.Errorf("%s: %d", what, code)
			}
		}
		if code := try(func(*turner) {}); code != 0 {
			t.Errorf("fresh ones: %d", code)
		}
		c := l.udp("milano", "198.51.100.7")
		c.once(stun.MethodAllocate)
		if _, code := c.ask(stun.MethodAllocate, transport(17)); code != 0 {
			t.Fatal(code)
		}
		c.realm = "elsewhere"
		if answer := c.once(stun.MethodRefresh); answer == nil || answer.Type.Class != stun.ClassErrorResponse {
			t.Errorf("of another realm: %v", answer)
		}
	})
}

// An account that is removed or gets another secret loses what is relayed for it at once, and its credentials with it.
func TestRevoked(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		for what, proof := range map[string]string{"removed": "", "rotated": "2"} {
			l.setAccount("milano", "1")
			c, other := l.udp("milano", "198.51.100.7"), l.udp("munich", "198.51.100.8")
			c.allocate()
			other.allocate()
			l.setAccount("milano", proof)
			time.Sleep(time.Second)
			if n := l.server.State().Allocations; n != 1 {
				t.Errorf("%s: %d allocations are left", what, n)
			}
			if _, code := c.ask(stun.MethodRefresh); code != 401 {
				t.Errorf("%s: Refresh: %d", what, code)
			}
			if _, code := c.ask(stun.MethodAllocate, transport(17)); code != 401 {
				t.Errorf("%s: Allocate: %d", what, code)
			}
			if proof != "" {
				l.udp("milano", "198.51.100.7").allocate()
			}
			other.ask(stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)})
		}
	})
}

// A window that comes with an allocation from before a restart is told that it has none.
func TestRestart(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		for _, come := range []func(account, host string) *turner{l.udp, l.tcp} {
			c := come("milano", "198.51.100.7")
			c.ask(stun.MethodAllocate) // without a transport: 400, but c has a nonce
			for _, method := range []stun.Method{stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind} {
				if _, code := c.ask(method, channelNumber(0x4000), toPeer("8.8.8.8:1")); code != 437 {
					t.Errorf("%s: %d", method, code)
				}
			}
		}
		l.stop()
		l.serve(nil)
		l.udp("milano", "198.51.100.7").allocate()
	})
}

// Who comes by the way of another account's allocation is told that its credentials are not of that one (RFC 8656 §5), and changes nothing.
func TestOfAnotherAccount(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		c := l.udp("milano", "198.51.100.7")
		at := c.allocate()
		intruder := l.as("munich", &turner{l: l, packets: c.packets, nonce: c.nonce, realm: c.realm})
		for _, method := range []stun.Method{stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind} {
			if _, code := intruder.ask(method, channelNumber(0x4000), toPeer("8.8.8.8:1")); code != 441 {
				t.Errorf("%v: %d, want 441", method, code)
			}
			wrong := *intruder
			wrong.password = "guessed"
			if m := wrong.once(method, channelNumber(0x4000), toPeer("8.8.8.8:1")); m != nil && m.Type.Class == stun.ClassSuccessResponse {
				t.Errorf("%v with a wrong password: %v", method, m)
			}
		}
		if _, code := c.ask(stun.MethodRefresh); code != 0 {
			t.Errorf("the account's own: %d", code)
		}
		if l.server.allocations.find(at) == nil {
			t.Error("the allocation has ended")
		}
	})
}

// What is not offered is refused by the code that says so (RFC 8656 §7.2).
func TestNotOffered(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		c := l.udp("milano", "198.51.100.7")
		for what, try := range map[string]struct {
			attributes []stun.Setter
			code       int
		}{
			"TCP (RFC 6062)":  {[]stun.Setter{transport(6)}, 442},
			"an odd protocol": {[]stun.Setter{transport(99)}, 442},
			"IPv6":            {[]stun.Setter{transport(17), stun.RawAttribute{Type: stun.AttrRequestedAddressFamily, Value: []byte{2, 0, 0, 0}}}, 508},
			"no transport":    {nil, 400},
		} {
			if _, code := c.ask(stun.MethodAllocate, try.attributes...); code != try.code {
				t.Errorf("%s: %d, want %d", what, code, try.code)
			}
		}
		c.allocate()
		if _, code := c.ask(stun.MethodConnect, toPeer("8.8.8.8:80")); code != 447 {
			t.Errorf("Connect: %d", code)
		}
	})
}

// An allocation has so many permissions and channels; those that it has can be refreshed.
func TestPermissionsAndChannels(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		c := l.udp("milano", "198.51.100.7")
		c.allocate()
		for i := range maxChannels {
			if _, code := c.ask(stun.MethodChannelBind, channelNumber(0x4000+uint16(i)), toPeer(fmt.Sprintf("8.8.8.8:%d", 1+i))); code != 0 {
				t.Fatalf("channel %d: %d", i, code)
			}
		}
		if _, code := c.ask(stun.MethodChannelBind, channelNumber(0x4fff), toPeer("8.8.8.8:9999")); code != 508 {
			t.Errorf("one too many: %d", code)
		}
		for _, none := range []uint16{0, 1, 0x3fff, 0x8000, 0xffff} {
			if _, code := c.ask(stun.MethodChannelBind, channelNumber(none), toPeer("8.8.8.8:1")); code != 400 {
				t.Errorf("%#x, which is no channel: %d", none, code)
			}
		}
		if _, code := c.ask(stun.MethodChannelBind, channelNumber(0x4000), toPeer("8.8.8.8:1")); code != 0 {
			t.Errorf("the first again: %d", code)
		}
		for i := range maxPeers - 1 {
			if _, code := c.ask(stun.MethodCreatePermission, toPeer(fmt.Sprintf("8.8.4.%d:1", i))); code != 0 {
				t.Fatalf("permission %d: %d", i, code)
			}
		}
		if _, code := c.ask(stun.MethodCreatePermission, toPeer("9.9.9.9:1")); code != 403 {
			t.Errorf("one too many: %d", code)
		}
		if _, code := c.ask(stun.MethodCreatePermission, toPeer("8.8.4.0:1")); code != 0 {
			t.Errorf("the first again: %d", code)
		}
		time.Sleep(channel + time.Second)
		c.allocate()
		if _, code := c.ask(stun.MethodChannelBind, channelNumber(0x4fff), toPeer("9.9.9.9:9999")); code != 0 {
			t.Errorf("after the others' time: %d", code)
		}
	})
}

// EVEN-PORT is heeded, within the ports of the relay.
func TestEvenPort(t *testing.T) {
	simulate(t, func(c *Config) { c.Ports = Ports{50001, 50003} }, func(l *lab) {
		c := l.udp("milano", "198.51.100.7")
		answer, code := c.ask(stun.MethodAllocate, transport(17), stun.RawAttribute{Type: stun.AttrEvenPort, Value: []byte{0x80}})
		var at stun.XORMappedAddress
		if code != 0 || at.GetFromAs(answer, stun.AttrXORRelayedAddress) != nil || at.Port != 50002 {
			t.Errorf("%d, %v", code, at)
		}
		token, err := answer.Get(stun.AttrReservationToken)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{0, 508} { // the second asks for a port that is taken
			if _, code := l.udp("milano", "198.51.100.7").ask(stun.MethodAllocate, transport(17), stun.RawAttribute{Type: stun.AttrReservationToken, Value: token}); code != want {
				t.Errorf("token, time %d: %d", i, code)
			}
		}
	})
}

// An account may begin and end so many allocations at once, and then one a second.
func TestChurn(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		c := l.udp("milano", "198.51.100.7")
		n := 0
		begun := time.Now()
		for time.Since(begun) < 10*time.Second {
			if _, code := c.ask(stun.MethodAllocate, transport(17)); code == 0 {
				n++
				c.ask(stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)})
			}
		}
		if most := 4*DefaultLimits().Each + 11; n > most || n < most-3 {
			t.Errorf("%d allocations in 10 s", n)
		}
		l.udp("munich", "198.51.100.8").allocate()
	})
}
