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
		if got, _ := b.Second(1000, test.lost, test.waited, 2000); int(got+0.5) != int(test.want) {
			t.Errorf("second %d: %.0f kbit/s, want %.0f", second, got, test.want)
		}
	}
	last := 782.0
	for range 60 {
		got, _ := b.Second(1000, 0, 0, 2000)
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
	if got, _ := b.Second(500, 0.2, 0, 2000); got != 425 {
		t.Errorf("%.0f kbit/s when much is lost", got)
	}
}

// What is lost by chance is lost when less is sent as well: all is given back, and for a minute nothing is asked for because of it.
func TestBoundOfChance(t *testing.T) {
	for _, lost := range []float64{0.12, 0.25} {
		var b Bound
		sends, least, after := 2000.0, 2000.0, 0
		for range 80 {
			kbps, none := b.Second(sends*(1-lost), lost, 0, 2000)
			if none {
				t.Errorf("%.2f lost: what does not wait is none of a queue", lost)
			}
			if kbps == 0 {
				kbps = 2000
			}
			if sends = kbps; sends < 2000 {
				after++
			}
			least = min(least, sends)
		}
		if least < 700 || least > 1900 || after > 20 {
			t.Errorf("%.2f lost: %.0f kbit/s at least, less than all for %d s", lost, least, after)
		}
	}
}

// What a full line loses is not lost when less is sent: that stays asked for.
func TestBoundOfLossThatIsNoChance(t *testing.T) {
	var b Bound
	sends, late := 2000.0, 0.0
	for second := range 60 {
		came := min(sends, 1000)
		kbps, _ := b.Second(came, 1-came/sends, 0, 2000)
		if kbps == 0 {
			kbps = 2000
		}
		if sends = kbps; second >= 20 {
			late = max(late, sends)
		}
	}
	if late > 1300 {
		t.Errorf("%.0f kbit/s over a line of 1000", late)
	}
}

// A wait that stays the same although far less comes is no queue. Delay alone never asks for less than half.
func TestBoundOfWaitThatIsNoQueue(t *testing.T) {
	for _, lost := range []float64{0, 0.05} {
		var b Bound
		sends, least, refuted := 2000.0, 2000.0, false
		for range 20 {
			kbps, none := b.Second(sends*(1-lost), lost, 100*time.Millisecond, 2000)
			if sends = kbps; kbps == 0 {
				sends = 2000
			}
			least = min(least, sends)
			if refuted = none; none {
				break
			}
		}
		if !refuted || sends < 2000 || lost == 0 && least < 950 {
			t.Errorf("%.2f lost: %.0f kbit/s, at least %.0f, refuted: %v", lost, sends, least, refuted)
		}
	}
	var b Bound
	least := 2000.0
	for n := range 60 { // somebody else's, that comes and goes
		kbps, none := b.Second(1500, 0, 100*time.Millisecond+time.Duration(n%3)*50*time.Millisecond, 2000)
		if kbps > 0 {
			least = min(least, kbps)
		}
		if none {
			t.Error("a queue that changes is called none")
		}
	}
	if least < 750 {
		t.Errorf("%.0f kbit/s because of delay alone", least)
	}
}
