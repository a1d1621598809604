package main

import (
	"encoding/json"
	"strings"
	"testing"

	"ewindow/media/gst/pipeline"
)

func TestTrialsFindWhatDoesNotWork(t *testing.T) {
	gst(t)
	var x264 encoder
	for _, e := range encoders() {
		if e.name == "x264enc" {
			x264 = e
		}
	}
	c := *testCamera()
	if err := x264.try(c, x264.limits()); err != nil {
		t.Fatal(err)
	}
	with := func(change func(e *encoder)) encoder { e := x264; change(&e); return e }
	for text, e := range map[string]encoder{
		"no keyframe when asked": with(func(e *encoder) { e.keyframe = func(*pipeline.Pipeline) {} }),
		"of 15 access units": with(func(e *encoder) {
			e.elements = func(c videoFormat) string { return x264Elements(c) + " ! identity drop-probability=0.9" }
		}),
		"no element": with(func(e *encoder) { e.elements = func(videoFormat) string { return "nonesuchenc name=enc" } }),
		"slices of": with(func(e *encoder) {
			e.elements = func(c videoFormat) string { c.MaxSlice = 0; return x264Elements(c) }
		}),
	} {
		c := c
		if text == "slices of" {
			c.MaxSlice = 200
		}
		if err := e.try(c, e.limits()); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("trial says %v, expected %q", err, text)
		}
	}
}

// No machine of ours has these encoders: what can be checked is what they are told.
func TestEncodersThatNobodyHasRun(t *testing.T) {
	c := *testCamera()
	c.Kbps = 700
	want := map[string][]string{
		"v4l2h264enc": {"video_bitrate=1000000", "repeat_sequence_header=1"},
		"vah264enc":   {"b-frames=0", "rate-control=cbr", "bitrate=700"},
		"vah264lpenc": {"b-frames=0", "bitrate=700"},
		"nvh264enc":   {"zerolatency=true", "bframes=0", "bitrate=700"},
	}
	for _, e := range encoders() {
		for _, part := range want[e.name] {
			if s := e.elements(c); !strings.Contains(s, part) {
				t.Errorf("%s: no %s in %s", e.name, part, s)
			}
		}
		if hidden := want[e.name] != nil; hidden == e.verified || hidden != e.hardware {
			t.Errorf("%s: verified %v, hardware %v", e.name, e.verified, e.hardware)
		}
	}
	c.Width = 854
	if err := fitsV4L2(c); err == nil || !strings.Contains(err.Error(), "width divisible by 64, not 854") {
		t.Errorf("width 854: %v", err)
	}
}

func TestTrialInAProcessOfItsOwn(t *testing.T) {
	for name, text := range map[string]string{"x264enc": "", "vah264enc": "no element"} {
		c := *testCamera()
		c.Encoder = name
		body, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		out, err := program("try-encoder", string(body)).CombinedOutput()
		if (err == nil) != (text == "") || !strings.Contains(string(out), text) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
