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

// What people see on lines that lose packets at random or in bursts, near and far, once the line is known: until then one picture
// in the first second stands for a fifth of a second where much is lost.
func TestLossyLines(t *testing.T) {
	for _, test := range []struct {
		name   string
		line   memnet.Conditions
		frozen float64
		p50    time.Duration
	}{
		{"clean", line(4*time.Millisecond, 0, 0), 0, 10 * time.Millisecond},
		{"1 %", line(4*time.Millisecond, 0.01, 0), 0, 10 * time.Millisecond},
		{"5 %", line(4*time.Millisecond, 0.05, 0), 0, 20 * time.Millisecond},
		{"10 %", line(4*time.Millisecond, 0.10, 0), 0, 25 * time.Millisecond},
		{"20 %", line(4*time.Millisecond, 0.20, 0), 0.005, 40 * time.Millisecond},
		{"25 %, RTT 40 ms", line(40*time.Millisecond, 0.25, 0), 0.06, 80 * time.Millisecond},
		{"5 %, RTT 20 ms", line(20*time.Millisecond, 0.05, 0), 0.005, 35 * time.Millisecond},
		{"5 % in bursts of 4, RTT 20 ms", line(20*time.Millisecond, 0.05, 4), 0.005, 60 * time.Millisecond},
		{"1 %, RTT 80 ms", line(80*time.Millisecond, 0.01, 0), 0, 45 * time.Millisecond},
		{"5 %, RTT 80 ms", line(80*time.Millisecond, 0.05, 0), 0.005, 70 * time.Millisecond},
		{"20 %, RTT 80 ms", line(80*time.Millisecond, 0.20, 0), 0.01, 130 * time.Millisecond},
		{"5 % in bursts of 4, RTT 80 ms", line(80*time.Millisecond, 0.05, 4), 0.015, 110 * time.Millisecond},
		{"1 %, RTT 200 ms", line(200*time.Millisecond, 0.01, 0), 0.02, 110 * time.Millisecond},
		{"5 %, RTT 200 ms", line(200*time.Millisecond, 0.05, 0), 0.02, 130 * time.Millisecond},
		{"20 %, RTT 200 ms", line(200*time.Millisecond, 0.20, 0), 0.06, 400 * time.Millisecond},
		{"5 % in bursts of 4, RTT 200 ms", line(200*time.Millisecond, 0.05, 4), 0.08, 250 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			var frozen []float64
			var p50 []time.Duration
			for seed := range uint64(5) { // one run alone has good and bad luck
				synctest.Test(t, func(t *testing.T) {
					n := memnet.New(3 + seed)
					n.Between(hostA, hostB, test.line)
					a, b := call(t, n, measures, protecting)
					talk(2*time.Second, a, b)
					since := time.Now()
					talk(20*time.Second, a, b)
					w, s := b.watch(since), b.Stats()
					sent := a.Stats()
					t.Logf("%v; %d requests, %d sent again, %d repair packets, %d mended, of %d; %d kept, %d keyframes asked for",
						w, b.nacked.Load(), sent.Resent, sent.Parity, s.Mended, sent.Video.Sent.Packets, s.VideoKept, s.KeyframesAsked)
					frozen, p50 = append(frozen, w.frozen), append(p50, w.p50)
					if sent.Largest > 0 {
						t.Errorf("packets are made smaller, %d bytes, on a line that carries all sizes", sent.Largest)
					}
					hangUp(a, b)
				})
			}
			slices.Sort(frozen)
			slices.Sort(p50)
			if frozen[2] > test.frozen || p50[2] > test.p50 {
				t.Errorf("medians: frozen %.3f, at most %.3f; p50 %v, at most %v", frozen[2], test.frozen, p50[2], test.p50)
			}
		})
	}
}

// What is no loss makes nobody wait longer than it takes, and asks for next to nothing: packets that overtake one another, that
// come twice or unevenly.
func TestUnevenLines(t *testing.T) {
	for _, rtt := range []time.Duration{20 * ms, 80 * ms, 200 * ms} {
		for _, test := range []struct {
			name      string
			line      memnet.Conditions
			later     time.Duration // than half a round trip, p50 at most
			sentAgain uint64        // at most
			frozen    float64
		}{
			{"overtaken by 10 ms", memnet.Conditions{Reorder: 0.05}, 5 * ms, 12, 0},
			{"overtaken by 20 ms", memnet.Conditions{Reorder: 0.05, Jitter: 10 * ms}, 20 * ms, 60, 0},
			{"twice", memnet.Conditions{Duplicate: 0.1}, 5 * ms, 0, 0},
			{"jitter of 30 ms", memnet.Conditions{Jitter: 30 * ms}, 35 * ms, 0, 0},
			{"all of it, and bursts", memnet.Conditions{Duplicate: 0.1, Reorder: 0.05, Jitter: 10 * ms, Loss: 0.02, Burst: 4}, 100 * ms, 1000, 0.15},
		} {
			t.Run(fmt.Sprintf("%s, RTT %v", test.name, rtt), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := memnet.New(3)
					test.line.Latency = rtt / 2
					n.Between(hostA, hostB, test.line)
					a, b := call(t, n, measures, protecting)
					since := time.Now()
					talk(10*time.Second, a, b)
					w, sent, came := b.watch(since), a.Stats(), b.Stats()
					t.Logf("%v; %d missed, %d requests, %d sent again, %d repair packets", w, came.VideoMissed, b.nacked.Load(), sent.Resent, sent.Parity)
					if test.line.Loss == 0 && came.VideoMissed > test.sentAgain+came.Mended {
						t.Errorf("%d packets that were overtaken count as lost", came.VideoMissed)
					}
					if w.frozen > test.frozen || w.p50 > rtt/2+test.later || sent.Resent > test.sentAgain {
						t.Errorf("frozen %.3f, p50 %v, %d sent again; at most %.3f, %v, %d", w.frozen, w.p50, sent.Resent, test.frozen, rtt/2+test.later, test.sentAgain)
					}
					hangUp(a, b)
				})
			})
		}
	}
}

// What people see behind a narrow upstream, from the first second. Medians: one run alone has good and bad luck.
func TestBottlenecks(t *testing.T) {
	for _, test := range []struct {
		name   string
		line   memnet.Conditions
		frozen float64
		p50    time.Duration
		kbps   float64 // at least, in the second half
	}{
		{"300 kbit/s", bottleneck(300, 20*time.Millisecond, 0), 0.005, 80 * time.Millisecond, 170},
		{"1 Mbit/s", bottleneck(1000, 20*time.Millisecond, 0), 0.005, 60 * time.Millisecond, 700},
		{"2 Mbit/s", bottleneck(2000, 20*time.Millisecond, 0), 0.005, 60 * time.Millisecond, 1500},
		{"5 Mbit/s", bottleneck(5000, 20*time.Millisecond, 0), 0, 30 * time.Millisecond, 1900},
		{"5 Mbit/s, jitter of 50 ms", jittery(bottleneck(5000, 20*time.Millisecond, 0), 50*time.Millisecond), 0.005, 70 * time.Millisecond, 1500},
		{"1 Mbit/s, 5 % lost", bottleneck(1000, 20*time.Millisecond, 0.05), 0.03, 130 * time.Millisecond, 500},
		{"free, 10 % lost", bottleneck(0, 20*time.Millisecond, 0.10), 0.01, 50 * time.Millisecond, 1500},
		{"free, 20 % lost", bottleneck(0, 4*time.Millisecond, 0.20), 0.02, 40 * time.Millisecond, 1300},
	} {
		t.Run(test.name, func(t *testing.T) {
			var frozen, kbps []float64
			var p50 []time.Duration
			runs := uint64(5)
			if test.line.Jitter > 0 { // how soon that is known is luck, in one run of four
				runs = 31
			}
			for seed := range runs {
				synctest.Test(t, func(t *testing.T) {
					n := memnet.New(3 + seed)
					n.Between(hostA, hostB, test.line)
					a, b := call(t, n, measures)
					since := time.Now()
					talk(12*time.Second, a, b)
					half := b.Stats().Video.Received.Bytes
					talk(12*time.Second, a, b)
					w, s := b.watch(since), b.Stats()
					frozen, p50 = append(frozen, w.frozen), append(p50, w.p50)
					kbps = append(kbps, float64(s.Video.Received.Bytes-half)*8/1000/12)
					t.Logf("%v; %.0f kbit/s, lost %d, sent again %d, keyframes %d", w, kbps[seed], s.Video.Received.Lost, a.Stats().Resent, s.KeyframesAsked)
					if largest := a.Stats().Largest; largest > 0 {
						t.Errorf("packets are made smaller, %d bytes, on a line that carries all sizes", largest)
					}
					hangUp(a, b)
				})
			}
			if f, p, k := median(frozen), median(p50), median(kbps); f > test.frozen || p > test.p50 || k < test.kbps {
				t.Errorf("medians: frozen %.3f, at most %.3f; p50 %v, at most %v; %.0f kbit/s, at least %.0f", f, test.frozen, p, test.p50, k, test.kbps)
			}
		})
	}
}

// A route that becomes longer all of a sudden looks like a queue, which nobody fills: after two seconds it is taken as it is.
func TestPathThatGetsLonger(t *testing.T) {
	for _, rtt := range []time.Duration{150 * ms, 300 * ms} {
		var frozen []float64
		var p50 []time.Duration
		var kbps []int
		for seed := range uint64(5) { // one run alone has good and bad luck
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(3 + seed)
				n.Between(hostA, hostB, bottleneck(1000, 20*ms, 0))
				a, b := call(t, n, measures, protecting)
				talk(10*time.Second, a, b)
				n.Between(hostA, hostB, bottleneck(1000, rtt, 0))
				talk(5*time.Second, a, b)
				since := time.Now()
				talk(20*time.Second, a, b)
				w := b.watch(since)
				frozen, p50, kbps = append(frozen, w.frozen), append(p50, w.p50), append(kbps, a.Stats().Budget)
				t.Logf("RTT %v: %v, %d kbit/s", rtt, w, kbps[seed])
				hangUp(a, b)
			})
		}
		if f, p, k := median(frozen), median(p50), median(kbps); f > 0.01 || p > rtt/2+110*ms || k < 550 {
			t.Errorf("medians, RTT %v: frozen %.3f, p50 %v, %d kbit/s", rtt, f, p, k)
		}
	}
}

// A line whose capacity falls to a tenth and comes back. If both directions do, what we hear of ours is late as well.
func TestDrop(t *testing.T) {
	const most = 300 * time.Millisecond
	for _, both := range []bool{false, true} {
		for phase := range 4 { // of the pictures, and of the reports of them
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(3)
				n.Between(hostA, hostB, bottleneck(5000, 2*time.Millisecond, 0))
				a, b := call(t, n, measures, protecting)
				talk(5*time.Second+time.Duration(phase)*17*time.Millisecond, a, b)
				for _, kbps := range []int{500, 5000} {
					n.OneWay(hostA, hostB, bottleneck(kbps, 2*time.Millisecond, 0))
					if both {
						n.OneWay(hostB, hostA, bottleneck(kbps, 2*time.Millisecond, 0))
					}
					since := time.Now()
					talk(20*time.Second, a, b) // what the path carried was seen too low in some phases: then growth is slow for 10 s
					w := b.watch(since)
					longest := b.longest(since)
					t.Logf("to %d, both ways %t: %v, longest %v", kbps, both, w, longest)
					if kbps == 500 && longest > most || kbps == 5000 && (w.frozen > 0 || a.Stats().Budget < 1900) {
						t.Errorf("to %d, both ways %t: frozen %.3f, for %v, %d kbit/s", kbps, both, w.frozen, longest, a.Stats().Budget)
					}
				}
				hangUp(a, b)
			})
		}
	}
}
