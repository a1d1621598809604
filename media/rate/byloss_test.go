package rate

import (
	"testing"
	"time"
)

// A phone behind a narrow line gets no more than that takes, and all again when the line is free.
func TestByLoss(t *testing.T) {
	c := NewByLoss(Limits{Least: 80, Most: 2000})
	now := time.Unix(1_700_000_000, 0)
	run := func(kbps float64, seconds int) {
		for range seconds {
			now = now.Add(time.Second)
			c.Report(now, max(0, 1-kbps/float64(c.Kbps())))
		}
	}
	if c.Kbps() != 2000 {
		t.Errorf("%d kbit/s at first", c.Kbps())
	}
	run(500, 20)
	if c.Kbps() < 450 || c.Kbps() > 560 {
		t.Errorf("%d kbit/s on a line of 500", c.Kbps())
	}
	run(5000, 30)
	if c.Kbps() != 2000 {
		t.Errorf("%d kbit/s when it is free again", c.Kbps())
	}
	run(1, 60)
	if c.Kbps() != 80 {
		t.Errorf("%d kbit/s on a line that carries nothing", c.Kbps())
	}
}
