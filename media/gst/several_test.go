package main

import (
	"testing"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/h264"
	"ewindow/media/testcard"
)

// of is the frames of one stream so far.
func (k *child) of(stream uint32) (frames []protocol.Frame) {
	for _, f := range k.took() {
		if f.Stream == stream {
			frames = append(frames, f)
		}
	}
	return frames
}

// moreOf waits until there are n more frames of a stream than now.
func (k *child) moreOf(stream uint32, n int, within time.Duration) {
	k.t.Helper()
	n += len(k.of(stream))
	k.until("frames of a stream", within, func() bool {
		have := 0
		for _, f := range k.frames {
			if f.Stream == stream {
				have++
			}
		}
		return have >= n
	})
}

// widest is the longest time between two captures that follow each other.
func widest(frames []protocol.Frame) (gap time.Duration) {
	for i := 1; i < len(frames); i++ {
		gap = max(gap, time.Duration(frames[i].Time-frames[i-1].Time))
	}
	return gap
}

// unbroken checks that a stream is one sequence: a keyframe and pictures that build on it, all with the camera's code.
func (k *child) unbroken(stream uint32, width, height int) {
	k.t.Helper()
	units := k.of(stream)
	for i, f := range units {
		if h264.IsKey(f.Data) != (i == 0) {
			k.t.Fatalf("stream %d: access unit %d of %d: keyframe %v", stream, i, len(units), i != 0)
		}
	}
	seeds, counters := codes(k.t, units, width, height)
	if len(seeds) < len(units)-3 {
		k.t.Fatalf("stream %d: %d of %d codes could be read", stream, len(seeds), len(units))
	}
	for i := range seeds {
		if seeds[i] != 7 || i > 0 && counters[i] <= counters[i-1] {
			k.t.Fatalf("stream %d: seed %d, counters %v", stream, seeds[i], counters)
		}
	}
}

// A second encoder begins and ends, and so does the first: the other goes on as it was. The second stream may be
// smaller than the first, or larger, where the capture has to grow.
func TestTwoEncodersAtOnce(t *testing.T) {
	for name, second := range map[string]protocol.VideoStream{
		"smaller": {Number: 2, Width: 320, Height: 180, FPS: 30, Kbps: 300},
		"larger":  {Number: 2, Width: 960, Height: 540, FPS: 30, Kbps: 900},
		"slower":  {Number: 2, Width: 640, Height: 360, FPS: 15, Kbps: 300},
		"slices":  {Number: 2, Width: 640, Height: 360, FPS: 30, Kbps: 500, MaxSlice: 1100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testCamera()
			k := start(t, cameraRole(c))
			k.moreOf(1, 30, 5*time.Second)
			k.command(protocol.Command{Video: []protocol.VideoStream{c.VideoStream, second}})
			k.moreOf(2, 30, 5*time.Second)
			k.moreOf(1, 10, 3*time.Second)
			k.command(protocol.Command{Video: []protocol.VideoStream{second}})
			k.moreOf(2, 30, 5*time.Second)
			ended := len(k.of(1))
			k.unbroken(1, c.Width, c.Height)
			k.unbroken(2, second.Width, second.Height)
			t.Logf("longest gap of the first stream %v, of the second %v", widest(k.of(1)), widest(k.of(2)))
			k.progresses(4, 1500*time.Millisecond)
			came := k.of(2)
			if n := len(k.of(1)); len(came) < 60 || n != ended {
				t.Errorf("the first stream goes on after its end, or the second does not: %d after %d, %d", n, ended, len(came))
			}
			if fps := float64(len(came)-1) / time.Duration(came[len(came)-1].Time-came[0].Time).Seconds(); fps > 1.15*float64(second.FPS) {
				t.Errorf("%.1f pictures a second, asked for %d", fps, second.FPS)
			}
		})
	}
}

// A process that takes the place of another begins with both streams.
func TestCameraBeginsWithTwoStreams(t *testing.T) {
	t.Parallel()
	second := protocol.VideoStream{Number: 5, Width: 320, Height: 180, FPS: 30, Kbps: 300}
	k := start(t, cameraRole(testCamera(), second))
	k.moreOf(5, 20, 5*time.Second)
	k.command(protocol.Command{Keyframes: []uint32{5}})
	k.until("a second keyframe", 3*time.Second, func() bool {
		keys := map[uint32]int{}
		for _, f := range k.frames {
			if f.Flags&protocol.FlagKey != 0 {
				keys[f.Stream]++
			}
		}
		return keys[5] == 2 && keys[1] == 1
	})
}

// A second stream that cannot be made is missing, and said to be; the first goes on.
func TestSecondEncoderThatCannotBe(t *testing.T) {
	t.Parallel()
	c := testCamera()
	c.Encoder = "openh264enc"
	k := start(t, cameraRole(c))
	k.moreOf(1, 10, 5*time.Second)
	k.command(protocol.Command{Video: []protocol.VideoStream{c.VideoStream, {Number: 2, Width: 320, Height: 180, FPS: 30, Kbps: 300, MaxSlice: 1100}}})
	k.event(protocol.Missing, "pictures of 320x180: no H.264 encoder works (openh264enc: cannot limit the size of slices", 3*time.Second)
	k.moreOf(1, 30, 5*time.Second)
	k.unbroken(1, c.Width, c.Height)
}

// play passes what a microphone gives on to a stream of the speaker.
func play(from, to *child, stream uint32) {
	for f := range from.stream() {
		f.Time, f.Stream = 0, stream
		if protocol.WriteFrame(to.conn, f) != nil {
			return
		}
	}
}

// Two calls in different codecs: both are heard, the microphone goes to both, and the first is not interrupted when the
// second comes and goes.
func TestTwoCallsAreMixed(t *testing.T) {
	t.Parallel()
	spk, heard := loudspeaker(t)
	one, two := coded("opus", 32), coded("PCMU", 0)
	two.Recorded[0].Number, two.Played[0].Number = 2, 2
	both := protocol.SoundStreams{Recorded: append(one.Recorded, two.Recorded...), Played: append(one.Played, two.Played...)}
	k := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 440, Speaker: spk, Streams: one}))
	first := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 700, Speaker: "none", Streams: one}))
	second := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 1500, Speaker: "none", Streams: coded("PCMU", 0)}))
	go play(first, k, 1)
	k.moreOf(1, 50, 4*time.Second)
	// hears waits until the last half second has these tones, and only these.
	hears := func(what string, low, high bool) {
		t.Helper()
		var a, b float64
		k.until(what, 4*time.Second, func() bool {
			s := heard()
			if len(s) < soundRate/2 {
				return false
			}
			a, b = goertzel(s[len(s)-soundRate/2:], 700), goertzel(s[len(s)-soundRate/2:], 1500)
			return a > -30 == low && b > -30 == high
		})
		t.Logf("%s: 700 Hz at %.1f dB, 1500 Hz at %.1f dB", what, a, b)
	}
	hears("one call", true, false)
	k.command(protocol.Command{Sound: &both})
	go play(second, k, 2)
	k.moreOf(2, 50, 4*time.Second)
	hears("two calls", true, true)
	k.command(protocol.Command{Sound: &protocol.SoundStreams{Recorded: two.Recorded, Played: two.Played}})
	k.moreOf(2, 50, 4*time.Second)
	hears("the second alone", false, true)
	for stream, name := range map[uint32]string{1: "opus", 2: "PCMU"} {
		frames := k.of(stream)
		if gap := widest(frames[2:]); gap > 25*time.Millisecond { // times of capture, counted in samples
			t.Errorf("%s: a gap of %v in what the microphone gives", name, gap)
		}
	}
}

// When another call is shown, no picture of the one before is seen again; its last one does not stay for long.
func TestAnotherCallIsShown(t *testing.T) {
	t.Parallel()
	x := startX(t, 1280, 720)
	k := startScreen(t, x)
	k.command(protocol.Command{Shown: 1, Card: &protocol.Card{Picture: true, Title: "Munich"}})
	first, stop, stopped := start(t, cameraRole(testCamera())), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		relay(first, k, stop)
	}()
	shows := func(want uint16) func([]byte) bool {
		return func(luma []byte) bool {
			seed, n, ok := testcard.Read(luma, whole.width, whole.width, whole.height)
			return ok && seed == want && n > 10 // those that come while the decoder starts have no time of their own
		}
	}
	x.sees("the first call", whole, 5*time.Second, shows(7))
	close(stop)
	<-stopped
	k.command(protocol.Command{Shown: 2})
	x.sees("no call, when the second gives nothing", whole, 2*time.Second, func(luma []byte) bool {
		_, _, ok := testcard.Read(luma, whole.width, whole.width, whole.height)
		return !ok && bright(luma) < 1000 // the title alone
	})
	c := testCamera()
	c.Seed, c.Width, c.Height = 9, 320, 180
	go relay(start(t, cameraRole(c)), k, nil)
	x.sees("the second call", whole, 5*time.Second, shows(9))
	if k.count(protocol.Failed) > 0 {
		t.Errorf("the screen says %s", k.said())
	}
}
