package engine_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
)

var (
	video = engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000}
	audio = engine.AudioFormat{Codec: "opus", Kbps: 32}

	formats = engine.Formats{Video: video, Audio: audio}

	roles = []protocol.Role{protocol.Camera, protocol.Sound, protocol.Screen}
)

// gets is what one call got.
type gets struct {
	pictures []enginetest.Picture
	sounds   []enginetest.Sound
}

// recorder is a Handler that keeps what comes.
type recorder struct {
	mu       sync.Mutex
	pictures []enginetest.Picture
	sounds   []enginetest.Sound
	got      map[string]*gets
	events   map[protocol.Role][]protocol.Event
	busy     map[protocol.Role]bool
	overlap  bool
	block    chan struct{} // if not nil, Video waits for it
}

func (r *recorder) enter(role protocol.Role) func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.overlap = r.overlap || r.busy[role]
	if r.busy == nil {
		r.busy = map[protocol.Role]bool{}
	}
	r.busy[role] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.busy[role] = false
	}
}

func (r *recorder) Video(calls []string, au media.AccessUnit) {
	defer r.enter(protocol.Camera)()
	r.mu.Lock()
	if p, ok := enginetest.ParsePicture(au.Data); ok && p.Key == au.Key && !au.Captured.After(time.Now()) {
		r.pictures = append(r.pictures, p)
		for _, c := range calls {
			r.call(c).pictures = append(r.call(c).pictures, p)
		}
	}
	block := r.block
	r.mu.Unlock()
	if block != nil {
		<-block
	}
}

func (r *recorder) Audio(calls []string, af media.AudioFrame) {
	defer r.enter(protocol.Sound)()
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := enginetest.ParseSound(af.Data); ok && af.Duration == 20*time.Millisecond {
		r.sounds = append(r.sounds, s)
		for _, c := range calls {
			r.call(c).sounds = append(r.call(c).sounds, s)
		}
	}
}

// call is with mu held.
func (r *recorder) call(id string) *gets {
	if r.got == nil {
		r.got = map[string]*gets{}
	}
	if r.got[id] == nil {
		r.got[id] = &gets{}
	}
	return r.got[id]
}

// take is what a call got since the last take.
func (r *recorder) take(id string) gets {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := *r.call(id)
	delete(r.got, id)
	return g
}

func (r *recorder) Event(role protocol.Role, e protocol.Event) {
	defer r.enter(role)()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		r.events = map[protocol.Role][]protocol.Event{}
	}
	r.events[role] = append(r.events[role], e)
}

// count is how many events of a kind came; has says whether one of them has this text.
func (r *recorder) count(role protocol.Role, k protocol.EventKind) (n int, last string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events[role] {
		if e.Kind == k {
			n++
			last = e.Text
		}
	}
	return n, last
}

func (r *recorder) counts() (pictures, sounds int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pictures), len(r.sounds)
}

// since is what came after the first so many pictures and frames of sound.
func (r *recorder) since(pictures, sounds int) ([]enginetest.Picture, []enginetest.Sound) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pictures[pictures:]), slices.Clone(r.sounds[sounds:])
}

// simulate runs an engine with fake devices in a bubble; end ends it and checks that it leaves nothing behind.
func simulate(t *testing.T, test func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &recorder{}
		d := enginetest.New(enginetest.Options{Seed: 7})
		e := engine.New(engine.Config{
			Camera:  protocol.CameraConfig{Source: "test", Label: "milano", Seed: 7, Encoder: "auto"},
			Sound:   protocol.SoundConfig{Microphone: "test", Speaker: "none", ToneHz: 440, Echo: true},
			Screen:  protocol.ScreenConfig{Sink: "none", Title: "milano", Width: 1280, Height: 720},
			Handler: h,
			Log:     slog.New(slog.DiscardHandler),
			Start:   d.Start,
		})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- e.Run(ctx) }()
		synctest.Wait()
		test(t, e, d, h)
		cancel()
		select {
		case err := <-ran:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("Run does not return")
		}
		for _, r := range roles {
			if d.Running(r) {
				t.Errorf("a %s process is left behind", r)
			}
		}
		if h.overlap {
			t.Error("calls of the Handler for one role overlapped")
		}
	})
}

// running checks which processes there are.
func running(t *testing.T, d *enginetest.Devices, camera, sound, screen bool) {
	t.Helper()
	for i, want := range []bool{camera, sound, screen} {
		if got := d.Running(roles[i]); got != want {
			t.Errorf("%s process: %v, want %v", roles[i], got, want)
		}
	}
}
