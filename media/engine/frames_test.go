package engine_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
)

// loop shows the window its own camera and plays it its own microphone.
type loop struct {
	*recorder
	e *engine.Engine
}

func (l *loop) Video(calls []string, au media.AccessUnit) {
	l.recorder.Video(calls, au)
	l.e.PlayVideo("a", au)
}
func (l *loop) Audio(calls []string, af media.AudioFrame) {
	l.recorder.Audio(calls, af)
	l.e.PlayAudio("a", af)
}
func (l *loop) Event(r protocol.Role, e protocol.Event) {
	l.recorder.Event(r, e)
	if e.Kind == protocol.Keyframe {
		l.e.ForceKeyframe("a")
	}
}

func TestPicturesAreNeverShownBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &loop{recorder: &recorder{}}
		d := enginetest.New(enginetest.Options{Seed: 7, Size: 3000})
		h.e = engine.New(engine.Config{Handler: h, Start: d.Start})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := h.e.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		h.e.Open("a", formats)
		h.e.ShowCall("a")
		time.Sleep(3 * time.Second)
		for range 5 {
			for _, role := range roles {
				d.Hang(role)
				time.Sleep(3 * time.Second)
				d.Crash(role)
				time.Sleep(11 * time.Second)
			}
		}
		synctest.Wait()
		s, cam := d.Screen(), d.Camera()
		if s.Broken > 0 || s.Foreign > 0 {
			t.Errorf("%d pictures were broken, %d unreadable", s.Broken, s.Foreign)
		}
		if s.Seed != 7 || s.Counter < cam.Pictures-1 || s.Pictures < 4000 {
			t.Errorf("screen shows picture %d of camera %d, which is at %d; %d were shown", s.Counter, s.Seed, cam.Pictures, s.Pictures)
		}
		if n, text := h.count(protocol.Screen, protocol.Keyframe); n < 10 || text == "" {
			t.Errorf("a keyframe was asked for %d times, %q", n, text)
		}
		if p := d.Speaker(); p.Frames < 9000 || p.Seed != 7 {
			t.Errorf("speaker played %d frames", p.Frames)
		}
		cancel()
		wg.Wait()
	})
}

// The first keyframe is enough, however long the screen takes to open: what comes before waits for it. Nobody's wish for one before
// the first picture makes a second.
func TestTheFirstKeyframeIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &loop{recorder: &recorder{}}
		d := enginetest.New(enginetest.Options{Seed: 7})
		d.SetStart(protocol.Screen, enginetest.Start{Takes: 500 * time.Millisecond})
		d.SetStart(protocol.Camera, enginetest.Start{Takes: 200 * time.Millisecond})
		h.e = engine.New(engine.Config{Handler: h, Start: d.Start})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := h.e.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		h.e.Open("a", formats)
		h.e.ShowCall("a")
		time.Sleep(100 * time.Millisecond)
		h.e.ForceKeyframe("a")
		time.Sleep(time.Second)
		if s, cam := d.Screen(), d.Camera(); cam.Keys != 1 || s.Broken > 0 || s.Pictures < int(cam.Pictures)-1 {
			t.Errorf("%d keyframes; of %d pictures %d are shown, %d broken", cam.Keys, cam.Pictures, s.Pictures, s.Broken)
		}
		h.e.ForceKeyframe("a")
		time.Sleep(100 * time.Millisecond)
		if n := d.Camera().Keys; n != 2 {
			t.Errorf("%d keyframes after another was asked for", n)
		}
		cancel()
		wg.Wait()
	})
}

func TestPlayNeverWaits(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		e.Open("a", formats)
		e.ShowCall("a")
		time.Sleep(time.Second)
		d.Hang(protocol.Screen)
		d.Hang(protocol.Sound)
		began := time.Now()
		for range 10_000 {
			e.PlayVideo("a", media.AccessUnit{Data: make([]byte, 10_000)})
			e.PlayAudio("a", media.AudioFrame{Lost: true, Duration: 60 * time.Millisecond})
			e.Show(protocol.Card{Title: strings.Repeat("x", 1000)})
		}
		if d := time.Since(began); d > 0 {
			t.Errorf("10,000 calls waited for %v", d)
		}
	})
}

func TestLostSoundIsConcealedForItsLength(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		e.Open("a", formats)
		time.Sleep(time.Second)
		for _, l := range []time.Duration{0, 20 * time.Millisecond, 60 * time.Millisecond, 100 * time.Hour} {
			e.PlayAudio("a", media.AudioFrame{Lost: true, Duration: l})
			synctest.Wait()
		}
		if got := d.Speaker().Lost; got != 1+1+3+10 {
			t.Errorf("%d frames were concealed, want 1 for none, 1 for 20 ms, 3 for 60 ms and at most 10", got)
		}
	})
}

func TestASlowHandlerLosesPicturesAndGetsAKeyframe(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		release := make(chan struct{})
		h.block = release
		e.Open("a", formats)
		time.Sleep(10 * time.Second)
		if n := d.Starts(protocol.Camera); n != 1 {
			t.Fatalf("a slow Handler cost %d cameras", n-1)
		}
		h.mu.Lock()
		h.block = nil
		h.mu.Unlock()
		close(release)
		time.Sleep(time.Second)
		last := enginetest.Picture{}
		pictures, _ := h.since(0, 0)
		for _, p := range pictures {
			if !p.Key && p.Counter != last.Counter+1 {
				t.Errorf("picture %d follows %d and is no keyframe", p.Counter, last.Counter)
			}
			last = p
		}
		if cam := d.Camera(); last.Counter < cam.Pictures-1 || cam.Keys < 2 {
			t.Errorf("the last picture is %d of %d, with %d keyframes", last.Counter, cam.Pictures, cam.Keys)
		}
	})
}

func TestAHandlerMayCallTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &meddler{}
		d := enginetest.New(enginetest.Options{})
		h.e = engine.New(engine.Config{Handler: h, Start: d.Start})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- h.e.Run(ctx) }()
		h.e.Open("a", formats)
		time.Sleep(time.Minute)
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if d.Starts(protocol.Camera) < 10 {
			t.Errorf("%d cameras", d.Starts(protocol.Camera))
		}
	})
}

// meddler closes and opens from within its callbacks.
type meddler struct {
	e *engine.Engine
	n int
}

func (m *meddler) Video(calls []string, au media.AccessUnit) {
	m.n++
	m.e.PlayVideo("a", au)
	if m.n%30 == 0 {
		m.e.Close("a")
		m.e.Open("a", formats)
		m.e.ShowCall("a")
	}
}
func (m *meddler) Audio(calls []string, af media.AudioFrame) { m.e.PlayAudio("a", af) }
func (m *meddler) Event(protocol.Role, protocol.Event) {
	m.e.ForceKeyframe("a")
	m.e.Mute(true)
	m.e.SetKbps("a", 900)
	m.e.Show(protocol.Card{Picture: true})
}

func TestAHandlerThatNeverReturnsIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &recorder{block: make(chan struct{})}
		d := enginetest.New(enginetest.Options{})
		e := engine.New(engine.Config{Handler: h, Start: d.Start})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		e.Open("a", formats)
		err := e.Run(ctx)
		const want = "camera: the handler has not returned for 1s"
		if err == nil || err.Error() != want {
			t.Errorf("Run: %v, want %q", err, want)
		}
		close(h.block)
	})
}

func TestBeforeAndAfterRun(t *testing.T) {
	d := enginetest.New(enginetest.Options{})
	e := engine.New(engine.Config{Handler: &recorder{}, Start: d.Start})
	e.Open("a", formats)
	e.Show(protocol.Card{Title: "x"})
	e.PlayVideo("a", media.AccessUnit{Data: []byte{1}})
	e.PlayAudio("a", media.AudioFrame{Data: []byte{1}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
	e.Close("a")
	e.Mute(true)
	e.SetKbps("a", 1)
	e.ForceKeyframe("a")
	for _, r := range roles {
		if d.Running(r) {
			t.Errorf("a %s process is left behind", r)
		}
	}
}
