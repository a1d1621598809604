package main

import (
	"testing"
	"time"

	"ewindow/media/engine/protocol"
)

func TestCameraGivesAccessUnits(t *testing.T) {
	k := start(t, cameraRole(testCamera()))
	ready := k.event(protocol.Ready, "test picture", 3*time.Second)
	t.Logf("%+v", ready)
	f := k.moreFrames(60, 5*time.Second)
	now := monotonic()
	for _, f := range f[50:] {
		if age := time.Duration(now - f.Time); age < 0 || age > time.Second {
			t.Errorf("age %v", age)
		}
	}
	t.Logf("%v", k.said())
}
