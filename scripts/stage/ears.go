package stage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
)

// Ears listen to what a speaker played, from the WAV file that it is written to: 16 bits, and as many channels and
// samples a second as the header says.
type Ears struct {
	path     string
	Rate     int // samples a second
	channels int
	data     int64 // where the samples begin
}

const wavHeader = 4096 // bytes; the chunk of samples begins within

// OpenEars reads the header; it is an error as long as there is none.
func OpenEars(path string) (*Ears, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	defer f.Close()
	b := make([]byte, wavHeader)
	n, _ := f.ReadAt(b, 0)
	b = b[:n]
	if n < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, fmt.Errorf("listen: %s is no WAV file", path)
	}
	e := &Ears{path: path}
	for at := 12; at+8 <= len(b); {
		size := int(binary.LittleEndian.Uint32(b[at+4:]))
		switch string(b[at : at+4]) {
		case "fmt ":
			if at+24 > len(b) || binary.LittleEndian.Uint16(b[at+22:]) != 16 {
				return nil, fmt.Errorf("listen: %s has no samples of 16 bits", path)
			}
			e.channels = int(binary.LittleEndian.Uint16(b[at+10:]))
			e.Rate = int(binary.LittleEndian.Uint32(b[at+12:]))
		case "data":
			e.data = int64(at + 8)
			if e.Rate == 0 || e.channels == 0 {
				return nil, fmt.Errorf("listen: %s has no format", path)
			}
			return e, nil
		}
		at += 8 + size + size&1
	}
	return nil, errors.New("listen: " + path + " has no samples yet")
}

// Length is how many samples there are by now, of each channel.
func (e *Ears) Length() (int64, error) {
	info, err := os.Stat(e.path)
	if err != nil {
		return 0, err
	}
	return max(0, info.Size()-e.data) / int64(2*e.channels), nil
}

// Last returns the first channel of what was played in the last seconds, −1…1.
func (e *Ears) Last(seconds float64) ([]float64, error) {
	f, err := os.Open(e.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	frame := int64(2 * e.channels)
	whole := (info.Size() - e.data) / frame
	want := min(int64(seconds*float64(e.Rate)), whole)
	b := make([]byte, want*frame)
	if _, err := f.ReadAt(b, e.data+(whole-want)*frame); err != nil {
		return nil, err
	}
	out := make([]float64, want)
	for i := range out {
		out[i] = float64(int16(binary.LittleEndian.Uint16(b[int64(i)*frame:]))) / 32768
	}
	return out, nil
}

// Share is how much of the sound's power lies in a tone: 1 for the tone alone, about 0 for anything else. It is taken
// piece by piece (Goertzel's algorithm), since a clock that is corrected by a frame turns the phase. Below −100 dBFS there is no
// sound: what a codec makes of silence is no tone.
func Share(samples []float64, rate, hz int) float64 {
	const piece = 2400 // 50 ms at 48 kHz: 20 Hz apart
	silence := 1e-10 * float64(len(samples))
	var tone, all float64
	for ; len(samples) >= piece; samples = samples[piece:] {
		w := 2 * math.Pi * float64(hz) / float64(rate)
		var s1, s2 float64
		for _, x := range samples[:piece] {
			s1, s2 = x+2*math.Cos(w)*s1-s2, s1
			all += x * x
		}
		tone += (s1*s1 + s2*s2 - 2*math.Cos(w)*s1*s2) * 2 / piece
	}
	if all < silence {
		return 0
	}
	return min(tone/all, 1)
}
