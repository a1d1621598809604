package town

import (
	"testing"
	"time"
)

var berlin = func() *time.Location {
	l, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return l
}()

func at(day, hour, minute int) time.Time { return time.Date(2027, 3, day, hour, minute, 0, 0, berlin) }

// The week: 50 minutes on each working day, and a night in which the clocks jump from 2 to 3. Dresden has the same hours and no
// partner, until the plan is edited.
const week = `
space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Fr 10:00-10:50; Su 01:30-03:30"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 10:00-10:50; Su 01:30-03:30"
}
space "dresden" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 10:00-10:50; Su 01:30-03:30"
}
link "the long window" {
  between = [milano, munich]
  when    = open
}
`

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
		if one, other := a.With(b), b.With(a); one == nil || other == nil || one.ID != other.ID || one.Ours == other.Ours {
			t.Errorf("the call is %+v here and %+v there", one, other)
		}
	})
}

// Windows that know the plan from their disk see each other only through the registrar, but a call that is up needs
// it for nothing, and closing neither.
func TestCloseWithoutRegistrar(t *testing.T) {
	Simulate(t, 1, at(22, 10, 0), week, func(tw *Town) {
		a, b := tw.Window("milano"), tw.Window("munich")
		for _, w := range []*Window{a, b} {
			w.Devices.SetPace(time.Second, 3*time.Second)
			w.Start()
		}
		time.Sleep(time.Minute)
		tw.StopRegistrar()
		time.Sleep(48 * time.Minute)
		if scr := a.Devices.Screen(); !scr.Card.Picture || time.Since(scr.At) > 2*time.Second {
			t.Errorf("without registrar: %+v", scr)
		}
		time.Sleep(2 * time.Minute)
		if scr := a.Devices.Screen(); scr.Card.Reason != "Closed" || a.Devices.Running("camera") {
			t.Errorf("after closing time: %+v", scr)
		}
	})
}
