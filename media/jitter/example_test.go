package jitter_test

import (
	"fmt"
	"time"

	"ewindow/media/jitter"
)

// Pictures wait for nobody unless something is missing. Here 3 comes after 4, and 6 never does: 7 waits 10 ms for it, and
// would wait longer if 3 had been later.
func ExampleReorder() {
	var r jitter.Reorder[string]
	start := time.Unix(0, 0)
	take := func(now time.Time) {
		for {
			item, lost, ok := r.Pop(now)
			if !ok {
				return
			}
			fmt.Println(now.Sub(start), item, "after a loss:", lost)
		}
	}
	for i, seq := range []int64{1, 2, 4, 3, 5, 7} {
		now := start.Add(time.Duration(i) * time.Millisecond)
		item := fmt.Sprint("packet ", seq)
		if r.Passes(seq) { // almost all go this way, without a copy
			fmt.Println(now.Sub(start), item)
			continue
		}
		r.Push(now, seq, item)
		take(now)
	}
	take(r.Deadline(start))
	// Output:
	// 0s packet 1
	// 1ms packet 2
	// 3ms packet 3 after a loss: false
	// 3ms packet 4 after a loss: false
	// 4ms packet 5
	// 15ms packet 7 after a loss: true
}

// Sound leaves every 20 ms, however it came. The third frame is lost: its place is to be concealed.
func ExamplePlayout() {
	const rate, ticks = 48000, 960 // of Opus; 20 ms
	p := jitter.NewPlayout(rate)
	start := time.Unix(0, 0)
	for _, frame := range []struct {
		at time.Duration
		n  int64
	}{{0, 0}, {27 * time.Millisecond, 1}, {61 * time.Millisecond, 3}, {80 * time.Millisecond, 4}} {
		now := start.Add(frame.at)
		for !p.Next().IsZero() && p.Next().Before(now) {
			play(p, start)
		}
		p.Push(now, frame.n*ticks, 20*time.Millisecond, []byte{byte(frame.n)})
	}
	for range 2 {
		play(p, start)
	}
	// Output:
	// 20ms frame 0
	// 40ms frame 1
	// 60ms lost
	// 80ms frame 3
	// 100ms frame 4
}

func play(p *jitter.Playout, start time.Time) {
	at := p.Next()
	f, ok := p.Pop(at)
	switch {
	case !ok:
	case f.Lost:
		fmt.Println(at.Sub(start), "lost")
	default:
		fmt.Println(at.Sub(start), "frame", f.Data[0])
	}
}
