package main

import (
	"fmt"
	"slices"
	"time"
)

// series is one figure of one process or call over time.
type series struct {
	at []time.Duration
	y  []float64
}

func (s *series) add(at time.Duration, y float64) { s.at, s.y = append(s.at, at), append(s.y, y) }

// since leaves out what was before.
func (s *series) since(at time.Duration) *series {
	i, _ := slices.BinarySearch(s.at, at)
	return &series{s.at[i:], s.y[i:]}
}

// span is the time from its first to its last value.
func (s *series) span() time.Duration { return s.at[len(s.at)-1] - s.at[0] }

// grown is how much it has grown from its first to its last value, by its slope: the median of the slopes between any two
// values (Theil and Sen), which a moment's peak does not move.
func (s *series) grown() float64 {
	var slopes []float64
	for i := range s.at {
		for j := range i {
			slopes = append(slopes, (s.y[i]-s.y[j])/(s.at[i]-s.at[j]).Seconds())
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2] * s.span().Seconds()
}

// tolerance is how much a figure may grow over a run, whatever its length: what takes days to show has no room to hide in hours.
type tolerance struct {
	unit  string
	least float64 // at all events
	share float64 // of its first value
}

// judge says what is wrong with a series; "" if nothing is, or too little is known.
func (t tolerance) judge(name string, s *series) string {
	if len(s.y) < leastSamples {
		return ""
	}
	if grown, may := s.grown(), max(t.least, t.share*s.y[0]); grown > may {
		return fmt.Sprintf("%s grew by %.1f %s in %v, more than %.1f", name, grown, t.unit, s.span(), may)
	}
	return ""
}

// leastSamples are necessary for a judgement.
const leastSamples = 5
