//go:build !race

package jitter

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A day of a clock that is off by 200 ppm, either way: what waits stays what it was, and no more frames are dropped or put in than
// the clocks are apart by.
func TestADayOfDrift(t *testing.T) {
	for _, ppm := range []int64{200, -200} {
		r, p := rand.New(rand.NewPCG(1, 2)), NewPlayout(opusRate)
		period := length - length*time.Duration(ppm)/1_000_000
		data := []byte{1}
		var most time.Duration
		const hours = 24
		for i := range int64(hours * time.Hour / length) {
			now := start.Add(time.Duration(i)*period + time.Duration(r.IntN(4))*time.Millisecond)
			for next := p.Next(); !next.IsZero() && !next.After(now); next = p.Next() {
				p.Pop(next)
			}
			p.Push(now, 1<<32+i*step, length, data)
			if i > 50*60 && i%997 == 0 {
				most = max(most, p.Depth(now))
			}
		}
		apart := int64(hours*time.Hour/length) * 200 / 1_000_000
		if changes := int64(p.Dropped + p.Inserted); changes < apart-5 || changes > apart+apart/10 || most > 60*time.Millisecond {
			t.Errorf("%d ppm: %d dropped and %d inserted for %d frames apart; at most %v waited", ppm, p.Dropped, p.Inserted, apart, most)
		}
	}
}
