package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
)

var phone = engine.Formats{
	Video: engine.VideoFormat{Width: 320, Height: 180, FPS: 30, Kbps: 300},
	Audio: engine.AudioFormat{Codec: "PCMU"},
}

// gapless says that a call got every picture and every frame of sound, in its own format, and began with a keyframe.
func (g gets) gapless(t *testing.T, call string, f engine.Formats, least int) {
	t.Helper()
	for i, p := range g.pictures {
		if int(p.Width) != f.Video.Width || i > 0 && p.Counter != g.pictures[i-1].Counter+1 || i == 0 && !p.Key {
			t.Fatalf("call %s: picture %d is %+v", call, i, p)
		}
	}
	for i, s := range g.sounds {
		if s.Codec != f.Audio.Codec || i > 0 && s.Counter != g.sounds[i-1].Counter+1 {
			t.Fatalf("call %s: frame of sound %d is %+v", call, i, s)
		}
	}
	if len(g.pictures) < least || len(g.sounds) < least {
		t.Errorf("call %s: %d pictures and %d frames of sound, at least %d", call, len(g.pictures), len(g.sounds), least)
	}
}

func TestTwoCallsAtOnce(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		e.Open("a", formats)
		time.Sleep(time.Second)
		if got := e.Open("b", phone); got != phone.Video {
			t.Errorf("call b is told %+v", got)
		}
		time.Sleep(time.Second)
		e.SetKbps("b", 200)
		time.Sleep(time.Second)
		if s := d.Camera().Streams; len(s) != 2 || s[0].Kbps != 2000 || s[1].Kbps != 200 {
			t.Errorf("camera makes %+v", s)
		}
		h.take("b").gapless(t, "b", phone, 50)
		e.Close("b")
		time.Sleep(time.Second)
		if g := h.take("b"); len(g.pictures)+len(g.sounds) > 1 {
			t.Errorf("call b got %d pictures and %d frames of sound after its end", len(g.pictures), len(g.sounds))
		}
		h.take("a").gapless(t, "a", formats, 115)
		if c, s := d.Starts(protocol.Camera), d.Starts(protocol.Sound); c != 1 || s != 1 {
			t.Errorf("camera was started %d and sound %d times", c, s)
		}
		e.Close("a")
		time.Sleep(time.Second)
		running(t, d, false, false, true)
	})
}

// A call that joins another in its format gets the same pictures, from a keyframe on that is made for it.
func TestACallJoinsAnother(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		e.Open("a", formats)
		time.Sleep(time.Second)
		slow := formats
		slow.Video.Kbps = 700
		if got := e.Open("b", slow); got != slow.Video {
			t.Errorf("call b is told %+v", got)
		}
		time.Sleep(time.Second)
		if s := d.Camera().Streams; len(s) != 1 || s[0].Kbps != 700 {
			t.Errorf("camera makes %+v", s)
		}
		h.take("b").gapless(t, "b", formats, 28)
		h.take("a").gapless(t, "a", formats, 55)
		if n := d.Camera().Keys; n != 2 {
			t.Errorf("%d keyframes", n)
		}
	})
}

// At most two formats are made: a third call is told what it gets instead, and gets its own when there is room.
func TestAThirdFormat(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		middle, least := formats, formats
		middle.Video.Width, middle.Video.Height = 640, 360
		least.Video.Width, least.Video.Height, least.Video.Kbps = 160, 90, 64
		e.Open("a", formats)
		e.Open("b", phone)
		if got := e.Open("c", middle); got != phone.Video {
			t.Errorf("a third that decodes the smaller one is told %+v", got)
		}
		if got := e.Open("d", least); got != (engine.VideoFormat{}) {
			t.Errorf("a fourth that decodes neither is told %+v", got)
		}
		time.Sleep(time.Second)
		for call, width := range map[string]int{"a": 1280, "b": 320, "c": 320, "d": 0} {
			g := h.take(call)
			if len(g.sounds) < 45 || (width == 0) != (len(g.pictures) == 0) || width > 0 && int(g.pictures[0].Width) != width {
				t.Errorf("call %s: %d frames of sound, %d pictures", call, len(g.sounds), len(g.pictures))
			}
		}
		e.Close("a")
		e.Close("b")
		time.Sleep(time.Second)
		h.take("c").gapless(t, "c", middle, 25)
		h.take("d").gapless(t, "d", least, 25)
		if n := d.Starts(protocol.Camera); n != 1 {
			t.Errorf("the camera was started %d times", n)
		}
	})
}

// The process of a role that crashes or hangs comes back with the streams of both calls.
func TestBothCallsComeBack(t *testing.T) {
	for _, role := range []protocol.Role{protocol.Camera, protocol.Sound} {
		simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
			e.Open("a", formats)
			e.Open("b", phone)
			time.Sleep(time.Second)
			for _, fault := range []func(protocol.Role){d.Crash, d.Hang} {
				fault(role)
				e.ForceKeyframe("b")
				time.Sleep(2 * time.Second)
				h.take("a")
				h.take("b")
				e.ForceKeyframe("a")
				e.ForceKeyframe("b")
				time.Sleep(time.Second)
				for call, f := range map[string]engine.Formats{"a": formats, "b": phone} {
					g := h.take(call)
					if len(g.pictures) < 29 || len(g.sounds) < 49 || int(g.pictures[0].Width) != f.Video.Width || g.sounds[0].Codec != f.Audio.Codec {
						t.Errorf("%s fault: call %s gets %d pictures and %d frames of sound in a second", role, call, len(g.pictures), len(g.sounds))
					}
				}
			}
			if n := d.Starts(role); n != 3 {
				t.Errorf("%s was started %d times", role, n)
			}
		})
	}
}

// The speaker plays all calls, the screen shows one, and what is on its way for another is not seen.
func TestSpeakerMixesAndScreenShowsOne(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		far := map[string]*engine.Engine{}
		for call, f := range map[string]engine.Formats{"a": formats, "b": phone} {
			e.Open(call, f)
			seed := map[string]uint16{"a": 11, "b": 12}[call]
			far[call] = engine.New(engine.Config{Handler: sender{e, call}, Start: enginetest.New(enginetest.Options{Seed: seed}).Start})
			far[call].Open("us", f)
			other := far[call]
			wg.Go(func() { _ = other.Run(ctx) })
		}
		e.ShowCall("a")
		time.Sleep(2 * time.Second)
		if s := d.Screen(); s.Seed != 11 || s.Broken+s.Foreign > 0 || s.Pictures < 28 {
			t.Errorf("the screen shows %+v", s)
		}
		if s := d.Speaker(); s.Mixed[11] < 75 || s.Mixed[12] < 75 || s.Foreign > 0 {
			t.Errorf("the speaker plays %v, %d foreign frames", s.Mixed, s.Foreign)
		}
		before, _ := h.count(protocol.Screen, protocol.Keyframe)
		e.ShowCall("b")
		time.Sleep(time.Millisecond)
		if n, _ := h.count(protocol.Screen, protocol.Keyframe); n != before+1 {
			t.Errorf("a keyframe of the other call was asked for %d times", n-before)
		}
		far["b"].ForceKeyframe("us")
		time.Sleep(time.Second)
		if s := d.Screen(); s.Seed != 12 || s.Broken+s.Foreign > 0 {
			t.Errorf("the screen shows %+v", s)
		}
		e.Close("b")
		n := d.Screen().Pictures
		played := d.Speaker().Mixed[12]
		time.Sleep(time.Second)
		if s := d.Screen(); s.Pictures > n+1 {
			t.Errorf("%d pictures were shown of a call that has ended", s.Pictures-n)
		}
		if s := d.Speaker(); s.Mixed[12] > played+1 || s.Mixed[11] < 120 || s.Foreign > 0 {
			t.Errorf("the speaker plays %v, %d foreign frames", s.Mixed, s.Foreign)
		}
	})
}

// sender is the other side of a call: what its devices give is played here.
type sender struct {
	e    *engine.Engine
	call string
}

func (s sender) Video(_ []string, au media.AccessUnit)   { s.e.PlayVideo(s.call, au) }
func (s sender) Audio(_ []string, af media.AudioFrame)   { s.e.PlayAudio(s.call, af) }
func (s sender) Event(r protocol.Role, e protocol.Event) {}
