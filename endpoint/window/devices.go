package window

import (
	"context"
	"slices"
	"time"

	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
)

// lines are the legs as the goroutines that carry frames see them. The loop replaces the whole.
type lines struct {
	up    []*leg // with media: they get what camera and microphone give
	shown *leg   // its pictures and its sound are played; nil for none
	next  *leg   // takes shown's place with its first picture; nil for none
}

// arrange gives the devices what the calls need now.
func (w *Window) arrange() {
	for now := w.lines.Load(); !w.lines.CompareAndSwap(now, w.wires()); { // else a first picture came meanwhile
		now = w.lines.Load()
	}
	s := w.lines.Load()
	opened := map[string]bool{}
	w.video, w.audio = false, false
	for _, l := range s.up {
		f := formats(w.cfg.Video, l.description)
		opened[l.id] = true
		w.devices.Open(l.id, f)
		w.video = w.video || f.Video != (engine.VideoFormat{})
		w.audio = w.audio || f.Audio != (engine.AudioFormat{})
	}
	w.devices.ShowCall(s.shownID())
	for id := range w.opened {
		if !opened[id] {
			w.devices.Close(id)
		}
	}
	w.opened = opened
}

// shownID is the call that the screen shows, empty for none.
func (s *lines) shownID() string {
	if s.shown == nil {
		return ""
	}
	return s.shown.id
}

// wires is how lines should be now.
func (w *Window) wires() *lines {
	s := &lines{}
	shown := w.state.Shown(time.Now())
	for _, c := range w.state.Calls {
		l := w.legs[c.ID]
		if l == nil || l.session == nil {
			continue
		}
		s.up = append(s.up, l)
		if s.next = l; c.ID == shown.ID {
			s.shown = l
		}
	}
	if s.next != nil && (s.shown == nil || s.next.seen.Load() != 0) {
		s.shown = s.next
	}
	if s.shown == s.next {
		s.next = nil
	}
	return s
}

// A leg is the media.Receiver of its session.
var _ media.Receiver = (*leg)(nil)

// Video takes a picture of the other side.
func (l *leg) Video(au media.AccessUnit) {
	w := l.window
	l.seen.Store(time.Now().UnixNano())
	s := w.lines.Load()
	if s.next == l && w.lines.CompareAndSwap(s, &lines{up: s.up, shown: l}) {
		w.devices.ShowCall(l.id)
	}
	w.devices.PlayVideo(l.id, au)
}

// Audio takes sound of the other side.
func (l *leg) Audio(f media.AudioFrame) {
	if l.window.lines.Load().shown == l {
		l.window.devices.PlayAudio(l.id, f)
	}
}

// KeyframeRequested passes the other side's PLI or FIR on to our encoder.
func (l *leg) KeyframeRequested() { l.window.devices.ForceKeyframe(l.id) }

// deviceHandler is the window as the devices see it.
type deviceHandler Window

// Video sends what our camera saw.
func (h *deviceHandler) Video(calls []string, au media.AccessUnit) {
	for _, l := range h.lines.Load().up {
		if slices.Contains(calls, l.id) {
			l.session.SendVideo(au)
		}
	}
}

// Audio sends what our microphone heard.
func (h *deviceHandler) Audio(calls []string, f media.AudioFrame) {
	for _, l := range h.lines.Load().up {
		if slices.Contains(calls, l.id) {
			l.session.SendAudio(f)
		}
	}
}

// deviceReport is what a device process says.
type deviceReport struct {
	role  protocol.Role
	event protocol.Event
}

// Event takes what a device process reports to the loop. Levels and progress are nothing to it.
func (h *deviceHandler) Event(role protocol.Role, e protocol.Event) {
	switch e.Kind {
	case protocol.Ready, protocol.Missing, protocol.Failed, protocol.Keyframe:
		(*Window)(h).post(deviceReport{role, e})
	}
}

func (w *Window) device(ctx context.Context, r deviceReport) {
	d := w.roles[r.role]
	d.Role = string(r.role)
	e := &r.event
	switch e.Kind {
	case protocol.Ready:
		w.log.Info("device ready", "role", r.role, "device", e.Device, "encoder", e.Encoder, "text", e.Text)
		d.Since, d.Device, d.Encoder, d.Missing, d.Why = time.Now(), e.Device, e.Encoder, e.Lacks, e.Text
	case protocol.Missing:
		w.log.Warn("device missing", "role", r.role, "text", e.Text)
		d.Why = e.Text
	case protocol.Failed:
		w.log.Error("device failed", "role", r.role, "text", e.Text)
		d.Failures++
		d.Since, d.Why = time.Now(), e.Text
	}
	w.roles[r.role] = d
	if r.role == protocol.Screen && (e.Kind == protocol.Ready || e.Kind == protocol.Keyframe) {
		if l := w.lines.Load().shown; l != nil {
			l.session.RequestKeyframe()
		}
	}
	w.step(ctx, Device{Role: d.Role, Missing: d.Missing})
}
