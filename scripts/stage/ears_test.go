package stage

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestShare(t *testing.T) {
	const rate = 48000
	sine := func(loud, hz float64) []float64 {
		s := make([]float64, rate)
		for i := range s {
			s[i] = loud * math.Sin(2*math.Pi*hz*float64(i)/rate)
		}
		return s
	}
	noise := make([]float64, rate)
	for i := range noise {
		noise[i] = rand.Float64() - 0.5
	}
	for name, c := range map[string]struct {
		s        []float64
		min, max float64
	}{
		"the tone":      {sine(0.3, 500), 0.95, 1},
		"its neighbour": {sine(0.3, 525), 0, 0.2},
		"another":       {sine(0.3, 900), 0, 0.05},
		"noise":         {noise, 0, 0.05},
		"a faint tone":  {sine(1e-4, 500), 0.95, 1},
		"Opus's trace":  {sine(5e-6, 500), 0, 0}, // of silence it makes samples of 1 and 2
		"silence":       {make([]float64, rate), 0, 0},
		"nothing":       {nil, 0, 0},
	} {
		if got := Share(c.s, rate, 500); got < c.min || got > c.max {
			t.Errorf("%s: %.3f, want %.2f to %.2f", name, got, c.min, c.max)
		}
	}
}
