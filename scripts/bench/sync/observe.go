package main

import (
	"context"
	"math"
	"slices"
	"time"

	"ewindow/scripts/stage"
)

// look notes when a screen becomes bright, until ctx ends.
func look(ctx context.Context, display string) (times []time.Time, err error) {
	eyes, err := stage.OpenEyes(display, "")
	if err != nil {
		return nil, err
	}
	defer eyes.Close()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for was := true; ; {
		bright, err := eyes.Bright()
		if err != nil {
			return nil, err
		}
		if bright && !was {
			times = append(times, time.Now())
		}
		was = bright
		select {
		case <-ctx.Done():
			return times, nil
		case <-tick.C:
		}
	}
}

// recorder is somebody who listens to a file that grows, and knows when its samples were heard.
type recorder struct {
	ears  *stage.Ears
	start time.Time // when the first sample was heard, as the sample that was the least late has it
}

// listen notes how the file grows, until ctx ends.
func listen(ctx context.Context, wav string) (*recorder, error) {
	ears, err := stage.OpenEars(wav)
	if err != nil {
		return nil, err
	}
	r := &recorder{ears: ears}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := ears.Length()
		if err != nil {
			return nil, err
		}
		if s := time.Now().Add(-r.long(int(n))); r.start.IsZero() || s.Before(r.start) {
			r.start = s
		}
		select {
		case <-ctx.Done():
			return r, nil
		case <-tick.C:
		}
	}
}

func (r *recorder) long(samples int) time.Duration {
	return time.Duration(float64(samples) / float64(r.ears.Rate) * float64(time.Second))
}

// beeps are when the sound that was heard began.
func (r *recorder) beeps() ([]time.Time, error) {
	heard, err := r.ears.Last(1e6)
	if err != nil {
		return nil, err
	}
	var times []time.Time
	for _, i := range onsets(heard, r.ears.Rate) {
		times = append(times, r.start.Add(r.long(i)))
	}
	return times, nil
}

// onsets are where something loud begins after a third of a second of quiet.
func onsets(heard []float64, rate int) (at []int) {
	loudest := 0.0
	for _, v := range heard {
		loudest = max(loudest, math.Abs(v))
	}
	if loudest < 0.01 {
		return nil
	}
	quiet := rate / 3
	last := 0 // the last loud sample
	for i, v := range heard {
		if math.Abs(v) < loudest/4 {
			continue
		}
		if i-last > quiet {
			at = append(at, i)
		}
		last = i
	}
	return at
}

// within is how long a flash or a beep may take to the other side.
const within = 900 * time.Millisecond

// delays are how long after each of some moments the next of others was; those without one are left out.
func delays(from, to []time.Time) map[time.Time]time.Duration {
	found := map[time.Time]time.Duration{}
	for _, t := range from {
		i := slices.IndexFunc(to, func(u time.Time) bool { return !u.Before(t.Add(-5 * time.Millisecond)) })
		if i >= 0 && to[i].Sub(t) < within {
			found[t] = to[i].Sub(t)
		}
	}
	return found
}

// skews are by how much each sound is later than its picture. What lies between flash and beep where they are made counts for
// nothing: each is compared with itself.
func skews(flashed, flashes, beeped, beeps []time.Time) (all []time.Duration) {
	pictures, sounds := delays(flashed, flashes), delays(beeped, beeps)
	for _, f := range flashed {
		picture, ok := pictures[f]
		if !ok {
			continue
		}
		i := slices.IndexFunc(beeped, func(b time.Time) bool { return b.Sub(f).Abs() < apart/3 })
		if i < 0 {
			continue
		}
		if sound, ok := sounds[beeped[i]]; ok {
			all = append(all, sound-picture)
		}
	}
	return all
}
