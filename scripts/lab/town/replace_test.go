package town

import (
	"testing"
	"time"

	"ewindow/scripts/lab/memnet"
)

// together switches two windows on, and waits until they see each other.
func together(tw *Town) (a, b *Window) {
	a, b = tw.Window("milano"), tw.Window("munich")
	a.Start()
	b.Start()
	time.Sleep(20 * time.Second)
	if a.With(b) == nil || b.With(a) == nil {
		tw.t.Fatal("no call")
	}
	return a, b
}

// worst is the longest time without a new picture at a window, watched for d.
func worst(w *Window, d time.Duration) (gap time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		gap = max(gap, time.Since(w.Devices.Screen().At))
	}
	return gap
}

// Where one direction is cut, the side that hears nothing calls anew, into the same cut. The other side, which sees and
// hears all along, goes on seeing without a gap, and in the end there is one call.
func TestReplacedWhereOneDirectionIsCut(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		tw.Net.Default(memnet.Conditions{Latency: 100 * time.Millisecond}) // a new call takes several times that
		a, b := together(tw)
		old := a.With(b).ID
		tw.Net.Cut(a.Host, b.Host)
		if gap := worst(a, 40*time.Second); gap > 150*time.Millisecond {
			t.Errorf("no picture for %v at %s, whose direction is whole", gap, a.Space)
		}
		if scr := b.Devices.Screen(); scr.Card.Picture {
			t.Errorf("%s shows %+v", b.Space, scr)
		}
		tw.Net.Restore(a.Host, b.Host)
		if gap := worst(a, 10*time.Second); gap > 150*time.Millisecond {
			t.Errorf("no picture for %v at %s while the direction comes back", gap, a.Space)
		}
		for _, w := range []*Window{a, b} {
			if scr := w.Devices.Screen(); !scr.Card.Picture || time.Since(scr.At) > 150*time.Millisecond || scr.Broken > 0 {
				t.Errorf("%s shows %+v", w.Space, scr)
			}
			if n := len(w.Status().Calls); n != 1 {
				t.Errorf("%s has %d calls", w.Space, n)
			}
		}
		one, other := a.With(b), b.With(a)
		if one == nil || other == nil || one.ID != other.ID || one.ID == old {
			t.Errorf("the call was %s, and is %+v and %+v", old, one, other)
		}
	})
}

// A line that is cut for 40 s while the registrar is away is the same call afterwards: nobody can make another one.
func TestLineComesBackWithoutRegistrar(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := together(tw)
		old := a.With(b).ID
		tw.StopRegistrar()
		time.Sleep(5 * time.Second)
		tw.Net.CutBoth(a.Host, b.Host)
		time.Sleep(40 * time.Second)
		tw.Net.RestoreBoth(a.Host, b.Host)
		time.Sleep(3 * time.Second)
		for w, other := range map[*Window]*Window{a: b, b: a} {
			if scr := w.Devices.Screen(); !scr.Card.Picture || time.Since(scr.At) > 100*time.Millisecond {
				t.Errorf("%s shows %+v", w.Space, scr)
			}
			if c := w.With(other); c == nil || c.ID != old {
				t.Errorf("%s: the call was %s, and is %+v", w.Space, old, c)
			}
		}
	})
}
