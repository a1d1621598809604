// Package agc is a slow automatic gain control for the microphone: quiet talkers are raised, loud ones lowered, and pauses left alone.
package agc

import (
	"encoding/binary"
	"math"
)

const (
	rate     = 48000
	block    = rate / 50          // samples whose level is taken: 20 ms
	second   = rate / block       // blocks
	target   = -26                // dBFS, RMS, of speech without its pauses
	near     = 3                  // dB from it that are left as they are
	most     = 12                 // dB that it raises or lowers at most
	rises    = 1.5 / second       // dB a block of speech
	falls    = 6.0 / second       // and when it is lowered
	above    = 12                 // dB above the noise, at which sound is speech,
	least    = -55                // and dBFS
	noisy    = -50                // dBFS that noise is raised to at most
	peakMost = -1                 // dBFS of peaks
	learns   = 1.0 / (2 * second) // how much the last block of speech counts for the level: 2 s of it
	enough   = 3 * second / 2     // blocks of speech before anything is changed
	farLasts = 3 * second / 4     // blocks after the other end's speech in which its echo may be heard
	farLeast = -50                // dBFS of the other end's speech
	windows  = 4                  // seconds, of each of which the quietest block is known
)

// Control says by how much the microphone's sound is to be amplified. Only speech in the room changes that:
//
//	cleaned sound ─▶ level ─▶ speech? (above the noise, and nobody speaks at the other end) ─▶ slowly towards the target
//	                   └────▶ a peak that would be clipped, in whatever: lower at once
//
// Time is that of the samples, which are 48 kHz, mono, S16LE. Its zero value has heard nothing yet.
type Control struct {
	gain  float64 // dB
	level float64 // mean power of speech, of full scale
	heard int     // blocks of speech so far

	n    int // samples of the block so far,
	sum  float64
	peak float64

	quietest [windows]float64 // power of the quietest block in each of the last seconds, 0: unknown; the newest first
	blocks   int              // in the newest
	far      int              // blocks in which the other end may still be heard
	held     bool
}

// DB is the gain that the sound is to have next, -12 to 12 dB.
func (c *Control) DB() float64 { return c.gain }

// Hold keeps it from amplifying, as while sound goes around in a loop.
func (c *Control) Hold(yes bool) {
	if c.held = yes; yes {
		c.gain = min(c.gain, 0)
	}
}

// Played takes what is played in the room.
func (c *Control) Played(pcm []byte) {
	sum := 0.0
	for i := 0; i+1 < len(pcm); i += 2 {
		v := float64(int16(binary.LittleEndian.Uint16(pcm[i:]))) / 32768
		sum += v * v
	}
	if decibels(2*sum/float64(len(pcm)+1)) > farLeast {
		c.far = farLasts
	}
}

// Heard takes the microphone's sound as it is before the gain, and without echo.
func (c *Control) Heard(pcm []byte) {
	for i := 0; i+1 < len(pcm); i += 2 {
		v := float64(int16(binary.LittleEndian.Uint16(pcm[i:]))) / 32768
		c.sum += v * v
		c.peak = max(c.peak, math.Abs(v))
		if c.n++; c.n == block {
			c.judge(c.sum/block, 20*math.Log10(c.peak+1e-6))
			c.n, c.sum, c.peak = 0, 0, 0
		}
	}
}

// judge is for each block: its power, and its peak in dBFS.
func (c *Control) judge(power, peak float64) {
	noise := c.noise(power)
	if peak+c.gain > peakMost {
		c.gain = max(peakMost-peak, -most)
	}
	if c.far > 0 {
		c.far--
		return
	}
	if db := decibels(power); db < least || db < noise+above {
		return
	}
	c.heard++
	c.level += max(learns, 1/float64(c.heard)) * (power - c.level)
	if c.heard < enough {
		return
	}
	upper := float64(most)
	if c.held {
		upper = 0
	}
	want := min(max(target-decibels(c.level), -most), min(upper, max(noisy-noise, 0)))
	switch {
	case want > c.gain+near:
		c.gain = min(c.gain+rises, most)
	case want < c.gain-near:
		c.gain = max(c.gain-falls, -most)
	}
}

// noise is the level of what is there all the time, dBFS: the quietest of the last seconds. Before the first is over there is no speech.
func (c *Control) noise(power float64) float64 {
	if c.blocks == second {
		copy(c.quietest[1:], c.quietest[:])
		c.quietest[0], c.blocks = 0, 0
	}
	power += 1e-12
	if c.quietest[0] == 0 || power < c.quietest[0] {
		c.quietest[0] = power
	}
	c.blocks++
	quietest := 0.0
	for _, q := range c.quietest[1:] {
		if q != 0 && (quietest == 0 || q < quietest) {
			quietest = q
		}
	}
	if quietest == 0 {
		return 0
	}
	return decibels(min(quietest, c.quietest[0]))
}

func decibels(power float64) float64 { return 10 * math.Log10(power+1e-12) }
