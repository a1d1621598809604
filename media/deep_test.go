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

// behind is a path with a long queue before it, as many routers have.
func behind(kbps int, queue time.Duration) memnet.Conditions {
	return memnet.Conditions{Latency: 10 * ms, Kbps: kbps, Queue: queue}
}

// median of some figures, in place.
func median[T int | float64 | time.Duration](of []T) T {
	slices.Sort(of)
	return of[len(of)/2]
}

// A fall behind a queue of two seconds fills it before anybody knows: pictures stand and sound is concealed only until that has
// drained, which it does at once.
func TestFallBehindALongQueue(t *testing.T) {
	for _, test := range []struct {
		from, to          int // kbit/s
		frozen, concealed float64
	}{{2000, 300, 0.10, 0.08}, {5000, 300, 0.10, 0.08}, {5000, 500, 0.03, 0.05}} {
		t.Run(fmt.Sprintf("%d to %d kbit/s", test.from, test.to), func(t *testing.T) {
			var frozen, concealed []float64
			for seed := range uint64(5) {
				synctest.Test(t, func(t *testing.T) {
					n := memnet.New(3 + seed)
					n.Between(hostA, hostB, behind(test.from, 2*time.Second))
					a, b := call(t, n, measures, copying, hearing, protecting)
					talk(20*time.Second+time.Duration(seed)*17*ms, a, b)
					n.OneWay(hostA, hostB, behind(test.to, 2*time.Second))
					since, early := time.Now(), b.Stats()
					talk(30*time.Second, a, b)
					w, s := b.watch(since), b.Stats()
					frozen = append(frozen, w.frozen)
					concealed = append(concealed, float64(s.AudioConcealed-early.AudioConcealed)/float64(s.Audio.Received.Frames-early.Audio.Received.Frames))
					t.Logf("%v, longest %v; %.1f %% of the sound concealed", w, b.longest(since), 100*concealed[seed])
					hangUp(a, b)
				})
			}
			if f, c := median(frozen), median(concealed); f > test.frozen || c > test.concealed {
				t.Errorf("medians: frozen %.3f of 30 s, at most %.3f; %.3f of the sound concealed, at most %.3f", f, test.frozen, c, test.concealed)
			}
		})
	}
}

// Beside uploads, each side has its part: a quarter of its share of the line or more. Sound does not suffer from what is lost in
// their queue, and half a minute after they have ended the rate is back.
func TestBesideAnUpload(t *testing.T) {
	for _, test := range []struct {
		flows, kbps int
		queue       time.Duration
		concealed   float64
		calls       uint64 // where one in six has more concealed, a median of few says little
	}{{1, 1000, 200 * ms, 0.03, 7}, {1, 2000, 200 * ms, 0.03, 7}, {4, 2000, 200 * ms, 0.03, 7}, {1, 1000, time.Second, 0.035, 15}, {1, 2000, time.Second, 0.03, 7}} {
		t.Run(fmt.Sprintf("%d at %d kbit/s, queue of %v", test.flows, test.kbps, test.queue), func(t *testing.T) {
			var ours, theirs, concealed []float64
			var back []int
			for seed := range test.calls {
				synctest.Test(t, func(t *testing.T) {
					n := memnet.New(3 + seed)
					n.Between(hostA, hostB, behind(test.kbps, test.queue))
					a, b := call(t, n, measures, copying, hearing, protecting)
					talk(20*time.Second+time.Duration(seed)*17*ms, a, b)
					var uploads []*upload
					for i := range test.flows {
						uploads = append(uploads, startUpload(t, n, hostA, hostB, i))
					}
					talk(10*time.Second, a, b)
					since, early, was := time.Now(), b.Stats(), carried(uploads)
					talk(time.Minute, a, b)
					w, s := b.watch(since), b.Stats()
					line := float64(test.kbps) * 1000 / 8 * 60 / float64(test.flows+1)
					bytes := s.Video.Received.Bytes + s.Audio.Received.Bytes - early.Video.Received.Bytes - early.Audio.Received.Bytes
					ours, theirs = append(ours, float64(bytes)/line), append(theirs, float64(carried(uploads)-was)/line/float64(test.flows))
					concealed = append(concealed, float64(s.AudioConcealed-early.AudioConcealed)/float64(s.Audio.Received.Frames-early.Audio.Received.Frames))
					for _, u := range uploads {
						u.close()
					}
					talk(30*time.Second, a, b)
					back = append(back, a.Stats().Budget)
					t.Logf("of a fair share ours %.2f, theirs %.2f; %v, longest %v; %.1f %% of the sound concealed, delay %v; %d kbit/s 30 s after it",
						ours[seed], theirs[seed], w, b.longest(since), 100*concealed[seed], s.AudioDelay, back[seed])
					hangUp(a, b)
				})
			}
			if o, r, c, k := median(ours), median(theirs), median(concealed), median(back); o < 0.25 || r < 0.25 || c > test.concealed || k < test.kbps*7/10 {
				t.Errorf("medians: of a fair share ours %.2f, theirs %.2f; %.3f of the sound concealed, at most %.3f; %d kbit/s after it", o, r, c, test.concealed, k)
			}
		})
	}
}

// carried is how many bytes of uploads came.
func carried(uploads []*upload) (bytes int64) {
	for _, u := range uploads {
		bytes += u.came.Load()
	}
	return bytes
}
