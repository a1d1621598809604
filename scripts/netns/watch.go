package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ewindow/media/testcard"
	"ewindow/scripts/stage"
)

const (
	looks = 15 * time.Millisecond // between looks at a screen
	still = time.Second           // a picture that stands for longer does not flow
)

// watcher notes when a screen showed another picture of a space than before.
type watcher struct {
	eyes *stage.Eyes
	seed uint16
	stop context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex
	seen []time.Time
	err  error
}

// watch looks at a display until close.
func watch(ctx context.Context, display, space string) (*watcher, error) {
	eyes, err := stage.OpenEyes(display, "")
	if err != nil {
		return nil, err
	}
	w := &watcher{eyes: eyes, seed: testcard.Seed(space)}
	ctx, w.stop = context.WithCancel(ctx)
	w.done.Go(func() { w.run(ctx) })
	return w, nil
}

func (w *watcher) run(ctx context.Context) {
	ticker := time.NewTicker(looks)
	defer ticker.Stop()
	var last uint32
	for any := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		seed, counter, ok, err := w.eyes.Code()
		w.mu.Lock()
		if ok && seed == w.seed && (!any || counter != last) {
			any, last = true, counter
			w.seen = append(w.seen, time.Now())
		}
		w.err = err
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// pictures are when pictures came so far.
func (w *watcher) pictures() (pictures, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, fmt.Errorf("look at a screen: %w", w.err)
	}
	return w.seen[:len(w.seen):len(w.seen)], nil
}

func (w *watcher) close() {
	w.stop()
	w.done.Wait()
	w.eyes.Close()
}

// pictures are when each of them came onto a screen, one after the other.
type pictures []time.Time

// first is when the first one came after a moment.
func (p pictures) first(after time.Time) (time.Time, bool) {
	for _, t := range p {
		if t.After(after) {
			return t, true
		}
	}
	return time.Time{}, false
}

// gap is the longest time within a span in which the screen showed nothing new.
func (p pictures) gap(from, to time.Time) (longest time.Duration) {
	last := from
	for _, t := range p {
		if t.Before(from) {
			continue
		}
		if t.After(to) {
			break
		}
		longest, last = max(longest, t.Sub(last)), t
	}
	return max(longest, to.Sub(last))
}

// flowing says since when the picture has been moving without standing still, at a moment.
func (p pictures) flowing(now time.Time) (since time.Time, ok bool) {
	next := now
	for i := len(p) - 1; i >= 0 && next.Sub(p[i]) <= still; i-- {
		if !p[i].After(now) {
			since, ok, next = p[i], true, p[i]
		}
	}
	return since, ok
}
