package engine

import (
	"testing"
	"time"
)

// An encoder that fails is left out for longer each time, unless it has worked for long before.
func TestLapses(t *testing.T) {
	now := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	var l lapse
	fails := func(encoder string, wait time.Duration) {
		t.Helper()
		l = l.failed(encoder, now)
		if got := l.due.Sub(now); got != wait || l.avoid() != encoder {
			t.Errorf("%s is left out for %v, expected %v", l.avoid(), got, wait)
		}
		if again := l.failed(encoder, now.Add(time.Second)); again != l {
			t.Errorf("the same failure counts twice: %+v", again)
		}
	}
	tried := func() { now, l.due = l.due, time.Time{} }
	works := func(long time.Duration) {
		l = l.works()
		if l.avoid() != "" || !l.due.IsZero() {
			t.Errorf("it works, and is left out: %+v", l)
		}
		now = now.Add(long)
	}
	for _, wait := range []time.Duration{time.Minute, 4 * time.Minute, 16 * time.Minute, time.Hour, time.Hour} {
		fails("v4l2h264enc", wait)
		tried()
	}
	works(30 * time.Minute)
	fails("v4l2h264enc", time.Hour)
	tried()
	works(3 * time.Hour)
	fails("v4l2h264enc", time.Minute)
	fails("vah264enc", time.Minute) // another one has a record of its own
}
