package main

import "testing"

// A still picture that is drawn while something newer happens is not shown.
func TestStillPictureThatComesLate(t *testing.T) {
	drawn := func(width int) func() picture { return func() picture { return picture{width: width} } }
	for name, c := range map[string]struct {
		meanwhile func(s *still) // while the first picture is drawn
		shown     int            // width of what is sent afterwards, 0 for none
	}{
		"nothing":            {func(*still) {}, 1},
		"the camera begins":  {func(s *still) { s.end() }, 0},
		"the camera goes":    {func(s *still) { s.show(s.begin(), drawn(2)) }, 2},
		"it comes and goes":  {func(s *still) { s.end(); s.show(s.begin(), drawn(2)) }, 2},
		"it goes, and comes": {func(s *still) { s.show(s.begin(), drawn(2)); s.end() }, 0},
	} {
		var s still
		right := s.begin()
		s.show(right, func() picture { c.meanwhile(&s); return picture{width: 1} })
		got := 0
		s.send(func(p picture) { got = p.width })
		if got != c.shown {
			t.Errorf("%s: still picture %d is sent, expected %d", name, got, c.shown)
		}
	}
	var s still
	right := s.begin()
	s.end()
	s.show(right, func() picture { t.Error("a picture is drawn in vain"); return picture{} }) // the timer was late
}
