package main

import (
	"context"
	"fmt"
	"time"
)

const (
	callLimit  = 20 * time.Second // from the start of the windows to their call
	firstLimit = 15 * time.Second // from the call to a picture on both screens
	steady     = 3 * time.Second  // a picture that has moved for so long moves
	aftermath  = 8 * time.Second  // what a fault breaks, it has broken by then
)

// outcome is what came of a cell.
type outcome struct {
	cell
	first  [2]time.Duration // from the call to the first picture, on each screen; 0: none came
	path   [2]string        // as each window says; empty if it does not
	gap    [2]time.Duration // the longest time without a new picture, from the fault on
	struck bool             // the fault has been
	missed []string         // in what the cell is not as it should be
}

func (o *outcome) miss(format string, args ...any) {
	o.missed = append(o.missed, fmt.Sprintf(format, args...))
}

// play sets a cell up, looks, and takes it down again. An error is the lab's, not the programs'.
func play(ctx context.Context, c cell, o options, dir string, say func(string)) (out outcome, err error) {
	out.cell = c
	s, err := open(ctx, c, o, dir)
	defer func() {
		if closed := s.close(ctx); err == nil {
			err = closed
		}
	}()
	if err != nil {
		return out, err
	}
	shown, err := s.meet(ctx, &out, say)
	if err != nil || !shown {
		return out, err
	}
	if c.fault != nil {
		err = s.suffer(ctx, &out, say)
	}
	return out, err
}

// meet waits until both windows show each other, and looks by which path.
func (s *scene) meet(ctx context.Context, out *outcome, say func(string)) (shown bool, err error) {
	ok, err := s.until(ctx, callLimit, say, func() string { return "waits for a call; " + s.screens() },
		func() (bool, error) { return s.calling(), nil })
	if err != nil {
		return false, err
	}
	if !ok {
		out.miss("no call within %v: %s", callLimit, s.screens())
		return false, nil
	}
	called := time.Now()
	ok, err = s.until(ctx, firstLimit, say, func() string { return "waits for pictures; " + s.screens() }, func() (bool, error) {
		both, err := s.firsts(called, out)
		if out.first == [2]time.Duration{} && !s.calling() { // who was called was not registered yet
			called = time.Now()
		}
		return both, err
	})
	if err != nil {
		return false, err
	}
	if !ok {
		out.miss("no picture on %s within %v: %s", s.dark(out), firstLimit, s.screens())
		return false, nil
	}
	if ok, err = s.settle(ctx, time.Now(), steady, say); err != nil {
		return false, err
	}
	if !ok {
		out.miss("the picture does not go on moving: %s", s.screens())
	}
	s.look(out, s.path)
	return ok, nil
}

// firsts notes when the first pictures came, and says whether there is one on each screen.
func (s *scene) firsts(called time.Time, out *outcome) (both bool, err error) {
	both = true
	for side, w := range s.watchers {
		p, err := w.pictures()
		if err != nil {
			return false, err
		}
		first, ok := p.first(time.Time{})
		if ok {
			out.first[side] = max(first.Sub(called), time.Millisecond) // whoever asks about the call sees it a little late
		}
		both = both && ok
	}
	return both, nil
}

// dark names the screens without a picture.
func (s *scene) dark(out *outcome) string {
	switch {
	case out.first[0] == 0 && out.first[1] == 0:
		return "both screens"
	case out.first[0] == 0:
		return spaces[0] + "'s screen"
	}
	return spaces[1] + "'s screen"
}

// settle waits until both pictures have moved for a while, for some time after a moment at least.
func (s *scene) settle(ctx context.Context, after time.Time, least time.Duration, say func(string)) (ok bool, err error) {
	return s.until(ctx, patience, say, func() string { return "looks whether the pictures move; " + s.screens() }, func() (bool, error) {
		now := time.Now()
		if now.Sub(after) < least {
			return false, nil
		}
		for _, w := range s.watchers {
			p, err := w.pictures()
			if err != nil {
				return false, err
			}
			if since, ok := p.flowing(now); !ok || now.Sub(since) < steady {
				return false, nil
			}
		}
		return true, nil
	})
}

// suffer has the fault happen, and measures for how long the pictures stand.
func (s *scene) suffer(ctx context.Context, out *outcome, say func(string)) error {
	say(fmt.Sprintf("%s: %s", s.name, s.fault.text))
	struck := time.Now()
	if err := s.fault.strike(ctx, s); err != nil {
		return err
	}
	out.struck = true
	back, err := s.settle(ctx, struck, aftermath, say)
	if err != nil {
		return err
	}
	for side, w := range s.watchers {
		p, err := w.pictures()
		if err != nil {
			return err
		}
		out.gap[side] = p.gap(struck, time.Now())
		switch {
		case !back && out.gap[side] > still:
			out.miss("%s's picture does not come back within %v: %s", spaces[side], patience, s.screens())
		case out.gap[side] > s.fault.within:
			out.miss("%s's picture stands for %.1f s, %v may be", spaces[side], out.gap[side].Seconds(), s.fault.within)
		}
	}
	if !back {
		return nil
	}
	if s.fault.path != nil {
		s.look(out, *s.fault.path)
	} else {
		s.look(out, s.path)
	}
	return nil
}

// look asks the windows by which path the call goes. Where nothing relays the programs are of a time before paths, and name none.
func (s *scene) look(out *outcome, want ways) {
	for side := range spaces {
		if out.path[side] = s.way(side); s.relays && !want.goes(side, out.path[side]) {
			out.miss("%s's path is %q, not %s", spaces[side], out.path[side], want[side])
		}
	}
}
