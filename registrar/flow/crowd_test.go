package flow

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// flood opens connections without end from ten addresses in each block, and sends nothing.
func (s *stack) flood(blocks []string, every time.Duration) (stop func()) {
	ended := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-ended:
				return
			case <-time.After(every):
			}
			from := netip.MustParsePrefix(blocks[i%len(blocks)]).Addr().As4()
			from[3] = byte(1 + i/len(blocks)%10)
			if c, err := s.net.Dial(s.t.Context(), netip.AddrFrom4(from), server); err == nil {
				s.t.Cleanup(func() { _ = c.Close() })
			}
		}
	}()
	return func() { close(ended); <-done }
}

// login comes, takes its time, sends something, and proves who it is. It says whether the connection was still there.
func (s *stack) login(host, account string) (f Flow, c net.Conn, ok bool) {
	c = s.dial(host)
	time.Sleep(200 * time.Millisecond) // a handshake and a challenge over a slow line
	_, _ = c.Write([]byte(message))
	time.Sleep(200 * time.Millisecond)
	f, ok = s.find(c)
	if ok {
		s.table.Authenticated(f, account)
		s.table.Keep(f, time.Now().Add(time.Hour))
	}
	return f, c, ok
}

// While connections without end fill all places, a window logs in at its first try, twenty times of twenty: from
// elsewhere, and from next door to the flood. A house with forty phones at one address keeps all their connections, and
// gets them back when they all come anew at once.
func TestFlood(t *testing.T) {
	blocks := []string{"10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24", "10.1.4.0/24"}
	for name, limits := range map[string]Limits{
		"all places":           {Connections: 400, PerBlock: 400, Arrivals: 1 << 20, ArrivalRate: 1 << 20},
		"the places of blocks": {Connections: 1000, PerBlock: 100, Arrivals: 1 << 20, ArrivalRate: 1 << 20},
		"the rate of blocks":   {Connections: 1000, PerBlock: 1000, Arrivals: 50, ArrivalRate: 10},
	} {
		for where, host := range map[string]string{"elsewhere": "10.2.0.1", "next door": "10.1.2.200"} {
			t.Run(name+", "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := start(t, limits, nil)
					var phones []Flow
					for i := range 40 {
						f, _, _ := s.login(host, fmt.Sprint("phone", i))
						phones = append(phones, f)
					}
					window, _, _ := s.login(host, "window")
					stop := s.flood(blocks, 2*time.Millisecond)
					time.Sleep(3 * time.Second)
					for i := range 20 {
						f, c, ok := s.login(host, "window")
						if !ok || !s.table.Alive(f) {
							t.Errorf("login %d of the window failed", i+1)
						}
						_ = c.Close()
					}
					for i, f := range append(phones, window) {
						if !s.table.Alive(f) {
							t.Errorf("flow %d of those who were there is gone", i)
						}
					}
					var back sync.WaitGroup
					for i, f := range phones { // a power cut in that house
						s.table.Drop(f)
						back.Go(func() {
							if f, _, ok := s.login(host, fmt.Sprint("phone", i)); !ok || !s.table.Alive(f) {
								t.Errorf("phone %d did not come back", i)
							}
						})
					}
					back.Wait()
					if n := s.table.Len(); n > limits.Connections {
						t.Errorf("%d connections, at most %d are allowed", n, limits.Connections)
					}
					stop()
				})
			})
		}
	}
}

// Whoever has authenticated is never pushed out; where all have, nobody else gets in.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Limits{Connections: 3}, nil)
		var known []Flow
		for i := range 3 {
			f, _, _ := s.login("10.0.1.1", fmt.Sprint(i))
			known = append(known, f)
		}
		if got := lives(s.dial("10.0.1.2"), time.Second); got > 100*time.Millisecond {
			t.Errorf("one too many lives %v", got)
		}
		s.table.Drop(known[0])
		if _, _, ok := s.login("10.0.1.2", "new"); !ok || !s.table.Alive(known[1]) || !s.table.Alive(known[2]) {
			t.Error("a place that became free is not given, or one that was taken is")
		}
	})
}

// A house that has never been there comes in, too, all its phones at once; from next door to a flood it takes them a while,
// for forty at once are as crowded as the flood.
func TestNewcomers(t *testing.T) {
	for host, within := range map[string]time.Duration{"10.2.0.1": 0, "10.1.2.200": 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := start(t, Limits{Connections: 400}, nil)
			stop := s.flood([]string{"10.1.1.0/24", "10.1.2.0/24"}, 2*time.Millisecond)
			time.Sleep(3 * time.Second)
			var all sync.WaitGroup
			for i := range 40 {
				all.Go(func() {
					for begun := time.Now(); ; time.Sleep(time.Second) {
						if f, _, ok := s.login(host, fmt.Sprint("phone", i)); ok && s.table.Alive(f) {
							return
						}
						if time.Since(begun) > within {
							t.Errorf("phone %d from %s is not there after %v", i, host, time.Since(begun))
							return
						}
					}
				})
			}
			all.Wait()
			stop()
		})
	}
}

// A home lets in as many again as were there at a time, for an hour after the last has gone; further ones are strangers.
func TestHomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Limits{Connections: 10}, nil)
		crowd := func() {
			for i := range 20 {
				s.flow(s.dial(netip.AddrFrom4([4]byte{10, 3, byte(i), 1}).String()))
			}
		}
		back := func() (n int) {
			var came []Flow
			for range 3 {
				came = append(came, s.flow(s.dial("10.1.1.1")))
			}
			crowd()
			for _, f := range came {
				if s.table.Alive(f) {
					n++
					s.table.Drop(f)
				}
			}
			return n
		}
		var here []Flow
		for i := range 2 {
			f, _, _ := s.login("10.1.1.1", fmt.Sprint(i))
			here = append(here, f)
		}
		if n := back(); n != 2 {
			t.Errorf("%d of 3 stay while two are known here, want 2", n)
		}
		for _, f := range here {
			s.table.Drop(f)
		}
		time.Sleep(59 * time.Minute)
		if n := back(); n != 2 {
			t.Errorf("%d of 3 stay within the hour, want 2", n)
		}
		time.Sleep(61 * time.Minute)
		if _, _, ok := s.login("10.9.9.9", "another"); !ok { // looks for homes that are over
			t.Error("no login")
		}
		if n := back(); n != 0 {
			t.Errorf("%d of 3 stay after the hour, want 0", n)
		}
		if len(s.table.homes.of) != 1 {
			t.Errorf("%d homes are remembered", len(s.table.homes.of))
		}
	})
}

// One account doesn't take all places: beyond its share the oldest of its own connections goes.
func TestPerAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Limits{PerAccount: 2}, nil)
		other, _, _ := s.login("10.0.1.1", "other")
		var mine []Flow
		for range 3 {
			f, _, _ := s.login("10.0.1.1", "mine")
			s.table.Authenticated(f, "mine") // with each request
			mine = append(mine, f)
		}
		for i, f := range append(mine, other) {
			if alive := s.table.Alive(f); alive != (i != 0) {
				t.Errorf("flow %d alive: %v", i, alive)
			}
		}
	})
}

// A block's own newcomers push out its own, and nobody else's.
func TestPerBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Limits{PerBlock: 3}, nil)
		elsewhere := s.flow(s.dial("10.0.2.1"))
		alone := s.flow(s.dial("10.0.1.7"))
		var crowd []Flow
		for range 5 {
			crowd = append(crowd, s.flow(s.dial("10.0.1.1")))
		}
		for i, f := range append(crowd, alone, elsewhere) {
			if alive := s.table.Alive(f); alive != (i >= 3) {
				t.Errorf("flow %d alive: %v", i, alive)
			}
		}
	})
}

// However many handshakes have begun, only so many are computed at a time, and those that wait for their peer hold no turn.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		certificate := selfSigned(t)
		s := start(t, Limits{}, &tls.Config{Certificates: []tls.Certificate{certificate}})
		for i := range 200 {
			c := s.dial(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}).String())
			if i%2 == 0 {
				_, _ = c.Write([]byte{22, 3, 1, 2, 0, 1, 0}) // the beginning of a ClientHello
			}
		}
		time.Sleep(time.Second)
		if n := len(s.table.turns); n != 0 {
			t.Errorf("%d turns are taken by peers who are silent", n)
		}
		window := tls.Client(s.dial("10.0.2.1"), &tls.Config{InsecureSkipVerify: true})
		begun := time.Now()
		if err := window.HandshakeContext(t.Context()); err != nil || time.Since(begun) > time.Second {
			t.Errorf("a window's handshake beside them: %v after %v", err, time.Since(begun))
		}
		for range cap(s.table.turns) { // as if others were computing
			s.table.turns <- struct{}{}
		}
		late := tls.Client(s.dial("10.0.2.2"), &tls.Config{InsecureSkipVerify: true})
		begun = time.Now()
		if err := late.HandshakeContext(t.Context()); err == nil || !about(time.Since(begun), 5*time.Second) {
			t.Errorf("a handshake without a turn: %v after %v, want an end after 5 s", err, time.Since(begun))
		}
	})
}

func TestWithin(t *testing.T) {
	for files, want := range map[uint64][2]int{
		1 << 20: {4096, 1024}, 1024: {864, 288}, 256: {128, 42}, 64: {32, 10}, 0: {1, 1},
	} {
		if got := DefaultLimits().Within(files); got.Connections != want[0] || got.PerBlock != want[1] {
			t.Errorf("%d files: %d connections, %d of a block; want %v", files, got.Connections, got.PerBlock, want)
		}
	}
	if got := (Limits{Connections: 10}).Within(1024).Connections; got != 10 {
		t.Errorf("%d connections where 10 were asked for", got)
	}
}
