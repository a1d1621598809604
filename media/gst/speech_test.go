//go:build !race

package main

import (
	"encoding/binary"
	"math"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ewindow/media/gst/pipeline"
)

// speech is a text that a voice of espeak-ng says, over and over, as loud as chatter is.
func speech(t *testing.T, voice, text string, length time.Duration) []float64 {
	t.Helper()
	const rate, header = 22050, 44 // of what it prints
	wav, err := exec.Command("espeak-ng", "--stdout", "-v", voice, text).Output()
	if err != nil || len(wav) < header+rate {
		t.Fatalf("espeak-ng: %v, %d bytes", err, len(wav))
	}
	var said []float64
	for b := wav[header:]; len(b) > 1; b = b[2:] {
		said = append(said, float64(int16(binary.LittleEndian.Uint16(b))))
	}
	out := make([]float64, bytesIn(length)/2)
	for i := range out {
		at := math.Mod(float64(i)*rate/soundRate, float64(len(said)-1))
		whole := int(at)
		part := at - float64(whole)
		out[i] = said[whole]*(1-part) + said[whole+1]*part
	}
	factor := math.Sqrt(power(chatter(length)) / power(out))
	for i := range out {
		out[i] *= factor
	}
	return out
}

// couple is what a man and a woman say.
func couple(t *testing.T, length time.Duration) (man, woman []float64) {
	t.Helper()
	return speech(t, "en+m1", "Good morning Munich, how is the weather over there today? We have sunshine and coffee here in the kitchen.", length),
		speech(t, "en+f2", "The new prototype has arrived from the workshop, and I would like to show it to you after lunch if that suits everyone.", length)
}

// benchOfSpeech skips what is for the bench, unless that runs it and has what it needs.
func benchOfSpeech(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("espeak-ng"); err != nil || !testing.Verbose() {
		t.Skip("for the bench, with espeak-ng")
	}
	gst(t)
	if !pipeline.Has("webrtcdsp") {
		t.Skip("no webrtcdsp")
	}
}

// power is the sum of a sound's squares.
func power(x []float64) (sum float64) {
	for _, v := range x {
		sum += v * v
	}
	return sum
}

// What TestDoubleTalk does with noise is told here for speech, a man's and a woman's, with other settings of the canceller
// beside those that it has. It is a bench, and takes a minute.
func TestDoubleTalkOfSpeech(t *testing.T) {
	benchOfSpeech(t)
	const length, from = 16 * time.Second, 8 * soundRate // the canceller has learned by then
	path := func(time.Duration) time.Duration { return 60 * time.Millisecond }
	man, woman := couple(t, length)
	for _, change := range [][2]string{
		{},
		{"noise-suppression=true", "noise-suppression=false"},
		{"level=low", "level=moderate"},
	} {
		settings := strings.Replace(cancelling, change[0], change[1], 1)
		t.Run(change[1], func(t *testing.T) {
			for i, voice := range [][]float64{man, woman} {
				who, far := [...]string{"a man", "a woman"}[i], [...][]float64{woman, man}[i]
				echo, rest := throughSet(t, settings, far, make([]float64, len(far)), path)
				weaker := 10 * math.Log10(power(echo[from:])/(power(rest[from:])+1))
				var lost []float64
				for _, above := range []float64{0, 6, 12} {
					factor := math.Pow(10, above/20) * math.Sqrt(power(echo[from:])/power(voice[from:]))
					near := make([]float64, len(voice))
					for i := from; i < len(near); i++ {
						near[i] = factor * voice[i]
					}
					var heard [2]float64
					for i, far := range [][]float64{make([]float64, len(far)), far} {
						_, clean := throughSet(t, settings, far, near, path)
						heard[i], _ = kept(near[from:len(clean)], clean[from:])
					}
					lost = append(lost, heard[0]-heard[1])
				}
				t.Logf("%s in the room, echo %.0f dB weaker, of voices 0, 6, 12 dB above it is lost: %.1f dB", who, weaker, lost)
				if weaker < 25 || lost[2] > 12 {
					t.Error("that is too much")
				}
			}
		})
	}
}

// The same for a voice as loud as the echo, with clocks of speaker and microphone that differ: a bench of half a minute.
func TestDoubleTalkWithDrift(t *testing.T) {
	benchOfSpeech(t)
	const length, settled = 24 * time.Second, 16 // seconds: the clocks are known by then
	man, woman := couple(t, length)
	for _, ppm := range []float64{0, 50, 200, -200} {
		path := func(at time.Duration) time.Duration { return 60*time.Millisecond + time.Duration(float64(at)*ppm/1e6) }
		for i, voice := range [][]float64{man, woman} {
			far, from := [...][]float64{woman, man}[i], settled*soundRate
			echo, rest := throughCanceller(t, far, make([]float64, len(far)), path)
			weaker, worst := 10*math.Log10(power(echo[from:])/power(rest[from:])), math.Inf(1)
			for s, v := range eachSecond(rest) {
				if s >= settled {
					worst = min(worst, 10*math.Log10(eachSecond(echo)[s]/v))
				}
			}
			near := make([]float64, len(voice))
			for i := from; i < len(near); i++ {
				near[i] = math.Sqrt(power(echo[from:])/power(voice[from:])) * voice[i]
			}
			var heard [2]float64
			for i, far := range [][]float64{make([]float64, len(far)), far} {
				_, clean := throughCanceller(t, far, near, path)
				heard[i], _ = kept(near[from:len(clean)], clean[from:])
			}
			t.Logf("%.0f ppm, %s in the room: echo %.0f dB weaker, %.0f in its worst second; a voice as loud loses %.1f dB",
				ppm, [...]string{"a man", "a woman"}[i], weaker, worst, heard[0]-heard[1])
			if worst < 25 {
				t.Error("that is too much echo")
			}
		}
	}
}
