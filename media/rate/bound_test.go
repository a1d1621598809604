package rate

import (
	"testing"
	"time"
)

// A queue that lasts asks for less than came, ever less while it stays; then for slowly more, and for nothing when that is enough. What
// lasts a second, and a little loss, ask for nothing.
func TestBound(t *testing.T) {
	var b Bound
	for second, test := range []struct {
		lost   float64
		waited time.Duration
		want   float64
	}{
		{0, 0, 0}, {0.05, 0, 0}, {0, 90 * time.Millisecond, 0}, {0, 0, 0}, {0, 90 * time.Millisecond, 0},
		{0, 90 * time.Millisecond, 850}, {0, 90 * time.Millisecond, 782}, {0, 0, 782},
	} {
		if got := b.Second(1000, test.lost, test.waited, 2000); int(got+0.5) != int(test.want) {
			t.Errorf("second %d: %.0f kbit/s, want %.0f", second, got, test.want)
		}
	}
	last := 782.0
	for range 60 {
		got := b.Second(1000, 0, 0, 2000)
		if got > 0 && got < last || got > last*1.06 {
			t.Errorf("%.0f kbit/s after %.0f", got, last)
		}
		if last = got; got == 0 {
			break
		}
	}
	if last != 0 {
		t.Errorf("%.0f kbit/s after a minute without a queue", last)
	}
	if got := b.Second(500, 0.2, 0, 2000); got != 425 {
		t.Errorf("%.0f kbit/s when much is lost", got)
	}
}
