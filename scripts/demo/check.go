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
	leastPictures = 20.0 // of the other space that went by in a second
	mostFrozen    = 1 / 3.0
	leastShare    = 0.5 // of the sound's power in the other space's tone
	look          = 15 * time.Millisecond
	freeze        = 150 * time.Millisecond // a picture that stands for longer is seen to stand
)

// evidence is what was seen and heard at one window.
type evidence struct {
	space   string
	seconds float64
	seen    map[uint16]*sight // by seed
	sound   []float64
	rate    int
}

// sight is what was seen of one camera. Pictures carry a number, so how many went by is read off the pictures, however
// seldom a busy machine lets anybody look; a picture stood still for as long as looks found the same one.
type sight struct {
	first, last uint32        // numbers of pictures
	since       time.Time     // when last was first seen
	looked      time.Time     // when the last look was
	frozen      time.Duration // beyond freeze, all told
}

// see takes a look that found a picture.
func (s *sight) see(counter uint32, now time.Time) {
	if counter > s.last {
		s.settle()
		s.last, s.since = counter, now
	}
}

// settle counts the time for which the last picture was seen to stand.
func (s *sight) settle() {
	if stood := s.looked.Sub(s.since); stood > freeze {
		s.frozen += stood
	}
	s.since = s.looked
}

// passed is how many pictures went by.
func (s *sight) passed() float64 {
	if s == nil {
		return 0
	}
	return float64(s.last - s.first)
}

// stood is the share of d for which nothing new was seen; all of it for a camera that never was.
func (s *sight) stood(d float64) float64 {
	if s == nil {
		return 1
	}
	return s.frozen.Seconds() / d
}

// watch looks at a screen for some time, then takes what its speaker played meanwhile.
func watch(ctx context.Context, space string, e *stage.Eyes, wav string, d time.Duration) (evidence, error) {
	ev := evidence{space: space, seen: map[uint16]*sight{}}
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
		ev.take(seed, counter, ok, time.Now())
	}
	ev.seconds = time.Since(begin).Seconds()
	ev.settle()
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

// take notes one look at the screen: a camera's picture, or none.
func (ev *evidence) take(seed uint16, counter uint32, ok bool, now time.Time) {
	if ok && ev.seen[seed] == nil {
		ev.seen[seed] = &sight{first: counter, last: counter, since: now}
	}
	for of, s := range ev.seen {
		if ok && of == seed {
			s.see(counter, now)
		}
		s.looked = now // a card, or another's picture, is nothing new of this one
	}
}

func (ev *evidence) settle() {
	for _, s := range ev.seen {
		s.settle()
	}
}

// judge says what is wrong with a window that should show and play the other space; nil if nothing is.
func judge(ev evidence, other string) error {
	errs := []error{judgePictures(ev, other)}
	if s := stage.Share(ev.sound, ev.rate, testcard.Tone(other)); s < leastShare {
		errs = append(errs, fmt.Errorf("%s's speaker: %.0f %% of the sound is %s's tone, at least %.0f %% is asked for", ev.space, 100*s, other, 100*leastShare))
	}
	return errors.Join(errs...)
}

func judgePictures(ev evidence, other string) error {
	seen := ev.seen[testcard.Seed(other)]
	if rate := seen.passed() / ev.seconds; rate < leastPictures {
		return fmt.Errorf("%s's screen: %.1f pictures of %s a second, at least %.0f are asked for", ev.space, rate, other, leastPictures)
	}
	if stood := seen.stood(ev.seconds); stood > mostFrozen {
		return fmt.Errorf("%s's screen: %s stood still for %.0f %% of the time, at most %.0f %% may be", ev.space, other, 100*stood, 100*mostFrozen)
	}
	return nil
}

// praise is the line for a window with which all is well.
func praise(ev evidence, other string) string {
	seen := ev.seen[testcard.Seed(other)]
	return fmt.Sprintf("%.1f pictures of %s a second, standing still for %.0f %% of the time; %.0f %% of the sound is its tone",
		seen.passed()/ev.seconds, other, 100*seen.stood(ev.seconds), 100*stage.Share(ev.sound, ev.rate, testcard.Tone(other)))
}
