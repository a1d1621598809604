//go:build !race

package media

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// A picture after a long pause has its own time, although half of a round of timestamps has passed.
func TestAPictureAfterHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := call(t, perfect())
		talk(time.Second, a, b)
		before, at := a.video.t.lastTS, time.Now()
		time.Sleep(9 * time.Hour)
		talk(time.Second, a, b)
		settle(100 * time.Millisecond)
		want := uint32(uint64(time.Since(at).Seconds() * 90000))
		if passed := a.video.t.lastTS - before; passed > want || want-passed > 90000 {
			t.Errorf("%d ticks in %v", passed, time.Since(at))
		}
		if video, _, _ := b.rec.counts(); video < 55 {
			t.Errorf("%d pictures", video)
		}
		hangUp(a, b)
	})
}

// A call of two days, with losses, holds and keys that change: what the process holds does not grow, nor does what waits.
func TestNothingGrowsInDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(5)
		n.Default(memnet.Conditions{Latency: 15 * time.Millisecond, Jitter: 3 * time.Millisecond, Loss: 0.02})
		a, b := call(t, n, everything)
		a.rec.forget, b.rec.forget = true, true
		a.enc.sizeP, b.enc.sizeP, a.enc.fixed, b.enc.fixed = 1500, 1500, true, true
		var heap, routines []int64
		for hour := range 48 {
			talk(2*time.Second, a, b)
			for range 5 {
				time.Sleep(time.Minute)
				a.picture(b)
				b.picture(a)
			}
			for _, e := range []*end{a, b} { // a hold
				if err := e.Update(negotiate.Description{}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(54 * time.Minute)
			for _, e := range []*end{b, a} {
				if err := e.Update(e.desc); err != nil {
					t.Fatal(err)
				}
				e.enc.forceKey()
			}
			settle(time.Second)
			for _, e := range []*end{a, b} {
				e.rec.mu.Lock()
				e.rec.sent = map[uint32]AccessUnit{}
				e.rec.mu.Unlock()
			}
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap, routines = append(heap, int64(m.HeapAlloc)>>10), append(routines, int64(runtime.NumGoroutine()))
			if s := b.Stats(); s.Delay > 100*time.Millisecond || s.AudioDelay > 100*time.Millisecond || s.RTT > 45*time.Millisecond {
				t.Errorf("hour %d: %+v", hour, s)
			}
		}
		t.Logf("heap, KiB: %v; goroutines: %v", heap, routines)
		if most := 512 + heap[3]; heap[len(heap)-1] > most {
			t.Errorf("heap in KiB, each hour: %v", heap)
		}
		if routines[len(routines)-1] > routines[0] {
			t.Errorf("goroutines, each hour: %v", routines)
		}
		hangUp(a, b)
	})
}

// Clocks that are apart by 200 ppm: sound waits no longer at the end, a frame in a hundred seconds makes up for it, and the
// figures say so. jitter has a test of a day.
func TestHoursOfDrift(t *testing.T) {
	for _, ppm := range []int{200, -200} {
		t.Run(fmt.Sprint(ppm), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(6)
				n.Default(memnet.Conditions{Latency: 5 * time.Millisecond, Jitter: 2 * time.Millisecond})
				a, b := call(t, n, func(a, b *negotiate.Description) { a.Video, b.Video = nil, nil })
				a.rec.forget, b.rec.forget = true, true
				period := 20*time.Millisecond - 20*time.Millisecond*time.Duration(ppm)/1_000_000
				ticker, start, i := time.NewTicker(period), time.Now(), uint32(0)
				most := time.Duration(0)
				const last = 40 * time.Minute
				for time.Since(start) < last {
					<-ticker.C
					a.SendAudio(AudioFrame{Data: opus20(i), Captured: start.Add(time.Duration(i) * 20 * time.Millisecond)})
					if i++; i%500 == 0 {
						most = max(most, b.Stats().AudioDelay)
					}
				}
				synctest.Wait()
				p := b.audio.sink.(*audioSink).playout
				want := int(last.Seconds() * 200 / 1e6 / 0.02)
				if changes := int(p.Dropped + p.Inserted); changes < want-6 || changes > want+6 || most > 60*time.Millisecond {
					t.Errorf("%d dropped and %d inserted, want about %d; at most %v waited", p.Dropped, p.Inserted, want, most)
				}
				if s := b.Stats(); s.AudioDrift < float64(ppm)-20 || s.AudioDrift > float64(ppm)+20 {
					t.Errorf("the drift is said to be %v ppm", s.AudioDrift)
				}
				hangUp(a, b)
			})
		})
	}
}
