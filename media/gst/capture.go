package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/card"
	"ewindow/media/gst/pipeline"
)

// stillPicture is the device that stands in for a camera.
const stillPicture = "still picture"

const (
	stillEvery  = 200 * time.Millisecond  // a still picture is sent at 5 a second
	stillAfter  = 1500 * time.Millisecond // until then nothing is sent while a camera starts
	searchEvery = 4 * time.Second         // a camera that is missing is looked for so often
	maxCode     = 4 << 10                 // bytes of a QR code
	closeWithin = 2500 * time.Millisecond // a driver that hangs for longer when it is closed takes the process with it
)

// format is what is asked of a source.
func (k *camera) format(f frameFormat) videoFormat {
	return videoFormat{k.c, protocol.VideoStream{Width: f.width, Height: f.height, FPS: f.fps}}
}

// paint is the test camera.
func (k *camera) paint(ctx context.Context) error {
	var p *painter
	var f *frameFormat
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if now := k.frame.Load(); now != f {
			former := p
			p, f = newPainter(k.format(*now), now.pixels), now
			if former != nil {
				p.counter = former.counter
			}
			pipeline.FreeMemory() // drawing the background took much memory, and does not come again
			k.open("test picture")
			tick.Reset(time.Second / time.Duration(f.fps))
		}
		pixels, at := p.next(), monotonic()
		k.give(*f, at, f.fps, func(p *pipeline.Pipeline) { p.Push("in", pixels, at, 0, false) })
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// sendStills sends the still picture while one is set.
func (k *camera) sendStills(ctx context.Context) {
	tick := time.NewTicker(stillEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		k.still.send(func(s picture) {
			f, at := *k.frame.Load(), monotonic()
			f.width, f.height = s.width, s.height
			k.give(f, at, int(time.Second/stillEvery), func(p *pipeline.Pipeline) { p.Push("in", s.pixels, at, 0, false) })
		})
	}
}

func (k *camera) showStill(right int, reason, next string) {
	k.still.show(right, func() picture {
		f := k.frame.Load()
		return convert(card.Full(f.width, f.height, card.Texts{Title: k.c.Label, Reason: reason, Next: next}), f.pixels)
	})
}

// capture keeps looking for a camera, and sends its pictures while there is one.
func (k *camera) capture(ctx context.Context) error {
	if k.c.Scan && !pipeline.Has("zbar") {
		k.p.event(protocol.Event{Kind: protocol.Missing, Text: "this machine reads no QR codes: GStreamer's zbar is not there; install gstreamer1.0-plugins-bad", Device: "zbar"})
	}
	right := k.still.begin()
	starting := time.AfterFunc(stillAfter, func() { k.showStill(right, "The camera starts", "") })
	defer starting.Stop()
	told := ""
	for ctx.Err() == nil {
		err := k.captureOnce(ctx)
		var hang *hangError
		if errors.As(err, &hang) {
			return err
		}
		if errors.Is(err, errGrown) {
			continue
		}
		if errors.Is(err, io.EOF) { // a clip starts again; a very short one must not keep us busy
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if told != err.Error() || !k.isOpen(stillPicture) {
			told = err.Error()
			k.p.event(protocol.Event{Kind: protocol.Missing, Text: "camera " + k.c.Source + ": " + told, Device: k.c.Source})
		}
		k.showStill(k.still.begin(), "No camera", "sound only")
		k.open(stillPicture)
		select {
		case <-ctx.Done():
		case <-time.After(searchEvery):
		}
	}
	return ctx.Err()
}

// errGrown says that the capture is to be larger or faster: a stream asks for more than those before.
var errGrown = errors.New("the capture has grown")

// captureOnce sends the pictures of the first source that works, until it ends, and says why.
func (k *camera) captureOnce(ctx context.Context) error {
	f := k.frame.Load()
	all, err := sources(k.format(*f))
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("no camera on this machine; plug one in, or name one in the window's file")
	}
	var found []string
	for _, s := range all {
		worked, err := k.stream(ctx, s, f)
		var hang *hangError
		if worked || errors.As(err, &hang) || errors.Is(err, errGrown) {
			return err
		}
		found = append(found, fmt.Sprintf("%s: %v", s.device, err))
	}
	return errors.New(strings.Join(found, "; "))
}

// hangError says that a driver does not come back: only the end of the process helps.
type hangError struct{ device string }

func (e *hangError) Error() string {
	return fmt.Sprintf("camera %s hangs and does not close; the process starts anew", e.device)
}

// stream sends the pictures of one source until it ends; worked says that there was at least one.
//
// One that stalls without an error is closed and opened again; forbearance says when. If its driver does not come back from
// that, the process ends and says why, and no encoder is blamed.
func (k *camera) stream(ctx context.Context, s source, frame *frameFormat) (worked bool, err error) {
	p, err := pipeline.New(s.pictures(frame.pixels, k.format(*frame)), "out")
	if err != nil {
		return false, fmt.Errorf("%w; check the word camera in the window's file", err)
	}
	defer func() {
		if !closed(p, closeWithin) {
			err = &hangError{s.device}
		}
	}()
	opening := time.AfterFunc(openMost, func() {
		k.failure <- fmt.Errorf("camera %s hangs while it is opened; the process starts anew", s.device)
	})
	err = p.Start()
	opening.Stop()
	if err != nil {
		return false, err
	}
	last := time.Now()
	for ctx.Err() == nil {
		if k.frame.Load() != frame {
			return worked, errGrown
		}
		if m := p.Next(0); m.Err != nil {
			return worked, m.Err
		} else if m.Code != "" && len(m.Code) <= maxCode {
			k.p.event(protocol.Event{Kind: protocol.Code, Text: m.Code})
		}
		f, err := p.Pull("out", 100*time.Millisecond)
		switch {
		case errors.Is(err, pipeline.ErrTimeout):
			if err := k.late(s.device, worked, time.Since(last)); err != nil {
				return worked, err
			}
			continue
		case err != nil:
			return worked, k.ended(p, s, worked)
		}
		if !worked {
			worked = true
			k.still.end()
			pipeline.FreeMemory() // the encoder's trial took much memory, and does not come again
			k.open(s.device)
		}
		k.slow[s.device] = k.slow[s.device].took(time.Since(last))
		last = time.Now()
		k.take(f, s, *frame)
	}
	return worked, ctx.Err()
}

// late says what is wrong when nothing has come of a camera for so long.
func (k *camera) late(device string, worked bool, since time.Duration) error {
	p := k.slow[device]
	switch {
	case worked && since > p.next():
		return fmt.Errorf("no picture for %v", p.next())
	case !worked && since > p.first():
		err := fmt.Errorf("no picture within %v", p.first())
		p.vain++
		k.slow[device] = p
		return err
	}
	return nil
}

// ended says why a source gives no more: an error, or, for a clip, io.EOF.
func (k *camera) ended(p *pipeline.Pipeline, s source, worked bool) error {
	if m := p.Next(50 * time.Millisecond); m.Err != nil {
		return m.Err
	}
	if s.paced && worked {
		return io.EOF
	}
	return errors.New("the source has ended")
}

// take gives one picture to the encoders.
func (k *camera) take(f *pipeline.Sample, s source, frame frameFormat) {
	defer f.Free()
	if s.paced || f.Time == 0 {
		f.Time = monotonic()
	}
	k.give(frame, f.Time, 0, func(p *pipeline.Pipeline) { p.PushSample("in", f, f.Time) })
}

// closed closes a pipeline and says whether it did so in time.
func closed(p *pipeline.Pipeline, within time.Duration) bool {
	done := make(chan struct{})
	go func() {
		p.Close()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(within):
		return false
	}
}
