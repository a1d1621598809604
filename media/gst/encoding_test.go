package main

import (
	"bytes"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
)

// A stream that hangs is not hidden by another that moves, except for a while in which streams change. One that is given no
// pictures does not hang.
func TestProgressIsThatOfAllStreams(t *testing.T) {
	var told bytes.Buffer
	p := &parent{w: &told}
	one, two := &encoding{}, &encoding{}
	k := &camera{p: p, pulse: pulse{p: p}, streams: []*encoding{one, two}}
	now := time.Unix(1000, 0)
	pictures := int64(2) // that each is given in a beat
	reports := func(moving ...*encoding) bool {
		for _, s := range k.streams {
			s.owed.Add(pictures)
		}
		for _, s := range moving {
			s.owed.Store(0)
			s.units.Add(1)
			k.pulse.count.Add(1)
		}
		now = now.Add(200 * time.Millisecond)
		before := told.Len()
		k.beat(now)
		return told.Len() > before
	}
	k.excused = now.Add(changeMost)
	if reports() || reports(one) {
		t.Error("progress before the first pictures of both")
	}
	if !reports(two) {
		t.Error("no progress when both have moved")
	}
	if !reports(one) || !reports() {
		t.Error("no progress while streams change")
	}
	k.excused = time.Time{}
	if !reports(one, two) {
		t.Error("no progress while both move")
	}
	for range 10 {
		if reports(one) {
			t.Fatal("progress while the second hangs")
		}
	}
	if !reports(two) {
		t.Error("no progress when the second moves again")
	}
	pictures = 0
	if !reports(one) || !reports() {
		t.Error("no progress while the camera gives nothing")
	}
}

// An encoder takes no more pictures a second than its stream has, however many come.
func TestPicturesArePaced(t *testing.T) {
	for _, c := range []struct{ source, stream, want int }{{30, 30, 30}, {60, 30, 30}, {30, 15, 15}, {30, 20, 20}, {25, 30, 25}, {1, 30, 1}} {
		s := &encoding{videoFormat: videoFormat{VideoStream: protocol.VideoStream{FPS: c.stream}}}
		taken := 0
		for n := range 10 * c.source {
			if s.takes(int64(time.Hour)+int64(n)*int64(time.Second)/int64(c.source), 0) {
				taken++
			}
		}
		if taken < 10*c.want-2 || taken > 10*c.want+2 {
			t.Errorf("of %d pictures a second, %.1f were taken for a stream of %d", c.source, float64(taken)/10, c.stream)
		}
	}
}

// Nothing of an encoder that was replaced goes out, whatever it still gives: it would belong to pictures that nobody has.
func TestReplacedEncoderIsSilent(t *testing.T) {
	var told bytes.Buffer
	p, s := &parent{w: &told}, &encoding{}
	if !s.pass(p, protocol.Frame{Data: []byte{1}}) || told.Len() == 0 {
		t.Error("what it gives does not go out")
	}
	before := told.Len()
	s.silence()
	if s.pass(p, protocol.Frame{Data: []byte{1}}) || told.Len() != before {
		t.Error("what it gives still goes out")
	}
}
