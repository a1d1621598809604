package main

import (
	"fmt"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
)

// Whoever wants in-band FEC gets frames with the one before in them; nobody else does.
func TestInBandFEC(t *testing.T) {
	gst(t)
	for _, fec := range []bool{false, true} {
		c, err := codecFor(protocol.SoundStream{Codec: "opus", Kbps: 32, FEC: fec})
		if err != nil {
			t.Fatal(err)
		}
		p, err := pipeline.New(fmt.Sprintf("audiotestsrc num-buffers=100 samplesperbuffer=960 volume=0.5 wave=saw freq=150 ! %s ! %s ! appsink name=out sync=false",
			rawSound, c.encode), "out")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		with := 0
		for range 100 {
			s, err := p.Pull("out", 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if b := s.Bytes(); len(b) > 1 && b[0]>>3 < 16 && b[1]&0x40 != 0 { // SILK or hybrid, mono, 20 ms: the LBRR flag follows the VAD flag (RFC 6716 §4.2.3)
				with++
			}
			s.Free()
		}
		p.Close()
		if fec && with < 20 || !fec && with > 0 { // what libopus takes for no voice has none
			t.Errorf("wanted %t: %d frames of 100 have the one before", fec, with)
		}
	}
}
