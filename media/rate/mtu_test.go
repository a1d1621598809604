package rate

import (
	"math/rand/v2"
	"testing"
	"time"
)

// walk gives sizes an hour of packets, 200 a second of all sizes, each with what becomes of it; what is lost is known a report
// later. It stops when packets are to be smaller, and says after how long.
func walk(s *sizes, becomes func(at time.Duration, size int) (came bool)) (after time.Duration, lower bool) {
	r := rand.New(rand.NewPCG(1, 2))
	begin := time.Unix(1_700_000_000, 0)
	var late []fate
	for at := time.Duration(0); at < time.Hour; at += 5 * ms {
		size := 200 + r.IntN(1044)
		if r.IntN(3) > 0 {
			size = 1244
		}
		if becomes(at, size) {
			s.arrived(begin.Add(at), size)
		} else {
			late = append(late, fate{begin.Add(at), size})
		}
		for len(late) > 0 && begin.Add(at).Sub(late[0].at) > 100*ms {
			if s.lost(late[0].at, late[0].size) {
				return at, true
			}
			late = late[1:]
		}
	}
	return 0, false
}

func TestBlackHole(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, test := range []struct {
		name    string
		becomes func(at time.Duration, size int) bool
		within  time.Duration // 0: never
		least   int
	}{
		{"clean", func(time.Duration, int) bool { return true }, 0, 0},
		{"20 % lost", func(time.Duration, int) bool { return r.Float64() >= 0.2 }, 0, 0},
		{"60 % lost", func(time.Duration, int) bool { return r.Float64() >= 0.6 }, 0, 0},
		{"cut for 10 s in each minute", func(at time.Duration, _ int) bool { return at%time.Minute > 10*time.Second }, 0, 0},
		{"more than 1200", func(_ time.Duration, size int) bool { return size <= 1200 }, time.Second, 1000},
		{"more than 600", func(_ time.Duration, size int) bool { return size <= 600 }, time.Second, 500},
		{"more than 600, 20 % lost", func(_ time.Duration, size int) bool { return size <= 600 && r.Float64() >= 0.2 }, time.Second, 450},
		{"more than 1000 after a minute", func(at time.Duration, size int) bool { return at < time.Minute || size <= 1000 }, 63 * time.Second, 800},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s sizes
			after, lower := walk(&s, test.becomes)
			if lower != (test.within > 0) || after > test.within || s.limit < test.least {
				t.Errorf("smaller: %t, after %v, %d bytes; want %t within %v, %d at least", lower, after, s.limit, test.within > 0, test.within, test.least)
			}
		})
	}
}

// Repair packets are larger than pictures', and leave last: a short queue has no room for them.
func TestRepairThatVanishesIsNoBlackHole(t *testing.T) {
	c := NewController(Limits{First: 250, Most: 3000})
	now := time.Unix(1_700_000_000, 0)
	for range 60 {
		now = now.Add(time.Second / 30)
		c.path.sizes.arrived(now, 1216)
		for range 2 { // of each picture, in the second report too
			c.path.missing(now, &packet{at: now, size: 1236, missed: 1}, true)
		}
	}
	if c.Largest() != 0 {
		t.Errorf("packets are made smaller, %d bytes", c.Largest())
	}
}
