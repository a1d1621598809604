package agc

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// room is a fan at noise dBFS and syllables whose RMS is loud dBFS, with pauses between them.
func room(seed uint64, seconds int, noise, loud float64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	pcm := make([]byte, 0, 2*rate*seconds)
	noise, loud = math.Pow(10, noise/20), math.Pow(10, loud/20)*2
	for i := range rate * seconds {
		v := noise * rng.NormFloat64()
		if at := i % (rate / 4); at < rate/5 { // four syllables a second
			shape := math.Sin(math.Pi * float64(at) / (rate / 5))
			v += loud * shape * math.Sin(float64(i)*2*math.Pi*180/rate)
		}
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(max(min(v, 0.999), -0.999)*32767)))
	}
	return pcm
}

// gains is the gain after each 100 ms.
func gains(c *Control, pcm []byte) (db []float64) {
	for n := rate / 10 * 2; len(pcm) >= n; pcm = pcm[n:] {
		c.Heard(pcm[:n])
		db = append(db, c.DB())
	}
	return db
}

func TestTalkers(t *testing.T) {
	for name, c := range map[string]struct{ loud, least, most float64 }{
		"whispers":        {-50, 7.5, 12},
		"quiet":           {-36, 5, 12},
		"normal":          {-26, -3, 3},
		"loud":            {-14, -12, -7},
		"nobody, a fan":   {-120, 0, 0},
		"shouts, clipped": {-3, -12, -8},
	} {
		t.Run(name, func(t *testing.T) {
			all := gains(&Control{}, room(1, 16, -70, c.loud))
			last := all[len(all)-1]
			t.Logf("%.1f dB in the end, %.1f after 5 s, %.1f after 10 s", last, all[49], all[99])
			if last < c.least || last > c.most {
				t.Errorf("%.1f dB", last)
			}
			for i := 1; i < len(all); i++ {
				if all[i]-all[i-1] > 0.151 {
					t.Errorf("raised by %.2f dB in 100 ms", all[i]-all[i-1])
				}
			}
		})
	}
}

// In pauses nothing moves, be there a fan that comes and goes or what is left of the echo.
func TestPauses(t *testing.T) {
	var c Control
	talked := gains(&c, room(2, 12, -65, -38))
	before := talked[len(talked)-1]
	if before < 5 {
		t.Errorf("a quiet talker has %.1f dB", before)
	}
	for _, noise := range []float64{-65, -55, -48, -65} {
		for i, db := range gains(&c, room(3, 3, noise, -120)) {
			if math.Abs(db-before) > 0.01 {
				t.Fatalf("a fan of %.0f dBFS: %.1f dB instead of %.1f after %d ms of a pause", noise, db, before, 100*i)
			}
		}
	}
	far, residue := room(5, 1, -25, -120), room(4, 4, -65, -45)
	for n := rate / 50 * 2; len(residue) >= n; residue = residue[n:] {
		c.Played(far[:n])
		c.Heard(residue[:n])
	}
	if c.DB() != before {
		t.Errorf("an echo moved it from %.1f to %.1f dB", before, c.DB())
	}
}

// Who comes near after a quiet talker is clipped for 60 ms at most, and nothing is amplified while sound goes around in a loop.
func TestLimits(t *testing.T) {
	var c Control
	gains(&c, room(6, 14, -70, -45))
	if c.DB() < 8 {
		t.Errorf("a quiet talker has %.1f dB", c.DB())
	}
	loud := room(7, 3, -70, -9)
	over := 0
	for n := block * 2; len(loud) >= n; loud = loud[n:] {
		peak := 0.0
		for i := 0; i < n; i += 2 {
			peak = max(peak, math.Abs(float64(int16(binary.LittleEndian.Uint16(loud[i:])))))
		}
		if 20*math.Log10(peak/32768)+c.DB() > 0 {
			over++
		}
		c.Heard(loud[:n])
	}
	if t.Logf("%d blocks of 20 ms over full scale", over); over > 3 {
		t.Error("clipped")
	}
	c = Control{}
	gains(&c, room(6, 14, -70, -45))
	c.Hold(true)
	if all := gains(&c, room(8, 3, -70, -45)); all[0] > 0 || c.DB() > 0 {
		t.Errorf("%.1f dB in a loop", c.DB())
	}
}
