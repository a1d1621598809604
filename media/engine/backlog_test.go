package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
)

func frame(n byte, flags uint8) coded {
	return coded{Frame: protocol.Frame{Flags: flags, Data: []byte{n}}}
}

func contents(b *backlog) string {
	var out []string
	for f, ok := b.pop(); ok; f, ok = b.pop() {
		out = append(out, fmt.Sprint(f.Data[0]))
	}
	return strings.Join(out, " ")
}

func TestBacklogSoundDropsOldest(t *testing.T) {
	var b backlog
	for n := range byte(maxSounds + 3) {
		if b.push(frame(n, 0)) {
			t.Error("sound needs no keyframe")
		}
	}
	if got := contents(&b); got != "3 4 5 6 7 8 9 10 11 12" {
		t.Errorf("kept %s", got)
	}
}

// keyIfFirst is the flags of the n-th picture of a sequence.
func keyIfFirst(n byte) byte {
	if n == 0 {
		return protocol.FlagKey
	}
	return 0
}

func TestBacklogPicturesDropUpToTheNextKeyframe(t *testing.T) {
	b := backlog{pictures: true}
	if !b.push(frame(99, 0)) {
		t.Error("a picture before the first keyframe was taken")
	}
	for n := range byte(maxPictures) {
		if b.push(frame(n, keyIfFirst(n))) {
			t.Fatalf("picture %d needs a keyframe", n)
		}
	}
	for n := range byte(3) {
		if !b.push(frame(100+n, 0)) {
			t.Errorf("picture %d after the overflow was taken", n)
		}
	}
	if b.push(frame(200, protocol.FlagKey)) || b.push(frame(201, 0)) {
		t.Error("the keyframe or what follows it was refused")
	}
	if got := contents(&b); got != "200 201" {
		t.Errorf("kept %s, want only what needs nothing that was dropped", got)
	}
}

func TestBacklogOverflowByAKeyframe(t *testing.T) {
	b := backlog{pictures: true}
	for n := range byte(maxPictures) {
		b.push(frame(n, keyIfFirst(n)))
	}
	if b.push(frame(200, protocol.FlagKey)) {
		t.Error("a keyframe was refused")
	}
	if got := contents(&b); got != "200" {
		t.Errorf("kept %s", got)
	}
}

func TestBacklogBytes(t *testing.T) {
	for _, pictures := range []bool{false, true} {
		b := backlog{pictures: pictures}
		for range 5 {
			b.push(coded{Frame: protocol.Frame{Flags: protocol.FlagKey, Data: make([]byte, protocol.MaxMessage-13)}})
			sum := 0
			for _, f := range b.frames {
				sum += len(f.Data)
			}
			if sum != b.bytes || sum > maxBacklogBytes {
				t.Fatalf("pictures %v: holds %d bytes, counts %d, at most %d", pictures, sum, b.bytes, maxBacklogBytes)
			}
		}
		if len(b.frames) == 0 {
			t.Errorf("pictures %v: nothing was kept", pictures)
		}
	}
}

func TestCaptureTime(t *testing.T) {
	now := time.Now()
	const mono = int64(1000 * time.Second)
	tests := []struct {
		name string
		t    int64
		age  time.Duration
	}{
		{"just now", mono, 0},
		{"33 ms ago", mono - int64(33*time.Millisecond), 33 * time.Millisecond},
		{"unknown", 0, 0},
		{"negative", -5, 0},
		{"least", -1 << 63, 0},
		{"future", mono + 1, 0},
		{"greatest", 1<<63 - 1, 0},
		{"very old", 1, maxAge},
	}
	for _, tt := range tests {
		got := captureTime(tt.t, mono, now)
		if age := now.Sub(got); age != tt.age {
			t.Errorf("%s: age %v, want %v", tt.name, age, tt.age)
		}
	}
	if a, b := monotonic(), monotonic(); a <= 0 || b < a {
		t.Errorf("CLOCK_MONOTONIC reads %d, then %d", a, b)
	}
}

func TestMeter(t *testing.T) {
	now := time.Now()
	var m meter
	for range maxMessages {
		if !m.allow(now, 1) {
			t.Fatal("refused within the bound")
		}
	}
	if m.allow(now.Add(999*time.Millisecond), 1) {
		t.Error("one message too many was allowed")
	}
	if !m.allow(now.Add(time.Second), maxPerSecond) {
		t.Error("the next second was refused")
	}
	if m.allow(now.Add(time.Second), 1) {
		t.Error("one byte too many was allowed")
	}
}
