//go:build !race

package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"ewindow/media/agc"
	"ewindow/media/gst/pipeline"
)

// kept is how much of a sound is in another that it has become, in dB, and how much later: the best of all delays up to 40 ms.
func kept(sound, became []float64) (db float64, late time.Duration) {
	power, best := 0.0, 0.0
	for _, v := range sound {
		power += v * v
	}
	for lag := 0; lag < soundRate/25; lag += 4 {
		sum := 0.0
		for i := lag; i < len(became); i++ {
			sum += became[i] * sound[i-lag]
		}
		if sum > best {
			best, late = sum, time.Duration(lag)*time.Second/soundRate
		}
	}
	return 20 * math.Log10(best/power+1e-6), late
}

// Who speaks in the room while somebody speaks at the other end is heard there. What is lost of the voice by that is told, for voices
// as loud as those in the room's echo and for louder ones; at 12 dB above the echo some of it has to be left.
func TestDoubleTalk(t *testing.T) {
	gst(t)
	if !pipeline.Has("webrtcdsp") {
		t.Skip("no webrtcdsp")
	}
	const length, from = 13 * time.Second, 8 * soundRate // the canceller has learned by then
	path := func(time.Duration) time.Duration { return 60 * time.Millisecond }
	voice, far := chatterOf(5, length), chatter(length)
	echo, _ := throughCanceller(t, far, make([]float64, len(far)), path)
	all := []float64{12}
	if testing.Verbose() {
		all = []float64{0, 6, 12}
	}
	for _, above := range all {
		factor := 0.0
		for s, v := range eachSecond(voice) {
			if s >= 8 {
				factor += math.Sqrt(eachSecond(echo)[s]/v) / 5
			}
		}
		factor *= math.Pow(10, above/20)
		near := make([]float64, len(voice))
		for i := from; i < len(near); i++ {
			near[i] = factor * voice[i]
		}
		var heard [2]float64
		for i, far := range [][]float64{make([]float64, len(far)), far} {
			_, clean := throughCanceller(t, far, near, path)
			heard[i], _ = kept(near[from:len(clean)], clean[from:])
		}
		lost := heard[0] - heard[1]
		if t.Logf("a voice %.0f dB louder than the echo loses %.1f dB while both talk", above, lost); above == 12 && lost > 12 {
			t.Errorf("%.1f dB are lost", lost)
		}
	}
}

// The noise of a fan is no louder in a pause than it was before anybody spoke: nothing pumps. And quiet talkers stay as they are.
func TestNothingPumps(t *testing.T) {
	gst(t)
	if !pipeline.Has("webrtcdsp") {
		t.Skip("no webrtcdsp")
	}
	const length = 16 * time.Second
	fan := make([]float64, bytesIn(length)/2)
	rng, low := rand.New(rand.NewPCG(7, 7)), 0.0
	for i := range fan {
		low += 0.05 * (rng.NormFloat64() - low)
		fan[i] = 200 * low // about -60 dBFS
	}
	for name, loud := range map[string]float64{"quiet": 0.05, "normal": 0.25, "loud": 1} {
		t.Run(name, func(t *testing.T) {
			near, voice := make([]float64, len(fan)), chatterOf(6, length)
			for i := range near {
				near[i] = fan[i]
				if s := i / soundRate; s >= 5 && s < 8 || s >= 11 && s < 13 {
					near[i] += loud * voice[i]
				}
			}
			_, clean := throughCanceller(t, make([]float64, len(near)), near, func(time.Duration) time.Duration { return 0 })
			in, out := eachSecond(near), eachSecond(clean)
			var control agc.Control
			var amplified []float64
			for left := clean; len(left) >= soundRate; left = left[soundRate:] {
				var pcm []byte
				for _, v := range left[:soundRate] {
					pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(v)))
				}
				control.Heard(pcm)
				amplified = append(amplified, math.Round(10*control.DB())/10)
			}
			t.Logf("amplified after each second by %v dB", amplified)
			if amplified[4] != 0 || amplified[10] != amplified[8] {
				t.Error("it is amplified otherwise in a pause")
			}
			var levels, gains []int
			for s := range out {
				levels = append(levels, int(math.Round(10*math.Log10(out[s]/soundRate/32768/32768+1e-12))))
				gains = append(gains, int(math.Round(10*math.Log10(out[s]/in[s]))))
			}
			t.Logf("dBFS in each second: %v; beside what came in: %v", levels, gains)
			before := levels[4]
			for _, s := range []int{9, 10, 14} {
				if levels[s] > before+3 {
					t.Errorf("the fan is at %d dBFS before, and at %d in second %d", before, levels[s], s)
				}
			}
			for _, s := range []int{6, 12} {
				if gains[s] < -6 || gains[s] > 3 {
					t.Errorf("the voice is changed by %d dB in second %d", gains[s], s)
				}
			}
		})
	}
}
