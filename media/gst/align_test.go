//go:build !race

package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ewindow/media/gst/pipeline"
)

// chatter is bursts of noise as long as syllables, with a breath now and then: loud and broad enough that a canceller
// can learn.
func chatter(length time.Duration) []float64 { return chatterOf(1, length) }

// chatterOf is that of somebody else.
func chatterOf(seed uint64, length time.Duration) []float64 {
	rng := rand.New(rand.NewPCG(1, seed))
	out := make([]float64, bytesIn(length)/2)
	for at := 0; at < len(out); {
		n := soundRate/10 + rng.IntN(soundRate/5)
		low, loud := 0.0, 4000+6000*rng.Float64()
		for i := 0; i < n && at+i < len(out); i++ {
			low += 0.3 * (rng.NormFloat64() - low)
			out[at+i] = loud * low * math.Sin(math.Pi*float64(i)/float64(n))
		}
		if at += n; rng.IntN(10) == 0 {
			at += soundRate / 2
		}
	}
	return out
}

// inRoom is sound as it is all around a room, without what comes straight: it fades by 60 dB in 0.3 s.
func inRoom(x []float64) []float64 {
	rng := rand.New(rand.NewPCG(2, 2))
	out := make([]float64, len(x))
	for at := 0.003; at < 0.2; at += 0.001 + 0.01*rng.Float64() {
		lag, gain := int(at*soundRate), 0.5*math.Pow(10, -3*at/0.3)*(2*rng.Float64()-1)
		for i, v := range x[:len(x)-lag] {
			out[lag+i] += gain * v
		}
	}
	return out
}

// The real canceller is fed as fast as it goes, in time of the samples: what a window hears of itself is at least 25 dB
// weaker wherever the microphone stands, five seconds after somebody begins to speak at the other end, or after the way
// has become another.
func TestCancellerFollowsThePath(t *testing.T) {
	gst(t)
	if !pipeline.Has("webrtcdsp") {
		t.Skip("no webrtcdsp")
	}
	const length, settled = 14 * time.Second, 5 * time.Second
	ms := func(n float64) func(time.Duration) time.Duration {
		return func(time.Duration) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	}
	for name, c := range map[string]struct {
		path  func(at time.Duration) time.Duration
		jumps time.Duration
	}{
		"speakerphone":      {path: ms(10)},
		"cheap television":  {path: ms(60)},
		"television":        {path: ms(150)},
		"sound bar":         {path: ms(250)},
		"early":             {path: ms(-10)},
		"clocks of 200 ppm": {path: func(at time.Duration) time.Duration { return ms(120)(0) + at/5000 }},
		"another television": {jumps: 7 * time.Second, path: func(at time.Duration) time.Duration {
			if at < 7*time.Second {
				return ms(60)(0)
			}
			return ms(180)(0)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			echo, rest := cancelled(t, length, c.path)
			worst := math.Inf(1)
			for second := int((c.jumps + settled) / time.Second); second < len(rest); second++ {
				worst = min(worst, 10*math.Log10((echo[second]+1)/(rest[second]+1)))
			}
			var each []int
			for i := range rest {
				each = append(each, int(10*math.Log10((echo[i]+1)/(rest[i]+1))))
			}
			if t.Logf("dB in each second: %v", each); !(worst >= 25) {
				t.Errorf("only %.1f dB", worst)
			}
		})
	}
}

// The reference goes by the microphone's clock: the echo comes by as much later than the canceller heard of it, at the end as before.
func TestReferenceFollowsTheClock(t *testing.T) {
	gst(t)
	if !pipeline.Has("webrtcdsp") {
		t.Skip("no webrtcdsp")
	}
	const length = 24 * time.Second
	for _, ppm := range []float64{100, -200} {
		a := newAligner()
		var left []time.Duration
		throughAligner(t, a, cancelling, chatter(length), make([]float64, bytesIn(length)/2), func(at time.Duration) time.Duration {
			path := 60*time.Millisecond + time.Duration(float64(at)*ppm/1e6)
			if at >= length/2 && at%time.Second == 0 {
				left = append(left, path-a.later())
			}
			return path
		})
		t.Logf("%.0f ppm: the way that is left: %v", ppm, left)
		if moved := left[len(left)-1] - left[0]; moved.Abs() > 100*time.Microsecond {
			t.Errorf("it moves by %v", moved)
		}
	}
}

// cancelled is the power of the echo in each second, and what was left of it.
func cancelled(t *testing.T, length time.Duration, path func(time.Duration) time.Duration) (echo, rest []float64) {
	t.Helper()
	echoed, clean := throughCanceller(t, chatter(length), make([]float64, bytesIn(length)/2), path)
	return eachSecond(echoed), eachSecond(clean)
}

// eachSecond is the power of a sound in each of its seconds.
func eachSecond(x []float64) (power []float64) {
	for ; len(x) >= soundRate; x = x[soundRate:] {
		sum := 0.0
		for _, v := range x[:soundRate] {
			sum += v * v
		}
		power = append(power, sum)
	}
	return power
}

// throughCanceller is the echo of what is said at the far end, and what the real canceller makes of that and of what is said near it.
func throughCanceller(t *testing.T, far, near []float64, path func(time.Duration) time.Duration) (echo, clean []float64) {
	t.Helper()
	return throughSet(t, cancelling, far, near, path)
}

// throughSet is the same with other settings of the canceller.
func throughSet(t *testing.T, settings string, far, near []float64, path func(time.Duration) time.Duration) (echo, clean []float64) {
	t.Helper()
	return throughAligner(t, newAligner(), settings, far, near, path)
}

func throughAligner(t *testing.T, a *aligner, settings string, far, near []float64, path func(time.Duration) time.Duration) (echo, clean []float64) {
	t.Helper()
	dsp, probe, names := canceller()
	dsp = strings.Replace(dsp, cancelling, settings, 1)
	p, err := pipeline.New("( appsrc name=mic format=time max-bytes=0 caps="+quoted(rawSound)+dsp+
		" ! appsink name=clean sync=false async=false )"+probe, append(names, "mic", "clean")...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.SetLatency(playDelay)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	length := lasts(2 * len(far))
	around := inRoom(far)
	rng := rand.New(rand.NewPCG(3, 3))
	begin := monotonic() + int64(time.Second)
	n := bytesIn(frameTime) / 2
	speak := func(at time.Duration, k int) {
		var played []byte
		for _, v := range far[min(k, len(far)):min(k+n, len(far))] {
			played = binary.LittleEndian.AppendUint16(played, uint16(int16(v)))
		}
		a.reference(p, played, played, begin+int64(at-playDelay), k == 0)
		passed(t, p, "room-played")
	}
	const ahead = 5                        // frames: what is to be played comes before it is
	const stamped = 370 * time.Microsecond // the probe compares times in whole ms, which must not be at the edge of one
	for i := range ahead {
		speak(time.Duration(i)*frameTime, i*n)
	}
	for at, k := time.Duration(0), 0; at < length; at, k = at+frameTime, k+n {
		speak(at+ahead*frameTime, k+ahead*n)
		behind := path(at).Seconds() * soundRate
		whole := int(math.Floor(behind))
		part := behind - float64(whole)
		mic := make([]byte, 0, 2*n)
		for i := k - whole; i < k-whole+n; i++ {
			v := 0.0
			if i > 0 && i < len(far) {
				v = 0.125 * (far[i]*(1-part) + far[i-1]*part + around[i])
			}
			echo = append(echo, v)
			mic = binary.LittleEndian.AppendUint16(mic, uint16(int16(v+near[i+whole]+3*rng.NormFloat64())))
		}
		p.Push("mic", mic, begin+int64(at+stamped), frameTime, k == 0)
		passed(t, p, "mic")
		if k/n%5 == 4 {
			a.follow(p)
		}
		for {
			s, err := p.Pull("clean", 0)
			if err != nil {
				break
			}
			for b := s.Bytes(); len(b) > 0; b = b[2:] {
				clean = append(clean, float64(int16(binary.LittleEndian.Uint16(b))))
			}
			s.Free()
		}
	}
	return echo, clean
}

// passed waits until a source has nothing left.
func passed(t *testing.T, p *pipeline.Pipeline, source string) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); p.Queued(source) > 0; time.Sleep(50 * time.Microsecond) {
		if time.Now().After(limit) {
			t.Fatalf("%s does not get rid of its sound: %+v", source, p.Next(0))
		}
	}
}
