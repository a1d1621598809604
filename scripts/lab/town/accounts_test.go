package town

import (
	"testing"
	"time"
)

// meets waits until both windows show each other.
func (tw *Town) meets(a, b *Window) {
	tw.t.Helper()
	for range 60 {
		time.Sleep(time.Second)
		if sees(a) && sees(b) {
			return
		}
	}
	tw.t.Fatalf("they do not see each other: %+v, %+v", a.Devices.Screen(), b.Devices.Screen())
}

func sees(w *Window) bool {
	scr := w.Devices.Screen()
	return scr.Card.Picture && time.Since(scr.At) < 200*time.Millisecond
}

// blind fails unless neither window gets a picture or a sound any more from within a second on.
func (tw *Town) blind(after string, windows ...*Window) {
	tw.t.Helper()
	time.Sleep(time.Second)
	until := time.Now()
	time.Sleep(10 * time.Second)
	for _, w := range windows {
		if scr := w.Devices.Screen(); scr.At.After(until) || scr.Card.Picture {
			tw.t.Errorf("%s: %s got a picture %v later than a second after it: %+v", after, w.Space, scr.At.Sub(until), scr.Card)
		}
		if spk := w.Devices.Speaker(); spk.At.After(until) {
			tw.t.Errorf("%s: %s heard something %v later than a second after it", after, w.Space, spk.At.Sub(until))
		}
	}
}

// A space that lost its account sees nothing any more, and is not seen: within a second, on both sides.
func TestRemovedAccount(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := tw.Window("milano"), tw.Window("munich")
		a.Start()
		b.Start()
		for _, gone := range []*Window{a, b} {
			tw.meets(a, b)
			tw.RemoveAccount(gone.Space)
			tw.blind(gone.Space+" was removed", a, b)
			for _, w := range []*Window{a, b} {
				if w != gone && w.Devices.Running("camera") {
					t.Errorf("%s is filmed for nobody", w.Space)
				}
			}
			tw.RestoreAccount(gone.Space)
		}
		tw.meets(a, b)
	})
}

// Whoever has the old secret is out within a second; the window is back as soon as it has the new one.
func TestRotatedAccount(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := tw.Window("milano"), tw.Window("munich")
		a.Start()
		b.Start()
		for _, w := range []*Window{a, b} {
			tw.meets(a, b)
			tw.RotateAccount(w.Space, "another")
			tw.blind(w.Space+" has another secret", a, b)
			begun := time.Now()
			w.SetSecret("another")
			tw.meets(a, b)
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("%s is back after %v", w.Space, took)
			}
		}
	})
}
