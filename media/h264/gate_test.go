package h264

import "testing"

func TestKeyGate(t *testing.T) {
	var g KeyGate
	step := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %t", what, got)
		}
	}
	step("at first it waits", g.Waits(), true)
	step("a picture before the keyframe", g.Admit(false), false)
	step("a keyframe", g.Admit(true), true)
	step("a picture after it", g.Admit(false), true)
	step("open, it waits", g.Waits(), false)
	g.Close()
	step("a picture after the loss", g.Admit(false), false)
	step("the next keyframe", g.Admit(true), true)
}
