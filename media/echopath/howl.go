package echopath

import (
	"encoding/binary"
	"math"
)

const (
	hwRate  = 16000                  // samples a second that are looked at
	hwBlock = 1024                   // samples whose spectrum is taken
	hwHop   = hwBlock / 2            // from one to the next: 32 ms
	hwFew   = inRate / hwRate        // samples that are averaged
	hwLow   = 150 * hwBlock / hwRate // the lowest bin, above a mains hum and its next harmonic
	hwWide  = 2                      // bins to either side that a tone takes part in, by the window

	hwQuiet   = 0.003                         // of full scale, RMS: below that nothing howls yet
	hwCame    = 0.35                          // of the power of what came is one tone
	hwSent    = 0.25                          // and of what goes back
	hwWeaker  = 20                            // dB by which it may be weaker in what goes back: a canceller that works takes away more
	hwMissed  = 2                             // hops in which it may be hidden by speech
	hwGrows   = 3                             // dB in each third of the time looked at: one attack, as of an instrument, is in two of them at most
	hwLong    = 39                            // hops looked at, at the most
	hwLoud    = -6                            // dBFS: it has grown as far as it can,
	hwStands  = 16                            // when that or another tone stands there for so many hops
	hwDucked  = -30                           // dB, at once,
	hwHeld    = 25                            // for so many hops, in which a loop that is broken falls silent, and a flute does not:
	hwFalls   = 6                             // dB by which a loop falls at least
	hwRelease = 0.64                          // dB a hop afterwards
	hwStep    = 9                             // dB less than before are allowed then,
	hwLeast   = -27                           // and at least so much;
	hwBack    = 3                             // dB of that are given back
	hwWait    = 20 * inRate / (hwHop * hwFew) // hops after which it is tried for the first time; twice as many after each time
	hwWaitMax = 90 * hwWait                   // that it howled again: half an hour
	hwIgnored = 10 * inRate / (hwHop * hwFew) // hops without a tone that was none of a loop, until it may become one
)

// Howl finds a loop through two rooms whose cancellers both fail: a tone that is in what comes and in what goes back, and
// grows there. It says by how much what comes is to be played more quietly, until the loop is broken, and for a while less
// loudly than before.
//
//	what came ─▶ spectrum ─▶ one tone? ──────┐
//	                                         ├─▶ in both, for a third of a second, and it grows ─▶ quieter
//	what is sent back ─▶ spectrum ─▶ there? ─┘     it does not fall silent: it was no loop ─▶ as loud as before
//
// Neither music nor an alarm at one end is in both while one canceller works. Where none does, it does not grow. Time is that of
// the samples. Its zero value is of no use: see NewHowl.
type Howl struct {
	fft        *fft
	z          []complex128
	came, sent hwSignal
	level      [hwLong]float64 // dBFS of the tone, in the last hops, a ring
	bin        int             // of the tone that is followed
	run        int             // hops so far
	missed     int             // of the last of those
	stands     int             // hops in which some tone was as loud as it can be, those in which none was taken off

	gain    float64 // dB, now
	ceiling float64 // dB that it may rise to
	hold    int     // hops that it stays ducked
	struck  float64 // dBFS of the tone when it was ducked
	wait    int     // hops before the ceiling rises
	calm    int     // hops since it was last ducked, or rose
	found   uint64
	ignored int // the bin of a tone that was no loop
	absent  int // hops since it was there
}

// hwSignal is one of the two signals.
type hwSignal struct {
	block [hwBlock]float64
	n     int // samples in it
	sum   float64
	part  int                  // samples in sum
	power [hwBlock / 2]float64 // the last spectrum, normalized: a tone of full scale has half in all of its bins
	total float64              // of it; 0 while it is too quiet
}

// NewHowl makes one that has heard nothing yet.
func NewHowl() *Howl {
	return &Howl{fft: newFFT(hwBlock), z: make([]complex128, hwBlock), wait: hwWait, ignored: -1}
}

// Gain is by how much what comes is to be played more quietly, in dB: 0 or less.
func (h *Howl) Gain() float64 { return h.gain }

// Found is how often a loop was found.
func (h *Howl) Found() uint64 { return h.found }

// Sent takes what is sent, as Came does.
func (h *Howl) Sent(pcm []byte) { h.take(&h.sent, pcm, func() {}) }

// Came takes what comes, before Gain is applied (16 bits, little endian, one channel of 48 kHz). What is sent until then
// must have been given before.
func (h *Howl) Came(pcm []byte) { h.take(&h.came, pcm, h.step) }

// take adds sound, and does each for every block of it. What lies above 8 kHz turns up below, in both signals at the same place:
// so it is found, too.
func (h *Howl) take(s *hwSignal, pcm []byte, each func()) {
	for ; len(pcm) >= 2; pcm = pcm[2:] {
		s.sum += float64(int16(binary.LittleEndian.Uint16(pcm)))
		if s.part++; s.part < hwFew {
			continue
		}
		s.block[s.n] = s.sum / (hwFew * 32768)
		s.sum, s.part = 0, 0
		if s.n++; s.n == hwBlock {
			h.spectrum(s)
			each()
			copy(s.block[:], s.block[hwHop:])
			s.n = hwBlock - hwHop
		}
	}
}

func (h *Howl) spectrum(s *hwSignal) {
	power := 0.0
	for _, v := range s.block {
		power += v * v
	}
	if s.total = 0; power < hwQuiet*hwQuiet*hwBlock {
		return
	}
	for i, v := range s.block {
		h.z[i] = complex(v*fade(i, hwBlock, hwBlock/2), 0)
	}
	h.fft.forward(h.z)
	const norm = 2 / (0.375 * hwBlock * hwBlock) // 0.375 is the power of the window
	for i := range s.power {
		re, im := real(h.z[i]), imag(h.z[i])
		s.power[i] = norm * (re*re + im*im)
		if i >= hwLow {
			s.total += s.power[i]
		}
	}
}

// tone is the power around a bin.
func (s *hwSignal) tone(bin int) (sum float64) {
	if s.total == 0 {
		return 0
	}
	for i := max(bin-hwWide, 0); i <= min(bin+hwWide, len(s.power)-1); i++ {
		sum += s.power[i]
	}
	return sum
}

func decibels(power float64) float64 { return 10 * math.Log10(power+1e-12) }

// step looks at a block of what came, beside the last one that was sent.
func (h *Howl) step() {
	h.calm++
	if h.hold > 0 {
		h.held()
		return
	}
	if h.calm%h.wait == 0 && h.ceiling < 0 {
		h.ceiling = min(h.ceiling+hwBack, 0)
		h.calm = 0
	}
	h.gain = min(h.gain+hwRelease, h.ceiling)
	if h.calm > hwWaitMax {
		h.wait = hwWait
	}
	if h.follow() && (h.grows() || h.stands >= hwStands) {
		h.strike()
	}
}

// follow says whether there is a tone in both, and notes how loud it is.
func (h *Howl) follow() bool {
	bin := hwLow
	for i := hwLow; i < len(h.came.power) && h.came.total > 0; i++ {
		if h.came.power[i] > h.came.power[bin] {
			bin = i
		}
	}
	if h.absent++; h.absent > hwIgnored {
		h.ignored = -1
	} else if h.ignored >= 0 && near(bin, h.ignored) && h.came.tone(bin) > hwCame*h.came.total {
		h.absent = 0
	}
	came, sent := h.came.tone(bin), h.sent.tone(bin)
	both := came > hwCame*h.came.total && sent > hwSent*h.sent.total && !(h.ignored >= 0 && near(bin, h.ignored)) &&
		decibels(sent) > decibels(came)-hwWeaker
	if h.stands = max(h.stands-1, 0); both && decibels(came) > hwLoud {
		h.stands += 2
	}
	switch {
	case !both && h.missed < hwMissed && h.run > 0:
		h.missed++
		came = h.came.tone(h.bin)
	case !both:
		h.run = 0
		return false
	case h.run == 0 || !near(bin, h.bin):
		h.run, h.missed, h.bin = 0, 0, bin
	default:
		h.missed = 0
	}
	h.level[h.run%hwLong] = decibels(came)
	h.run++
	return both
}

func near(a, b int) bool { return a-b <= 1 && b-a <= 1 }

// grows says whether the tone does what only one in a loop does.
func (h *Howl) grows() bool {
	at := func(ago int) float64 { return h.level[(h.run-1-ago+hwLong)%hwLong] }
	for _, hops := range []int{hwLong / 3, hwLong / 2, hwLong} { // for loops of 100, 200 and 400 ms
		if h.run < hops {
			continue
		}
		least, third := math.Inf(1), (hops-1)/3
		for i := range 3 {
			least = min(least, at(i*third)-at((i+1)*third))
		}
		if least >= hwGrows {
			return true
		}
	}
	return false
}

// strike ducks what comes.
func (h *Howl) strike() {
	h.found++
	h.struck = h.level[(h.run-1)%hwLong]
	h.hold, h.gain = hwHeld, hwDucked
	if h.found > 1 && (h.ceiling < 0 || h.calm < 2*h.wait) {
		h.wait = min(2*h.wait, hwWaitMax)
	}
	h.ceiling = max(h.ceiling-hwStep, hwLeast)
	h.calm, h.run, h.stands = 0, 0, 0
}

// held waits until the loop has fallen silent.
func (h *Howl) held() {
	if h.hold--; h.hold > 0 || decibels(h.came.tone(h.bin)) < h.struck-hwFalls {
		return
	}
	h.gain, h.ceiling = 0, min(h.ceiling+hwStep, 0)
	h.found--
	h.ignored, h.absent = h.bin, 0
}
