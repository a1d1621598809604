package main

import (
	"context"
	"slices"

	"ewindow/scripts/bench/rig"
)

const (
	unlikePSNR = 25.0 // dB: below that a picture is not what was drawn; for systems whose encoder nobody has listened to
	otherLuma  = 10   // of 255: a place that differs more is another one; two ways to turn video into a screen's colours are 5 apart
	otherShare = 250  // one place of so many may be another: edges in a picture that was scaled
)

// Where a window says whose picture it is: nothing is compared there.
const labelTop, labelRight = 640, 480

// clean is what a decoder makes of all that the encoder has made, when nothing is lost of it.
type clean struct {
	pictures map[uint32][][]byte // grids by code: a picture that was drawn once can be filmed twice
}

// decode makes it of what a tap has written.
func decode(ctx context.Context, g rig.Glass, t rig.Tap) (*clean, error) {
	streams, err := t.Encoded()
	if err != nil {
		return nil, err
	}
	c := &clean{pictures: map[uint32][][]byte{}}
	for _, s := range streams {
		pictures, err := g.Decode(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, p := range pictures {
			c.pictures[p.Code] = append(c.pictures[p.Code], p.Grid)
		}
	}
	return c, nil
}

// broken says whether what was shown is no picture that the encoder has made. Without a clean decode it is judged beside what was
// drawn, which takes a very coarse picture for a broken one, and nothing is said of what has no code.
func (c *clean) broken(l rig.Look) bool {
	if c == nil {
		return l.Code != 0 && l.PSNR < unlikePSNR
	}
	return !slices.ContainsFunc(c.pictures[l.Code], func(grid []byte) bool { return alike(grid, l.Grid) })
}

func alike(a, b []byte) bool { return len(a) == len(b) && others(a, b) <= len(a)/otherShare }

// others is in how many places two pictures differ.
func others(a, b []byte) (n int) {
	for i, p := range rig.Places {
		if i >= len(a) || i >= len(b) || p.Y >= labelTop && p.X < labelRight {
			continue
		}
		if d := int(a[i]) - int(b[i]); d > otherLuma || d < -otherLuma {
			n++
		}
	}
	return n
}
