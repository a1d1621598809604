package rtptime

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestSequenceFollowsThroughWraps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, start := range []uint16{0, 1, 32767, 32768, 65535} {
		var s Sequence
		first := s.Extend(start)
		true64 := int64(start)
		for range 100_000 {
			true64 += int64(r.IntN(3))
			shown := true64 - int64(r.IntN(100)) // some late
			if got := s.Extend(uint16(shown)); got-first != shown-int64(start) {
				t.Fatalf("from %d: %d became %d", start, shown, got-first)
			}
		}
		if first < 100 {
			t.Fatal("packets before the first would have negative numbers")
		}
	}
}

func TestTimestampFollowsThroughWraps(t *testing.T) {
	for _, start := range []uint32{0, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		var s Timestamp
		first := s.Extend(start)
		for i := range int64(200_000) {
			ticks := i * 90000 * 60 // a picture a minute: 150 wraps
			if got := s.Extend(start + uint32(ticks)); got-first != ticks {
				t.Fatalf("from %d: %d became %d", start, ticks, got-first)
			}
			if got := s.Peek(start + uint32(ticks) - 90000); got-first != ticks-90000 {
				t.Fatalf("a second before: %d", got-first)
			}
		}
	}
}

func TestDurationsAndTicks(t *testing.T) {
	for _, rate := range []uint32{8000, 48000, 90000} {
		for _, d := range []time.Duration{0, time.Second, -time.Second, 20 * time.Millisecond, -20 * time.Millisecond, 250 * 24 * time.Hour, 1500 * time.Microsecond} {
			if got := ToDuration(FromDuration(d, rate), rate); got != d {
				t.Errorf("%v at %d Hz became %v", d, rate, got)
			}
		}
	}
	if n := FromDuration(33333333*time.Nanosecond, 90000); n != 3000 {
		t.Errorf("a picture is %d ticks", n)
	}
	if n := FromDuration(-33333333*time.Nanosecond, 90000); n != -3000 {
		t.Errorf("a picture before is %d ticks", n)
	}
}

func TestNTP(t *testing.T) {
	// RFC 3550 has no such example; RFC 5905's: 1 January 1970 is 2208988800.
	if n := ToNTP(time.Unix(0, 500_000_000)); n != 2208988800<<32|1<<31 {
		t.Errorf("%#x", uint64(n))
	}
	end := time.Date(2036, 2, 7, 6, 28, 16, 0, time.UTC) // the era ends
	for _, at := range []time.Time{time.Unix(1700000000, 123456789), end, end.Add(-time.Nanosecond), end.Add(time.Hour)} {
		for _, d := range []time.Duration{0, time.Nanosecond, time.Second, 1234567 * time.Microsecond, 20 * time.Hour} {
			got := ToNTP(at.Add(d)).Sub(ToNTP(at))
			if diff := got - d; diff < -time.Nanosecond || diff > time.Nanosecond {
				t.Errorf("%v + %v: difference %v", at, d, got)
			}
			if diff := ToNTP(at).Sub(ToNTP(at.Add(d))) + d; diff < -time.Nanosecond || diff > time.Nanosecond {
				t.Errorf("%v − %v: off by %v", at, d, diff)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	// The example of RFC 3550 §6.4.1, figure 2: 6.125 s.
	rtt, ok := RoundTrip(0xb44db705<<32|0x20000000, 0xb705<<16|0x2000-0x62000-0x54000, 0x54000)
	if !ok || rtt != 6125*time.Millisecond {
		t.Errorf("%v %t, want 6.125s", rtt, ok)
	}
	if _, ok := RoundTrip(1<<40, 0, 0); ok {
		t.Error("a round trip without a sender report")
	}
	at := ToNTP(time.Unix(1700000000, 0))
	for _, d := range []time.Duration{0, time.Millisecond, 80 * time.Millisecond, 5 * time.Second} {
		hold := 3 * time.Second
		got, ok := RoundTrip(ToNTP(time.Unix(1700000000, 0).Add(d+hold)), at.Middle(), Compact(hold))
		if !ok || got-d > 50*time.Microsecond || d-got > 50*time.Microsecond {
			t.Errorf("%v: %v %t", d, got, ok)
		}
	}
	for _, lsr := range []uint32{at.Middle() + 1<<20, at.Middle() - 1<<28} { // from the future, from long ago
		if rtt, ok := RoundTrip(at, lsr, 0); ok {
			t.Errorf("LSR %#x gave %v", lsr, rtt)
		}
	}
}

func TestCompact(t *testing.T) {
	for d, want := range map[time.Duration]uint32{-1: 0, 0: 0, time.Second: 65536, 65536 * time.Second: 1<<32 - 1, time.Second / 65536: 1} {
		if got := Compact(d); got != want {
			t.Errorf("%v is %d, want %d", d, got, want)
		}
	}
}

func TestClockFollowsDrift(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	start := time.Unix(1700000000, 0)
	c := NewClock(90000)
	const ppm = 100
	for i := range int64(30 * 60 * 60) { // an hour of pictures
		sent := time.Duration(i) * time.Second / 30
		ticks := 1<<32 + FromDuration(sent+sent*ppm/1_000_000, 90000)
		jitter := time.Duration(r.IntN(15)) * time.Millisecond
		now := start.Add(sent + 50*time.Millisecond + jitter)
		c.Observe(now, ticks)
		if i < 60 {
			continue
		}
		least, most, ok := c.Range(now)
		if !ok || most-least > 18*time.Millisecond {
			t.Fatalf("after %v: from %v to %v", sent, least, most)
		}
		if d := c.Local(ticks, least).Sub(start.Add(sent + 50*time.Millisecond)); d < -3*time.Millisecond || d > 3*time.Millisecond {
			t.Fatalf("after %v the map is off by %v", sent, d)
		}
		if d := now.Sub(c.Local(ticks, 0)) - least - jitter; d < -3*time.Millisecond || d > 3*time.Millisecond {
			t.Fatalf("after %v the transit is off by %v", sent, d)
		}
	}
	if _, _, ok := c.Range(start.Add(2 * time.Hour)); ok {
		t.Error("what was seen an hour ago still counts")
	}
}

func TestSenderClock(t *testing.T) {
	c := NewSenderClock(48000)
	if _, ok := c.Wall(1, 0); ok {
		t.Error("known without a report")
	}
	at := ToNTP(time.Unix(1700000000, 0))
	c.Report(at, 48000*10)
	if d, ok := c.Wall(48000*11, at); !ok || d != time.Second {
		t.Errorf("%v %t", d, ok)
	}
	if d, _ := c.Wall(48000*9, at); d != -time.Second {
		t.Errorf("%v", d)
	}
}
