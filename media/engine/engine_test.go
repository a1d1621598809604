package engine_test

import (
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
)

func TestCameraAndSoundExistOnlyInCalls(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		time.Sleep(time.Minute)
		running(t, d, false, false, true)

		e.Open("a", formats)
		time.Sleep(time.Second)
		running(t, d, true, true, true)
		p, s := h.counts()
		if p < 28 || s < 48 {
			t.Errorf("%d pictures and %d frames of sound in the first second", p, s)
		}
		if got := d.Configured(protocol.Camera).Camera; !reflect.DeepEqual(got, &protocol.CameraConfig{Source: "test", Label: "milano", Seed: 7, Encoder: "auto",
			Streams: []protocol.VideoStream{{Number: 1, Width: 1280, Height: 720, FPS: 30, Kbps: 2000}}}) {
			t.Errorf("camera was told %+v", got)
		}
		if got := d.Configured(protocol.Sound).Sound; !reflect.DeepEqual(got, &protocol.SoundConfig{Microphone: "test", Speaker: "none", ToneHz: 440, Echo: true,
			Streams: protocol.SoundStreams{
				Recorded: []protocol.SoundStream{{Number: 2, Codec: "opus", Kbps: 32}},
				Played:   []protocol.SoundStream{{Number: 3, Codec: "opus"}},
			}}) {
			t.Errorf("sound was told %+v", got)
		}

		e.Close("a")
		synctest.Wait()
		p, s = h.counts()
		time.Sleep(500 * time.Millisecond)
		running(t, d, false, false, true)
		if p2, s2 := h.counts(); p2 != p || s2 != s {
			t.Errorf("%d pictures and %d frames of sound came after Close", p2-p, s2-s)
		}
		time.Sleep(time.Hour)
		running(t, d, false, false, true)
		if n := d.Starts(protocol.Screen); n != 1 {
			t.Errorf("the screen was started %d times", n)
		}

		e.Open("a", engine.Formats{Audio: audio}) // a phone that gets no picture
		time.Sleep(time.Second)
		running(t, d, false, true, true)
	})
}

// A call's formats change without a new process, and only what changes begins anew.
func TestOpenChangesOnlyWhatChanges(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		v, a := video, audio
		keys := func(want int, what string) {
			t.Helper()
			e.Open("a", engine.Formats{Video: v, Audio: a})
			time.Sleep(time.Second)
			if c, s := d.Starts(protocol.Camera), d.Starts(protocol.Sound); c != 1 || s != 1 {
				t.Errorf("%s: started camera %d and sound %d times", what, c, s)
			}
			if got := d.Camera().Keys; got != want {
				t.Errorf("%s: %d sequences of pictures, want %d", what, got, want)
			}
		}
		keys(1, "first")
		keys(1, "the same")
		v.Kbps = 500
		keys(1, "another bitrate")
		if got := d.Camera().Streams; len(got) != 1 || got[0].Kbps != 500 {
			t.Errorf("camera makes %+v, want 500 kbit/s", got)
		}
		v.MaxSlice = 1200
		keys(2, "another size of slices")
		if got := d.Camera().Streams; len(got) != 1 || got[0].MaxSlice != 1200 {
			t.Errorf("camera makes %+v, want slices of 1200 bytes", got)
		}
		h.take("a")
		a = engine.AudioFormat{Codec: "PCMA"}
		keys(2, "another codec")
		g := h.take("a")
		if len(g.pictures) < 29 || len(g.sounds) < 49 || g.sounds[len(g.sounds)-1].Codec != "PCMA" {
			t.Errorf("%d pictures and %d frames of sound in a second with a change", len(g.pictures), len(g.sounds))
		}
		if n, text := h.count(protocol.Camera, protocol.Failed); n > 0 {
			t.Errorf("a change of format counts as a failure: %s", text)
		}
	})
}

func TestEachRoleIsReplacedWithinASecond(t *testing.T) {
	for _, role := range roles {
		for _, fault := range []string{"crash", "hang"} {
			t.Run(string(role)+" "+fault, func(t *testing.T) {
				simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
					e.Open("a", formats)
					time.Sleep(20 * time.Second)
					if fault == "crash" {
						d.Crash(role)
						time.Sleep(time.Second)
					} else {
						d.Hang(role)
						time.Sleep(2 * time.Second) // one to find out, one to replace
					}
					running(t, d, true, true, true)
					for _, r := range roles {
						want := 1
						if r == role {
							want = 2
						}
						if got := d.Starts(r); got != want {
							t.Errorf("%s was started %d times, want %d", r, got, want)
						}
					}
					n, text := h.count(role, protocol.Failed)
					want := string(role) + ": signal: segmentation fault"
					if fault == "hang" {
						want = string(role) + ": no progress for 1s"
					}
					if n != 1 || text != want {
						t.Errorf("%d failures reported, the last is %q, want %q", n, text, want)
					}
				})
			})
		}
	}
}

func TestANewProcessIsToldAllAgain(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		card := protocol.Card{Title: "Munich – Werkstatt – Kitchen", Reason: "closed", Next: "opens Mon 09:00"}
		e.Show(card)
		e.Open("a", formats)
		time.Sleep(time.Second)
		e.SetKbps("a", 800)
		e.Mute(true)
		time.Sleep(time.Second)
		check := func() {
			t.Helper()
			if got := d.Screen().Card; got != card {
				t.Errorf("screen says %+v", got)
			}
			if got := d.Camera().Streams[0].Kbps; got != 800 {
				t.Errorf("camera makes %d kbit/s", got)
			}
			if !d.Microphone().Muted {
				t.Error("microphone is not muted")
			}
		}
		check()
		for _, r := range roles {
			d.Crash(r)
		}
		e.Show(protocol.Card{})
		e.Show(card) // while there is no process
		time.Sleep(time.Second)
		check()
		if !d.Configured(protocol.Sound).Sound.Muted {
			t.Error("the new sound process did not begin muted")
		}
		_, before := h.counts()
		time.Sleep(time.Second)
		_, sounds := h.since(0, before)
		for _, s := range sounds {
			if !s.Muted {
				t.Fatal("sound came out of a muted microphone")
			}
		}
		e.Mute(false)
		time.Sleep(time.Second)
		_, sounds = h.since(0, before)
		if sounds[len(sounds)-1].Muted {
			t.Error("the microphone stays muted")
		}
	})
}

func TestCrashLoopBacksOffAndNeverGivesUp(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		d.Refuse(protocol.Camera, errors.New("start the camera process: no such file"))
		e.Open("a", formats)
		time.Sleep(time.Second)
		if n := d.Starts(protocol.Camera); n != 3 { // at 0, 0.2, 0.6 s
			t.Errorf("%d starts in the first second, want 3", n)
		}
		time.Sleep(time.Hour)
		if n := d.Starts(protocol.Camera); n < 700 || n > 730 {
			t.Errorf("%d starts in an hour, want one in 5 s", n)
		}
		if n, text := h.count(protocol.Camera, protocol.Failed); n < 700 || text != "camera: start the camera process: no such file" {
			t.Errorf("%d failures reported, the last %q", n, text)
		}
		if n := d.Starts(protocol.Sound); n != 1 {
			t.Errorf("sound was started %d times", n)
		}
		d.Refuse(protocol.Camera, nil)
		time.Sleep(6 * time.Second)
		running(t, d, true, true, true)
		if p, _ := h.counts(); p < 20 {
			t.Errorf("%d pictures", p)
		}
	})
}

func TestThreeHangsChangeTheEncoder(t *testing.T) {
	simulate(t, func(t *testing.T, e *engine.Engine, d *enginetest.Devices, h *recorder) {
		d.SetPace(time.Second, time.Second) // only to be quick
		e.Open("a", formats)
		for i := range 3 {
			time.Sleep(20 * time.Minute)
			if got := d.Configured(protocol.Camera).Camera.Encoder; got != "auto" {
				t.Fatalf("encoder is %q after %d hangs", got, i)
			}
			d.Hang(protocol.Camera)
			d.Hang(protocol.Sound)
		}
		time.Sleep(3 * time.Second)
		running(t, d, true, true, true)
		if got := d.Configured(protocol.Camera).Camera.Encoder; got != "x264enc" {
			t.Errorf("encoder is %q after three hangs", got)
		}
		const want = "the encoder fake hung 3 times; x264enc, in software, takes its place until this window is restarted"
		if n, text := h.count(protocol.Camera, protocol.Missing); n != 1 || text != want {
			t.Errorf("said %d times, last %q", n, text)
		}
		if n, text := h.count(protocol.Sound, protocol.Missing); n > 0 {
			t.Errorf("said of sound: %q", text)
		}
		e.Close("a")
		time.Sleep(time.Second)
		e.Open("a", formats)
		time.Sleep(time.Second)
		if got := d.Configured(protocol.Camera).Camera.Encoder; got != "x264enc" {
			t.Errorf("encoder is %q in the next call", got)
		}
	})
}
