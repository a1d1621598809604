package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ewindow/media/testcard"
	"ewindow/scripts/stage"
)

// What the demo's check asks of each window.
const (
	leastPictures = 20.0 // of the other space a second
	leastShare    = 0.5  // of the sound's power in the other space's tone
	look          = 15 * time.Millisecond
)

// evidence is what was seen and heard at one window.
type evidence struct {
	space   string
	seconds float64
	seen    map[uint16]int // seed → how many different pictures of it
	sound   []float64
	rate    int
}

// watch looks at a screen for some time, then takes what its speaker played meanwhile.
func watch(ctx context.Context, space string, e *stage.Eyes, wav string, d time.Duration) (evidence, error) {
	ev := evidence{space: space, seen: map[uint16]int{}}
	last := map[uint16]uint32{}
	begin := time.Now()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for time.Since(begin) < d {
		select {
		case <-ctx.Done():
			return ev, ctx.Err()
		case <-ticker.C:
		}
		seed, counter, ok, err := e.Code()
		if err != nil {
			return ev, fmt.Errorf("%s's screen: %w", space, err)
		}
		if was, known := last[seed]; ok && (!known || counter > was) {
			last[seed] = counter
			ev.seen[seed]++
		}
	}
	ev.seconds = time.Since(begin).Seconds()
	listener, err := stage.OpenEars(wav)
	if err != nil {
		return ev, fmt.Errorf("%s's speaker: %w", space, err)
	}
	ev.rate = listener.Rate
	if ev.sound, err = listener.Last(ev.seconds); err != nil {
		return ev, fmt.Errorf("%s's speaker: %w", space, err)
	}
	return ev, nil
}

// judge says what is wrong with a window that should show and play the other space; nil if nothing is.
func judge(ev evidence, other string) error {
	var errs []error
	if rate := float64(ev.seen[testcard.Seed(other)]) / ev.seconds; rate < leastPictures {
		errs = append(errs, fmt.Errorf("%s's screen: %.1f pictures of %s a second, at least %.0f are asked for", ev.space, rate, other, leastPictures))
	}
	if s := stage.Share(ev.sound, ev.rate, testcard.Tone(other)); s < leastShare {
		errs = append(errs, fmt.Errorf("%s's speaker: %.0f %% of the sound is %s's tone, at least %.0f %% is asked for", ev.space, 100*s, other, 100*leastShare))
	}
	return errors.Join(errs...)
}

// praise is the line for a window with which all is well.
func praise(ev evidence, other string) string {
	return fmt.Sprintf("%.1f pictures of %s a second, %.0f %% of the sound is its tone",
		float64(ev.seen[testcard.Seed(other)])/ev.seconds, other, 100*stage.Share(ev.sound, ev.rate, testcard.Tone(other)))
}
