package echopath

import (
	"encoding/binary"
	"math"
	"time"
)

const (
	slideTaps  = 16  // of the interpolation, which is exact to 60 dB up to 10 kHz
	slideFine  = 256 // places between two samples
	slideAhead = slideTaps / 2
)

// between is a windowed sinc for each place between two samples.
var between = func() (w [slideFine][slideTaps]float32) {
	for p := range w {
		sum := 0.0
		var h [slideTaps]float64
		for k := range h {
			x := float64(k-slideAhead+1) - float64(p)/slideFine
			h[k] = 0.5 + 0.5*math.Cos(2*math.Pi*x/(slideTaps+2))
			if x != 0 {
				h[k] *= math.Sin(math.Pi*x) / (math.Pi * x)
			}
			sum += h[k]
		}
		for k := range h {
			w[p][k] = float32(h[k] / sum)
		}
	}
	return w
}()

// Slide makes sound ever later, or earlier, as a clock has it that is a little wrong. Its zero value is ready.
type Slide struct {
	in   []float32 // the samples that are still of use
	next float64   // where in those the next sample is taken from
	late float64   // samples by which it is later than it came
	got  bool
}

// Put takes the next sound (16 bits, little endian, one channel of 48 kHz) and gives what is to be heard next: what comes out goes
// on without a gap, and is by rate of its length longer than what came in. It is behind by eight samples.
func (s *Slide) Put(pcm []byte, rate float64) []byte {
	if !s.got {
		s.in, s.next, s.got = make([]float32, slideAhead-1, slideTaps+len(pcm)/2), slideAhead-1, true
	}
	for i := 0; i+1 < len(pcm); i += 2 {
		s.in = append(s.in, float32(int16(binary.LittleEndian.Uint16(pcm[i:]))))
	}
	out := make([]byte, 0, len(pcm)+4)
	step := 1 / (1 + rate)
	for ; s.next < float64(len(s.in)-slideAhead); s.next += step {
		whole := int(s.next)
		var sum float32
		for k, v := range s.in[whole-slideAhead+1:][:slideTaps] {
			sum += v * between[int((s.next-float64(whole))*slideFine)][k]
		}
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(max(min(math.Round(float64(sum)), 32767), -32768))))
		s.late += 1 - step
	}
	used := int(s.next) - slideAhead + 1
	s.in = s.in[:copy(s.in, s.in[used:])]
	s.next -= float64(used)
	return out
}

// Late is by how much what comes out next is later than it came, without what it is behind.
func (s *Slide) Late() time.Duration { return time.Duration(s.late * float64(time.Second) / inRate) }
