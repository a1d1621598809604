package main

import (
	"encoding/binary"
	"math"
	"time"
)

const soundRate = 48000 // samples a second of raw sound, of 2 bytes, one channel

// bytesIn is the size of so much sound in the format rawSound.
func bytesIn(d time.Duration) int { return int(d*soundRate/time.Second) * 2 }

// lasts is how long so many bytes of it sound.
func lasts(bytes int) time.Duration { return time.Duration(bytes/2) * time.Second / soundRate }

// mixer adds up the sound of several calls, each of which comes at its own pace. It has no clock: one call leads, and
// whatever it gives is played at once, together with what the others have given since; so a single call is as
// undelayed as without a mixer. When the one that leads is silent, because it is held or its line is down, the next
// takes its place.
type mixer struct {
	lines map[uint32]*line
	lead  uint32
	given int // bytes that the one that leads gave last
}

// line is one call that does not lead.
type line struct {
	waiting []byte
	alone   int // bytes that it gave since the one that leads did
}

func newMixer() *mixer { return &mixer{lines: map[uint32]*line{}} }

// set is which streams there are.
func (m *mixer) set(streams []uint32) {
	lines := map[uint32]*line{}
	for _, n := range streams {
		if lines[n] = m.lines[n]; lines[n] == nil {
			lines[n] = &line{}
		}
	}
	m.lines = lines
	if lines[m.lead] == nil {
		m.lead, m.given = 0, 0
	}
}

// put takes sound of one stream and returns what is to be played now, which may be nothing.
func (m *mixer) put(stream uint32, pcm []byte) []byte {
	l := m.lines[stream]
	if l == nil {
		return nil
	}
	if m.lead == 0 {
		m.lead = stream
	}
	if stream != m.lead {
		if l.alone += len(pcm); l.alone <= m.given+2*len(pcm) { // one frame more than comes between two of the one that leads
			l.waiting = append(l.waiting, pcm...)
			if more := len(l.waiting) - m.given - len(pcm); more > 0 {
				l.waiting = l.waiting[more:] // its clock is faster, or it came in a burst
			}
			return nil
		}
		m.lead = stream
	}
	m.given = len(pcm)
	l.waiting, l.alone = nil, 0
	for n, o := range m.lines {
		if n != stream {
			o.alone = 0
			k := min(len(o.waiting), len(pcm))
			add(pcm, o.waiting[:k])
			o.waiting = o.waiting[k:]
		}
	}
	return pcm
}

// add adds samples to others; what is too loud is clipped.
func add(to, from []byte) {
	le := binary.LittleEndian
	for i := 0; i+1 < len(from); i += 2 {
		sum := int32(int16(le.Uint16(to[i:]))) + int32(int16(le.Uint16(from[i:])))
		le.PutUint16(to[i:], uint16(int16(min(max(sum, math.MinInt16), math.MaxInt16))))
	}
}
