package main

import (
	"fmt"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
)

// In this room the microphone hears all of the speaker, 40 ms later. Somebody talks at the other end. On a busy machine the room
// itself may fall silent for a while: then neither has an echo, and the next try tells.
func TestEcho(t *testing.T) {
	t.Parallel()
	for range 4 {
		var heard [2]float64
		t.Run("both", func(t *testing.T) {
			for i, cancel := range []bool{false, true} {
				t.Run(fmt.Sprint(cancel), func(t *testing.T) {
					t.Parallel()
					heard[i] = echo(t, cancel)
				})
			}
		})
		t.Logf("echo at %.1f dB without, %.1f dB with the canceller", heard[0], heard[1])
		if heard[1] <= heard[0]-6 { // nor is it a number where nothing was heard
			return
		}
	}
	t.Error("the canceller takes less than 6 dB away")
}

// echo is the mean level of what the far end would hear of itself.
func echo(t *testing.T, cancel bool) float64 {
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
	defer k.mu.Unlock()
	for _, e := range k.events[n:] {
		if e.Kind == protocol.Level {
			levels++
			sum += e.LevelDB
		}
	}
	return sum / float64(levels)
}
