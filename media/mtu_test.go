package media

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/scripts/lab/memnet"
)

// A path that loses all packets above a size, and says nothing: pictures come all the same, in smaller packets.
func TestPathMTU(t *testing.T) {
	for _, loss := range []float64{0, 0.05} {
		for _, mtu := range []int{1200, 1000, 600} {
			t.Run(fmt.Sprintf("%d bytes, %.0f %% lost", mtu, 100*loss), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := memnet.New(3)
					n.Between(hostA, hostB, memnet.Conditions{Latency: 10 * ms, Loss: loss, MTU: mtu})
					a, b := call(t, n, measures, protecting)
					begun := time.Now()
					talk(5*time.Second, a, b)
					first := b.watch(begun).first
					since := time.Now()
					talk(5*time.Second, a, b)
					w := b.watch(since)
					t.Logf("%v; first picture after %v, packets of %d bytes, %d kbit/s", w, first, a.Stats().Largest, a.Stats().Budget)
					if most := 3 * time.Second; first > most || w.frozen > 0 {
						t.Errorf("first picture after %v, at most %v; then frozen %.3f of the time", first, most, w.frozen)
					}
					if largest := a.Stats().Largest; largest == 0 || largest < 2*mtu/3 {
						t.Errorf("packets of %d bytes where %d pass", largest, mtu)
					}
					hangUp(a, b)
				})
			})
		}
	}
}

// A path whose MTU becomes less in a call.
func TestPathMTUFalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Between(hostA, hostB, line(20*ms, 0, 0))
		a, b := call(t, n, measures, protecting)
		talk(5*time.Second, a, b)
		n.Between(hostA, hostB, memnet.Conditions{Latency: 10 * ms, MTU: 1100})
		since := time.Now()
		talk(10*time.Second, a, b)
		longest := b.longest(since)
		t.Logf("still for %v, packets of %d bytes", longest, a.Stats().Largest)
		if most := 4 * time.Second; longest > most {
			t.Errorf("still for %v, at most %v", longest, most)
		}
		if largest := a.Stats().Largest; largest < 700 {
			t.Errorf("packets of %d bytes where 1100 pass", largest)
		}
		hangUp(a, b)
	})
}
