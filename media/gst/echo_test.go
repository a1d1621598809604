package main

import (
	"testing"
	"time"

	"ewindow/media/engine/protocol"
)

// In this room the microphone hears all of the speaker, 40 ms later. Somebody talks at the other end.
func TestEcho(t *testing.T) {
	t.Parallel()
	heard := map[bool]float64{}
	for _, cancel := range []bool{false, true} {
		far := start(t, soundRole(protocol.SoundConfig{Streams: coded("PCMU", 0), Speaker: "none",
			Microphone: "gst:audiotestsrc is-live=true wave=pink-noise volume=0.4 samplesperbuffer=480"}))
		k := start(t, soundRole(protocol.SoundConfig{Streams: coded("PCMU", 0), Echo: cancel,
			Speaker: "gst:interaudiosink sync=true channel=room", Microphone: "gst:interaudiosrc channel=room buffer-time=40000000 latency-time=10000000 period-time=10000000"}))
		text := map[bool]string{false: "echo is not cancelled, as configured", true: "echo is cancelled"}[cancel]
		k.event(protocol.Ready, text, 3*time.Second)
		go relay(far, k, nil)
		k.moreFrames(250, 8*time.Second) // five seconds to learn
		k.mu.Lock()
		n := len(k.events)
		k.mu.Unlock()
		k.moreFrames(100, 4*time.Second)
		levels, sum := 0, 0.0
		k.mu.Lock()
		for _, e := range k.events[n:] {
			if e.Kind == protocol.Level {
				levels++
				sum += e.LevelDB
			}
		}
		k.mu.Unlock()
		heard[cancel] = sum / float64(levels)
	}
	t.Logf("echo at %.1f dB without, %.1f dB with the canceller", heard[false], heard[true])
	if heard[true] > heard[false]-6 {
		t.Errorf("echo at %.1f dB without, %.1f dB with the canceller", heard[false], heard[true])
	}
}
