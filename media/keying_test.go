package media

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/handshake"
	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// tellings are what an end was told of its handshakes.
type tellings struct {
	mu     sync.Mutex
	agreed map[Medium]int
	failed []error
}

func (s *tellings) of() (audio, video int, failed []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agreed[Audio], s.agreed[Video], slices.Clone(s.failed)
}

// told has an end note what it is told.
func told(e *end) *tellings {
	s := &tellings{agreed: map[Medium]int{}}
	e.keying.Agreed = func(m Medium, _ handshake.Agreement) { s.mu.Lock(); defer s.mu.Unlock(); s.agreed[m]++ }
	e.keying.Failed = func(_ Medium, err error) { s.mu.Lock(); defer s.mu.Unlock(); s.failed = append(s.failed, err) }
	return s
}

// handshaken are two ends that agree on keys by handshakes over a network; nothing is begun.
func handshaken(t *testing.T, n *memnet.Network) (a, b *end, caller, called *negotiate.Session, of [2]*tellings) {
	t.Helper()
	return agreed(t, n, negotiate.DTLS)
}

func agreed(t *testing.T, n *memnet.Network, p negotiate.Policy) (a, b *end, caller, called *negotiate.Session, of [2]*tellings) {
	t.Helper()
	a, b = newEnd(t, n, hostA), newEnd(t, n, hostB)
	a.rec.sent, b.rec.sent = map[uint32]AccessUnit{}, map[uint32]AccessUnit{}
	of = [2]*tellings{told(a), told(b)}
	caller, called = a.negotiator(p), b.negotiator(p)
	a.agree(b, caller, called)
	return a, b, caller, called, of
}

// Pictures begin three round trips later than with keys in SDP (over ICE two), whatever is lost a bit later, and nothing is missed.
func TestHandshakenCalls(t *testing.T) {
	const trip = 40 * time.Millisecond
	var plain time.Duration
	for _, test := range []struct {
		name  string
		c     memnet.Conditions
		later time.Duration
	}{
		{"keys in SDP", memnet.Conditions{Latency: trip / 2}, time.Hour},
		{"clean", memnet.Conditions{Latency: trip / 2}, 3*trip + 20*time.Millisecond},
		{"5 %", memnet.Conditions{Latency: trip / 2, Loss: 0.05}, time.Second},
		{"20 %", memnet.Conditions{Latency: trip / 2, Loss: 0.2}, 4 * time.Second},
		{"reordered", memnet.Conditions{Latency: trip / 2, Jitter: trip}, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(3)
				n.Default(test.c)
				policy, keys := negotiate.DTLS, 1
				if test.name == "keys in SDP" {
					policy, keys = negotiate.SDES, 0
				}
				a, b, _, _, of := agreed(t, n, policy)
				begun := time.Now()
				b.begin() // who answers is first
				time.Sleep(10 * time.Millisecond)
				a.begin()
				talk(10*time.Second, a, b)
				settle(time.Second)
				for i, e := range []*end{a, b} {
					if audio, video, failed := of[i].of(); audio != keys || video != keys || failed != nil {
						t.Errorf("side %d: %d and %d agreements, failed %v", i, audio, video, failed)
					}
					e.rec.mu.Lock()
					seen := e.rec.video
					e.rec.mu.Unlock()
					if len(seen) == 0 {
						t.Errorf("side %d: no pictures", i)
						continue
					}
					first := seen[0].at.Sub(begun)
					if keys == 0 {
						plain = first
					}
					if t.Logf("side %d: first picture after %v", i, first); first-plain > test.later {
						t.Errorf("side %d: first picture after %v, with keys in SDP after %v", i, first, plain)
					}
				}
				if test.c.Loss+float64(test.c.Jitter) == 0 {
					for i, e := range []*end{a, b} {
						if s := e.Stats(); s.VideoMissed > 0 || s.Unkeyed > 0 || s.AuthFailures > 0 {
							t.Errorf("side %d: %d missed, %d without keys, %d not authentic", i, s.VideoMissed, s.Unkeyed, s.AuthFailures)
						}
					}
				}
				hangUp(a, b)
			})
		})
	}
}

// A later offer and answer that says nothing new, or moves the call, goes on with the keys that there are; also in the middle of
// the handshake.
func TestHandshakeAndReoffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Default(memnet.Conditions{Latency: 20 * time.Millisecond})
		a, b, caller, called, of := handshaken(t, n)
		a.begin()
		b.begin()
		for _, wait := range []time.Duration{30 * time.Millisecond, time.Second, 2 * time.Second} { // the first falls into the handshake
			talk(wait, a, b)
			a.agree(b, caller, called)
			if err := errors.Join(a.Update(a.desc), b.Update(b.desc)); err != nil {
				t.Fatal(err)
			}
		}
		talk(2*time.Second, a, b)
		settle(200 * time.Millisecond)
		for i, e := range []*end{a, b} {
			if audio, video, failed := of[i].of(); audio != 1 || video != 1 || failed != nil {
				t.Errorf("side %d: %d and %d agreements, failed %v", i, audio, video, failed)
			}
			if s := e.Stats(); s.VideoMissed > 0 || s.AuthFailures > 0 || s.Video.Received.Frames < 145 {
				t.Errorf("side %d: %d missed of %d pictures, %d not authentic", i, s.VideoMissed, s.Video.Received.Frames, s.AuthFailures)
			}
		}
		hangUp(a, b)
	})
}

// A key that is refused has no media come of it, on either side, and is not tried again. So has a certificate that SDP does not name.
func TestHandshakeRefused(t *testing.T) {
	changed := errors.New("the key of munich has changed")
	for _, side := range []string{"caller", "called", "certificate"} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New(3)
			n.Default(memnet.Conditions{Latency: 20 * time.Millisecond})
			a, b, _, _, of := handshaken(t, n)
			refuse := func([]byte) error { return changed }
			var want error = changed
			judge := of[0]
			switch side {
			case "caller":
				a.keying.Verify = refuse
			case "called":
				b.keying.Verify, judge = refuse, of[1]
			case "certificate":
				b.keying.Identity, want = nil, handshake.ErrCertificate
				b.negotiator(negotiate.DTLS)
			}
			a.begin()
			b.begin()
			talk(15*time.Second, a, b)
			settle(200 * time.Millisecond)
			if _, _, failed := judge.of(); len(failed) == 0 || !errors.Is(failed[0], want) || want == changed && len(failed) != 2 {
				t.Errorf("%s: failed %v", side, failed)
			}
			for i, e := range []*end{a, b} {
				v, s, _ := e.rec.counts()
				if stats := e.Stats(); v+s > 0 || stats.Video.Sent.Packets+stats.Audio.Sent.Packets > 0 {
					t.Errorf("%s: side %d has %d pictures, %d frames of sound", side, i, v, s)
				}
			}
			hangUp(a, b)
		})
	}
}

// A stranger who sprays a call's ports with beginnings of handshakes, their ends and garbage has no answer, and the call is up as
// soon as without him. Nor does what was recorded of the handshake do anything later.
func TestHandshakeAttacked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Default(memnet.Conditions{Latency: 20 * time.Millisecond})
		a, b, _, _, of := handshaken(t, n)
		stranger, err := n.ListenPacket("10.0.0.66:4000")
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var recorded [][]byte
		for _, e := range []*end{a, b} {
			for _, c := range e.taps {
				c.tamper(func(d []byte) [][]byte {
					mu.Lock()
					defer mu.Unlock()
					if handshake.Is(d) {
						recorded = append(recorded, d)
					}
					return [][]byte{d}
				})
			}
		}
		answers := 0
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			for b := make([]byte, 2048); ; answers++ {
				if _, _, err := stranger.ReadFrom(b); err != nil {
					return
				}
			}
		}()
		spray := func() {
			mu.Lock()
			all := append([][]byte{{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40}, {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0}, {22}, {63, 1}}, recorded...)
			mu.Unlock()
			for _, host := range []netip.Addr{hostA, hostB} {
				for port := range uint16(4) {
					for _, d := range all {
						_, _ = stranger.WriteTo(d, net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, 4000+port)))
					}
				}
			}
		}
		spray()
		a.begin()
		b.begin()
		for range 40 {
			spray()
			talk(50*time.Millisecond, a, b)
		}
		settle(200 * time.Millisecond)
		for i, e := range []*end{a, b} {
			if audio, video, failed := of[i].of(); audio != 1 || video != 1 || failed != nil {
				t.Errorf("side %d: %d and %d agreements, failed %v", i, audio, video, failed)
			}
			if s := e.Stats(); s.VideoMissed > 0 {
				t.Errorf("side %d: %d missed", i, s.VideoMissed)
			}
			e.rec.mu.Lock()
			if len(e.rec.video) < 35 { // one in 50 ms
				t.Errorf("side %d: %d pictures of two seconds", i, len(e.rec.video))
			}
			e.rec.mu.Unlock()
		}
		mu.Lock()
		sent := len(recorded)
		mu.Unlock()
		talk(time.Second, a, b)
		for _, d := range recorded[:sent] { // now as if from the other side
			for _, e := range []*end{a, b} {
				for _, c := range e.taps {
					if _, err := c.PacketConn.WriteTo(d, net.UDPAddrFromAddrPort(netip.AddrPortFrom(map[*end]netip.Addr{a: hostB, b: hostA}[e], Port(c)))); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		talk(2*time.Second, a, b)
		settle(200 * time.Millisecond)
		mu.Lock()
		if len(recorded) != sent {
			t.Errorf("%d datagrams of handshakes after it was over", len(recorded)-sent)
		}
		mu.Unlock()
		for i, e := range []*end{a, b} {
			if s := e.Stats(); s.VideoMissed > 0 || s.Video.Received.Frames < 120 { // 35 of the attack, and three seconds
				t.Errorf("side %d after a replay: %d missed of %d", i, s.VideoMissed, s.Video.Received.Frames)
			}
		}
		hangUp(a, b)
		_ = stranger.Close()
		<-heard
		if answers > 0 {
			t.Errorf("%d answers to the stranger", answers)
		}
	})
}

// Another handshake in a running call: the old keys hold until there are new ones.
func TestHandshakeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Default(memnet.Conditions{Latency: 20 * time.Millisecond})
		a, b, _, _, of := handshaken(t, n)
		a.begin()
		b.begin()
		talk(2*time.Second, a, b)
		again := [2]*negotiate.Session{a.negotiator(negotiate.DTLS), b.negotiator(negotiate.DTLS)} // with other names for it
		a.agree(b, again[0], again[1])
		if err := errors.Join(a.Update(a.desc), b.Update(b.desc)); err != nil {
			t.Fatal(err)
		}
		talk(3*time.Second, a, b)
		settle(200 * time.Millisecond)
		for i, e := range []*end{a, b} {
			if audio, video, failed := of[i].of(); audio != 2 || video != 2 || failed != nil {
				t.Errorf("side %d: %d and %d agreements, failed %v", i, audio, video, failed)
			}
			if v, _, lost := e.rec.counts(); v < 140 || lost > 10 { // another sender's sound is heard from its first frame on
				t.Errorf("side %d: %d pictures, %d frames of sound lost", i, v, lost)
			}
		}
		hangUp(a, b)
	})
}
