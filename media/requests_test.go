package media

import (
	"testing"
	"time"
)

const ms = time.Millisecond

// asking steps through time, a millisecond at a time, and gives the times at which a packet was asked for.
func asking(r *requests, from time.Time, until, rtt time.Duration) (at []time.Duration) {
	for d := time.Duration(0); d < until; d += ms {
		if now := from.Add(d); r.next(now, rtt) != nil {
			at = append(at, d)
		}
	}
	return at
}

// A packet is asked for at once and then as often within a round trip as the loss makes necessary.
func TestRequestsAreRepeated(t *testing.T) {
	for _, test := range []struct {
		rtt   time.Duration
		loss  float64
		least int // requests within the first round trip, or the first 100 ms
		most  int
	}{
		{2 * ms, 0.01, 10, 13}, {20 * ms, 0.1, 4, 5}, {80 * ms, 0.01, 2, 2}, {80 * ms, 0.05, 3, 4}, {80 * ms, 0.2, 4, 4}, {200 * ms, 0.05, 3, 4},
		{0, 0.01, 2, 5},
	} {
		var r requests
		start := time.Unix(1_700_000_000, 0)
		r.arrived(start, 10, false)
		r.arrived(start, 12, false)
		r.loss = test.loss
		at := asking(&r, start, max(test.rtt, 100*ms), test.rtt)
		if test.rtt == 80*ms {
			at = at[:len(at)-countAfter(at, 79*ms)]
		}
		if len(at) < test.least || len(at) > test.most || at[0] != 0 {
			t.Errorf("round trip %v, loss %v: asked at %v, want %d to %d times", test.rtt, test.loss, at, test.least, test.most)
		}
		for i := 1; i < len(at); i++ {
			if at[i]-at[i-1] < leastSpacing {
				t.Errorf("asked after %v again", at[i]-at[i-1])
			}
		}
	}
}

func countAfter(at []time.Duration, d time.Duration) (n int) {
	for _, a := range at {
		if a > d {
			n++
		}
	}
	return n
}

// Where packets overtake one another they are given the time that they lately needed; one that came in answer to a request
// says nothing about that.
func TestRequestsLearnReordering(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for _, test := range []struct {
		repair bool
		want   time.Duration
		missed uint64
	}{{false, 8 * ms, 0}, {true, 0, 1}} { // 6 ms, an eighth of it and a margin
		var r requests
		r.arrived(start, 1, false)
		r.arrived(start, 3, false)
		r.next(start, 80*ms)
		r.arrived(start.Add(6*ms), 2, test.repair)
		if r.missed != test.missed {
			t.Errorf("repair %t: %d counted as lost on the way, want %d", test.repair, r.missed, test.missed)
		}
		later := start.Add(time.Second)
		r.arrived(later, 5, false)
		if at := asking(&r, later, 50*ms, 80*ms); len(at) == 0 || at[0] != test.want {
			t.Errorf("repair %t: asked at %v, want the first at %v", test.repair, at, test.want)
		}
		if got := r.reordering(start.Add(time.Minute)); got > ms {
			t.Errorf("repair %t: %v is still believed after a minute", test.repair, got)
		}
	}
}

func TestRequestsAreBounded(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	var r requests
	r.arrived(start, 1, false)
	if r.due(start, 0) != (time.Time{}) || r.patience(0) < leastPatience {
		t.Error("nothing is missing, and something is due")
	}
	r.arrived(start, maxMissing+3, false)
	if r.next(start, 0) != nil || r.patience(0) != 0 {
		t.Error("an outage is asked for packet by packet")
	}
	r.before(maxMissing + 4)
	r.arrived(start, maxMissing+5, false)
	if r.next(start, 0) == nil || r.patience(10*time.Second) != mostPatience {
		t.Error("a loss after an outage is not asked for")
	}
	r.before(maxMissing + 5)
	if r.next(start.Add(time.Second), 0) != nil {
		t.Error("a packet is asked for that nobody waits for any more")
	}
}

// Nothing waits where nothing is late, nor for what is late once; where repair takes long, all wait; and the delay goes down
// again.
func TestCadence(t *testing.T) {
	var c cadence
	var now time.Duration
	show := func(late time.Duration) (shown time.Duration) {
		now += time.Second / 30
		return late + c.wait(now, late, 0)
	}
	for i := range 500 {
		if shown := show(20 * ms); shown != 20*ms {
			t.Fatalf("picture %d is held for %v on a clean path", i, shown-20*ms)
		}
		if i == 250 { // what comes at once after an outage
			for late := 500 * ms; late > 0; late -= 33 * ms {
				c.wait(now, late, 0)
			}
		}
	}
	for i := range 500 {
		late := 10 * ms
		if i%10 == 0 {
			late = 230 * ms
		}
		if shown := show(late); i > 50 && shown != max(late, 230*ms-patientWith) {
			t.Fatalf("picture %d is shown %v late", i, shown)
		}
	}
	shown := show(10 * ms)
	for range 500 {
		was := shown
		if shown = show(10 * ms); was > shown+2*slowly {
			t.Fatalf("the delay falls from %v to %v at once", was, shown)
		}
	}
	if shown != 10*ms {
		t.Errorf("the delay is %v when all is well again", shown-10*ms)
	}
}

// A path that becomes another one makes nobody wait: what all take is no lateness.
func TestCadenceOnAnotherPath(t *testing.T) {
	for _, step := range []time.Duration{100 * ms, 300 * ms, time.Hour} { // an hour is the sender's clock
		var c cadence
		var now, least time.Duration
		for i := range 1000 {
			now += time.Second / 30
			late := 10 * ms
			switch {
			case i > 320: // the fastest of four seconds
				least = step
			case i > 200:
				late += step
			}
			if held := c.wait(now, late, least); held > 0 {
				t.Fatalf("%v: picture %d is held for %v", step, i, held)
			}
		}
	}
}
