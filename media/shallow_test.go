//go:build !race

package media

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/scripts/lab/memnet"
)

// shallow is a path that carries so much, and loses what does not fit into a queue too short to be seen, as a policer does.
func shallow(kbps int, queue, rtt time.Duration, loss float64) memnet.Conditions {
	return memnet.Conditions{Latency: rtt / 2, Kbps: kbps, Queue: queue, Loss: loss}
}

// On a line with a policer, or with hardly any buffer, pictures move and take a good part of what it carries.
func TestShallowQueues(t *testing.T) {
	for _, rtt := range []time.Duration{20 * ms, 60 * ms} {
		for _, kbps := range []int{1000, 2000, 5000} {
			for _, queue := range []time.Duration{2 * ms, 10 * ms, 20 * ms, 40 * ms} {
				if rtt > 20*ms && queue > 10*ms { // as near by
					continue
				}
				t.Run(fmt.Sprintf("%d kbit/s, queue %v, RTT %v", kbps, queue, rtt), func(t *testing.T) {
					seeds, most := uint64(3), 0.02 // medians: one run alone has good and bad luck
					switch {
					case kbps == 1000 && queue <= 2*ms: // one packet of 1200 bytes is longer: whatever meets it is lost
						seeds, most = 9, 0.04
					case kbps == 2000 && queue <= 2*ms: // and is almost as long as this
						seeds = 9
					case kbps == 5000: // nothing is frozen there
						seeds = 1
					}
					var frozen, got []float64
					for seed := range seeds {
						synctest.Test(t, func(t *testing.T) {
							n := memnet.New(3 + seed)
							n.Between(hostA, hostB, shallow(kbps, queue, rtt, 0))
							a, b := call(t, n, measures, copying, hearing, protecting)
							talk(5*time.Second, a, b)
							early, sent, since := b.Stats(), a.Stats(), time.Now()
							talk(55*time.Second, a, b)
							w, s, end := b.watch(since), b.Stats(), a.Stats()
							frozen = append(frozen, w.frozen)
							got = append(got, float64(s.Video.Received.Bytes-early.Video.Received.Bytes)*8/1000/55)
							t.Logf("%v, longest %v; %.0f kbit/s; lost %d of %d, sent again %d, repair packets %d; sound concealed %.4f", w, b.longest(since), got[seed],
								s.Video.Received.Lost-early.Video.Received.Lost, end.Video.Sent.Packets-sent.Video.Sent.Packets,
								end.Resent-sent.Resent, end.Parity-sent.Parity,
								float64(s.AudioConcealed-early.AudioConcealed)/float64(s.Audio.Received.Frames-early.Audio.Received.Frames))
							if end.Largest > 0 && queue > 2*ms {
								t.Errorf("packets are made smaller, %d bytes, on a line that carries all sizes", end.Largest)
							}
							hangUp(a, b)
						})
					}
					if f, k, least := median(frozen), median(got), 0.45*float64(min(kbps, 2000)); f > most || k < least {
						t.Errorf("medians: frozen %.3f, at most %.2f; %.0f kbit/s, at least %.0f", f, most, k, least)
					}
				})
			}
		}
	}
}

// Chance is not taken for such a queue: pictures keep their rate, and are no later for long.
func TestChanceIsNoShallowQueue(t *testing.T) {
	for _, test := range []struct {
		name string
		line memnet.Conditions
		kbps float64 // at least
		p50  time.Duration
	}{
		{"5 %", line(20*ms, 0.05, 0), 1700, 25 * ms},
		{"5 % in bursts of 4", line(20*ms, 0.05, 4), 1700, 35 * ms},
		{"20 %", line(20*ms, 0.20, 0), 1200, 60 * ms},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New(3)
				n.Between(hostA, hostB, test.line)
				a, b := call(t, n, measures, copying, hearing, protecting)
				talk(30*time.Second, a, b)
				early, since := b.Stats(), time.Now()
				talk(60*time.Second, a, b)
				w := b.watch(since)
				got := float64(b.Stats().Video.Received.Bytes-early.Video.Received.Bytes) * 8 / 1000 / 60
				t.Logf("%v; %.0f kbit/s", w, got)
				if w.p50 > test.p50 || got < test.kbps {
					t.Errorf("%v, at most %v; %.0f kbit/s, at least %.0f", w.p50, test.p50, got, test.kbps)
				}
				hangUp(a, b)
			})
		})
	}
}

// A line that becomes wide is used again, and what was a queue too short to be seen is forgotten.
func TestShallowQueueThatGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New(3)
		n.Between(hostA, hostB, shallow(1000, 10*ms, 20*ms, 0))
		a, b := call(t, n, measures, copying, hearing, protecting)
		talk(30*time.Second, a, b)
		n.Between(hostA, hostB, line(20*ms, 0, 0))
		talk(4*time.Minute, a, b)
		since := time.Now()
		talk(5*time.Second, a, b)
		if w := b.watch(since); w.p50 > 12*ms || a.Stats().Budget < 2000 {
			t.Errorf("four minutes after: %v, %d kbit/s", w, a.Stats().Budget)
		}
		hangUp(a, b)
	})
}

// Where packets wait for other reasons as well, as on a radio, what is sent does not fall bit by bit.
func TestShallowQueueWithJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := shallow(2500, 10*ms, 20*ms, 0)
		line.Jitter = 30 * ms
		n := memnet.New(3)
		n.Between(hostA, hostB, line)
		a, b := call(t, n, measures, copying, hearing, protecting)
		talk(60*time.Second, a, b)
		early, since := b.Stats(), time.Now()
		talk(2*time.Minute, a, b)
		w, got := b.watch(since), float64(b.Stats().Video.Received.Bytes-early.Video.Received.Bytes)*8/1000/120
		t.Logf("%v; %.0f kbit/s", w, got)
		if got < 1100 || w.frozen > 0.04 {
			t.Errorf("%v, at most 4 %%; %.0f kbit/s, at least 1100", w, got)
		}
		hangUp(a, b)
	})
}
