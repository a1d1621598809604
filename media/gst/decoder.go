package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
	"ewindow/media/h264"
)

const (
	waitingMost  = 120         // access units before the decoder: four seconds, more than lip sync ever holds back
	waitingBytes = 16 << 20    // of all of them
	holdMost     = time.Second // no access unit waits longer for its time
	ahead        = time.Hour   // a pipeline's times are those of arrival, so much later: none may be before its start
)

// decoder makes pictures of access units, each as soon as its time has come:
//
//	Frame ──queue──▶ waits until its time ──▶ appsrc ! h264parse ! decoder ! appsink ──▶ newest picture
//
// It begins with a keyframe, and begins anew after an error or a picture of which a part cannot be decoded, so that it
// never gives a picture with parts missing.
type decoder struct {
	software videoDecoder
	hardware hardware // which takes its place

	waiting  chan arrival
	pictures chan *pipeline.Sample // at most the newest; Time is when its access unit arrived

	overrun chan struct{}
	damage  chan struct{}

	mu    sync.Mutex
	gate  h264.KeyGate
	bytes int   // of what waits
	last  int64 // when an access unit came, ns of CLOCK_MONOTONIC

	hidden int64 // when the last access unit came that is not to be shown, ns of CLOCK_MONOTONIC
}

// arrival is an access unit and when it came, ns of CLOCK_MONOTONIC.
type arrival struct {
	frame protocol.Frame
	at    int64
}

func newDecoder(software videoDecoder) *decoder {
	return &decoder{software: software, hardware: hardware{lapsed: make(chan struct{}, 1)}, waiting: make(chan arrival, waitingMost), pictures: make(chan *pipeline.Sample, 1),
		overrun: make(chan struct{}, 1), damage: make(chan struct{}, 1)}
}

// Why a decoder begins anew by itself.
var (
	errOverrun = errors.New("the decoder is too slow")
	errDamaged = errors.New("a picture that came cannot be decoded")
)

// put takes an access unit; it never blocks. Before a keyframe it takes none.
func (d *decoder) put(f protocol.Frame) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.gate.Admit(f.Flags&protocol.FlagKey != 0 || h264.IsKey(f.Data)) {
		return
	}
	now := monotonic()
	d.last = now
	if f.Flags&protocol.FlagHidden != 0 {
		d.hidden = now
	}
	if len(d.waiting) < waitingMost && d.bytes+len(f.Data) <= waitingBytes {
		d.waiting <- arrival{f, now} // there is room: nobody else sends
		d.bytes += len(f.Data)
		return
	}
	d.gate.Close()
	select {
	case d.overrun <- struct{}{}:
	default:
	}
}

// reset forgets what waits; only a keyframe goes on from here.
func (d *decoder) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gate.Close()
	for {
		select {
		case a := <-d.waiting:
			d.bytes -= len(a.frame.Data)
		case s := <-d.pictures:
			s.Free()
		default:
			return
		}
	}
}

// run decodes until an error, until there is a better decoder and nothing to do, or until ctx ends.
func (d *decoder) run(ctx context.Context) error {
	v := d.choose()
	p, err := v.build("appsink name=out sync=false qos=false max-buffers=1 drop=true")
	if err == nil {
		if err = p.Start(); err != nil {
			go p.Close() // a driver may hang
		}
	}
	if err != nil {
		return d.failed(v, fmt.Errorf("decoder %s: %w", v.name, err))
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var at progress
	wg.Go(func() { d.feed(ctx, p, &at) })
	wg.Go(func() { d.collect(ctx, p, &at) })
	err = d.watch(ctx, p, v, &at)
	cancel()
	if v.hardware {
		wg.Wait()
		d.hardware.release(p)
	} else {
		p.Stop() // wakes collect
		wg.Wait()
		p.Close()
	}
	d.reset()
	return err
}

func (d *decoder) watch(ctx context.Context, p *pipeline.Pipeline, v videoDecoder, at *progress) error {
	for ctx.Err() == nil {
		switch m := p.Next(watchEvery); { // an overrun comes after seconds: it can wait
		case m.Err != nil:
			return d.failed(v, fmt.Errorf("decoder %s: %w", v.name, m.Err))
		case m.End:
			return d.failed(v, fmt.Errorf("decoder %s: ended by itself", v.name))
		case v.hardware && at.hangs(time.Now()):
			return d.failed(v, fmt.Errorf("decoder %s: it hung after %d pictures", v.name, at.given.Load()))
		case !v.hardware && d.hardware.ready() && d.idle():
			return errBetter
		}
		select {
		case <-d.overrun:
			return errOverrun
		case <-d.damage:
			return errDamaged
		default:
		}
	}
	return ctx.Err()
}

// feed gives the decoder each access unit at its time.
func (d *decoder) feed(ctx context.Context, p *pipeline.Pipeline, at *progress) {
	for {
		var a arrival
		select {
		case <-ctx.Done():
			return
		case a = <-d.waiting:
		}
		d.mu.Lock()
		d.bytes -= len(a.frame.Data)
		d.mu.Unlock()
		if wait := time.Duration(a.frame.Time - monotonic()); a.frame.Time != 0 && wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(min(wait, holdMost)):
			}
		}
		at.owed.Add(1)
		for p.Queued("in") >= 4 { // the decoder is busy: access units wait in our queue, where they are counted
			select {
			case <-ctx.Done():
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
		p.Push("in", a.frame.Data, a.at+ahead.Nanoseconds(), 0, false)
	}
}

// collect keeps the newest picture ready.
func (d *decoder) collect(ctx context.Context, p *pipeline.Pipeline, at *progress) {
	damages := pipeline.Damages()
	for ctx.Err() == nil {
		s, err := p.Pull("out", 250*time.Millisecond)
		if errors.Is(err, pipeline.ErrTimeout) {
			continue
		}
		if err != nil {
			return
		}
		at.given.Add(1)
		at.owed.Store(0)
		was := damages
		damages = pipeline.Damages()
		if s.Time -= ahead.Nanoseconds(); d.hides(s.Time) {
			s.Free()
			continue
		}
		if s.Damaged || damages != was { // this one, or the next
			s.Free()
			select {
			case d.damage <- struct{}{}:
			default:
			}
			return
		}
		select {
		case old := <-d.pictures:
			old.Free()
		default:
		}
		d.pictures <- s // there is room: nobody else sends
	}
}

// hides says whether the picture of the access unit that came then is not to be shown.
func (d *decoder) hides(at int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return at <= d.hidden
}
