package main

import (
	"testing"
	"time"

	"ewindow/media/testcard"
)

// What the judge makes of a screen does not depend on how often it was looked at, but on what was there.
func TestJudge(t *testing.T) {
	const seconds = 8
	tone := make([]float64, 48000) // silence: the tone is another test's
	for _, c := range []struct {
		name string
		look time.Duration
		at   func(time.Duration) (counter uint32, ok bool)
		want string
	}{
		{"30 a second", look, func(d time.Duration) (uint32, bool) { return uint32(d.Seconds() * 30), true }, ""},
		{"30 a second, looked at twice a second", time.Second / 2, func(d time.Duration) (uint32, bool) { return uint32(d.Seconds() * 30), true }, ""},
		{"15 a second", look, func(d time.Duration) (uint32, bool) { return uint32(d.Seconds() * 15), true },
			"munich's screen: 14.9 pictures of milano a second, at least 20 are asked for"},
		{"30 a second, but only one a second is shown", look, func(d time.Duration) (uint32, bool) { return uint32(d.Seconds()) * 30, true },
			"munich's screen: milano stood still for 99 % of the time, at most 33 % may be"},
		{"a card for half of the time", look, func(d time.Duration) (uint32, bool) {
			return uint32(d.Seconds() * 30), d < seconds*time.Second/4 || d > seconds*time.Second*3/4
		},
			"munich's screen: milano stood still for 50 % of the time, at most 33 % may be"},
		{"a picture that is the same throughout", look, func(time.Duration) (uint32, bool) { return 7, true },
			"munich's screen: 0.0 pictures of milano a second, at least 20 are asked for"},
		{"never", look, func(time.Duration) (uint32, bool) { return 0, false },
			"munich's screen: 0.0 pictures of milano a second, at least 20 are asked for"},
	} {
		begin := time.Unix(1e9, 0)
		ev := evidence{space: "munich", seconds: seconds, seen: map[uint16]*sight{}, sound: tone, rate: 48000}
		for d := time.Duration(0); d < seconds*time.Second; d += c.look {
			counter, ok := c.at(d)
			ev.take(testcard.Seed("milano"), counter, ok, begin.Add(d))
		}
		ev.settle()
		got := ""
		if err := judgePictures(ev, "milano"); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
