package jitter

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Gateways that read a line in blocks send what one block held at one time. What is said then waits for the whole block
// anyway; played with a buffer that is too short for it, each block is heard with a gap.
func TestPlayoutOfBursts(t *testing.T) {
	for name, c := range map[string]struct {
		rate   uint32
		frame  time.Duration
		burst  int           // packets at one time
		jitter time.Duration // of each burst
		alone  time.Duration // frames come alone for so long before
	}{
		"PCMU, 8 of 16 ms":           {8000, 16 * time.Millisecond, 8, 0, 0},
		"PCMU, 8 of 16 ms, jitter":   {8000, 16 * time.Millisecond, 8, 8 * time.Millisecond, 0},
		"PCMU, 8 of 16 ms, later":    {8000, 16 * time.Millisecond, 8, 0, 5 * time.Second},
		"PCMA, 6 of 20 ms":           {8000, length, 6, 0, 0},
		"PCMA, 6 of 20 ms, later":    {8000, length, 6, 5 * time.Millisecond, 5 * time.Second},
		"G.722, 3 of 40 ms":          {8000, 40 * time.Millisecond, 3, 0, 0},
		"G.722, 12 of 10 ms":         {8000, 10 * time.Millisecond, 12, 0, 0},
		"Opus, 6 of 20 ms":           {opusRate, length, 6, 5 * time.Millisecond, 0},
		"Opus, 2 of 60 ms":           {opusRate, 60 * time.Millisecond, 2, 0, 0},
		"Opus, 7 of 20 ms, later":    {opusRate, length, 7, 0, 5 * time.Second},
		"Opus, 3 of 20 ms, a little": {opusRate, length, 3, 5 * time.Millisecond, 0},
		"one by one":                 {opusRate, length, 1, 5 * time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			x := &player{p: NewPlayout(c.rate)}
			ticks := int64(c.frame) * int64(c.rate) / int64(time.Second)
			n := int64(0)
			send := func(d time.Duration, burst int) {
				for end := n + int64(d/c.frame)/int64(burst)*int64(burst); n < end; {
					at := start.Add(time.Duration(n+int64(burst)) * c.frame) // the last of them is whole
					if c.jitter > 0 {
						at = at.Add(time.Duration(r.Int64N(int64(c.jitter))))
					}
					x.until(at)
					for range burst {
						x.p.Push(at, n*ticks, c.frame, []byte{1})
						n++
					}
				}
			}
			send(c.alone, 1)
			send(time.Second, c.burst) // that long it may take to see them
			before, sent := len(x.frames), n
			send(20*time.Second, c.burst)
			depth := x.p.Depth(start.Add(time.Duration(n) * c.frame))
			for i, f := range x.frames[before:] {
				if f.Lost {
					t.Fatalf("frame %d of %d is a gap; late %d, dropped %d, inserted %d", i, n-sent, x.p.Late, x.p.Dropped, x.p.Inserted)
				}
			}
			if played := int64(len(x.frames) - before); played < n-sent-2*int64(c.burst) {
				t.Errorf("%d of %d frames were played", played, n-sent)
			}
			span := time.Duration(c.burst-1)*c.frame + c.jitter
			if least, most := span, max(span+2*tooDeep+depthMargin, 2*MinDepth); depth < least || depth > most {
				t.Errorf("the depth is %v, want %v to %v", depth, least, most)
			}
			lost := x.p.Dropped
			send(10*time.Second, 1)
			if d := x.p.Depth(start.Add(time.Duration(n) * c.frame)); d > MinDepth+tooDeep+c.jitter {
				t.Errorf("10 s after the last burst the depth is still %v", d)
			}
			if lost = x.p.Dropped - lost; lost > uint64(span/c.frame)+1 {
				t.Errorf("%d frames were dropped on the way", lost)
			}
		})
	}
}
