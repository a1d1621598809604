package echopath

import (
	"encoding/binary"
	"math"
	"time"
)

const (
	inRate  = 48000 // samples a second of what comes in
	fewer   = 6     // one of so many is kept
	rate    = inRate / fewer
	kept    = 4 * rate                 // samples that a line remembers
	steady  = inRate * 2 / 1000        // a time that is off by so many samples at most is the clock's jitter: they go on
	lowPass = 8 * fewer                // taps of the filter before the decimation
	cut     = 0.85 * float64(rate) / 2 // Hz: what is above would come back as something else
)

// line is the newest sound at one place, on the common time line: sample i is that of the time i/rate.
type line struct {
	ring [kept]float32
	next int64 // the sample that comes next

	due   int64            // when it is, in samples of inRate
	late  [lowPass]float32 // the last samples that came; at is the oldest
	at    int
	begun bool
}

// filter is a windowed sinc.
var filter = func() (f [lowPass]float32) {
	sum := 0.0
	h := [lowPass]float64{}
	for i := range h {
		x := float64(i) - (lowPass-1)/2.
		h[i] = math.Sin(2*math.Pi*cut/inRate*x) / x * (0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/lowPass))
		sum += h[i]
	}
	for i := range h {
		f[i] = float32(h[i] / sum / 32768)
	}
	return f
}()

// samples is how many samples of a rate a time is, rounded down.
func samples(at, rate int64) int64 {
	s := int64(time.Second)
	return at/s*rate + at%s*rate/s
}

// put takes sound that begins at a time. What lies between it and what came before was silence.
func (l *line) put(at int64, pcm []byte) {
	if at < 0 {
		return
	}
	if from := samples(at, inRate); !l.begun || from-l.due > steady || l.due-from > steady {
		l.jump(from)
	}
	for ; len(pcm) >= 2; pcm = pcm[2:] {
		l.late[l.at] = float32(int16(binary.LittleEndian.Uint16(pcm)))
		if l.at++; l.at == lowPass {
			l.at = 0
		}
		if l.due++; l.due%fewer == 0 {
			l.keep()
		}
	}
}

// keep adds the filter's next sample.
func (l *line) keep() {
	var sum float32
	old := l.late[l.at:]
	for i, v := range old {
		sum += v * filter[i]
	}
	for i, v := range l.late[:l.at] {
		sum += v * filter[len(old)+i]
	}
	l.ring[l.next%kept] = sum
	l.next++
}

// jump goes on at another time.
func (l *line) jump(from int64) {
	next := from/fewer + 1
	if l.begun && next > l.next {
		for i := max(l.next, next-kept); i < next; i++ {
			l.ring[i%kept] = 0
		}
	}
	l.late, l.due, l.next, l.begun = [lowPass]float32{}, from, next, true
}

// read fills to with the samples from a number on. What is not known is silence.
func (l *line) read(to []float32, from int64) {
	for i := range to {
		n := from + int64(i)
		to[i] = 0
		if n < l.next && n >= l.next-kept && n >= 0 {
			to[i] = l.ring[n%kept]
		}
	}
}
