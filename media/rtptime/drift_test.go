package rtptime

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestDrift(t *testing.T) {
	for name, c := range map[string]struct {
		ppm, tolerated float64
		length         time.Duration
		jitter         time.Duration // of packets, evenly distributed
		jump           time.Duration // of the path, after half of it
	}{
		"as fast as we":         {0, 5, 5 * time.Minute, 10 * time.Millisecond, 0},
		"fast":                  {200, 5, 5 * time.Minute, 10 * time.Millisecond, 0},
		"slow":                  {-200, 5, 5 * time.Minute, 10 * time.Millisecond, 0},
		"slow, after a minute":  {-200, 40, 75 * time.Second, 5 * time.Millisecond, 0},
		"another way":           {50, 40, 5 * time.Minute, 10 * time.Millisecond, 20 * time.Millisecond},
		"another clock":         {50, 10, 7 * time.Minute, 10 * time.Millisecond, time.Second},
		"clocks of a bad phone": {-1000, 10, 5 * time.Minute, 30 * time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var d Drift
			rng := rand.New(rand.NewPCG(1, 1))
			for ticks := time.Duration(0); ticks < c.length; ticks += 20 * time.Millisecond {
				at := time.Duration(float64(ticks) / (1 + c.ppm/1e6))
				if ticks > c.length/2 {
					at += c.jump
				}
				d.Observe(time.Hour+at+time.Duration(rng.Int64N(int64(c.jitter))), ticks)
			}
			if ppm, known := d.PPM(); !known || math.Abs(ppm-c.ppm) > c.tolerated {
				t.Errorf("%.1f, %v", ppm, known)
			}
		})
	}
}

func TestDriftIsUnknownAtFirst(t *testing.T) {
	var d Drift
	for at := time.Duration(0); at < 55*time.Second; at += 20 * time.Millisecond {
		d.Observe(at, at)
	}
	if ppm, known := d.PPM(); known {
		t.Errorf("%v after 55 s", ppm)
	}
}
