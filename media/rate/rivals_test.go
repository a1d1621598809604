package rate

import (
	"testing"
	"time"
)

// A queue that stays although we give way, and changes its length, is somebody's with whom we contend, even if little of ours was
// under way when he came; not where hardly more than sound ever came. One that does not change is the path's own.
func TestRivals(t *testing.T) {
	for _, test := range []struct {
		name     string
		fastest  float64 // kbit/s that came at most
		changes  time.Duration
		contends bool
		target   float64 // kbit/s, at least
	}{
		{"an upload that was there first", 300, 60 * ms, true, 90},
		{"a line that carries hardly more than sound", 80, 60 * ms, false, 60},
		{"a route that has become longer", 300, 5 * ms, false, 800},
	} {
		c, now := NewController(limits), time.Unix(1_700_000_000, 0)
		c.path.sound.kbps, c.path.fastest = 60, test.fastest
		c.target, c.prior, c.draining = 60, 900, true
		contends := false
		for i := range 60 { // three seconds of reports
			now = now.Add(50 * ms)
			c.path.queue = 130 * ms
			if c.crowded.IsZero() && i > 0 { // it was taken for the path's own
				c.path.queue = 0
			}
			c.path.queue += time.Duration(i%2) * test.changes
			contends = c.rivals(now) || contends
		}
		if contends != test.contends || c.target < test.target {
			t.Errorf("%s: contends %t, want %t; %.0f kbit/s, want %.0f", test.name, contends, test.contends, c.target, test.target)
		}
	}
}

// Where no picture goes, sound tells how long packets wait though nothing queues; where pictures go, their own bursts make it uneven.
func TestSoundTellsHowUnevenAPathIs(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, test := range []struct{ since, want time.Duration }{{4 * time.Second, 0}, {time.Second, 50 * ms}} {
		c := NewController(limits)
		c.Beside(now, 0, 0, 30*ms)
		c.path.pictured, c.path.queue = now.Add(-test.since), 50*ms
		c.path.even(now)
		if c.path.queue != test.want {
			t.Errorf("%v after the last picture: a queue of %v, want %v", test.since, c.path.queue, test.want)
		}
	}
}

// A deep queue of ours, which becomes as long as it may be and then drains, is nobody else's, however long that takes; one that
// drains when we stand aside never was.
func TestWhoseADeepQueueIs(t *testing.T) {
	length := func(second float64) time.Duration { // rises for two seconds, and drains in two
		return time.Duration(max(0, min(second, 2*(3-second))) * float64(time.Second))
	}
	for _, contends := range []bool{false, true} {
		c, now := NewController(limits), time.Unix(1_700_000_000, 0)
		c.path.sound.kbps, c.path.fastest, c.target, c.draining = 60, 2000, 60, true
		c.contends, c.crowded = contends, now
		for i := range 56 {
			now = now.Add(50 * ms)
			c.path.queue = length(float64(i) / 20)
			if c.rivals(now) && (!contends || i >= 55) {
				t.Fatalf("contended before %t: contends after %d ms, behind %v", contends, 50*i, c.path.queue)
			}
		}
	}
}

// A queue that never goes away is one, also where it is hardly longer than what we let stand.
func TestARivalBehindAShortQueue(t *testing.T) {
	for short, contends := range map[time.Duration]bool{30 * ms: true, 5 * ms: false} {
		c, now := NewController(limits), time.Unix(1_700_000_000, 0)
		c.path.sound.kbps, c.path.fastest, c.target = 60, 900, 60
		for i := range 60 {
			now = now.Add(50 * ms)
			c.path.queue = []time.Duration{50 * ms, short}[i%2]
			c.rivals(now)
		}
		if c.contends != contends {
			t.Errorf("a queue of 50 and %v in turn: contends %t", short, c.contends)
		}
	}
}
