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
		kbps int
		fps  float64 // at least
		// Medians, at most: one run alone has good and bad luck.
		still  time.Duration // without a picture
		repair float64       // share of what is sent for pictures
		sound  float64       // share that is concealed
		first  uint64        // frames, in the first 5 s
	}{
		{80, 0.4, 6 * time.Second, 0.05, 0.005, 26}, {100, 1, 3 * time.Second, 0.10, 0.005, 18}, {150, 25, 2 * time.Second, 0.05, 0.005, 14},
		{300, 29, 200 * time.Millisecond, 0.01, 0.01, 9}, // its queue comes and goes as more is tried
	} {
		t.Run(fmt.Sprintf("%d kbit/s", test.kbps), func(t *testing.T) {
			var concealed, repair []float64
			var still []time.Duration
			var first []uint64
			for seed := range uint64(3) {
				synctest.Test(t, func(t *testing.T) {
					n := memnet.New(3 + seed)
					n.Between(hostA, hostB, bottleneck(test.kbps, 20*time.Millisecond, 0))
					a, b := call(t, n, measures, copying, hearing, protecting)
					talk(5*time.Second, a, b) // until then nobody knows the line
					early, since := b.Stats(), time.Now()
					first = append(first, early.AudioConcealed)
					talk(45*time.Second, a, b)
					s, sent, w := b.Stats(), a.Stats(), b.watch(since)
					concealed = append(concealed, float64(s.AudioConcealed-early.AudioConcealed)/
						float64(s.Audio.Received.Frames-early.Audio.Received.Frames))
					repair = append(repair, float64(sent.ExtraBytes)/float64(sent.Video.Sent.Bytes+sent.ExtraBytes))
					still = append(still, b.longest(since))
					t.Logf("%v, longest %v; sound concealed %d before, %d after, delay %v; repair %.3f", w, still[seed],
						early.AudioConcealed, s.AudioConcealed-early.AudioConcealed, s.AudioDelay, repair[seed])
					if w.fps < test.fps {
						t.Errorf("%.2f pictures/s, at least %.2f", w.fps, test.fps)
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
			slices.Sort(repair)
			slices.Sort(still)
			slices.Sort(first)
			if first[1] > test.first {
				t.Errorf("%d frames concealed in the first 5 s, at most %d", first[1], test.first)
			}
			if concealed[1] > test.sound || repair[1] > test.repair || still[1] > test.still {
				t.Errorf("medians: %.4f of the sound concealed, at most %.4f; repair %.3f, at most %.3f; no picture for %v, at most %v",
					concealed[1], test.sound, repair[1], test.repair, still[1], test.still)
			}
		})
	}
}

// Where the line has no room for pictures, the other side is told so before it wonders; not where there are none, or where nothing is
// amiss.
func TestWhoStarvesSaysSo(t *testing.T) {
	const wonders = 10 * time.Second // from then on whoever shows nothing hides, if it is not known why
	for _, test := range []struct {
		name   string
		line   memnet.Conditions
		camera bool
		told   bool
	}{
		{"70 kbit/s", bottleneck(70, 20*ms, 0), true, true}, {"70 kbit/s, the camera off", bottleneck(70, 20*ms, 0), false, false},
		{"much is lost", bottleneck(5000, 20*ms, 0.6), true, true}, {"5 Mbit/s", bottleneck(5000, 20*ms, 0), true, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New(3)
			n.Between(hostA, hostB, test.line)
			a, b := call(t, n, measures, copying, hearing, protecting)
			for at := range 60 {
				talk(time.Second, a, b)
				told := b.Stats().VideoStarved
				if shown := b.lately(); test.told && at >= 10 && time.Since(shown) >= wonders && time.Since(told) >= wonders {
					t.Errorf("%s: no picture for %v, told %v ago", test.name, time.Since(shown), time.Since(told))
				}
			}
			if !test.camera {
				a.HoldVideo(true)
				chat(20*time.Second, a, b)
			}
			told := b.Stats().VideoStarved
			if ever := !told.IsZero(); test.told && !ever || !test.told && time.Since(told) < wonders {
				t.Errorf("%s: told %v ago", test.name, time.Since(told))
			}
			hangUp(a, b)
		})
	}
}

// lately is when the last picture came; zero for none.
func (e *end) lately() time.Time {
	e.rec.mu.Lock()
	defer e.rec.mu.Unlock()
	if len(e.rec.video) == 0 {
		return time.Time{}
	}
	return e.rec.video[len(e.rec.video)-1].at
}
