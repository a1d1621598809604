package main

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"ewindow/endpoint/status"
)

// A day of a window in the words of the demo: each change is told once.
func TestTeller(t *testing.T) {
	ten := time.Date(2027, 3, 1, 10, 0, 0, 0, time.Local)
	var said []string
	tl := &teller{say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }, figures: time.Now()}
	expect := func(s status.Status, want ...string) {
		t.Helper()
		for range 2 {
			tl.take(s)
		}
		if !reflect.DeepEqual(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
		said = nil
	}
	s := status.Status{Space: "milano"}
	expect(s)
	s.Registration.Why = "no answer"
	expect(s, "the registrar is away: no answer")
	s.Registration.Online = true
	s.Plan = status.Plan{Received: ten, Until: ten.AddDate(0, 0, 14)}
	s.Devices = []status.Device{{Role: "screen", Since: ten, Device: "x11"}}
	expect(s, "registered", "plan received, good until 2027-03-15", "screen: x11")
	s.Calls = []status.Call{{Peer: "munich", Ours: true, Since: ten}}
	expect(s, "calls munich")
	s.Calls = []status.Call{{Peer: "munich", Ours: true, Up: true, Since: ten.Add(time.Second), Media: "opus"}}
	s.Devices = []status.Device{{Role: "camera", Since: ten, Device: "test picture", Encoder: "x264enc"}, s.Devices[0]}
	expect(s, "camera: test picture, encoder x264enc", "open onto munich since 10:00:01: opus")
	tl.figures = time.Time{}
	s.Calls = []status.Call{s.Calls[0]}
	s.Calls[0].Figures = status.Figures{FPSIn: 30, FPSOut: 29.9, KbpsIn: 1, KbpsOut: 2, RTT: 0.5}
	expect(s, "30 fps in, 29.9 out; 1 kbit/s in, 2 out; loss 0 %; round trip 0.5 ms")
	s.Calls, s.Past = nil, []status.PastCall{{Peer: "munich", Up: ten, Ended: ten.Add(time.Minute), Why: "the plan says so"},
		{Peer: "desk", Ended: ten.Add(2 * time.Minute), Status: 486, Why: "Busy Here"}}
	s.Devices = []status.Device{{Role: "camera", Since: ten, Failures: 1, Failure: "it hung", Missing: "No camera"}, s.Devices[1]}
	expect(s, "camera failed: it hung", "camera: No camera", "closed: the plan says so", "no call with desk: Busy Here")
}
