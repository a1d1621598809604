package relay

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// Strangers are answered within their budget over UDP, whoever they say they are; one elsewhere is, too.
func TestFlood(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		answers := 0
		for i := range 1000 {
			c := l.udp("", fmt.Sprintf("198.51.100.%d", i%200))
			if c.once(stun.MethodBinding) != nil {
				answers++
			} else {
				break
			}
		}
		var ask [20]byte
		copy(ask[:], stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)
		p, err := l.net.ListenPacket("198.51.100.250:1")
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		forged := &turner{l: l, packets: p}
		for range 1000 {
			forged.send(ask[:])
		}
		got := 0
		for forged.receive() != nil {
			got++
		}
		if got < houseBurst || got > houseBurst+blockBurst+20 {
			t.Errorf("%d of 1000 are answered", got)
		}
		if l.udp("", "192.0.2.7").once(stun.MethodBinding) == nil {
			t.Error("a house elsewhere is not answered")
		}
		if n := l.server.State().Refused["flood"]; n < 700 {
			t.Errorf("%d counted", n)
		}
		if answers < 200 {
			t.Errorf("only %d were answered before", answers)
		}
	})
}

// What is no request is not answered, nor is data of whoever has no allocation.
func TestNoAnswer(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		request := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
		for what, b := range map[string][]byte{
			"nothing": {}, "a byte": {0}, "text": []byte("hello hello hello hello hello"), "half a request": request[:19],
			"an answer":     stun.MustBuild(stun.TransactionID, stun.BindingSuccess).Raw,
			"an indication": stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication)).Raw,
			"data":          channelData(0x4000, "hello"), "an unknown method": append([]byte{0, 0x42}, request[2:]...),
			"a wrong cookie": append(append([]byte{}, request[:4]...), make([]byte, 16)...),
		} {
			c := l.udp("milano", "198.51.100.7")
			c.send(b)
			if answer := c.receive(); answer != nil {
				t.Errorf("%s: %x", what, answer)
			}
		}
	})
}

func closedWithin(t *testing.T, c net.Conn, within time.Duration) time.Duration {
	t.Helper()
	begun := time.Now()
	_ = c.SetReadDeadline(begun.Add(within))
	b := make([]byte, 4096)
	for {
		if _, err := c.Read(b); err != nil {
			if !time.Now().Before(begun.Add(within)) {
				t.Errorf("open after %v", within)
			}
			return time.Since(begun)
		}
	}
}

// Connections that nobody proves, that are slow, or used for nothing, are closed.
func TestConnectionsEnd(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		request := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
		closedWithin(t, l.dial("198.51.100.7"), proveWithin+time.Second)
		for what, b := range map[string][]byte{
			"text": []byte("GET / HTTP/1.0\r\n\r\n"), "a wrong cookie": append([]byte{0, 1, 0, 0}, make([]byte, 16)...), "too large": {0, 1, 0xff, 0xfc},
			"too often": []byte(strings.Repeat(string(request), askings+1)),
		} {
			c := l.dial("198.51.100.7")
			_, _ = c.Write(b)
			if took := closedWithin(t, c, 5*time.Second); took > time.Second {
				t.Errorf("%s: after %v", what, took)
			}
		}
		// A stranger that asks again and again, or sends byte by byte, has no more time than one that is silent.
		c := l.tcp("", "198.51.100.7")
		for range 9 {
			if c.once(stun.MethodBinding) == nil {
				t.Fatal("no answer")
			}
			time.Sleep(time.Second)
		}
		closedWithin(t, c.stream, 2*time.Second)
		slow := l.dial("198.51.100.7")
		for _, b := range append([]byte{0, 1, 4, 0}, make([]byte, 8)...) {
			_, _ = slow.Write([]byte{b})
			time.Sleep(time.Second)
		}
		closedWithin(t, slow, time.Second)

		// Whoever has proved who it is may stay without an allocation for idleFor, and with one as long as that lives.
		c = l.tcp("milano", "198.51.100.7")
		c.ask(stun.MethodAllocate) // of nothing: 400
		if took := closedWithin(t, c.stream, idleFor+5*time.Second); took < idleFor-5*time.Second {
			t.Errorf("without an allocation: closed after %v", took)
		}
		c = l.tcp("milano", "198.51.100.7")
		c.allocate()
		if took := closedWithin(t, c.stream, lifetime+idleFor+5*time.Second); took < lifetime+idleFor-5*time.Second {
			t.Errorf("with an allocation: closed after %v", took)
		}
		if s := l.server.State(); s.Connections != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A frame that has begun has to end, also of whoever has an allocation.
func TestHalfAFrame(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		c := l.tcp("milano", "198.51.100.7")
		c.allocate()
		time.Sleep(time.Minute)
		c.send([]byte{0x40, 0, 1, 0, 1, 2, 3})
		if took := closedWithin(t, c.stream, frameWithin+time.Second); took < frameWithin-time.Second {
			t.Errorf("after %v", took)
		}
		time.Sleep(time.Second)
		if s := l.server.State(); s.Allocations != 0 || s.Connections != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Who reads nothing of what comes is cut off, and takes nobody with it.
func TestDeafReader(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		c, other := l.tcp("milano", "198.51.100.7"), l.udp("munich", "198.51.100.8")
		atC, atO := c.allocate(), other.allocate()
		c.ask(stun.MethodCreatePermission, toPeer(atO.String()))
		other.ask(stun.MethodCreatePermission, toPeer(atC.String()))
		text := strings.Repeat("x", 1000)
		begun := time.Now()
		for l.server.State().Connections > 0 && time.Since(begun) < time.Minute {
			for range 20 {
				other.say(atC.String(), text)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := l.server.State().Connections; n != 0 {
			t.Errorf("%d connections after %v", n, time.Since(begun))
		}
		if _, code := other.ask(stun.MethodRefresh); code != 0 {
			t.Errorf("the other: %d", code)
		}
	})
}

// Who reads more slowly than media come loses of them, and stays: what it asks for meanwhile is answered, and what it sends is relayed.
func TestSlowReader(t *testing.T) {
	simulate(t, nil, func(l *lab) {
		c, other := l.tcp("milano", "198.51.100.7"), l.udp("munich", "198.51.100.8")
		atC, atO := c.allocate(), other.allocate()
		c.ask(stun.MethodCreatePermission, toPeer(atO.String()))
		other.ask(stun.MethodCreatePermission, toPeer(atC.String()))
		text := strings.Repeat("x", 1000)
		ended := make(chan int)
		stop := make(chan struct{})
		go func() { // 1.6 Mbit/s come
			sent := 0
			for {
				select {
				case <-stop:
					ended <- sent
					return
				case <-time.After(5 * time.Millisecond):
					other.say(atC.String(), text)
					sent++
				}
			}
		}()
		heard := 0
		for begun := time.Now(); time.Since(begun) < 20*time.Second; time.Sleep(20 * time.Millisecond) { // and 400 kbit/s are read
			if got, _ := c.hears(); got == text {
				heard++
			}
		}
		c.say(atO.String(), "are you there?")
		if got, _ := other.hears(); got != "are you there?" {
			t.Errorf("the other heard %q", got)
		}
		begun := time.Now()
		if _, code := c.ask(stun.MethodRefresh); code != 0 {
			t.Errorf("Refresh: %d", code)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("an answer took %v", took)
		}
		close(stop)
		sent := <-ended
		if heard < 800 || heard > sent/2 {
			t.Errorf("heard %d of %d", heard, sent)
		}
		s := l.server.State()
		if s.Connections != 1 || s.Refused["slow_connection"] < uint64(sent)/2 {
			t.Errorf("%+v", s)
		}
	})
}

// A crowd from one block has its share of the connections; whoever has authenticated keeps its own, and others come in.
func TestCrowdOfConnections(t *testing.T) {
	simulate(t, func(c *Config) { c.Limits = Limits{Connections: 40, PerBlock: 20, PerAccount: 3} }, func(l *lab) {
		window := l.tcp("milano", "192.0.2.7")
		window.allocate()
		for i := range 30 {
			l.dial(fmt.Sprintf("198.51.100.%d", i))
		}
		time.Sleep(time.Second)
		if n := l.server.State().Connections; n != 1+20 {
			t.Errorf("%d connections, with a crowd from one block", n)
		}
		for i := range 200 {
			l.dial(fmt.Sprintf("198.51.%d.%d", i%3, i%100))
		}
		time.Sleep(time.Second)
		if n := l.server.State().Connections; n > 40 {
			t.Errorf("%d connections", n)
		}
		l.tcp("munich", "192.0.2.8").allocate()
		if _, code := window.ask(stun.MethodRefresh); code != 0 {
			t.Errorf("the window: %d", code)
		}
		l.tcp("milano", "192.0.2.7").allocate()
		l.tcp("milano", "192.0.2.7").allocate()
		fourth := l.tcp("milano", "192.0.2.7")
		fourth.ask(stun.MethodAllocate, transport(17))
		if fourth.once(stun.MethodRefresh) != nil {
			t.Error("a fourth connection of milano is served")
		}
		if _, code := window.ask(stun.MethodRefresh); code != 0 {
			t.Errorf("the window, after that: %d", code)
		}
	})
}

// loopbackToo has sockets of every address of the machine, which the network in memory does not know, listen on loopback.
func loopbackToo(listen func(netip.AddrPort) (net.PacketConn, error)) func(netip.AddrPort) (net.PacketConn, error) {
	return func(at netip.AddrPort) (net.PacketConn, error) {
		if at.Addr().IsUnspecified() {
			at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
		}
		return listen(at)
	}
}
