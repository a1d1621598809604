package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/media/engine/protocol"
)

const maxSide = 8192 // pixels

// videoFormat is what is asked of a source or an encoder: the words of the window's file, and a stream's format.
type videoFormat struct {
	protocol.CameraConfig
	protocol.VideoStream
}

// check says what of a format cannot be.
func (c videoFormat) check() error {
	if c.Width < 16 || c.Height < 16 || c.Width > maxSide || c.Height > maxSide || c.Width%2 != 0 || c.Height%2 != 0 {
		return fmt.Errorf("video of %dx%d: width and height must be even and from 16 to %d; change video in the window's file", c.Width, c.Height, maxSide)
	}
	if c.FPS < 1 || c.FPS > 120 || c.Kbps < 10 || c.Kbps > 100000 {
		return fmt.Errorf("video with %d pictures a second and %d kbit/s: 1 to 120 and 10 to 100000 are possible; change video in the window's file", c.FPS, c.Kbps)
	}
	return nil
}

// camera is the role that captures and encodes. The capture and each encoder are pipelines of their own, so that the
// encoders live on, and a still picture goes out, when a camera comes or goes, and that one encoder comes or goes
// without the other:
//
//	                                              ┌▶ appsrc (1, leaky) ! scale ! encoder ! h264parse ! appsink ──▶ parent
//	source ! convert ! appsink ──newest picture──▶┤
//	      test picture, still picture ───────────▶└▶ appsrc (1, leaky) ! scale ! encoder ! h264parse ! appsink ──▶ parent
//
// One that scans has a second branch behind convert, which looks for QR codes (source.go).
//
// The capture has the size of the largest stream; in its encoder nothing is left to scale.
type camera struct {
	c       protocol.CameraConfig
	p       *parent
	pulse   pulse
	failure chan error
	want    chan []protocol.VideoStream // holds one: the streams that there are to be, if others than now

	frame atomic.Pointer[frameFormat] // of the capture
	slow  map[string]forbearance      // of devices by their name; only the capture uses it
	still still

	lapsed chan lapse // encoders that failed while pictures went through them
	retry  chan error // how another trial of the one that is avoided ended

	mu       sync.Mutex
	streams  []*encoding
	avoided  avoided   // the encoder that failed last
	leaving  int       // encodings that were replaced and have not ended yet
	excused  time.Time // until then streams are being changed, and need not move
	device   string    // that is open
	reported string
	proven   proven // the encoder that was tried last; of begin and follow
	labour   labour
}

func newCamera(c protocol.CameraConfig, p *parent) (*camera, error) {
	if len(c.Streams) == 0 {
		return nil, fmt.Errorf("a camera without a stream")
	}
	k := &camera{c: c, p: p, slow: map[string]forbearance{}, pulse: pulse{p: p}, failure: make(chan error, 8), want: make(chan []protocol.VideoStream, 1),
		lapsed: make(chan lapse, 8), retry: make(chan error, 1)}
	if c.Avoid != "" && !slices.ContainsFunc(software(), func(e encoder) bool { return e.name == c.Avoid }) {
		k.avoided = avoided{name: c.Avoid, why: "it failed a while ago, and is tried again later"}
	}
	first := videoFormat{c, c.Streams[0]}
	if err := first.check(); err != nil {
		return nil, err
	}
	if err := k.begin(first); err != nil {
		return nil, err
	}
	k.want <- c.Streams // the others
	return k, nil
}

// begin chooses the first encoder and starts it. Trials take as long as a machine that is just booting needs: progress
// is reported meanwhile, of each for its own time at most.
func (k *camera) begin(first videoFormat) error {
	b := beginBeating(&k.pulse, changeMost)
	defer b.end()
	e, why, err := choose(first, k.candidates(), func(e encoder, c videoFormat) error {
		b.grant(e.trialMost())
		k.p.starts("tries the encoder " + e.name)
		return e.tryOut(c)
	})
	if err != nil {
		return err
	}
	b.grant(changeMost)
	k.frame.Store(&frameFormat{pixels: e.format})
	k.grow(k.c.Streams)
	s, err := startEncoding(first, e, why, *k.frame.Load())
	if err != nil {
		return err
	}
	k.proven = proven{e, why, first}
	k.streams = []*encoding{s}
	return nil
}

// Frame ignores frames: none comes to a camera.
func (k *camera) Frame(protocol.Frame) {}

// Command changes the streams or asks for keyframes.
func (k *camera) Command(c protocol.Command) {
	if c.Video != nil {
		select {
		case <-k.want: // what is asked for now takes its place
		default:
		}
		k.want <- c.Video // only this goroutine sends
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.streams {
		if slices.Contains(c.Keyframes, s.Number) {
			s.tell(s.encoder.keyframe)
		}
	}
	if c.Retry {
		k.tryAgain()
	}
}

// Run captures and encodes until an encoder fails.
func (k *camera) Run(ctx context.Context) error {
	for _, s := range k.streams {
		s.run(k.p, &k.pulse, k.lapse)
	}
	go k.follow(ctx)
	go k.sendStills(ctx)
	go func() {
		if kind, _ := split(k.c.Source); kind == "test" {
			k.failure <- k.paint(ctx)
		} else {
			k.failure <- k.capture(ctx)
		}
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-k.failure:
			return err
		case now := <-tick.C:
			k.beat(now)
			k.work(now)
		}
	}
}

// changeMost is how long a change of streams may take before it is a hang: an encoder is tried, and the camera may have
// to be opened anew for a larger picture.
const changeMost = 3 * time.Second

// lagMost is how many pictures an encoder may hold back: some give the one before when they get the next.
const lagMost = 1

// beat reports progress while all streams move: one whose driver hangs must not hide behind another. An encoder that has
// given what it was given waits for the camera, however slow that is, and is not to blame; see forbearance.
func (k *camera) beat(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.suspect(now)
	for _, s := range k.streams {
		if s.units.Load() != s.told {
			continue
		}
		if s.owed.Load() <= lagMost {
			k.pulse.count.Add(1)
			continue
		}
		if now.Before(k.excused) && k.pulse.told > 0 { // else it has not begun
			k.pulse.count.Add(1)
			k.pulse.beat(now)
		}
		return
	}
	if k.pulse.beat(now) {
		for _, s := range k.streams {
			s.told = s.units.Load()
		}
	}
}

// open says which device is open.
func (k *camera) open(device string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.device = device
	k.report()
}

func (k *camera) isOpen(device string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.device == device
}

// report says once what is open and which encoders there are, with mu held.
func (k *camera) report() {
	if k.device == "" || len(k.streams) == 0 {
		return
	}
	why := k.streams[0].why
	for _, s := range k.streams[1:] {
		why += fmt.Sprintf(" (and for %dx%d: %s)", s.Width, s.Height, s.why)
	}
	if k.avoided.name != "" {
		why += fmt.Sprintf(" (%s is left out: %s)", k.avoided.name, k.avoided.why)
	}
	if now := strings.Join([]string{k.device, why}, "\n"); now != k.reported {
		k.reported = now
		lacks := ""
		if k.device == stillPicture {
			lacks = "No camera"
		}
		k.p.event(protocol.Event{Kind: protocol.Ready, Device: k.device, Encoder: k.streams[0].encoder.name, Text: why, Lacks: lacks, Avoided: k.avoided.name})
	}
}
