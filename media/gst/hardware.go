package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/media/gst/pipeline"
)

// A decoder begins in software, so that no picture waits for a trial, and goes on in hardware when that has passed one and nothing is
// being decoded. If that fails, software takes its place at once.

const (
	watchEvery   = 250 * time.Millisecond
	idleAfter    = 2 * time.Second // without an access unit another decoder costs nobody a picture
	decoderRetry = time.Hour       // from a failure to another trial
	hangBeats    = 3               // looks of watch without a picture that are a hang, if the machine gave this process time
)

// errBetter says that there is a decoder in hardware now.
var errBetter = errors.New("a decoder in hardware works")

// lapseError is that a decoder in hardware failed in use.
type lapseError struct{ error }

// Unwrap is why.
func (e *lapseError) Unwrap() error { return e.error }

// hardware is the decoder in hardware, if there is one that works.
type hardware struct {
	lapsed chan struct{} // holds one: it failed in use

	mu      sync.Mutex
	works   *videoDecoder
	leaving int // pipelines of it that have not ended yet
}

func (h *hardware) ready() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.works != nil && h.leaving == 0
}

// release ends a pipeline, however long its driver takes for that.
func (h *hardware) release(p *pipeline.Pipeline) {
	h.mu.Lock()
	h.leaving++
	h.mu.Unlock()
	go func() {
		p.Close()
		h.mu.Lock()
		h.leaving--
		h.mu.Unlock()
	}()
}

// seek tries what there is, at the start and an hour after each failure, in use or in a trial. Why a trial failed is said once.
func (h *hardware) seek(ctx context.Context, width, height int, say func(string)) {
	for said := ""; ; {
		works, why := workingDecoder(width, height)
		switch {
		case works != nil:
			h.mu.Lock()
			h.works = works
			h.mu.Unlock()
			select {
			case <-ctx.Done():
				return
			case <-h.lapsed:
			}
		case why == nil:
			return
		case why.Error() != said:
			said = why.Error()
			say(said)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(decoderRetry):
		}
	}
}

// choose is the decoder to begin with now.
func (d *decoder) choose() videoDecoder {
	if !d.hardware.ready() {
		return d.software
	}
	d.hardware.mu.Lock()
	defer d.hardware.mu.Unlock()
	return *d.hardware.works
}

// failed takes an error of a decoder. One in hardware is not used again until it has passed another trial.
func (d *decoder) failed(v videoDecoder, err error) error {
	if !v.hardware {
		return err
	}
	h := &d.hardware
	h.mu.Lock()
	h.works = nil
	h.mu.Unlock()
	select {
	case h.lapsed <- struct{}{}:
	default:
	}
	return &lapseError{err}
}

// idle says that nothing has come to be decoded for a while.
func (d *decoder) idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(monotonic()-d.last) >= idleAfter
}

// progress is what a decoder has given of what it was given.
type progress struct {
	owed  atomic.Int64 // access units since the last picture
	given atomic.Int64 // pictures

	seen  int64 // given at the last look; of watch
	stall stall
}

// hangs says whether the decoder gives nothing any more.
func (p *progress) hangs(now time.Time) bool {
	given := p.given.Load()
	t := &p.stall
	if given != p.seen || p.owed.Load() <= decoderLag {
		p.seen, p.stall = given, stall{}
		return false
	}
	if t.beats++; t.beats == 1 {
		t.since, t.waited = now, waitedFor("/proc/self")
	}
	return t.beats >= hangBeats && (!t.starved(now) || t.beats >= stallExcuse)
}
