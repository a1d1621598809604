package media

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
)

// What a sender's numbers leave out is lost only where that is plausible.
func TestLost(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		next        func(i int, seq uint16) uint16 // what comes after seq
		least, most int64                          // lost, of 10,000 packets
	}{
		"none":              {func(_ int, s uint16) uint16 { return s + 1 }, 0, 0},
		"one in ten":        {func(i int, s uint16) uint16 { return s + 1 + uint16(1-min(i%10, 1)) }, 1000, 1000},
		"bursts of 200":     {func(i int, s uint16) uint16 { return s + 1 + 200*uint16(1-min(i%1000, 1)) }, 2000, 2000},
		"half of them":      {func(int, uint16) uint16 { return 0 }, 4500, 5500},
		"numbers at random": {func(int, uint16) uint16 { return uint16(random.Uint32()) }, 0, 200},
		"it begins anywhere": {func(i int, s uint16) uint16 {
			if i%1000 == 999 {
				return s + 20000
			}
			return s + 1
		}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1700000000, 0)
			s, seq := newSource(1, 90000, now), uint16(65000)
			for i := range 10_000 {
				now = now.Add(20 * time.Millisecond)
				s.receive(now, seq, uint32(i)*1800)
				if name == "half of them" {
					for seq++; random.IntN(2) == 0; {
						seq++
					}
					continue
				}
				seq = c.next(i, seq)
			}
			lost := s.lost()
			if name == "half of them" {
				lost /= 2 // twice as many were sent
			}
			if max(lost, 0) < c.least || lost > c.most {
				t.Errorf("%d lost, want %d to %d", lost, c.least, c.most)
			}
		})
	}
}

// After an outage what was lost counts, however much it is.
func TestLostInAnOutage(t *testing.T) {
	now := time.Unix(1700000000, 0)
	s := newSource(1, 90000, now)
	s.receive(now, 1, 0)
	now = now.Add(30 * time.Second)
	s.receive(now, 9002, 0)
	s.receive(now, 9003, 0)
	if s.lost() != 9000 {
		t.Errorf("%d lost", s.lost())
	}
}

// Who never sends a keyframe is asked ever more seldom; when something new begins it is asked at once.
func TestAskerHasPatience(t *testing.T) {
	var a asker
	a.want()
	now, asked := time.Unix(1700000000, 0), 0
	minute := func() (n int) {
		for until := now.Add(time.Minute); now.Before(until); now = now.Add(100 * time.Millisecond) {
			if a.next(now, 0, true, true) != askNothing {
				n++
			}
		}
		return n
	}
	if asked = minute(); asked < 10 || asked > 22 {
		t.Errorf("asked %d times in the first minute", asked)
	}
	if asked = minute(); asked < 5 || asked > 7 {
		t.Errorf("asked %d times in the second minute", asked)
	}
	a.lost()
	if soon := now.Add(time.Second); !a.due(0).Before(soon) {
		t.Errorf("after a loss: due in %v", a.due(0).Sub(now))
	}
	a.anew()
	if !a.due(0).Before(now) {
		t.Errorf("when it is asked for anew: due in %v", a.due(0).Sub(now))
	}
}

// Rates are right whatever comes from the other side, also nothing, and also when nothing goes any more.
func TestRatesWhenNothingComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		a.greeted()
		for _, at := range []time.Duration{4 * time.Second, 3700 * time.Millisecond, 2300 * time.Millisecond} {
			tell(at, a, b)
			s := a.Stats() // 50 frames of 80 bytes a second, 30 pictures of 8 kB
			if math.Abs(s.Audio.Sent.Kbps-32) > 2 || math.Abs(s.Audio.Sent.FPS-50) > 2 || math.Abs(s.Video.Sent.FPS-30) > 2 || math.Abs(s.Video.Sent.Kbps-1920) > 250 {
				t.Errorf("after %v: sound %+v, pictures %+v", at, s.Audio.Sent, s.Video.Sent)
			}
			if s.Audio.Received.Kbps != 0 || s.Video.Received.FPS != 0 {
				t.Errorf("nothing comes: %+v, %+v", s.Audio.Received, s.Video.Received)
			}
		}
		d := a.desc
		d.Video = nil
		if err := a.Update(d); err != nil {
			t.Fatal(err)
		}
		settle(3 * time.Second)
		if s := a.Stats(); s.Audio.Sent.Kbps != 0 || s.Video.Sent.Kbps != 0 || s.Video.Sent.FPS != 0 {
			t.Errorf("nothing goes: %+v, %+v", s.Audio.Sent, s.Video.Sent)
		}
		hangUp(a, b)
	})
}

// RTCP alone is a sign of life; without SRTP only what really is RTCP, from where SDP says.
func TestReportsAreASignOfLife(t *testing.T) {
	report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 7}, rtcp.NewCNAMESourceDescription(7, "x")})
	if err != nil {
		t.Fatal(err)
	}
	goodbye, err := (&rtcp.Goodbye{Sources: []uint32{7}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		datagram []byte
		foreign  bool
		counts   bool
	}{
		"a report":             {report, false, true},
		"from somewhere else":  {report, true, false},
		"cut":                  {report[:len(report)-2], false, false},
		"a goodbye on its own": {goodbye, false, false},
		"junk":                 {[]byte{0x80, 200, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := perfect()
				a := newEnd(t, n, hostA)
				b := newEnd(t, n, hostB)
				a.desc, b.desc = descriptions(a, b)
				plain(&a.desc, &b.desc)
				for _, d := range []*negotiate.Stream{a.desc.Audio, a.desc.Video} {
					d.Direction = negotiate.SendOnly
				}
				a.begin()
				from := b.taps[1]
				if c.foreign {
					from = newEnd(t, n, netip.MustParseAddr("10.0.0.3")).taps[1]
				}
				for range 3 {
					time.Sleep(time.Second)
					if _, err := from.WriteTo(c.datagram, a.taps[0].LocalAddr()); err != nil {
						t.Fatal(err)
					}
				}
				settle(100 * time.Millisecond)
				if s := a.Stats(); s.LastRTCP.IsZero() == c.counts || !s.LastReceived.IsZero() {
					t.Errorf("last report %v, last packet %v", s.LastRTCP, s.LastReceived)
				}
				hangUp(a)
			})
		})
	}
}

// A picture that stands still is counted while it does, and once; one that nobody expects does not stand still.
func TestFreezesAsTheyHappen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		talk(time.Second, a, b)
		before := b.Stats()
		settle(5 * time.Second)
		during := b.Stats()
		talk(time.Second, a, b)
		settle(50 * time.Millisecond)
		after := b.Stats()
		for _, s := range []Stats{during, after} {
			if n, d := s.Freezes-before.Freezes, s.Frozen-before.Frozen; n != 1 || d < 4900*time.Millisecond || d > 5200*time.Millisecond {
				t.Errorf("%d freezes of %v", n, d)
			}
		}
		for _, d := range []negotiate.Description{{}, b.desc} {
			for _, e := range []*end{a, b} {
				if d.Audio != nil {
					d = e.desc
				}
				if err := e.Update(d); err != nil {
					t.Fatal(err)
				}
			}
			settle(time.Minute)
		}
		a.enc.forceKey()
		talk(time.Second, a, b)
		settle(50 * time.Millisecond)
		if s := b.Stats(); s.Freezes > after.Freezes+1 || s.Frozen > after.Frozen+2*time.Second {
			t.Errorf("%d freezes of %v over a hold", s.Freezes-after.Freezes, s.Frozen-after.Frozen)
		}
		hangUp(a, b)
	})
}
