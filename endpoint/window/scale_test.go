package window

import (
	"testing"
	"time"

	"ewindow/media/engine"
)

// First the bitrate falls, then the pictures a second, then the size; and back when there is more than just enough.
func TestScale(t *testing.T) {
	full := engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000}
	now := time.Unix(1_700_000_000, 0)
	var s scale
	if got := s.choose(now, full, 0, 0, 0); got != full {
		t.Errorf("without knowledge %+v, want all", got)
	}
	for _, step := range []struct {
		after         time.Duration
		kbps          int
		used          float64
		width, fps, k int
	}{
		{0, 250, 0, 1280, 30, 250},                    // at first a format has its time
		{9 * time.Second, 250, 0, 1280, 30, 250},      // nothing was made of it yet
		{2 * time.Second, 2500, 2000, 1280, 30, 2000}, // never more than was agreed
		{2 * time.Second, 560, 560, 1280, 30, 560},    // just enough
		{2 * time.Second, 500, 500, 1280, 15, 500},    // half as many pictures
		{2 * time.Second, 600, 600, 1280, 15, 600},    // enough for all, but not amply
		{2 * time.Second, 800, 800, 1280, 30, 800},
		{100 * time.Millisecond, 500, 500, 1280, 30, 500}, // too soon
		{2 * time.Second, 200, 200, 640, 30, 200},
		{100 * time.Millisecond, 60, 60, 640, 30, 60}, // not that soon, however little it is
		{500 * time.Millisecond, 60, 60, 320, 30, 60}, // less than half of what it needs: at once
		{2 * time.Second, 10, 10, 320, 15, 10},        // nothing is smaller
		{2 * time.Second, 60, 10, 640, 15, 60},        // a quiet room: what it makes fits a larger one
		{2 * time.Second, 3000, 2000, 1280, 30, 2000},
		{2 * time.Second, 300, 20, 1280, 30, 300}, // a quiet room in its full size
		{2 * time.Second, 95, 4, 640, 30, 95},     // none: at its coarsest the encoder codes nothing of what moves
	} {
		now = now.Add(step.after)
		got := s.choose(now, full, step.kbps, step.used, 0)
		want := engine.VideoFormat{Width: step.width, Height: step.width * 9 / 16, FPS: step.fps, Kbps: step.k}
		if got != want {
			t.Errorf("%d kbit/s: %+v, want %+v", step.kbps, got, want)
		}
	}
	if got := s.choose(now, engine.VideoFormat{}, 100, 0, 0); got != (engine.VideoFormat{}) {
		t.Errorf("no picture was agreed on, %+v is sent", got)
	}
}

// A rate that comes and goes around a border doesn't have the format alternate.
func TestScaleIsSteady(t *testing.T) {
	full := engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000}
	now := time.Unix(1_700_000_000, 0)
	var s scale
	changes, last := 0, full
	for i := range 600 {
		now = now.Add(100 * time.Millisecond)
		kbps := 553 + map[bool]int{true: 80, false: -80}[i%10 < 5]
		got := s.choose(now, full, kbps, float64(kbps), 0)
		if got.Kbps = last.Kbps; got != last {
			changes, last = changes+1, got
		}
	}
	if changes > 1 {
		t.Errorf("%d changes in a minute", changes)
	}
}

// An encoder that cannot go below a bitrate gets fewer pictures, then smaller ones, until it makes what the path carries; later it is
// tried again.
func TestScaleKnowsAnEncodersFloor(t *testing.T) {
	full := engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000}
	for _, test := range []struct {
		name       string
		makes      func(f engine.VideoFormat) float64 // at least
		kbps       int
		width, fps int
	}{
		{"1000 kbit/s at 30 a second", func(f engine.VideoFormat) float64 { return float64(1000 * f.FPS / 30) }, 600, 1280, 15},
		{"the same, a narrow path", func(f engine.VideoFormat) float64 { return float64(1000 * f.FPS / 30) }, 300, 320, 15},
		{"by size", func(f engine.VideoFormat) float64 { return float64(1600 * f.FPS * f.Width / 30 / 1280) }, 600, 640, 15},
		{"none", func(engine.VideoFormat) float64 { return 0 }, 600, 1280, 30},
	} {
		now := time.Unix(1_700_000_000, 0)
		var s scale
		format, before := s.choose(now, full, 2000, 2000, 0), full
		for range 400 {
			now = now.Add(100 * time.Millisecond)
			used := max(float64(test.kbps), test.makes(format))
			before, format = format, s.choose(now, full, test.kbps, used, 0)
		}
		if format != before || format.Width != test.width || format.FPS != test.fps {
			t.Errorf("%s: %+v, want %d at %d a second", test.name, format, test.width, test.fps)
		}
	}
}

// What the machine cannot do is not asked of it, whatever the path carries.
func TestScaleByEffort(t *testing.T) {
	full := engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000}
	now := time.Unix(1_700_000_000, 0)
	var s scale
	if got := s.choose(now, full, 0, 0, 1); got.FPS != 15 || got.Width != 1280 {
		t.Errorf("towards a phone: %+v", got)
	}
	for _, step := range []struct{ kbps, first, width, fps int }{
		{2000, 0, 1280, 30}, {2000, 1, 1280, 15}, {2000, 2, 640, 30}, {2000, 3, 640, 15}, {80, 1, 640, 15}, {2000, 1, 1280, 15}, {2000, 0, 1280, 30},
	} {
		now = now.Add(2 * time.Second)
		got := s.choose(now, full, step.kbps, float64(step.kbps), step.first)
		if got.Width != step.width || got.FPS != step.fps {
			t.Errorf("%d kbit/s, from step %d on: %+v, want %d at %d/s", step.kbps, step.first, got, step.width, step.fps)
		}
	}
}
