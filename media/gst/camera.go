package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/card"
	"ewindow/media/gst/pipeline"
	"ewindow/media/h264"
)

// stillPicture is the device that stands in for a camera.
const stillPicture = "still picture"

const (
	stillEvery  = 200 * time.Millisecond  // a still picture is sent at 5 a second
	firstFrame  = 2 * time.Second         // a camera that gives no picture within this time is not there
	stillAfter  = 1500 * time.Millisecond // until then nothing is sent while a camera starts
	searchEvery = 4 * time.Second         // a camera that is missing is looked for so often
	closeWithin = time.Second             // a driver that hangs for longer when it is closed takes the process with it
	maxSide     = 8192                    // pixels
)

// camera is the role that captures and encodes. Capture and encoder are pipelines of their own, so that the encoder
// lives on, and a still picture goes out, when a camera comes or goes:
//
//	source ! convert ! appsink ──newest picture──▶ appsrc (1, leaky) ! encoder ! h264parse ! appsink ──▶ parent
//	      test picture, still picture ───────────▶
type camera struct {
	c       protocol.CameraConfig
	p       *parent
	encoder encoder
	why     string             // this encoder
	out     *pipeline.Pipeline // the encoder's
	pulse   pulse
	still   atomic.Pointer[[]byte] // sent while it is set
	ready   string                 // device that was last reported
}

func newCamera(c protocol.CameraConfig, p *parent) (*camera, error) {
	if c.Width < 16 || c.Height < 16 || c.Width > maxSide || c.Height > maxSide || c.Width%2 != 0 || c.Height%2 != 0 {
		return nil, fmt.Errorf("video of %dx%d: width and height must be even and from 16 to %d; change video in the window's file", c.Width, c.Height, maxSide)
	}
	if c.FPS < 1 || c.FPS > 120 || c.Kbps < 10 || c.Kbps > 100000 {
		return nil, fmt.Errorf("video with %d pictures a second and %d kbit/s: 1 to 120 and 10 to 100000 are possible; change video in the window's file", c.FPS, c.Kbps)
	}
	e, why, err := choose(c)
	if err != nil {
		return nil, err
	}
	out, err := e.start(c)
	if err != nil {
		return nil, fmt.Errorf("encoder %s: %w", e.name, err)
	}
	return &camera{c: c, p: p, encoder: e, why: why, out: out, pulse: pulse{p: p}}, nil
}

// Frame ignores frames: none comes to a camera.
func (k *camera) Frame(protocol.Frame) {}

// Command changes the bitrate or asks for a keyframe.
func (k *camera) Command(c protocol.Command) {
	if c.Kbps > 0 {
		k.encoder.kbps(k.out, min(max(c.Kbps, 10), 100000))
	}
	if c.Keyframe {
		k.encoder.keyframe(k.out)
	}
}

// Run captures and encodes until the encoder fails.
func (k *camera) Run(ctx context.Context) error {
	failure := make(chan error, 3)
	go func() { failure <- k.send() }()
	go func() { failure <- k.watch() }()
	go k.sendStills(ctx)
	go func() {
		if kind, _ := split(k.c.Source); kind == "test" {
			failure <- k.paint(ctx)
		} else {
			failure <- k.capture(ctx)
		}
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-failure:
			return err
		case now := <-tick.C:
			k.pulse.beat(now)
		}
	}
}

// send passes access units on to the parent.
func (k *camera) send() error {
	for {
		s, err := k.out.Pull("out", time.Second)
		if errors.Is(err, pipeline.ErrTimeout) {
			continue
		}
		if err != nil {
			return fmt.Errorf("encoder %s ended: %w", k.encoder.name, err)
		}
		f := protocol.Frame{Time: s.Time, Data: s.Bytes()}
		s.Free()
		if h264.IsKey(f.Data) {
			f.Flags = protocol.FlagKey
		}
		k.p.frame(f)
		k.pulse.count.Add(1)
	}
}

// watch hears the encoder's errors.
func (k *camera) watch() error {
	for {
		if m := k.out.Next(time.Second); m.Err != nil {
			return fmt.Errorf("encoder: %w; another may be set with encoder in the window's file", m.Err)
		}
	}
}

// paint is the test camera.
func (k *camera) paint(ctx context.Context) error {
	p := newPainter(k.c, k.encoder.format)
	pipeline.FreeMemory() // drawing the ground took a lot, once
	k.report("test picture")
	tick := time.NewTicker(time.Second / time.Duration(k.c.FPS))
	defer tick.Stop()
	for {
		k.out.Push("in", p.next(), monotonic(), 0, false)
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
		if s := k.still.Load(); s != nil {
			k.out.Push("in", *s, monotonic(), 0, false)
		}
	}
}

func (k *camera) showStill(reason, next string) {
	px := convert(card.Full(k.c.Width, k.c.Height, card.Texts{Title: k.c.Label, Reason: reason, Next: next}), k.encoder.format).pixels
	k.still.Store(&px)
}

// report says once what is open.
func (k *camera) report(device string) {
	if device != k.ready {
		k.ready = device
		lacks := ""
		if device == stillPicture {
			lacks = "No camera"
		}
		k.p.event(protocol.Event{Kind: protocol.Ready, Device: device, Encoder: k.encoder.name, Text: k.why, Lacks: lacks})
	}
}

// capture keeps looking for a camera, and sends its pictures while there is one.
func (k *camera) capture(ctx context.Context) error {
	starting := time.AfterFunc(stillAfter, func() { k.showStill("The camera starts", "") })
	told := ""
	for ctx.Err() == nil {
		err := k.captureOnce(ctx, starting)
		var hang *hangError
		if errors.As(err, &hang) {
			return err
		}
		starting.Stop()
		if errors.Is(err, io.EOF) { // a clip starts again; a very short one must not keep us busy
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if told != err.Error() || k.ready != stillPicture {
			told = err.Error()
			k.p.event(protocol.Event{Kind: protocol.Missing, Text: "camera " + k.c.Source + ": " + told, Device: k.c.Source})
		}
		k.showStill("No camera", "sound only")
		k.report(stillPicture)
		select {
		case <-ctx.Done():
		case <-time.After(searchEvery):
		}
	}
	return ctx.Err()
}

// captureOnce sends the pictures of the first source that works, until it ends, and says why.
func (k *camera) captureOnce(ctx context.Context, starting *time.Timer) error {
	all, err := sources(k.c)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("no camera on this machine; plug one in, or name one in the window's file")
	}
	var found []string
	for _, s := range all {
		worked, err := k.stream(ctx, s, starting)
		var hang *hangError
		if worked || errors.As(err, &hang) {
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
// A camera that has worked and then stalls without an error is left alone: no more progress is reported, and the
// supervisor replaces the process.
func (k *camera) stream(ctx context.Context, s source, starting *time.Timer) (worked bool, err error) {
	p, err := pipeline.New(s.pictures(k.encoder.format, k.c), "out")
	if err != nil {
		return false, fmt.Errorf("%w; check the word camera in the window's file", err)
	}
	defer func() {
		if !closed(p) {
			err = &hangError{s.device}
		}
	}()
	if err := p.Start(); err != nil {
		return false, err
	}
	began, next := time.Now(), int64(0)
	for ctx.Err() == nil {
		if m := p.Next(0); m.Err != nil {
			return worked, m.Err
		}
		f, err := p.Pull("out", 100*time.Millisecond)
		switch {
		case errors.Is(err, pipeline.ErrTimeout):
			if !worked && time.Since(began) > firstFrame {
				return false, fmt.Errorf("no picture within %v", firstFrame)
			}
			continue
		case err != nil:
			return worked, k.ended(p, s, worked)
		}
		if !worked {
			worked = true
			starting.Stop()
			k.still.Store(nil)
			pipeline.FreeMemory() // the encoder's trial took a lot, once
			k.report(s.device)
		}
		k.take(f, s, &next)
	}
	return worked, ctx.Err()
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

// take sends one picture to the encoder, unless the source gives more of them than are wanted.
func (k *camera) take(f *pipeline.Sample, s source, next *int64) {
	defer f.Free()
	if s.paced || f.Time == 0 {
		f.Time = monotonic()
	}
	interval := int64(time.Second) / int64(k.c.FPS)
	if f.Time < *next-interval/4 {
		return
	}
	*next = max(*next, f.Time-interval) + interval
	k.out.PushSample("in", f, f.Time)
}

// closed closes a pipeline and says whether it did so in time.
func closed(p *pipeline.Pipeline) bool {
	done := make(chan struct{})
	go func() {
		p.Close()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(closeWithin):
		return false
	}
}
