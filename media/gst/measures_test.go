package main

import (
	"encoding/binary"
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

// What is played more quietly goes there evenly within a frame, and stays there; as long as nothing is, nothing is copied.
func TestDuck(t *testing.T) {
	pcm := make([]byte, bytesIn(frameTime))
	for i := 0; i < len(pcm); i += 2 {
		binary.LittleEndian.PutUint16(pcm[i:], 10000)
	}
	var d duck
	if got := d.play(pcm); &got[0] != &pcm[0] {
		t.Error("copied")
	}
	d.to = -0.9
	last := 10000
	for range 2 {
		got := d.play(pcm)
		for i := 0; i < len(got); i += 2 {
			v := int(int16(binary.LittleEndian.Uint16(got[i:])))
			if v > last || last-v > 12 {
				t.Fatalf("from %d to %d", last, v)
			}
			last = v
		}
	}
	if last != 1000 {
		t.Errorf("%d at last, want 1000", last)
	}
}
