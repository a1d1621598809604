package main

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

// level is 20 ms of one sample.
func level(v int16) []byte {
	return bytes.Repeat(binary.LittleEndian.AppendUint16(nil, uint16(v)), bytesIn(frameTime)/2)
}

func sample(pcm []byte) int16 {
	if len(pcm) == 0 {
		return 0
	}
	return int16(binary.LittleEndian.Uint16(pcm[len(pcm)-2:]))
}

func TestMixerOfOneDelaysNothing(t *testing.T) {
	m := newMixer()
	m.set([]uint32{7})
	for v := range int16(100) {
		if got := m.put(7, level(v)); sample(got) != v || len(got) != bytesIn(frameTime) {
			t.Fatalf("put %d, got %d bytes of %d", v, len(got), sample(got))
		}
	}
	if got := m.put(8, level(5)); got != nil {
		t.Errorf("a stream that is none gave %d bytes", len(got))
	}
}

func TestMixerAdds(t *testing.T) {
	m := newMixer()
	m.set([]uint32{1, 2, 3})
	for _, c := range []struct{ a, b, c, want int16 }{
		{100, 20, 3, 123}, {-100, 20, 3, -77}, {30000, 30000, 0, 32767}, {-30000, -30000, -1, -32768},
	} {
		m.put(1, level(0)) // leads
		if got := m.put(2, level(c.b)); got != nil {
			t.Fatalf("one that does not lead was played at once")
		}
		m.put(3, level(c.c))
		if got := m.put(1, level(c.a)); sample(got) != c.want || len(got) != bytesIn(frameTime) {
			t.Errorf("%d + %d + %d = %d (%d bytes)", c.a, c.b, c.c, sample(got), len(got))
		}
	}
}

// When the call that leads falls silent, or ends, the next takes its place; what it then gives is not late.
func TestMixerGoesOnWithWhoeverGives(t *testing.T) {
	m := newMixer()
	m.set([]uint32{1, 2})
	m.put(1, level(1))
	played := 0
	for range 50 {
		if m.put(2, level(2)) != nil {
			played++
		}
	}
	if lost := 50 - played; lost > 3 {
		t.Errorf("%d frames were lost before the second call led", lost)
	}
	if m.put(1, level(1)) != nil {
		t.Error("who was silent leads again at once")
	}
	m.set([]uint32{1})
	if sample(m.put(1, level(4))) != 4 {
		t.Error("the one that is left does not lead")
	}
}

// Of a call whose clock is faster, what is too much is dropped, so that it never gets late.
func TestMixerIsBounded(t *testing.T) {
	m := newMixer()
	m.set([]uint32{1, 2})
	for i := range 10_000 {
		m.put(1, level(1))
		m.put(2, level(2))
		if i%100 == 0 {
			m.put(2, level(2))
		}
		if n := len(m.lines[2].waiting); n > bytesIn(mixWait) {
			t.Fatalf("%v wait", lasts(n))
		}
	}
	if lasts(bytesIn(time.Second)) != time.Second {
		t.Error("a second is not a second")
	}
}
