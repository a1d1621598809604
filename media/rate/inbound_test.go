package rate

import (
	"testing"
	"time"
)

// A sender's clock that did not count for how long his sound stood still is no queue, soon after; one that a keyframe has made is.
func TestInbound(t *testing.T) {
	epoch := time.Unix(1_700_000_000, 0)
	const spacing = 20 * time.Millisecond
	for name, test := range map[string]struct {
		late  func(since time.Duration) time.Duration // after the fifth second
		queue time.Duration                           // a second later
	}{
		"it stood still for 0.2 s": {func(time.Duration) time.Duration { return 200 * time.Millisecond }, 0},
		"it stood still for 5 s":   {func(time.Duration) time.Duration { return 5 * time.Second }, 0},
		"a keyframe":               {func(d time.Duration) time.Duration { return 200*time.Millisecond - d/10 }, 100 * time.Millisecond},
		"a queue that grows":       {func(d time.Duration) time.Duration { return 50*time.Millisecond + d/10 }, 150 * time.Millisecond},
		"a queue that grew slowly": {func(d time.Duration) time.Duration { return min(d, 150*time.Millisecond) }, 150 * time.Millisecond},
	} {
		var i Inbound
		for at := time.Duration(0); at <= 6*time.Second; at += spacing {
			late := time.Duration(0)
			if at > 5*time.Second {
				late = test.late(at - 5*time.Second)
			}
			i.Came(epoch.Add(at+30*time.Millisecond+late), epoch, at)
		}
		if (i.Queue() - test.queue).Abs() > 5*time.Millisecond {
			t.Errorf("%s: %v, want %v", name, i.Queue(), test.queue)
		}
	}
	var i Inbound
	i.Came(epoch, epoch, 0)
	i.Came(epoch.Add(time.Second), epoch, 0)
	if i.Anew(); i.Queue() != 0 {
		t.Errorf("%v anew", i.Queue())
	}
}
