package window

import (
	"sync"
	"time"

	"ewindow/media"
	"ewindow/media/engine"
)

// stage is where the frames of the calls meet the devices. The loop says who is on it; the goroutines that carry frames
// use it, so it has a lock, held for no longer than it takes to hand a frame on.
//
//	camera, microphone ──▶ Video, Audio ──▶ session of each call
//	screen, speaker ◀───── picture, sound ◀─ session of the call that is shown
type stage struct {
	devices *engine.Engine

	mu      sync.Mutex
	up      map[string]*leg // with media, by Call.ID: they get what camera and microphone give
	formats map[string]engine.Formats
	shown   *leg // nil for none
	next    *leg // takes shown's place with its first picture; nil for none
}

// set puts legs on the stage, the newest last, each with the formats in which it gets our pictures and sound. shown is
// one of them; the newest takes its place with its first picture.
func (s *stage) set(legs []*leg, formats []engine.Formats, shown *leg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.formats
	s.up, s.formats, s.next = map[string]*leg{}, map[string]engine.Formats{}, nil
	for i, l := range legs {
		s.up[l.id], s.formats[l.id] = l, formats[i]
		if old, open := was[l.id]; !open || old != formats[i] {
			s.devices.Open(l.id, formats[i])
		}
		s.next = l
	}
	if s.next != nil && !s.next.lastSeen().IsZero() {
		shown = s.next
	}
	if s.next == shown {
		s.next = nil
	}
	s.show(shown)
	for id := range was {
		if s.up[id] == nil {
			s.devices.Close(id)
		}
	}
}

// show has the screen show a leg, nil for none. mu is held.
func (s *stage) show(l *leg) {
	s.shown = l
	if l == nil {
		s.devices.ShowCall("")
	} else {
		s.devices.ShowCall(l.id)
	}
}

// on says whether camera and sound are on.
func (s *stage) on() (camera, sound bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.formats {
		camera = camera || f.Video != (engine.VideoFormat{})
		sound = sound || f.Audio != (engine.AudioFormat{})
	}
	return camera, sound
}

// askShown asks the call that is shown for a keyframe.
func (s *stage) askShown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown != nil {
		s.shown.session.RequestKeyframe()
	}
}

// picture plays a picture of a call, and says whether it is the first, or one after a pause.
func (s *stage) picture(l *leg, au media.AccessUnit) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	was := l.seen.Swap(now.UnixNano())
	if s.next == l {
		s.next = nil
		s.show(l)
	}
	if s.shown == l {
		s.devices.PlayVideo(l.id, au)
	}
	return now.Sub(time.Unix(0, was)) >= silenceNotice
}

// sound plays sound of a call: of two to the same partner only what belongs to the picture.
func (s *stage) sound(l *leg, f media.AudioFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown == l {
		s.devices.PlayAudio(l.id, f)
	}
}

// Video gives calls what our camera sees.
func (s *stage) Video(calls []string, au media.AccessUnit) {
	for _, l := range s.legs(calls) {
		l.session.SendVideo(au)
	}
}

// Audio gives calls what our microphone hears.
func (s *stage) Audio(calls []string, f media.AudioFrame) {
	for _, l := range s.legs(calls) {
		l.session.SendAudio(f)
	}
}

// legs are those of calls that are on the stage.
func (s *stage) legs(calls []string) []*leg {
	s.mu.Lock()
	defer s.mu.Unlock()
	legs := make([]*leg, 0, 2)
	for _, id := range calls {
		if l := s.up[id]; l != nil {
			legs = append(legs, l)
		}
	}
	return legs
}

// A leg is the media.Receiver of its session.
var _ media.Receiver = (*leg)(nil)

// Video takes a picture of the other side. The card has to make room for the first at once, not at the next tick.
func (l *leg) Video(au media.AccessUnit) {
	if l.window.stage.picture(l, au) {
		l.window.tell(pictureCame{l.id})
	}
}

// Audio takes sound of the other side.
func (l *leg) Audio(f media.AudioFrame) { l.window.stage.sound(l, f) }

// KeyframeRequested passes the other side's PLI or FIR on to our encoder.
func (l *leg) KeyframeRequested() { l.window.devices.ForceKeyframe(l.id) }
