package main

import (
	"encoding/binary"
	"math"
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

// howls has what comes played as quietly as a loop through both rooms makes it necessary.
func (s *sound) howls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.duck.to = math.Pow(10, s.align.howl.Gain()/20) - 1
}

// duck plays sound more quietly. Its zero value does not.
type duck struct{ now, to float64 } // the gain, less 1: at the end of what was played, and at the end of what is played next

// play is the sound with the gain that it is to have, to which it goes evenly.
func (d *duck) play(pcm []byte) []byte {
	if d.now == 0 && d.to == 0 {
		return pcm
	}
	le, out, n := binary.LittleEndian, make([]byte, len(pcm)), float64(len(pcm)/2)
	for i := 0; i+1 < len(pcm); i += 2 {
		gain := 1 + d.now + (d.to-d.now)*float64(i/2)/n
		le.PutUint16(out[i:], uint16(int16(math.Round(gain*float64(int16(le.Uint16(pcm[i:])))))))
	}
	d.now = d.to
	return out
}

// tell says how the echo does: at once when its way is another (news) or a loop was found, else every ten seconds.
func (s *sound) tell(now time.Time, path time.Duration, news bool) {
	if !news && now.Sub(s.told) < tellEvery && s.align.howl.Found() == s.howled {
		return
	}
	found := s.align.howl.Found()
	s.told, s.howled = now, found
	s.mu.Lock()
	drift, _ := s.clock.drift.PPM()
	s.mu.Unlock()
	erle, _ := s.align.erle.DB()
	gain := s.align.gain.DB()
	if path != 0 || drift != 0 || found != 0 || gain != 0 {
		s.p.event(protocol.Event{Kind: protocol.Echo, PathMS: float64(path.Microseconds()) / 1000, ERLE: erle, Drift: drift, Howls: found, Gain: gain})
	}
}
