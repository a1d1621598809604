package window

import (
	"testing"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media"
	"ewindow/media/engine/protocol"
)

// Why pictures are refused is said for as long as that keeps the screen from showing any.
func TestFiguresSayWhyPicturesAreRefused(t *testing.T) {
	s := media.Stats{VideoHeld: 7, VideoRefused: 5, VideoRefusal: "too large", VideoHeldSince: time.Unix(1, 0)}
	if f := figures(s); f.Refused != "too large" || f.Held != 7 {
		t.Errorf("while it lasts: %+v", f)
	}
	s.VideoHeldSince = time.Time{}
	if f := figures(s); f.Refused != "" || f.Held != 7 {
		t.Errorf("when it is over: %+v", f)
	}
}

// Calls that come to nothing in a row are one, so that the last that was up is not lost in a night of them.
func TestPastCallsInARow(t *testing.T) {
	simulate(t, func(l *lab) {
		l.w.remember(status.PastCall{Peer: "munich", Ours: true, Up: time.Now(), Why: "the plan says so"})
		for range 3 {
			for range 40 {
				l.w.remember(status.PastCall{Peer: "munich", Ours: true, Status: 480, Why: "they are closed or not there"})
			}
			l.w.remember(status.PastCall{Peer: "desk", Status: 486, Why: "Busy Here"})
		}
		p := l.w.past
		if len(p) != 7 || p[0].Up.IsZero() || p[1].Before != 39 || p[2].Before != 0 || p[5].Before != 39 {
			t.Errorf("%+v", p)
		}
	})
}

// Why a stand-in is used, and what to do, is known for as long as it is used.
func TestReasonOfAStandIn(t *testing.T) {
	simulate(t, func(l *lab) {
		say := func(e protocol.Event) status.Device {
			l.w.tell(deviceReport{protocol.Sound, e})
			time.Sleep(time.Second)
			all := l.w.Status().Devices
			return all[len(all)-1]
		}
		say(protocol.Event{Kind: protocol.Missing, Text: "speaker: none"})
		for range 20 {
			say(protocol.Event{Kind: protocol.Missing, Text: "microphone: plug it in"})
		}
		d := say(protocol.Event{Kind: protocol.Ready, Lacks: "No microphone", Text: "opus"})
		if d.Reason != "speaker: none; microphone: plug it in" || d.Why != "opus" || d.Missing != "No microphone" {
			t.Errorf("%+v", d)
		}
		say(protocol.Event{Kind: protocol.Missing, Text: "microphone: plug it in"})
		say(protocol.Event{Kind: protocol.Failed, Text: "killed"})
		if d := say(protocol.Event{Kind: protocol.Ready, Text: "opus"}); d.Reason != "" || d.Missing != "" {
			t.Errorf("when it is there again: %+v", d)
		}
	})
}
