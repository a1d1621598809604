// Package echopath finds how long sound takes from a speaker to the microphone that hears it, while somebody speaks at
// the other end. An echo canceller has to know, and no sound card says: a television alone keeps sound for 50 to 200 ms.
// The package is pure; time is that of the samples.
//
//	what is played ─▶ line ─┐  8 kHz    cross-spectrum, whitened,              its peak is
//	                        ├─────────▶ averaged over a second or two ─▶ lags ─▶ the echo's way
//	what is heard ──▶ line ─┘
//
// Whitening (the smoothed coherence transform: Carter, Nuttall, Cable, 1973) makes one sharp peak of speech, whose vowels
// are like themselves a little later. It lets those frequencies count in which what is heard comes from the speaker:
// people who talk at the microphone, a fan, or music have little part in it.
package echopath

import (
	"math"
	"math/cmplx"
	"time"
)

const (
	block   = 8192             // samples of what is played that are compared at a time, a second
	half    = block / 2        // so many of what is heard are, which are the last of those, but for
	early   = rate * 25 / 1000 // so many: where clocks are not quite right, sound may be heard before it is played
	longest = half - early     // the most samples by which it may be later
	hop     = half / 2         // from a block to the next
	ramp    = block / 8        // in which what is played fades in and out

	lowest, highest = 150 * block / rate, 3300 * block / rate // the frequencies that are compared

	quiet = 0.001   // of full scale, RMS: what is played below that is no speech
	deaf  = 0.00003 // what is heard below that is of a microphone that is switched off

	forget    = 0.8              // what all blocks before count for beside a new one
	standsOut = 7                // a peak is so much above the RMS of all lags; two who speak at once seldom make one of 6
	agreeing  = 3                // blocks in a row must find the same
	apart     = rate * 2 / 1000  // or nearly
	direct    = 0.5              // what came straight may be so much weaker than its strongest reflection
	reflected = rate * 30 / 1000 // and so much earlier
)

// Longest is the longest way that is found.
const Longest = longest * time.Second / rate

// Finder finds the echo's way. Its zero value is of no use: see New.
type Finder struct {
	played, heard line
	next          int64 // where the next block of what is heard begins

	fft       *fft
	z         []complex128
	p, h      []float32    // a block of both
	now       []complex128 // heard × played* of that, for the bins from lowest on
	cross     []complex128 // their averages: of that,
	pp, hh    []float64    // of the power of each
	candidate int          // the lag that was found last,
	times     int          // and how often in a row
	lag       int
	known     bool
	drift     drift
}

// New makes a finder that has heard nothing yet.
func New() *Finder {
	const bins = highest - lowest
	return &Finder{fft: newFFT(block), z: make([]complex128, block), p: make([]float32, block), h: make([]float32, half),
		now: make([]complex128, bins), cross: make([]complex128, bins), pp: make([]float64, bins), hh: make([]float64, bins)}
}

// Played takes sound (16 bits, little endian, one channel of 48 kHz) that leaves the speaker from a time on, in ns of
// any clock that is not negative.
func (f *Finder) Played(at int64, pcm []byte) { f.played.put(at, pcm) }

// Heard takes sound of the same format that reached the microphone from a time on. What was played until then must have
// been given before.
func (f *Finder) Heard(at int64, pcm []byte) {
	f.heard.put(at, pcm)
	last := f.heard.next - half - early // the last block that there can be by now begins here
	if f.next < last-2*hop || f.next > last+hop {
		f.next = last // the first, or time has jumped
	}
	for ; f.next <= last; f.next += hop {
		f.compare(f.next)
	}
}

// Path is how much later sound is heard than it is played. It is known when somebody has spoken for a second or two, if
// anything of that is heard. It may be negative, by 25 ms at most.
func (f *Finder) Path() (d time.Duration, known bool) {
	return time.Duration(f.lag) * time.Second / rate, f.known
}

// Drift is by how much the path grows in each second, as a part of that: how much slower the microphone's clock is than the speaker's,
// as the times of their sound have it. It is known after some seven seconds of speech; 0 until then.
func (f *Finder) Drift() (rate float64, known bool) { return f.drift.rate, f.drift.known }

// NewClocks says that from now on speaker or microphone may be another. Its path is kept until another one is found.
func (f *Finder) NewClocks() { f.drift = drift{} }

// compare looks at what is heard from a sample on.
func (f *Finder) compare(from int64) {
	f.played.read(f.p, from+half+early-block)
	f.heard.read(f.h, from)
	if rms(f.p) < quiet || rms(f.h) < deaf {
		return
	}
	f.average()
	lag, clear := f.peak()
	switch {
	case !clear:
		f.times = 0
	case max(lag-f.candidate, f.candidate-lag) <= apart:
		f.times++
	default:
		f.times = 1
	}
	if f.candidate = lag; f.times >= agreeing {
		f.lag, f.known = lag, true
		if at, clear := f.exact(); clear {
			f.drift.add(float64(f.next)/rate, at/rate)
		}
	}
}

func rms(x []float32) float64 {
	var sum float32
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(float64(sum) / float64(len(x)))
}

// average adds the block's spectra to those of the blocks before. One transform makes both: what is played is the real
// part of its input, what is heard the imaginary part.
func (f *Finder) average() {
	for i, v := range f.p {
		f.z[i] = complex(float64(v)*fade(i, block, ramp), 0)
	}
	for i, v := range f.h {
		f.z[longest+i] += complex(0, float64(v)*fade(i, half, half/2))
	}
	f.fft.forward(f.z)
	for i := range f.cross {
		k := lowest + i
		x, y := f.z[k], cmplx.Conj(f.z[block-k])
		p, h := (x+y)/2, (x-y)*-0.5i
		f.now[i] = h * cmplx.Conj(p)
		f.cross[i] = f.cross[i]*forget + f.now[i]
		f.pp[i] = f.pp[i]*forget + real(p)*real(p) + imag(p)*imag(p)
		f.hh[i] = f.hh[i]*forget + real(h)*real(h) + imag(h)*imag(h)
	}
}

// fade makes sample i of n the quieter the nearer it is to either end: a block that begins or ends at once has its loud
// frequencies, as a hum, in all others too.
func fade(i, n, ramp int) float64 {
	if edge := min(i, n-1-i); edge < ramp {
		return 0.5 - 0.5*math.Cos(math.Pi*(float64(edge)+0.5)/float64(ramp))
	}
	return 1
}

// peak is the lag by which what is heard is most like what is played, and whether it stands out.
func (f *Finder) peak() (lag int, clear bool) {
	f.correlate(f.cross)
	highest, sum := 0.0, 0.0
	for l := -early; l <= longest; l++ {
		p := f.power(l)
		sum += p
		if p > highest {
			highest, lag = p, l
		}
	}
	bar := sum / (longest + early + 1) * standsOut * standsOut
	for l := max(-early, lag-reflected); l < lag; l++ {
		if f.power(l) >= max(bar, highest*direct*direct) {
			return l, true
		}
	}
	return lag, highest >= bar
}

// power is how much what is heard is like what is played, so much earlier; peak has made it.
func (f *Finder) power(lag int) float64 {
	v := f.z[(lag+block)%block]
	return real(v)*real(v) + imag(v)*imag(v)
}

// correlate makes the lags of a cross-spectrum.
func (f *Finder) correlate(cross []complex128) {
	clear(f.z)
	for i, c := range cross {
		if power := f.pp[i] * f.hh[i]; power > 0 {
			f.z[lowest+i] = cmplx.Conj(c) * complex(1/math.Sqrt(power), 0)
		}
	}
	f.fft.forward(f.z) // of the conjugate, it is the inverse; of positive frequencies alone, its magnitude is an envelope
}

// exact is the lag of the last block alone, in parts of a sample: an average would stay where somebody spoke loudest. Nothing is found
// but near the lag that is known.
func (f *Finder) exact() (at float64, clear bool) {
	f.correlate(f.now)
	lag, sum := f.lag, 0.0
	for l := f.lag - reflected; l <= f.lag+reflected; l++ {
		sum += f.power(l)
	}
	for l := f.lag - apart; l <= f.lag+apart; l++ {
		if f.power(l) > f.power(lag) {
			lag = l
		}
	}
	before, here, after := math.Sqrt(f.power(lag-1)), math.Sqrt(f.power(lag)), math.Sqrt(f.power(lag+1))
	bend := before - 2*here + after
	if bend >= 0 || max(before, after) > here || here*here < 16*sum/(2*reflected+1) {
		return 0, false
	}
	return float64(lag) + (before-after)/(2*bend), true
}
