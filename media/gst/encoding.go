package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
	"ewindow/media/h264"
)

// frameFormat is the format of the pictures that the capture gives to the encoders.
type frameFormat struct {
	pixels        string // format, as GStreamer names it
	width, height int
	fps           int
}

// caps is this format at the rate at which an encoder takes pictures of it.
func (f frameFormat) caps(fps int) string {
	return fmt.Sprintf("video/x-raw,format=%s,width=%d,height=%d,framerate=%d/1,pixel-aspect-ratio=1/1", f.pixels, f.width, f.height, fps)
}

// An encoding is one stream of a camera: an encoder at work.
type encoding struct {
	videoFormat
	encoder encoder
	why     string // this encoder
	pipe    *pipeline.Pipeline
	begun   int           // pictures a second that the encoder was made for: FPS may be others now
	units   atomic.Uint64 // access units so far
	given   atomic.Uint64 // pictures so far
	owed    atomic.Int64  // of these, those since the last access unit
	stop    context.CancelFunc
	running sync.WaitGroup
	orders  chan func(*pipeline.Pipeline) // for the encoder

	sending sync.Mutex
	over    bool // nothing of it is sent any more; under sending

	// Under the mutex of the camera.
	told  uint64      // units when progress was last reported
	frame frameFormat // of the pictures that it is given
	due   int64       // when it takes the next, ns of CLOCK_MONOTONIC
	stall stall       // of an encoder in hardware
}

// startEncoding starts an encoder that was chosen.
func startEncoding(c videoFormat, e encoder, why string, frame frameFormat) (*encoding, error) {
	p, err := e.start(c, frame)
	if err != nil {
		return nil, fmt.Errorf("encoder %s: %w", e.name, err)
	}
	return &encoding{videoFormat: c, encoder: e, why: why, pipe: p, begun: c.FPS, frame: frame, orders: make(chan func(*pipeline.Pipeline), 16)}, nil
}

// run passes access units on to the parent until end is called; an error is given to failed, once.
func (s *encoding) run(p *parent, total *pulse, failed func(*encoding, error)) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	var once sync.Once
	report := func(err error) {
		if ctx.Err() == nil {
			once.Do(func() { failed(s, err) })
		}
	}
	s.running.Go(func() { report(s.send(ctx, p, total)) })
	s.running.Go(func() { report(s.watch(ctx)) })
	s.running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case order := <-s.orders:
				order(s.pipe)
			}
		}
	})
}

// tell gives the encoder an order. Nobody waits for that: with a driver that is stuck, an order may never end.
func (s *encoding) tell(order func(*pipeline.Pipeline)) {
	select {
	case s.orders <- order:
	default: // it is stuck, and will be replaced
	}
}

// silence has nothing of it go out any more, whatever its encoder still gives.
func (s *encoding) silence() {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.over = true
}

// end ends it, and says whether its driver let go in time.
func (s *encoding) end() bool {
	gone := make(chan struct{})
	go func() {
		s.finish()
		close(gone)
	}()
	select {
	case <-gone:
		return true
	case <-time.After(closeWithin):
		return false
	}
}

// finish ends it, however long that takes.
func (s *encoding) finish() {
	s.stop()
	s.pipe.Stop() // wakes send
	s.running.Wait()
	s.pipe.Close()
}

// send passes access units on to the parent.
func (s *encoding) send(ctx context.Context, p *parent, total *pulse) error {
	var unit []byte
	for ctx.Err() == nil {
		u, err := s.pipe.Pull("out", time.Second)
		if errors.Is(err, pipeline.ErrTimeout) {
			continue
		}
		if err != nil {
			return fmt.Errorf("encoder %s ended: %w", s.encoder.name, err)
		}
		unit = u.Append(unit[:0])
		f := protocol.Frame{Time: u.Time, Stream: s.Number, Data: unit}
		u.Free()
		if h264.IsKey(f.Data) {
			f.Flags = protocol.FlagKey
		}
		if !s.pass(p, f) {
			return nil
		}
		s.owed.Store(0)
		s.units.Add(1)
		total.count.Add(1)
	}
	return nil
}

// pass sends an access unit, or says that this stream is silenced.
func (s *encoding) pass(p *parent, f protocol.Frame) bool {
	s.sending.Lock()
	defer s.sending.Unlock()
	if !s.over {
		p.frame(f)
	}
	return !s.over
}

// watch hears the encoder's errors.
func (s *encoding) watch(ctx context.Context) error {
	for ctx.Err() == nil {
		if m := s.pipe.Next(500 * time.Millisecond); m.Err != nil {
			return fmt.Errorf("encoder %s: %w; another may be set with encoder in the window's file", s.encoder.name, m.Err)
		}
	}
	return nil
}

// takes says whether it is time for its next picture, and counts that as given: a source may give more than a stream
// wants. So many a second come; 0 if that is not known.
func (s *encoding) takes(at int64, fps int) bool {
	if fps > 0 && fps <= s.FPS {
		return true
	}
	interval := int64(time.Second) / int64(s.FPS)
	if at < s.due-interval/4 {
		return false
	}
	s.due = max(s.due, at-interval) + interval
	return true
}

// give hands a picture of that format, captured at that time, to each encoder that is due. So many of them come in a
// second; 0 if that is not known.
func (k *camera) give(frame frameFormat, at int64, fps int, push func(*pipeline.Pipeline)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.streams {
		if !s.takes(at, fps) {
			continue
		}
		if s.frame != frame {
			s.frame = frame
			s.pipe.Set("in", "caps", frame.caps(s.begun))
		}
		s.given.Add(1)
		s.owed.Add(1)
		push(s.pipe)
	}
}

// grow makes the capture as large and as fast as the largest and fastest stream. It never shrinks again: that would
// interrupt what the smaller streams get.
func (k *camera) grow(streams []protocol.VideoStream) {
	f := *k.frame.Load()
	for _, s := range streams {
		if s.Width*s.Height > f.width*f.height {
			f.width, f.height = s.Width, s.Height
		}
		f.fps = max(f.fps, s.FPS)
	}
	if f != *k.frame.Load() {
		k.frame.Store(&f)
	}
}

// follow makes the streams what they are to be, whenever that changes. Those that stay are left alone.
func (k *camera) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case want := <-k.want:
			k.excuse(time.Now().Add(changeMost))
			if err := k.change(want); err != nil {
				k.failure <- err
			}
		case l := <-k.lapsed:
			if err := k.takeOver(l); err != nil {
				k.failure <- err
			}
		case err := <-k.retry:
			k.retried(err)
		}
	}
}

func (k *camera) excuse(until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.excused = until
}

// change ends the streams that are not wanted and begins those that are missing. A second one that cannot be made is
// missing; without any, the camera is of no use.
func (k *camera) change(want []protocol.VideoStream) error {
	for _, s := range k.remove(want) {
		if !s.end() {
			return fmt.Errorf("encoder %s hangs and does not close; the process starts anew", s.encoder.name)
		}
	}
	k.grow(want)
	for _, w := range want {
		if k.adjust(w) {
			continue
		}
		err := k.add(videoFormat{k.c, w})
		if err == nil {
			continue
		}
		if len(want) == 1 {
			return err
		}
		k.p.event(protocol.Event{Kind: protocol.Missing, Text: fmt.Sprintf("pictures of %dx%d: %v", w.Width, w.Height, err)})
	}
	return nil
}

// remove takes the streams away that are not wanted.
func (k *camera) remove(want []protocol.VideoStream) (gone []*encoding) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.streams = slices.DeleteFunc(slices.Clone(k.streams), func(s *encoding) bool {
		if slices.ContainsFunc(want, func(w protocol.VideoStream) bool { return w.Number == s.Number }) {
			return false
		}
		gone = append(gone, s)
		return true
	})
	return gone
}

// adjust sets the bitrate and the pictures a second of a stream, or says that there is no such stream. An encoder shares its
// bits out among as many pictures as it was made for.
func (k *camera) adjust(w protocol.VideoStream) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.streams {
		if s.Number != w.Number {
			continue
		}
		if s.Kbps != w.Kbps || s.FPS != w.FPS {
			s.Kbps, s.FPS = w.Kbps, w.FPS
			kbps := min(max(w.Kbps*s.begun/max(w.FPS, 1), 10), 100000)
			s.tell(func(p *pipeline.Pipeline) { s.encoder.kbps(p, kbps) })
		}
		return true
	}
	return false
}

// proven is an encoder that was tried, and the format with which it was.
type proven struct {
	encoder encoder
	why     string
	format  videoFormat
}

// covers says that a format asks no more of the encoder than the trial did.
func (p proven) covers(c videoFormat) bool {
	f := p.format
	return f.Width > 0 && c.Width <= f.Width && c.Height <= f.Height && c.FPS <= f.FPS && c.MaxSlice == f.MaxSlice &&
		(p.encoder.fits == nil || p.encoder.fits(c) == nil)
}

// add begins a stream. A trial takes a moment in which nothing of it goes: what asks less than one before needs none.
func (k *camera) add(c videoFormat) error {
	if err := c.check(); err != nil {
		return err
	}
	if !k.proven.covers(c) {
		e, why, err := choose(c, k.candidates(), encoder.tryOut)
		if err != nil {
			return err
		}
		k.proven = proven{e, why, c}
		defer pipeline.FreeMemory() // the trial took much memory, and does not come again
	}
	s, err := startEncoding(c, k.proven.encoder, k.proven.why, *k.frame.Load())
	if err != nil {
		k.proven = proven{}
		return err
	}
	s.run(k.p, &k.pulse, k.lapse)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.streams = append(k.streams, s)
	k.excused = time.Now().Add(changeMost) // from the end of the trial, however long that took
	k.report()
	return nil
}
