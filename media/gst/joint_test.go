package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
)

// Where playout drops a frame or inserts one, since two clocks are apart, Opus' decoder passes from what was to what comes: in tones
// no step from one sample to the next is much larger than it is anyway, so nothing clicks.
func TestJoints(t *testing.T) {
	gst(t)
	for _, tone := range []int{110, 440, 1000} {
		c, err := codecFor(protocol.SoundStream{Codec: "opus", Kbps: 32})
		if err != nil {
			t.Fatal(err)
		}
		p, err := pipeline.New(fmt.Sprintf("audiotestsrc num-buffers=100 samplesperbuffer=960 volume=0.5 freq=%d ! %s ! %s ! appsink name=out sync=false",
			tone, rawSound, c.encode), "out")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		var packets [][]byte
		for len(packets) < 100 {
			s, err := p.Pull("out", 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			packets = append(packets, s.Bytes())
			s.Free()
		}
		p.Close()
		plain, dropped, inserted := largestStep(t, packets, -1, -1), 0, 0
		for at := 50; at < 60; at++ { // in other phases of the tone
			dropped = max(dropped, largestStep(t, packets, at, -1))
			inserted = max(inserted, largestStep(t, packets, -1, at))
		}
		t.Logf("%d Hz: the largest step is %d, with a dropped frame %d, with an inserted one %d", tone, plain, dropped, inserted)
		if most := plain*3/2 + 300; dropped > most || inserted > most {
			t.Errorf("%d Hz: steps of %d and %d, without a joint %d", tone, dropped, inserted, plain)
		}
	}
}

// largestStep is that between two samples, after the first half second.
func largestStep(t *testing.T, packets [][]byte, drop, insert int) (most int) {
	t.Helper()
	var pcm []byte
	d, err := startDecoding(protocol.SoundStream{Number: 1, Codec: "opus"}, func(_ uint32, b []byte) { pcm = append(pcm, b...) })
	if err != nil {
		t.Fatal(err)
	}
	defer d.end()
	length := 0
	for i, data := range packets {
		if i == drop {
			continue
		}
		if i == insert {
			d.frame(protocol.Frame{Stream: 1, Flags: protocol.FlagLost})
			length += bytesIn(frameTime)
		}
		d.frame(protocol.Frame{Stream: 1, Data: data})
		length += bytesIn(frameTime)
	}
	if len(pcm) < length-2*bytesIn(frameTime) {
		t.Fatalf("%d bytes of %d", len(pcm), length)
	}
	last := 0
	for i := bytesIn(500 * time.Millisecond); i+1 < len(pcm); i += 2 {
		v := int(int16(binary.LittleEndian.Uint16(pcm[i:])))
		if i > bytesIn(500*time.Millisecond) {
			most = max(most, int(math.Abs(float64(v-last))))
		}
		last = v
	}
	return most
}
