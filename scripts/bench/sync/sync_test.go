package main

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

var start = time.Unix(1790000000, 0)

func at(ms ...int) (times []time.Time) {
	for _, m := range ms {
		times = append(times, start.Add(time.Duration(m)*time.Millisecond))
	}
	return times
}

func TestOnsets(t *testing.T) {
	const rate = 48000
	heard := make([]float64, 3*rate)
	for i := range heard {
		heard[i] = 0.002 * math.Sin(float64(i)) // a line that is not quite silent
	}
	for _, from := range []int{rate / 2, 2 * rate} {
		for i := range rate / 10 {
			heard[from+i] = 0.3 * math.Cos(float64(i)/8)
		}
	}
	heard[2*rate+rate/5] = 0.2 // its echo
	if got := onsets(heard, rate); !slices.Equal(got, []int{rate / 2, 2 * rate}) {
		t.Errorf("begins at %v", got)
	}
	if got := onsets(make([]float64, rate), rate); got != nil {
		t.Errorf("silence begins at %v", got)
	}
}

// Each way is compared with itself, what has not come on one of them is left out, and an early one is early.
func TestSkews(t *testing.T) {
	flashed := at(0, 1500, 3000, 4500, 6000)
	beeped := at(40, 1540, 3040, 4540, 6040) // the loudspeaker at the near side takes 40 ms
	flashes := at(50, 1550, 4570, 6050)      // the third was frozen away
	beeps := at(140, 1600, 3100, 6040+1000)  // the fourth was lost
	if got := fmt.Sprint(skews(flashed, flashes, beeped, beeps)); got != "[50ms 10ms]" {
		t.Errorf("got %s", got)
	}
	if got := fmt.Sprint(skews(at(0), at(90), at(0), at(20))); got != "[-70ms]" {
		t.Errorf("got %s", got)
	}
	if got := skews(at(0), at(50), nil, nil); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestVerdict(t *testing.T) {
	all := make([]float64, 20)
	if got := verdict(all); got != "met by 20 of 20" {
		t.Error(got)
	}
	all[0] = 126
	if got := verdict(all); got != "met by 19 of 20" {
		t.Error(got)
	}
	all[1] = -46
	if got := verdict(all); got != "**missed** by 2 of 20" {
		t.Error(got)
	}
}
