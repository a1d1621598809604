package echopath

import (
	"encoding/binary"
	"math"
	"testing"
	"time"
)

// What a canceller takes away is known within 3 dB, however much is said in the room itself.
func TestERLE(t *testing.T) {
	const length = 13 * time.Second
	for name, c := range map[string]struct {
		takes float64 // dB
		path  time.Duration
		near  bool
		fan   float64 // RMS of what stays, since it is no echo
	}{
		"well":                   {takes: 35, path: 60 * time.Millisecond},
		"badly":                  {takes: 6, path: 200 * time.Millisecond},
		"not at all":             {takes: 0, path: 10 * time.Millisecond},
		"both talk":              {takes: 25, path: 120 * time.Millisecond, near: true},
		"both talk beside a fan": {takes: 20, path: 120 * time.Millisecond, near: true, fan: 3},
	} {
		t.Run(name, func(t *testing.T) {
			far := speech(1, length)
			echo := reverberated(far, 300*time.Millisecond, 0.2)
			rest := math.Pow(10, -c.takes/20)
			near := make([]float64, len(far))
			if c.near {
				said := speech(2, length)
				for i := range near {
					if i/inRate%7 > 3 {
						near[i] = said[i] / 2
					}
				}
			}
			fan := noise(3, length, c.fan)
			pcm := func(from, n int, v func(i int) float64) (b []byte) {
				for i := from; i < from+n; i++ {
					b = binary.LittleEndian.AppendUint16(b, uint16(int16(v(i))))
				}
				return b
			}
			var e ERLE
			behind := int(samples(int64(c.path), inRate))
			echoed := func(i int) float64 { return echo[max(i-behind, 0)] }
			const n = inRate / 50
			for i := 0; i+n <= len(far); i += n {
				at := int64(time.Hour) + int64(i)*int64(time.Second)/inRate
				e.Played(at, pcm(i, n, func(i int) float64 { return far[i] }))
				e.Heard(at, pcm(i, n, func(i int) float64 { return echoed(i) + near[i] + fan[i] }))
				e.Cleaned(at, pcm(i, n, func(i int) float64 { return rest*echoed(i) + near[i] + fan[i]*rest }))
				e.Judge(c.path)
			}
			db, known := e.DB()
			if t.Logf("%.1f dB of %v", db, c.takes); !known || math.Abs(db-c.takes) > 3 {
				t.Errorf("%.1f dB, %v; want %v", db, known, c.takes)
			}
		})
	}
}

// Nothing is said of an echo while nobody speaks at the other end, nor where nothing of it is heard.
func TestERLEIsUnknown(t *testing.T) {
	for name, gain := range map[string]float64{"nobody speaks": 0, "nothing is heard": 1} {
		t.Run(name, func(t *testing.T) {
			var e ERLE
			far, fan := speech(1, 10*time.Second), noise(2, 10*time.Second, 20)
			for i := 0; i+960 <= len(far); i += 960 {
				at := int64(i) * int64(time.Second) / inRate
				var played, heard []byte
				for k := i; k < i+960; k++ {
					played = binary.LittleEndian.AppendUint16(played, uint16(int16(gain*far[k])))
					heard = binary.LittleEndian.AppendUint16(heard, uint16(int16(fan[k])))
				}
				e.Played(at, played)
				e.Heard(at, heard)
				e.Cleaned(at, heard)
				e.Judge(50 * time.Millisecond)
			}
			if db, known := e.DB(); known {
				t.Errorf("%.1f dB", db)
			}
		})
	}
}
