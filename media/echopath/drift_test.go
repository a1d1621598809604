//go:build !race

package echopath

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"
)

// How fast the way grows is known to 2 ppm after ten seconds of speech, whatever else is heard in the room, and a way that jumps, as by
// a device that follows its clock by steps of 20 ms, does not change it.
func TestDriftIsFound(t *testing.T) {
	const length = 24 * time.Second
	far, other := speech(1, length), speech(2, length)
	for _, c := range []struct {
		ppm  float64
		near []float64
		step time.Duration // each eight seconds
	}{
		{ppm: 0}, {ppm: 20}, {ppm: -50}, {ppm: 200}, {ppm: -200},
		{ppm: 100, near: scaled(other, 0.125)}, {ppm: 200, step: -ms(20)}, {ppm: -100, step: ms(10), near: noise(3, length, 100)},
	} {
		t.Run(fmt.Sprint(c.ppm, c.step, len(c.near)), func(t *testing.T) {
			t.Parallel()
			w := world{far: far, near: c.near, direct: 0.125, fade: ms(400), strength: 0.08,
				path: func(at time.Duration) time.Duration {
					return ms(100) + time.Duration(float64(at)*c.ppm/1e6) + c.step*(at/(8*time.Second))
				}}
			f := New()
			var since time.Duration
			worst := 0.0
			w.play(f, length, func(at time.Duration) {
				rate, known := f.Drift()
				if known && since == 0 {
					since = at
				}
				if off := math.Abs(rate*1e6 - c.ppm); at > 14*time.Second {
					worst = max(worst, off)
				} else if known && off > 20 {
					t.Errorf("%.1f ppm after %v", rate*1e6, at)
				}
			})
			if t.Logf("known after %v, then off by %.1f ppm at most", since, worst); since == 0 || worst > 2 {
				t.Error("that is not good enough")
			}
		})
	}
}

// What slides is the same sound at another speed, to 50 dB, without a gap; what does not is the same sound.
func TestSlide(t *testing.T) {
	sound := func(at float64) float64 { // at a sample
		return 6000*math.Sin(2*math.Pi*440*at/inRate) + 3000*math.Sin(2*math.Pi*7000*at/inRate)
	}
	for _, rate := range []float64{0, 200e-6, -500e-6} {
		var s Slide
		var out []byte
		n := 0
		for range 250 {
			var in []byte
			for range inRate / 50 {
				in = binary.LittleEndian.AppendUint16(in, uint16(int16(math.Round(sound(float64(n))))))
				n++
			}
			out = append(out, s.Put(in, rate)...)
		}
		wrong, power := 0.0, 0.0
		for i := slideTaps; i < len(out)/2; i++ {
			want := sound(float64(i) / (1 + rate))
			off := float64(int16(binary.LittleEndian.Uint16(out[2*i:]))) - want
			wrong, power = wrong+off*off, power+want*want
		}
		db, late := 10*math.Log10(power/wrong), float64(len(out)/2-n+slideAhead)
		t.Logf("%.0f ppm: wrong is %.0f dB less, %.1f samples later, says %v", rate*1e6, db, late, s.Late())
		if db < 50 || math.Abs(late-s.Late().Seconds()*inRate) > 1.5 || math.Abs(late-float64(n)*rate) > 1.5 {
			t.Error("that is another sound")
		}
	}
}

func BenchmarkSlide(b *testing.B) {
	var s Slide
	pcm := make([]byte, 2*inRate/50)
	for b.Loop() {
		s.Put(pcm, 100e-6)
	}
}
