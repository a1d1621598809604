//go:build !race

package media

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/scripts/lab/memnet"
)

// What people hear on lines that lose packets, from the first second.
func TestLossySound(t *testing.T) {
	for _, rtt := range []time.Duration{4 * time.Millisecond, 20 * time.Millisecond, 80 * time.Millisecond} {
		for _, test := range []struct {
			name      string
			line      memnet.Conditions
			pictures  bool    // there are some beside it: they are in the bursts
			concealed float64 // share of the frames
			delay     time.Duration
		}{
			{"clean", line(rtt, 0, 0), false, 0, 20 * time.Millisecond},
			{"1 %", line(rtt, 0.01, 0), false, 0.003, 60 * time.Millisecond},
			{"5 %", line(rtt, 0.05, 0), false, 0.005, 80 * time.Millisecond},
			{"10 %", line(rtt, 0.10, 0), false, 0.005, 100 * time.Millisecond},
			{"20 %", line(rtt, 0.20, 0), false, 0.012, 120 * time.Millisecond},
			{"5 % in bursts of 4", line(rtt, 0.05, 4), true, 0.02, 120 * time.Millisecond},
			{"5 % in bursts of 4, sound alone", line(rtt, 0.05, 4), false, 0.02 + rtt.Seconds()/5, 120 * time.Millisecond},
		} {
			t.Run(fmt.Sprintf("%s, RTT %v", test.name, rtt), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := memnet.New(3)
					n.Between(hostA, hostB, test.line)
					a, b := call(t, n, measures, copying, hearing)
					if test.pictures {
						talk(40*time.Second, a, b)
					} else {
						chat(200*time.Second, a, b)
					}
					s := b.Stats()
					share := float64(s.AudioConcealed) / float64(s.Audio.Received.Frames)
					t.Logf("%.2f %% concealed, %d recovered, delay %v, %.0f kbit/s", 100*share, s.AudioRecovered, s.AudioDelay, s.Audio.Received.Kbps)
					if share > test.concealed || s.AudioDelay > test.delay {
						t.Errorf("%.4f of %d frames concealed, at most %.4f; delay %v, at most %v", share, s.Audio.Received.Frames, test.concealed, s.AudioDelay, test.delay)
					}
					hangUp(a, b)
				})
			})
		}
	}
}
