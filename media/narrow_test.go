//go:build !race

package media

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/scripts/lab/memnet"
)

// On lines that carry little more than sound, sound is whole and pictures take what is left: few of them or stills, and no
// repair that only lengthens the queue. When the line carries more they come back by themselves.
func TestNarrowLines(t *testing.T) {
	for _, test := range []struct {
		kbps   int
		still  time.Duration // at most for so long without a picture
		fps    float64       // at least
		repair float64       // share of what is sent for pictures, at most
		sound  float64       // share that is concealed, at most
	}{
		{80, 6 * time.Second, 0.4, 0.05, 0.005}, {100, 3 * time.Second, 1, 0.10, 0.005}, {150, 2 * time.Second, 25, 0.05, 0.005},
		{300, 200 * time.Millisecond, 29, 0.01, 0.01}, // its queue comes and goes as more is tried
	} {
		t.Run(fmt.Sprintf("%d kbit/s", test.kbps), func(t *testing.T) {
			var concealed []float64
			for seed := range uint64(3) {
				synctest.Test(t, func(t *testing.T) {
					n := memnet.New(3 + seed)
					n.Between(hostA, hostB, bottleneck(test.kbps, 20*time.Millisecond, 0))
					a, b := call(t, n, measures, copying, hearing, protecting)
					talk(5*time.Second, a, b) // until then nobody knows the line
					early, since := b.Stats(), time.Now()
					talk(45*time.Second, a, b)
					s, sent, w := b.Stats(), a.Stats(), b.watch(since)
					concealed = append(concealed, float64(s.AudioConcealed-early.AudioConcealed)/
						float64(s.Audio.Received.Frames-early.Audio.Received.Frames))
					repair := float64(sent.ExtraBytes) / float64(sent.Video.Sent.Bytes+sent.ExtraBytes)
					t.Logf("%v, longest %v; sound concealed %d before, %d after, delay %v; repair %.3f", w, b.longest(since),
						early.AudioConcealed, s.AudioConcealed-early.AudioConcealed, s.AudioDelay, repair)
					if b.longest(since) > test.still || w.fps < test.fps || repair > test.repair {
						t.Errorf("no picture for %v, at most %v; %.2f pictures/s, at least %.2f; repair %.3f, at most %.3f",
							b.longest(since), test.still, w.fps, test.fps, repair, test.repair)
					}
					n.Between(hostA, hostB, bottleneck(5000, 20*time.Millisecond, 0))
					talk(45*time.Second, a, b)
					since = time.Now()
					talk(5*time.Second, a, b)
					if w := b.watch(since); w.fps < 29 || a.Stats().Budget < 1500 {
						t.Errorf("45 s after the line is wide: %v, %d kbit/s", w, a.Stats().Budget)
					}
					hangUp(a, b)
				})
			}
			slices.Sort(concealed)
			if concealed[1] > test.sound {
				t.Errorf("%.4f of the sound concealed, the median of %.4f; at most %.4f", concealed[1], concealed, test.sound)
			}
		})
	}
}
