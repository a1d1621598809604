package media

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/negotiate"
	"ewindow/scripts/lab/memnet"
)

// asks makes both ends ask for what they miss, as two windows do.
func asks(a, b *negotiate.Description) {
	for _, d := range []*negotiate.Description{a, b} {
		d.Video.NACK = true
		d.Video.Repair, d.Video.RepairType = negotiate.Repair{Type: 99}, 99
	}
}

// protecting makes both ends send repair packets where the round trip is long.
func protecting(a, b *negotiate.Description) {
	for _, d := range []*negotiate.Description{a, b} {
		d.Video.SendFEC, d.Video.ReceiveFEC = 103, 103
	}
}

// line is a path between two windows.
func line(rtt time.Duration, loss, burst float64) memnet.Conditions {
	return memnet.Conditions{Latency: rtt / 2, Loss: loss, Burst: burst}
}

// watched is how a picture looked to whoever stood before it.
type watched struct {
	frozen   float64 // share of the time in gaps of more than 150 ms
	fps      float64
	p50, p95 time.Duration // from capture to screen
	first    time.Duration // until the first picture
}

func (w watched) String() string {
	return fmt.Sprintf("frozen %.2f %%, %.1f pictures/s, p50 %d ms, p95 %d ms, first after %d ms",
		100*w.frozen, w.fps, w.p50.Milliseconds(), w.p95.Milliseconds(), w.first.Milliseconds())
}

// watch judges what an end has shown since a moment, from the first picture on.
func (e *end) watch(since time.Time) (w watched) {
	r := e.rec
	r.mu.Lock()
	defer r.mu.Unlock()
	begins := slices.IndexFunc(r.video, func(u seenUnit) bool { return u.at.After(since) })
	if begins < 0 {
		return watched{frozen: 1}
	}
	seen := r.video[begins:]
	var late []time.Duration
	var still time.Duration
	last := seen[0].at
	w.first = last.Sub(since)
	for _, u := range seen {
		if gap := u.at.Sub(last); gap > 150*time.Millisecond {
			still += gap
		}
		last = u.at
		if sent, known := r.sent[u.number]; known {
			late = append(late, u.at.Sub(sent.Captured))
		}
	}
	passed := time.Since(seen[0].at)
	if gap := time.Since(last); gap > 150*time.Millisecond {
		still += gap
	}
	w.frozen = still.Seconds() / passed.Seconds()
	w.fps = float64(len(seen)) / passed.Seconds()
	slices.Sort(late)
	w.p50, w.p95 = late[len(late)/2], late[len(late)*95/100]
	return w
}

// measures makes both ends tell each other what came, too.
func measures(a, b *negotiate.Description) {
	asks(a, b)
	for _, d := range []*negotiate.Description{a, b} {
		d.Video.CCFB, d.Video.MaxKbps = true, 2000
	}
}

// bottleneck is a path that carries so much, with a queue of 200 ms before it.
func bottleneck(kbps int, rtt time.Duration, loss float64) memnet.Conditions {
	return memnet.Conditions{Latency: rtt / 2, Loss: loss, Kbps: kbps, Queue: 200 * time.Millisecond}
}

// jittery is that path with so much jitter besides.
func jittery(c memnet.Conditions, most time.Duration) memnet.Conditions {
	c.Jitter = most
	return c
}

// longest is for how long a picture stood still at most.
func (e *end) longest(since time.Time) (d time.Duration) {
	e.rec.mu.Lock()
	defer e.rec.mu.Unlock()
	last := since
	for _, u := range e.rec.video {
		if u.at.After(since) {
			d = max(d, u.at.Sub(last))
			last = u.at
		}
	}
	return d
}

// After a cut the picture is back at once: the first packet that comes asks for a keyframe, and it is not sent slowly.
func TestCut(t *testing.T) {
	for phase := range 8 {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New(3)
			n.Between(hostA, hostB, line(2*time.Millisecond, 0, 0))
			a, b := call(t, n, measures, protecting)
			talk(5*time.Second, a, b)
			n.Between(hostA, hostB, line(2*time.Millisecond, 1, 0))
			talk(10*time.Second+time.Duration(phase)*7*time.Millisecond, a, b)
			n.Between(hostA, hostB, line(2*time.Millisecond, 0, 0))
			since := time.Now()
			talk(3*time.Second, a, b)
			w := b.watch(since)
			t.Logf("phase %d: %v; back %v", phase, w, a.Stats().Budget)
			if most := 150 * time.Millisecond; w.first > most {
				t.Errorf("phase %d: picture back after %v, want %v", phase, w.first, most)
			}
			if largest := a.Stats().Largest; largest > 0 {
				t.Errorf("packets are made smaller, %d bytes, after a cut", largest)
			}
			hangUp(a, b)
		})
	}
}
