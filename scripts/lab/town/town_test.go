package town

import (
	"testing"
	"time"
)

const always = `
space "milano" {
  timezone = "Europe/Rome"
  open     = "24/7"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "24/7"
}
link "the long window" {
  between = [milano, munich]
  when    = open
}
`

// Two windows that are switched on at the same moment call each other, and one call stays.
func TestTwoWindowsMeet(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), always, func(tw *Town) {
		a, b := tw.Window("milano"), tw.Window("munich")
		a.Start()
		b.Start()
		time.Sleep(20 * time.Second)
		for w, other := range map[*Window]*Window{a: b, b: a} {
			scr, spk := w.Devices.Screen(), w.Devices.Speaker()
			seed := uint16(other.Host.As4()[3])
			if scr.Seed != seed || scr.Pictures < 18*30 || scr.Broken+scr.Foreign > 0 || !scr.Card.Picture {
				t.Errorf("%s's screen: %+v", w.Space, scr)
			}
			if spk.Seed != seed || spk.Frames < 18*50 || spk.Foreign > 0 {
				t.Errorf("%s's speaker: %+v", w.Space, spk)
			}
			if age := time.Since(scr.At); age > 100*time.Millisecond {
				t.Errorf("%s's picture is %v old", w.Space, age)
			}
		}
		if n := tw.Log.Count(callUp); n == 0 {
			t.Error("the log tells of no call")
		}
	})
}

// Windows that know the plan from their disk see each other only through the registrar, but a call that is up needs
// it for nothing, and closing neither.
func TestCloseWithoutRegistrar(t *testing.T) {
	Simulate(t, 1, at(22, 10, 0), week, func(tw *Town) {
		a, b := tw.Window("milano"), tw.Window("munich")
		a.Start()
		b.Start()
		time.Sleep(time.Minute)
		tw.StopRegistrar()
		time.Sleep(48 * time.Minute)
		if scr := a.Devices.Screen(); !scr.Card.Picture || time.Since(scr.At) > time.Second {
			t.Errorf("without registrar: %+v", scr)
		}
		time.Sleep(2 * time.Minute)
		if scr := a.Devices.Screen(); scr.Card.Reason != "Closed" || a.Devices.Running("camera") {
			t.Errorf("after closing time: %+v", scr)
		}
	})
}
