package status

import (
	"strings"
	"testing"
	"time"
)

var ten = time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)

func sample() Status {
	return Status{
		Space: "milano", Version: "v1.2.0", At: ten, Certificate: ten.AddDate(0, 2, 0), Started: ten.Add(-48 * time.Hour),
		Registration: Registration{Online: true, Since: ten.Add(-time.Hour), Why: "connection refused", Registrar: "192.0.2.1:5061"},
		Plan: Plan{Revision: "r1", Received: ten.Add(-2 * time.Hour), Until: ten.AddDate(0, 0, 13), Open: true, Partner: "munich",
			Next: Change{At: ten.Add(3 * time.Hour)}},
		Calls: []Call{{ID: "x@y", Role: "partner", Peer: "munich", Name: "Munich – Hub", Ours: true, Up: true, Since: ten.Add(-time.Minute),
			Shown: true, Media: "opus + H264 over SRTP AEAD_AES_128_GCM", Sends: "1280×720 at 30/s",
			Figures: Figures{Expected: 40000, Encoded: 1950, SoundIn: 3000, SoundDelay: 41, Resent: 90, Repairs: 117, Copies: 1, Redundancy: 3.5, FPSIn: 30, FPSOut: 29.9, KbpsIn: 1800, KbpsOut: 2000.1, Loss: 0.4, RTT: 12.5, Missed: 120, Gone: 3, Freezes: 2, Frozen: 0.4, Concealed: 4, Recovered: 17, Delay: 30, Queue: 12, Budget: 2000}}},
		Past: []PastCall{
			{Peer: "desk", Ended: ten.Add(-3 * time.Hour), Status: 486, Why: "Busy Here", Before: 3},
			{Peer: "munich", Ours: true, Up: ten.Add(-90 * time.Minute), Ended: ten.Add(-2 * time.Minute), Why: "silent for 90 s"}},
		Devices: []Device{{Role: "camera", On: true, Device: "v4l2 /dev/video0", Encoder: "x264enc", Why: "x264enc: works",
			Failures: 2, Failed: ten.Add(-time.Minute), Failure: "camera: no progress for 1s"},
			{Role: "sound", Device: "silence", EchoMS: 152.4, Missing: "No microphone", Reason: "microphone alsa:hw:1: there is none"}},
		Screen: Screen{Picture: true, Title: "Munich – Hub", Notice: "No microphone"},
		Faults: []Fault{{What: "line to munich silent", Began: ten.Add(-20 * time.Minute), Over: ten.Add(-1188 * time.Second), By: "a new call", Before: 2},
			{What: "camera failed", Why: "no progress for 1s", Began: ten.Add(-time.Minute), Over: ten.Add(-59500 * time.Millisecond), By: "a new process"}},
	}
}

func TestText(t *testing.T) {
	want := `window      milano, v1.2.0, running since Sat 27 Feb 10:00
registrar   192.0.2.1:5061, registered since 09:00:00
plan        open onto munich; from 13:00:00 onto nobody; known until Sun 14 Mar
            10:00; received 08:00:00, revision r1
call        partner munich (Munich – Hub); up since 09:59:00
line        opus + H264 over SRTP AEAD_AES_128_GCM
            in 30 pictures/s, 1800 kbit/s, loss 0.4 %; out 29.9 pictures/s,
            2000.1 kbit/s of 2000, the encoder makes 1950 (1280×720 at 30/s);
            round trip 12.5 ms
            missed 120 packets (0.3 %), 3 for good (0.01 %); stood still 2
            times, 0.4 s in all
camera      v4l2 /dev/video0; encoder x264enc; its process failed 2 times, last
            at 09:59:00: camera: no progress for 1s
sound       off; silence; No microphone: microphone alsa:hw:1: there is none
shows       the picture of Munich – Hub | No microphone
certificate until 1 May 2027
fault       09:59:00: camera failed: no progress for 1s; repaired by a new
            process after 500ms
`
	alone := sample()
	alone.Calls = nil
	if got := alone.Text(time.UTC); !strings.HasSuffix(got, "\npast        09:58:00: call to munich; up for 1h28m0s; silent for 90 s\n") {
		t.Errorf("without a call:\n%s", got)
	}
	if got := sample().Text(time.UTC); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	all := sample().All(time.UTC)
	for _, want := range []string{
		"registered since 09:00:00; before that: connection refused",
		"waits 30 ms for repair here, 12 ms in queues there",
		"sound: 4 frames of 3000 concealed, 17 more came with later packets; waits 41 ms for what comes unevenly",
		"repair: 90 packets sent again, 117 came again; 0 repair packets sent, 0 packets mended; 1 copies of each frame of sound; all that is 3.5 % of what we send",
		"camera: no progress for 1s; x264enc: works", "off; silence; echo comes after 152.4 ms; No microphone: microphone alsa:hw:1: there is none",
		"fault 09:40:00: line to munich silent; repaired by a new call after 12s; 2 times shortly before", "past 07:00:00: call of desk; 486 Busy Here; 3 like it before",
	} {
		if !strings.Contains(strings.Join(strings.Fields(all), " "), want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	first := Status{Space: "milano", At: ten, Started: ten, Screen: Screen{Title: "milano", Reason: "Waiting for the plan", Next: "Looking for the registrar"}}
	want = `window      milano, running since 10:00:00
registrar   not reached yet
plan        none yet
call        none
shows       milano | Waiting for the plan | Looking for the registrar
fault       none yet
`
	if got := first.Text(time.UTC); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// While the screen's process is down nobody sees what it is to show; what is not known is not said.
func TestTextOfTrouble(t *testing.T) {
	s := sample()
	s.Calls[0].Figures.RTT = 0
	s.Devices = []Device{{Role: "screen", On: true, Device: "x11 :0", Failures: 1, Failed: ten.Add(-time.Second),
		Failure: "screen x11::0: the X display has gone", Down: true}}
	text := s.Text(time.UTC)
	for _, want := range []string{
		"2000.1 kbit/s of 2000, the encoder makes 1950 (1280×720 at 30/s)\n",
		"screen      down, a new process is on its way; x11 :0; its process failed at\n            09:59:59: screen x11::0: the X display has gone\n",
		"shows       nothing: screen x11::0: the X display has gone\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestCallsOf(t *testing.T) {
	s := sample()
	if c := s.Call("munich"); c == nil || c.ID != "x@y" {
		t.Errorf("call %+v", c)
	}
	if s.Call("desk") != nil || s.Last("desk").Status != 486 || s.Last("x") != nil {
		t.Error("a call of nobody")
	}
	s.Calls[0].Leaving = true
	if s.Call("munich") != nil {
		t.Error("one that is leaving counts")
	}
}

// What lasts is told beside what was over; what a driver or a caller says is obeyed by no terminal.
func TestFaultsThatLast(t *testing.T) {
	s := sample()
	s.Faults = append(s.Faults, Fault{What: "registrar away", Why: "\x1b[2Jrefused\x1b[0mx\x07; do this", Began: ten.Add(-90 * time.Second)},
		Fault{What: "sound failed", Began: ten.Add(-30 * time.Second), Over: ten.Add(-20 * time.Second), By: "a new process"})
	s.Faults[0].Over = time.Time{}
	if f := s.LastFault(); f.What != "registrar away" || f.Lasted(ten) != 90*time.Second {
		t.Errorf("%+v", f)
	}
	text := s.Text(time.UTC)
	want := "fault       09:58:30: registrar away: [2Jrefused[0mx; still so after 1m30s\n" +
		"fault       09:40:00: line to munich silent; still so after 20m0s; 2 times\n            shortly before\n"
	if !strings.Contains(text, want) || strings.Contains(text, "sound failed") {
		t.Errorf("%s", text)
	}
	if s.Faults = nil; s.LastFault() != nil || s.Main() == nil || s.Main().Peer != "munich" {
		t.Error("the last fault of none, or no call")
	}
}
