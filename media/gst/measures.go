package main

import (
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/rtptime"
)

// tellEvery is how often it is said how the echo does.
const tellEvery = 10 * time.Second

// micClock compares the microphone's clock with this machine's, by when its frames come.
type micClock struct {
	drift  rtptime.Drift
	stream uint32 // by whose frames
	frames int64
	last   int64 // when the last one came, ns of CLOCK_MONOTONIC
}

// ticks takes that a frame of a stream of the microphone came, at a time in ns of CLOCK_MONOTONIC. GStreamer's own time
// stamps would not do: it counts samples itself, and now and then it jumps.
func (s *sound) ticks(stream uint32, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.clock
	if stream != c.stream {
		if at-c.last < time.Second.Nanoseconds() {
			return // one stream will do
		}
		*c = micClock{stream: stream}
	}
	c.last = at
	c.frames++
	c.drift.Observe(time.Duration(at), time.Duration(c.frames)*frameTime)
}

// tell says how the echo does: at once when its way is another (news), else every ten seconds.
func (s *sound) tell(now time.Time, path time.Duration, news bool) {
	if !news && now.Sub(s.told) < tellEvery {
		return
	}
	s.told = now
	s.mu.Lock()
	drift, _ := s.clock.drift.PPM()
	s.mu.Unlock()
	erle, _ := s.align.erle.DB()
	if path != 0 || drift != 0 {
		s.p.event(protocol.Event{Kind: protocol.Echo, PathMS: float64(path.Microseconds()) / 1000, ERLE: erle, Drift: drift})
	}
}
