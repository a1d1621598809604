package media

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/scripts/lab/memnet"
)

func TestDbg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Between(hostA, hostB, bottleneck(5000, 20*time.Millisecond, 0))
		a, b := call(t, n, measures)
		talk(20*time.Second, a, b)
		n.Between(hostA, hostB, bottleneck(500, 20*time.Millisecond, 0))
		count := map[string]int{}
		a.taps[2].tamper(func(d []byte) [][]byte {
			k := "rtp"
			if demultiplex(d) == isRTCP {
				k = "rtcp"
			} else if d[1]&0x7f == 99 {
				k = "rtx"
			}
			count[k] += len(d) + 28
			return [][]byte{d}
		})
		a.taps[0].tamper(func(d []byte) [][]byte { count["audio"] += len(d) + 28; return [][]byte{d} })
		since := time.Now()
		for range 30 {
			talk(100*time.Millisecond, a, b)
			a.video.t.mu.Lock()
			c := a.video.t.rate
			fmt.Printf("%5.1f: target %4d queue %v  %v  q=%d dropped %d\n", time.Since(since).Seconds(), c.Kbps(time.Now()), c.Queue(), count, len(a.sendVideo.queue), a.sendVideo.dropped)
			clear(count)
			a.video.t.mu.Unlock()
		}
		for _, u := range b.rec.video {
			if u.at.After(since) && u.at.Before(since.Add(3*time.Second)) {
				fmt.Print(u.at.Sub(since).Milliseconds(), "#", u.number, u.key, " ")
			}
		}
		hangUp(a, b)
	})
}

func TestDbg2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Between(hostA, hostB, bottleneck(0, 4*time.Millisecond, 0.20))
		a, b := call(t, n, measures)
		since := time.Now()
		k := 0
		for range 600 {
			talk(100*time.Millisecond, a, b)
			a.video.t.mu.Lock()
			c := a.video.t.rate
			fmt.Printf("%5.1f: target %4d raw %.0f queue %v loss %.2f usual %.2f", time.Since(since).Seconds(), c.Kbps(time.Now()), c.Target(), c.Queue(), c.Loss(), c.Usual())
			a.video.t.mu.Unlock()
			for ; k < len(b.rec.video); k++ {
				if k > 0 && b.rec.video[k].at.Sub(b.rec.video[k-1].at) > 150*ms {
					fmt.Print(" GAP ", b.rec.video[k].at.Sub(b.rec.video[k-1].at).Milliseconds())
				}
			}
			fmt.Println()
		}
		hangUp(a, b)
	})
}
