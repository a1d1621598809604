package reach

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// slowAllocation answers what asks for a permission after a second: it lets 192.0.2.0/24 in, forbids 10.0.0.0/8, and is
// too busy for the rest.
type slowAllocation struct {
	net.PacketConn
	mu    sync.Mutex
	asked map[string]int // by address
	sent  []string
	given map[string]bool
}

func (a *slowAllocation) WriteTo(b []byte, to net.Addr) (int, error) {
	ip := to.(*net.UDPAddr).IP.String()
	a.mu.Lock()
	known := a.given[ip]
	a.mu.Unlock()
	if !known {
		time.Sleep(time.Second)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !known {
		a.asked[ip]++
	}
	switch ip[:3] {
	case "192":
		a.given[ip] = true
		a.sent = append(a.sent, string(b))
		return len(b), nil
	case "10.":
		return 0, &stun.TurnError{ErrorCodeAttr: stun.ErrorCodeAttribute{Code: stun.CodeForbidden}}
	}
	return 0, errors.New("no answer")
}

func (a *slowAllocation) Close() error { return nil }

// Nobody waits for what a server says of an address: others are sent to meanwhile, and who is forbidden is asked for once.
func TestRelayedWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		under := turn.NewSTUNConn(near)
		client, err := turn.NewClient(&turn.ClientConfig{Conn: under, LoggerFactory: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		a := &slowAllocation{asked: map[string]int{}, given: map[string]bool{}}
		r := &relayed{PacketConn: a, client: client, under: under, peers: map[netip.Addr]*admission{}}
		good, forbidden, silent := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("10.0.0.1:1"), netip.MustParseAddrPort("203.0.113.1:1")
		begun := time.Now()
		for i := range 50 { // checks of five seconds
			for _, to := range []netip.AddrPort{good, forbidden, silent} {
				if err := r.Send([]byte{byte('a' + i)}, to); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(begun); took != time.Duration(i)*100*time.Millisecond {
				t.Fatalf("sending took %v", took)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if a.asked["192.0.2.1"] != 1 || a.asked["10.0.0.1"] != 1 || a.asked["203.0.113.1"] < 3 || a.asked["203.0.113.1"] > 5 {
			t.Errorf("asked %v", a.asked)
		}
		// The first one asked; those of the next second are lost.
		if len(a.sent) < 38 || a.sent[0] != "a" || slices.Contains(a.sent, "e") {
			t.Errorf("sent %q", a.sent)
		}
		if err := r.Send([]byte("late"), silent); err != nil {
			t.Error(err)
		}
	})
}

// Whoever names ever other addresses has us ask for so many, and no more.
func TestRelayedAsksForFew(t *testing.T) {
	r := &relayed{peers: map[netip.Addr]*admission{}}
	now := time.Now()
	asked := 0
	for i := range 1000 {
		if _, ask := r.admits(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), now); ask {
			asked++
		}
	}
	if asked != maxPeers {
		t.Errorf("asked for %d addresses", asked)
	}
}

// A connection that takes nothing keeps nobody waiting.
func TestStreamWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe() // which takes what is read, and no more
		s := newStream(near)
		begun, lost := time.Now(), 0
		for range 10 * backlog {
			if _, err := s.WriteTo(make([]byte, 1200), nil); errors.Is(err, errBacklog) {
				lost++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if lost < 8*backlog || time.Since(begun) != 0 {
			t.Errorf("%d were lost in %v", lost, time.Since(begun))
		}
		got := 0
		buf := make([]byte, 1200)
		for far.SetReadDeadline(time.Now().Add(time.Second)) == nil {
			n, err := far.Read(buf)
			if err != nil {
				break
			}
			got += n
		}
		if got < backlog*1200 {
			t.Errorf("%d bytes came", got)
		}
		for range 2 * backlog { // it is closed while it is full
			_, _ = s.WriteTo(make([]byte, 1200), nil)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.WriteTo([]byte("late"), nil); err == nil {
			t.Error("sent after the end")
		}
		far.Close()
	})
}
