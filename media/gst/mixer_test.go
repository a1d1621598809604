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
		if n := len(m.lines[2].waiting); n > bytesIn(2*frameTime) {
			t.Fatalf("%v wait", lasts(n))
		}
	}
	if lasts(bytesIn(time.Second)) != time.Second {
		t.Error("a second is not a second")
	}
}

// Calls whose frames are of different lengths lose nothing of each other, whoever leads.
func TestMixerOfUnequalFrames(t *testing.T) {
	for _, lengths := range [][2]int{{1, 3}, {3, 1}, {1, 6}, {2, 3}, {6, 1}} {
		m := newMixer()
		m.set([]uint32{1, 2})
		heard := [3]int{}
		for tick := range 6 * 200 {
			for i, length := range lengths {
				if (tick+i)%length != 0 {
					continue
				}
				var pcm []byte
				for range length {
					pcm = append(pcm, level(int16(i+1))...)
				}
				out := m.put(uint32(i+1), pcm)
				for ; len(out) > 0; out = out[bytesIn(frameTime):] {
					v := sample(out[:bytesIn(frameTime)])
					heard[1] += int(v & 1)
					heard[2] += int(v >> 1)
				}
			}
		}
		if heard[1] < 1180 || heard[2] < 1180 {
			t.Errorf("of frames of %v times 20 ms, %v of 1200 were heard", lengths, heard[1:])
		}
	}
}
