package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func over(minutes int, y func(minute float64) float64) *series {
	s := &series{}
	for i := range 2 * minutes {
		s.add(time.Duration(i)*30*time.Second, y(float64(i)/2))
	}
	return s
}

func TestTrend(t *testing.T) {
	room := tolerance{"MB", 8, 0.1}
	for name, c := range map[string]struct {
		s    *series
		says string
	}{
		"steady":            {over(20, func(float64) float64 { return 40 }), ""},
		"a sawtooth":        {over(20, func(m float64) float64 { return 40 + math.Mod(7*m, 10) }), ""},
		"one peak":          {over(20, func(m float64) float64 { return 40 + 100*map[bool]float64{true: 1}[m == 15] }), ""},
		"a leak":            {over(20, func(m float64) float64 { return 40 + m }), "x grew by 19.5 MB in 19m30s, more than 8.0"},
		"a large one":       {over(20, func(m float64) float64 { return 200 + m }), ""},
		"a leaky sawtooth":  {over(20, func(m float64) float64 { return 40 + m + math.Mod(7*m, 10) }), "x grew by "},
		"too short to tell": {over(2, func(m float64) float64 { return 40 + 100*m }), ""},
	} {
		if got := room.judge("x", c.s); (got == "") != (c.says == "") || !strings.HasPrefix(got, c.says) {
			t.Errorf("%s: %q, want %q", name, got, c.says)
		}
	}
	if s := over(20, func(m float64) float64 { return m }).since(10 * time.Minute); s.at[0] != 10*time.Minute || s.y[0] != 10 || len(s.y) != 20 {
		t.Errorf("since ten minutes: %v", s)
	}
}
