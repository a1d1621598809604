package main

import (
	"math"
	"testing"
	"time"
)

// The microphone's clock is known after a minute, by one of its streams at a time.
func TestMicrophoneClock(t *testing.T) {
	s := &sound{}
	const late = 3 * time.Millisecond // of the second stream
	at := int64(time.Hour)
	for i := range 100 * 50 {
		at = int64(time.Hour) + int64(i)*int64(frameTime)*10002/10000 // slow by 200 ppm
		s.ticks(7, at)
		if i > 20*50 {
			s.ticks(8, at+int64(late))
		}
	}
	if ppm, known := s.clock.drift.PPM(); !known || math.Abs(ppm+200) > 5 {
		t.Errorf("%.0f ppm, %v; want -200", ppm, known)
	}
	for i := range 100 * 50 {
		s.ticks(8, at+int64(i+100)*int64(frameTime))
	}
	if ppm, known := s.clock.drift.PPM(); !known || math.Abs(ppm) > 5 {
		t.Errorf("after the first has gone: %.0f ppm, %v; want 0", ppm, known)
	}
}
