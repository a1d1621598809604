package jitter

import (
	"testing"
	"time"
)

// More than a day of a sender whose clock is off by 200 ppm: sound is never later than at first, no frame is missing but those that make up for
// the drift, and of these there are no more than that takes.
func TestDayOfDrift(t *testing.T) {
	const length, frame = 26 * time.Hour, 20 * time.Millisecond
	for _, ppm := range []int{200, -200} { // by which the sender is slow
		p := NewPlayout(48000)
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		period := frame + frame*time.Duration(ppm)/1_000_000
		deepest, lost, ts, data := time.Duration(0), uint64(0), int64(0), []byte{1}
		for at := time.Duration(0); at < length; at += period {
			now := start.Add(at)
			for next := p.Next(); !next.IsZero() && next.Before(now); next = p.Next() {
				f, ok := p.Pop(next)
				if !ok {
					break
				}
				if f.Lost {
					lost++
				}
			}
			p.Push(now, ts, frame, data)
			ts += 960
			if at > time.Minute {
				deepest = max(deepest, p.Depth(now))
			}
		}
		takes := uint64(length / 5000 / frame)
		t.Logf("%d ppm: at most %v behind, %d dropped, %d inserted, %d lost, %d late", ppm, deepest, p.Dropped, p.Inserted, lost, p.Late)
		if deepest > 50*time.Millisecond || lost != p.Inserted || p.Late > 0 {
			t.Errorf("%d ppm: %v behind, %d lost, %d inserted, %d late", ppm, deepest, lost, p.Inserted, p.Late)
		}
		if changes := p.Dropped + p.Inserted; changes < takes-2 || changes > takes+2 {
			t.Errorf("%d ppm: %d changes, it takes %d", ppm, changes, takes)
		}
	}
}
