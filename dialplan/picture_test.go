package dialplan_test

import (
	"slices"
	"testing"
	"time"

	"ewindow/dialplan"
)

// Whether a phone sees a window, and whether it does so unseen, travels to that window and is explained.
func TestPicture(t *testing.T) {
	for written, want := range map[string]struct{ picture, always bool }{
		``:                      {true, false},
		`picture = true`:        {true, false},
		`picture = false`:       {false, false},
		`picture = "always"`:    {true, true},
		`picture   =  "always"`: {true, true},
	} {
		p, err := dialplan.Parse(dialplan.File{Name: "plan.hcl", Data: []byte(`
space "milano" {
  timezone = "Europe/Rome"
  open     = "24/7"
}
phone "door" {
  ` + written + `
  may_dial = [milano]
}
`)})
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		now := time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)
		programme, err := p.Programme("milano", now)
		if err != nil {
			t.Fatal(err)
		}
		if ph := programme.Phone("door"); ph.Picture != want.picture || ph.Always != want.always {
			t.Errorf("%s: in the programme %+v", written, *ph)
		}
		e, err := p.Explain("milano", now)
		if err != nil || slices.Contains(e.Unseen, "door") != want.always {
			t.Errorf("%s: unseen %q, %v", written, e.Unseen, err)
		}
	}
}
