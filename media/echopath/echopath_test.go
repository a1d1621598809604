package echopath

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

const frame = 20 * time.Millisecond

// speech is something like it: syllables of a voice that glides, each with formants of its own, consonants, and pauses.
func speech(seed uint64, length time.Duration) []float64 {
	rng := rand.New(rand.NewPCG(seed, 7))
	out := make([]float64, samples(int64(length), inRate))
	for at := rng.IntN(inRate / 4); at < len(out); at += rng.IntN(inRate / 10) {
		if rng.IntN(8) == 0 {
			at += inRate * 6 / 10 // a breath
		}
		n := inRate/12 + rng.IntN(inRate/5)
		pitch, glide := 90+130*rng.Float64(), 0.7+0.6*rng.Float64()
		formants := [3]float64{300 + 500*rng.Float64(), 900 + 1300*rng.Float64(), 2300 + 700*rng.Float64()}
		voiced := rng.IntN(4) > 0
		var a, b [3]float64
		phase := 0.0
		for i := 0; i < n && at+i < len(out); i++ {
			x := rng.NormFloat64() * 0.3
			if voiced {
				x *= 0.1
				if phase += pitch * (1 + (glide-1)*float64(i)/float64(n)) / inRate; phase >= 1 {
					phase--
					x += 8
				}
			}
			y := 0.0
			for k, hz := range formants {
				r := math.Exp(-math.Pi * 90 / inRate)
				v := x*0.02 + 2*r*math.Cos(2*math.Pi*hz/inRate)*a[k] - r*r*b[k]
				a[k], b[k] = v, a[k]
				y += v
			}
			out[at+i] += 3000 * y * math.Sin(math.Pi*float64(i)/float64(n))
		}
		at += n
	}
	return out
}

// noise is white, of so much RMS.
func noise(seed uint64, length time.Duration, rms float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 8))
	out := make([]float64, samples(int64(length), inRate))
	for i := range out {
		out[i] = rng.NormFloat64() * rms
	}
	return out
}

// reverberated is sound with a room's reflections instead of itself, which fade by 60 dB in so much time.
func reverberated(far []float64, fade time.Duration, strength float64) []float64 {
	rng := rand.New(rand.NewPCG(1, 9))
	out := make([]float64, len(far))
	for at := 0.004; at < fade.Seconds()/2; at += 0.001 + 0.018*rng.Float64() {
		lag, gain := int(at*inRate), strength*math.Pow(10, -3*at/fade.Seconds())*(2*rng.Float64()-1)
		for i, v := range far[:max(0, len(far)-lag)] {
			out[lag+i] += gain * v
		}
	}
	return out
}

// world is a speaker and a microphone in a room.
type world struct {
	far, near []float64                            // what the other end says, and what is said in the room
	path      func(at time.Duration) time.Duration // from speaker to microphone
	direct    float64                              // gain of the straight way
	fade      time.Duration                        // of the reverberation
	strength  float64                              // of its first reflections
	jitter    time.Duration                        // of the microphone's time stamps
}

// play lets a finder hear it, and calls each after every frame.
func (w world) play(f *Finder, length time.Duration, each func(at time.Duration)) {
	const begin = int64(12 * 24 * time.Hour) // the machine has been up for a while
	reflected := reverberated(w.far, w.fade, w.strength)
	sample := func(s []float64, i int) float64 {
		if i < 0 || i >= len(s) {
			return 0
		}
		return s[i]
	}
	rng := rand.New(rand.NewPCG(2, 2))
	n := int(samples(int64(frame), inRate))
	for at := time.Duration(0); at < length; at += frame {
		played, heard := make([]byte, 0, 2*n), make([]byte, 0, 2*n)
		from := int(samples(int64(at), inRate))
		behind := w.path(at).Seconds() * inRate
		whole := math.Floor(behind)
		part := behind - whole
		for i := from; i < from+n; i++ {
			played = binary.LittleEndian.AppendUint16(played, uint16(int16(sample(w.far, i))))
			k := i - int(whole)
			v := w.direct * ((1-part)*sample(w.far, k) + part*sample(w.far, k-1))
			v += sample(reflected, k)
			heard = binary.LittleEndian.AppendUint16(heard, uint16(int16(v+sample(w.near, i))))
		}
		f.Played(begin+int64(at), played)
		stamp := begin + int64(at)
		if w.jitter > 0 {
			stamp += rng.Int64N(2*int64(w.jitter)) - int64(w.jitter)
		}
		f.Heard(stamp, heard)
		each(at + frame)
	}
}

func always(d time.Duration) func(time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return d }
}

func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

func scaled(x []float64, gain float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v * gain
	}
	return out
}

func sum(x, y []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] + y[i]
	}
	return out
}

func TestPathIsFound(t *testing.T) {
	const length = 6 * time.Second
	far, other := speech(1, length), speech(2, length)
	hum := make([]float64, len(far))
	for i := range hum {
		hum[i] = 3000 * math.Sin(2*math.Pi*200*float64(i)/inRate)
	}
	dry := world{far: far, direct: 0.125}
	room := world{far: far, direct: 0.125, fade: ms(500), strength: 0.1}
	with := func(w world, change func(*world)) world { change(&w); return w }
	for name, w := range map[string]world{
		"dry":                        dry,
		"room":                       room,
		"speaker turned away":        with(room, func(w *world) { w.direct, w.strength = 0.05, 0.1 }),
		"church":                     with(room, func(w *world) { w.fade, w.strength = ms(1500), 0.06 }),
		"upside down":                with(room, func(w *world) { w.direct = -w.direct }),
		"faint":                      with(room, func(w *world) { w.direct, w.strength = 0.004, 0.003; w.near = noise(3, length, 2) }),
		"double talk":                with(room, func(w *world) { w.near = scaled(other, 0.125) }),
		"double talk, close":         with(room, func(w *world) { w.near = scaled(other, 0.4) }),
		"fan":                        with(room, func(w *world) { w.near = noise(3, length, 300) }),
		"hum":                        with(room, func(w *world) { w.near = hum }),
		"noise at the other end too": with(room, func(w *world) { w.far = sum(far, noise(4, length, 100)) }),
		"time stamps that tremble":   with(room, func(w *world) { w.jitter = ms(0.8) }),
	} {
		delays := []time.Duration{ms(150)}
		if name == "room" {
			delays = []time.Duration{ms(-15), 0, ms(10), ms(30), ms(60), ms(100), ms(150), ms(200), ms(250), ms(300), ms(400)}
		}
		for _, d := range delays {
			t.Run(name+" "+d.String(), func(t *testing.T) {
				t.Parallel()
				w := w
				w.path = always(d)
				f := New()
				var since time.Duration
				w.play(f, length, func(at time.Duration) {
					switch got, known := f.Path(); {
					case known && (got-d).Abs() > ms(6):
						t.Fatalf("a path of %v is taken for %v after %v", d, got, at)
					case known && since == 0:
						since = at
					}
				})
				if t.Logf("found after %v", since); since == 0 || since > 4*time.Second {
					t.Errorf("a path of %v is found after %v", d, since)
				}
			})
		}
	}
}

// Two clocks that differ by 200 ppm move the echo by 12 ms a minute.
func TestPathDrifts(t *testing.T) {
	const length = 30 * time.Second
	for name, ppm := range map[string]float64{"away": 200, "nearer": -200} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world{far: speech(1, length), direct: 0.125, fade: ms(400), strength: 0.08,
				path: func(at time.Duration) time.Duration { return ms(100) + time.Duration(float64(at)*ppm/1e6) }}
			f := New()
			w.play(f, length, func(at time.Duration) {
				if got, known := f.Path(); (known || at > 4*time.Second) && (got-w.path(at)).Abs() > ms(3) {
					t.Fatalf("%v: %v, not %v", at, got, w.path(at))
				}
			})
		})
	}
}

// A speaker that is started anew, or another one, is another path.
func TestPathJumps(t *testing.T) {
	const length, jump = 9 * time.Second, 5 * time.Second
	for name, c := range map[string][2]time.Duration{
		"later": {ms(60), ms(200)}, "sooner": {ms(250), ms(90)}, "little": {ms(100), ms(120)}, "far": {ms(10), ms(400)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world{far: speech(3, length), direct: 0.125, fade: ms(400), strength: 0.08, path: func(at time.Duration) time.Duration {
				if at < jump {
					return c[0]
				}
				return c[1]
			}}
			f := New()
			var since time.Duration
			w.play(f, length, func(at time.Duration) {
				got, known := f.Path()
				switch {
				case at > 3*time.Second && at <= jump && (!known || (got-c[0]).Abs() > ms(2)):
					t.Fatalf("%v: %v", at, got)
				case at > jump && since == 0 && (got-c[1]).Abs() <= ms(2):
					since = at - jump
				case at > jump && (got-c[0]).Abs() > ms(2) && (got-c[1]).Abs() > ms(2):
					t.Fatalf("%v: %v", at, got)
				}
			})
			if t.Logf("found after %v", since); since == 0 || since > 4*time.Second {
				t.Errorf("found after %v", since)
			}
		})
	}
}

// Where nothing of the speaker is heard, no path is better than a wrong one; what is known is kept while nobody speaks.
func TestNoPath(t *testing.T) {
	const length = 10 * time.Second
	far, other := speech(1, length), speech(2, length)
	tone, mains := make([]float64, len(far)), make([]float64, len(far))
	for i := range tone {
		tone[i] = 4000 * math.Sin(2*math.Pi*440*float64(i)/inRate)
		mains[i] = 4000 * math.Sin(2*math.Pi*440.05*float64(i)/inRate) * min(1, float64(i)/inRate/3) // no click at the same time
	}
	for name, w := range map[string]world{
		"headphones":               {far: far, near: scaled(other, 0.4)},
		"headphones, and a fan":    {far: far, near: noise(3, length, 200)},
		"headphones, and silence":  {far: far},
		"nobody speaks":            {direct: 0.125, near: scaled(other, 0.4)},
		"they speak at once":       {far: far, near: other},
		"the other end's own tone": {far: tone, near: scaled(other, 0.2)},
		"a hum at both ends":       {far: sum(tone, noise(5, length, 3)), near: sum(mains, noise(6, length, 3))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.path = always(ms(100))
			f := New()
			w.play(f, length, func(at time.Duration) {
				if got, known := f.Path(); known {
					t.Fatalf("%v after %v", got, at)
				}
			})
		})
	}
}

func TestPathIsKeptInSilence(t *testing.T) {
	w := world{far: speech(1, 6*time.Second), near: noise(3, 15*time.Second, 20), direct: 0.125, path: always(ms(150))}
	f := New()
	w.play(f, 15*time.Second, func(time.Duration) {})
	if got, known := f.Path(); !known || (got-ms(150)).Abs() > ms(1) {
		t.Errorf("%v, %v", got, known)
	}
}

// Time that stands still, goes back or leaps, and pieces of any size, harm nothing.
func TestTimeLeaps(t *testing.T) {
	f := New()
	rng := rand.New(rand.NewPCG(5, 5))
	at := int64(0)
	for range 3000 {
		switch rng.IntN(10) {
		case 0:
			at = rng.Int64N(math.MaxInt64)
		case 1:
			at -= rng.Int64N(int64(3 * time.Second))
		case 2:
			at += rng.Int64N(int64(3 * time.Second))
		}
		pcm := make([]byte, rng.IntN(4000))
		for i := range pcm {
			pcm[i] = byte(rng.Uint32())
		}
		if rng.IntN(2) == 0 {
			f.Played(at, pcm)
		} else {
			f.Heard(at, pcm)
		}
		at += int64(frame)
	}
	w := world{far: speech(1, 8*time.Second), direct: 0.125, path: always(ms(80))}
	w.play(f, 8*time.Second, func(time.Duration) {})
	if got, known := f.Path(); !known || (got-ms(80)).Abs() > ms(1) {
		t.Errorf("afterwards %v, %v", got, known)
	}
}

func TestFFT(t *testing.T) {
	const n = 64
	rng := rand.New(rand.NewPCG(6, 6))
	x := make([]complex128, n)
	for i := range x {
		x[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	got := append([]complex128(nil), x...)
	newFFT(n).forward(got)
	for k := range got {
		var want complex128
		for i, v := range x {
			s, c := math.Sincos(-2 * math.Pi * float64(i*k) / n)
			want += v * complex(c, s)
		}
		if d := got[k] - want; math.Hypot(real(d), imag(d)) > 1e-9 {
			t.Errorf("X[%d] = %v, not %v", k, got[k], want)
		}
	}
}

// A block is compared four times a second while somebody speaks.
func BenchmarkBlock(b *testing.B) {
	f := New()
	for b.Loop() {
		f.average()
		f.peak()
	}
}
