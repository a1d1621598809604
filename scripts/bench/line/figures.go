package main

import (
	"slices"
	"time"

	"ewindow/scripts/bench/rig"
)

const (
	freeze  = 150 * time.Millisecond // a picture that stands longer is frozen
	sampled = 100 * time.Millisecond // how often the line's counters are looked at
)

// figures are what the glass saw of a system on a line.
type figures struct {
	frozen   float64 // percent of the time in which a picture stood for longer than freeze
	fps      float64
	p50, p95 float64 // age of the pictures, ms; -1 if none came
	broken   float64 // percent of the pictures: unlike what the encoder sent, or older than one before
	longest  time.Duration
}

// judge makes figures of what was seen from one time to another; c is nil if nobody knows what the encoder sent.
func judge(looks []rig.Look, c *clean, from, to time.Time) figures {
	var f figures
	var ages []float64
	var newest time.Time // when the newest picture was drawn that was shown
	bad, pictures, last := 0, 0, from
	var still time.Duration
	gap := func(until time.Time) {
		d := until.Sub(last)
		f.longest = max(f.longest, d)
		if d > freeze {
			still += d
		}
		last = until
	}
	for _, l := range looks {
		inside := !l.At.Before(from) && l.At.Before(to)
		broken := inside && c.broken(l)
		if l.Code != 0 {
			drawn := l.At.Add(-l.Age)
			broken = broken || drawn.Before(newest.Add(-ms)) // its age is in steps of 0.1 ms
			if drawn.After(newest) {
				newest = drawn
			}
		}
		if !inside {
			continue
		}
		pictures++
		if broken {
			bad++
		}
		if l.Code != 0 {
			gap(l.At)
			ages = append(ages, l.Age.Seconds()*1000)
		}
	}
	gap(to)
	total := to.Sub(from)
	f.frozen = 100 * still.Seconds() / total.Seconds()
	f.p50, f.p95 = -1, -1
	if n := len(ages); n > 0 {
		slices.Sort(ages)
		f.fps, f.p50, f.p95 = float64(n)/total.Seconds(), ages[n/2], ages[n*95/100]
	}
	if pictures > 0 {
		f.broken = 100 * float64(bad) / float64(pictures)
	}
	return f
}

// firstAfter is how long after a time the next picture came; ok is false if none did.
func firstAfter(looks []rig.Look, t time.Time) (d time.Duration, ok bool) {
	for _, l := range looks {
		if l.Code != 0 && !l.At.Before(t) {
			return l.At.Sub(t), true
		}
	}
	return 0, false
}

// sample is what was sent into the line up to a time.
type sample struct {
	at     time.Time
	bytes  int
	budget int // kbit/s that the sender of pictures means to take; 0 if it doesn't say
}

// second is the span over which a rate is judged.
const second = time.Second

// settled is how long after a time the rate, over the second that follows, first is what is wanted; ok is false if it never is
// before the end.
func settled(samples []sample, from, end time.Time, wanted func(kbps float64) bool) (d time.Duration, ok bool) {
	for i, s := range samples {
		if s.at.Before(from) {
			continue
		}
		j := i + int(second/sampled)
		if j >= len(samples) || samples[j].at.After(end) {
			break
		}
		if wanted(kbps(s, samples[j])) {
			return s.at.Sub(from), true
		}
	}
	return 0, false
}

// kbps is the rate between two samples.
func kbps(from, to sample) float64 {
	return float64(to.bytes-from.bytes) * 8 / 1000 / to.at.Sub(from.at).Seconds()
}

// rate is the mean rate between two times, in kbit/s; 0 if nothing is known of it.
func rate(samples []sample, from, to time.Time) float64 {
	var inside []sample
	for _, s := range samples {
		if !s.at.Before(from) && !s.at.After(to) {
			inside = append(inside, s)
		}
	}
	if len(inside) < 2 {
		return 0
	}
	return kbps(inside[0], inside[len(inside)-1])
}
