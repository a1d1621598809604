package echopath

import (
	"encoding/binary"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
	"time"
)

// reflections is how a microphone hears a speaker: samples later, and gains.
type reflections struct {
	lag  []int
	gain []float64
}

func roomOf(seed uint64, path time.Duration) (r reflections) {
	rng := rand.New(rand.NewPCG(seed, 4))
	add := func(at, gain float64) {
		r.lag, r.gain = append(r.lag, int(at*inRate)), append(r.gain, gain)
	}
	add(path.Seconds(), 1)
	for at := 0.003; at < 0.15; at += 0.001 + 0.006*rng.Float64() {
		add(path.Seconds()+at, 0.7*math.Pow(10, -3*at/0.4)*(2*rng.Float64()-1))
	}
	return r
}

func (r reflections) heard(played []float64, at int) (v float64) {
	for i, lag := range r.lag {
		if lag <= at {
			v += r.gain[i] * played[at-lag]
		}
	}
	return v
}

// at is the gain at a frequency.
func (r reflections) at(hz float64) (v complex128) {
	for i, lag := range r.lag {
		v += cmplx.Rect(r.gain[i], -2*math.Pi*hz*float64(lag)/inRate)
	}
	return v
}

// A loop is two windows without any cancelling, whose rooms amplify the loudest frequency by 6 dB on the way around.
type loop struct {
	played [2][]float64
	howls  [2]*Howl // nil: as it would be without
}

const frameOf = inRate / 50 // a frame

func runLoop(gain float64, way, network, length time.Duration, protected [2]bool, begin, shut time.Duration) (l loop) {
	rooms := [2]reflections{roomOf(11, way), roomOf(12, way)}
	most := 0.0
	for hz := 20.0; hz < 12000; hz += 2 {
		most = max(most, cmplx.Abs(rooms[0].at(hz)*rooms[1].at(hz)))
	}
	for i := range rooms {
		for k := range rooms[i].gain {
			rooms[i].gain[k] *= math.Sqrt(gain / most)
		}
	}
	n := int(samples(int64(length), inRate)) / frameOf * frameOf
	delay := int(samples(int64(network), inRate)) / frameOf * frameOf
	said := speech(3, begin)
	rng := rand.New(rand.NewPCG(5, 5))
	var sent [2][]float64
	for i := range 2 {
		l.played[i], sent[i] = make([]float64, n), make([]float64, n)
		if protected[i] {
			l.howls[i] = NewHowl()
		}
	}
	clip := func(v float64) float64 { return max(min(math.Round(v), math.MaxInt16), math.MinInt16) }
	gains := [2]float64{1, 1}
	for from := 0; from < n; from += frameOf {
		for i := range 2 {
			var came []byte
			to := 1.0
			if l.howls[i] != nil {
				to = math.Pow(10, l.howls[i].Gain()/20)
			}
			for k := range frameOf {
				v := 0.0
				if at := from + k - delay; at >= 0 {
					v = sent[1-i][at]
				}
				came = binary.LittleEndian.AppendUint16(came, uint16(int16(v)))
				l.played[i][from+k] = v * (gains[i] + (to-gains[i])*float64(k)/frameOf)
			}
			gains[i] = to
			var back []byte
			for k := range frameOf {
				v := 3 * rng.NormFloat64()
				if i == 0 && from+k < len(said) {
					v += said[from+k] / 2
				}
				if from+k < int(samples(int64(shut), inRate)) {
					v += rooms[i].heard(l.played[i], from+k)
				}
				sent[i][from+k] = clip(v)
				back = binary.LittleEndian.AppendUint16(back, uint16(int16(clip(v))))
			}
			if l.howls[i] != nil {
				l.howls[i].Sent(back)
				l.howls[i].Came(came)
			}
		}
	}
	return l
}

// loud is how long it was louder than -12 dBFS in one piece, at the longest, and the level at the end.
func (l loop) loud(i int) (longest time.Duration, last float64) {
	const piece = inRate / 20
	run := time.Duration(0)
	for at := 0; at+piece <= len(l.played[i]); at += piece {
		sum := 0.0
		for _, v := range l.played[i][at : at+piece] {
			sum += v * v / 32768 / 32768
		}
		if last = decibels(sum / piece); last < -12 {
			run = 0
			continue
		}
		run += 50 * time.Millisecond
		longest = max(longest, run)
	}
	return longest, last
}

// unprotected is how a loop goes on without help; it is looked at with -v alone, since that takes long.
func unprotected(way, network, length time.Duration) (longest time.Duration, last float64) {
	if !testing.Verbose() {
		return length, 0
	}
	return runLoop(2, way, network, length, [2]bool{}, time.Second, length).loud(0)
}

// Two windows in rooms in which sound goes around and comes back louder by 6 dB howl for a second at most, whether both find it out
// or one alone, and play as loudly as before when the loop is open again.
func TestHowling(t *testing.T) {
	for name, c := range map[string]struct {
		way, network time.Duration
		protected    [2]bool
	}{
		"close":       {way: 10 * time.Millisecond, network: 40 * time.Millisecond, protected: [2]bool{true, true}},
		"televisions": {way: 100 * time.Millisecond, network: 60 * time.Millisecond, protected: [2]bool{true, true}},
		"far away":    {way: 60 * time.Millisecond, network: 140 * time.Millisecond, protected: [2]bool{true, true}},
		"a phone":     {way: 30 * time.Millisecond, network: 60 * time.Millisecond, protected: [2]bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			const gain, length = 2, 9 * time.Second
			protected := 6 * time.Second
			if longest, last := unprotected(c.way, c.network, length); longest < 2*time.Second || last < -12 {
				t.Fatalf("without help it howls for %v, at %.0f dBFS: no test", longest, last)
			}
			l := runLoop(gain, c.way, c.network, protected, c.protected, time.Second, protected)
			for i := range 2 {
				longest, last := l.loud(i)
				found := uint64(0)
				if l.howls[i] != nil {
					found = l.howls[i].Found()
				}
				t.Logf("window %d: %v at the longest, %.0f dBFS at the end, found %d times", i, longest, last, found)
				if longest > time.Second || last > -35 {
					t.Errorf("window %d howls for %v, and at %.0f dBFS at the end", i, longest, last)
				}
			}
		})
	}
}

// While people go on talking into such a loop, nothing howls for longer than a second either, and it is tried ever more seldom to
// be as loud as before.
func TestHowlingBesideSpeech(t *testing.T) {
	const length = 15 * time.Second
	l := runLoop(2, 60*time.Millisecond, 60*time.Millisecond, length, [2]bool{true, true}, length, length)
	for i := range 2 {
		longest, _ := l.loud(i)
		t.Logf("window %d: %v at the longest, found %d times, now %.1f dB", i, longest, l.howls[i].Found(), l.howls[i].Gain())
		if longest > time.Second || l.howls[i].Found() > 6 {
			t.Errorf("window %d howls for %v, %d times", i, longest, l.howls[i].Found())
		}
	}
}

// When the door between the rooms is closed, all is as loud as before within a minute.
func TestHowlingGivesBack(t *testing.T) {
	l := runLoop(2, 60*time.Millisecond, 60*time.Millisecond, 5*time.Second, [2]bool{true, true}, time.Second, 4*time.Second)
	for i, h := range l.howls {
		ducked, silent := h.Gain(), make([]byte, 2*frameOf)
		for range 65 * 50 {
			h.Sent(silent)
			h.Came(silent)
		}
		if t.Logf("window %d: %.1f dB, then %.1f", i, ducked, h.Gain()); h.Gain() != 0 {
			t.Errorf("window %d still at %.1f dB", i, h.Gain())
		}
	}
}

// tones is sound of some instrument: how loud, and of which frequency it is at a time, with so many harmonics.
func tones(length time.Duration, harmonics int, of func(s float64) (loud, hz float64)) []float64 {
	out := make([]float64, samples(int64(length), inRate))
	phase := 0.0
	for i := range out {
		loud, hz := of(float64(i) / inRate)
		phase += 2 * math.Pi * hz / inRate
		for k := 1; k <= harmonics; k++ {
			out[i] += loud / float64(k*k) * math.Sin(float64(k)*phase)
		}
	}
	return out
}

// What sounds at one end alone is left alone: beside cancellers that work, with one that does not, and with two that do not but
// make no loop of more than 0 dB.
func TestNothingElseHowls(t *testing.T) {
	const length = 5 * time.Second
	notes := []float64{262, 330, 392, 523, 440, 349}
	sounds := map[string][]float64{
		"speech": speech(9, length),
		"a flute with vibrato": tones(length, 3, func(s float64) (float64, float64) {
			return 6000 * min(1, s*8), 660 * (1 + 0.01*math.Sin(2*math.Pi*5*s))
		}),
		"a flute without":        tones(length, 2, func(s float64) (float64, float64) { return 6000 * min(1, s*8), 880 }),
		"a flute that swells":    tones(length, 2, func(s float64) (float64, float64) { return 1000 * math.Pow(10, math.Mod(s, 4)*6/20), 880 }),
		"somebody whistles":      tones(length, 1, func(s float64) (float64, float64) { return 5000 * math.Abs(math.Sin(s*2)), 1200 + 400*math.Sin(s*1.3) }),
		"a mains hum":            tones(length, 6, func(float64) (float64, float64) { return 3000, 50 }),
		"a refrigerator":         tones(length, 4, func(float64) (float64, float64) { return 2000, 100 }),
		"an alarm of two tones":  tones(length, 3, func(s float64) (float64, float64) { return 15000, []float64{800, 1000}[int(s*2)%2] }),
		"an alarm that beeps":    tones(length, 2, func(s float64) (float64, float64) { return 15000 * float64(int(s*4)%2), 3100 }),
		"a siren":                tones(length, 3, func(s float64) (float64, float64) { return 15000, 900 + 300*math.Sin(2*math.Pi*s) }),
		"a telephone":            tones(length, 1, func(s float64) (float64, float64) { return 8000 * float64((int(s)+1)%2), 425 }),
		"a melody":               tones(length, 5, func(s float64) (float64, float64) { return 7000 * math.Exp(-3*math.Mod(s, 0.4)), notes[int(s/0.4)%6] }),
		"a melody held for long": tones(length, 5, func(s float64) (float64, float64) { return 7000 * min(1, 12*math.Mod(s, 1.5)), notes[int(s/1.5)%6] }),
		"noise":                  noise(4, length, 3000),
		"a test tone":            tones(length, 1, func(float64) (float64, float64) { return 8000, 1000 }),
	}
	for name, sound := range sounds {
		for state, c := range map[string]struct {
			here, there float64 // what cancellers leave of the echo
			local       bool    // it sounds here, else it comes
		}{
			"both cancel":                 {0.03, 0.03, false},
			"here none cancels":           {0.5, 0.03, false},
			"there none cancels":          {0.03, 0.5, true},
			"neither cancels":             {0.6, 0.6, false},
			"here, where neither cancels": {0.6, 0.6, true},
		} {
			if state != "neither cancels" && !testing.Verbose() {
				continue // the easier ones
			}
			h := NewHowl()
			came, sent := make([]float64, len(sound)), make([]float64, len(sound))
			worst := 0.0
			for from := 0; from+frameOf <= len(sound); from += frameOf {
				var a, b []byte
				for i := from; i < from+frameOf; i++ {
					past := func(s []float64, lag int) float64 { return s[max(i-lag, 0)] }
					if c.local {
						came[i] = c.there * past(sent, 14400)
						sent[i] = sound[i] + c.here*past(came, 2880)
					} else {
						came[i] = sound[i] + c.there*past(sent, 14400)
						sent[i] = c.here * past(came, 2880)
					}
					a = binary.LittleEndian.AppendUint16(a, uint16(int16(max(min(came[i], 32767), -32768))))
					b = binary.LittleEndian.AppendUint16(b, uint16(int16(max(min(sent[i], 32767), -32768))))
				}
				h.Sent(b)
				h.Came(a)
				worst = min(worst, h.Gain())
			}
			if worst < 0 {
				t.Errorf("%s, %s: taken for a loop, %.0f dB", name, state, worst)
			}
		}
	}
}
