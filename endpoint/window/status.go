package window

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"time"

	"ewindow/endpoint/status"
	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
)

// snapshot is a Status as the loop knows it, and the sessions whose figures belong to its calls.
type snapshot struct {
	status.Status
	sessions []*media.Session     // of Calls; nil before media
	formats  []engine.VideoFormat // of our pictures in them
}

// Status is what the window knows about itself now. It may be called from any goroutine.
func (w *Window) Status() status.Status {
	snap := w.snapshot.Load()
	s := snap.Status
	s.At = time.Now()
	s.Calls = slices.Clone(s.Calls)
	for i, session := range snap.sessions {
		if session != nil {
			f := figures(session.Stats())
			format := snap.formats[i]
			f.Width, f.Height, f.FPS = format.Width, format.Height, format.FPS
			s.Calls[i].Figures = f
		}
	}
	return s
}

// publish lets Status see how things stand. What it hands out is never changed afterwards.
func (w *Window) publish() {
	s, now := &w.state, time.Now()
	snap := &snapshot{Status: status.Status{
		Space: s.Space, At: now, Started: w.started,
		Registration: status.Registration{Online: s.Online, Since: s.OfflineSince, Why: s.OfflineWhy, Ways: w.ways},
		Plan:         planStatus(s, now),
		Past:         slices.Clone(w.past),
		Keys:         w.keyStatus(now),
		Faults:       w.history.status(),
		Screen: status.Screen{Picture: w.card.Picture, Title: w.card.Title, Reason: w.card.Reason,
			Next: w.card.Next, Notice: w.card.Notice},
	}}
	if s.Online {
		snap.Registration.Since = s.OnlineSince
	}
	snap.Plan.Problem = w.planProblem
	camera, sound := w.stage.on()
	shown := s.Shown(now)
	for i := range s.Calls {
		c := &s.Calls[i]
		call := status.Call{
			Role: string(c.Role), Peer: c.Peer, Name: c.Name, Ours: c.Ours, Up: c.Phase == Up, Since: c.Since,
			Leaving: c.Leaving, Shown: c == shown, Held: c.Held, NoVideo: c.NoVideo, Blank: c.blank(now), Hidden: c.Hidden,
			Starved: c.blank(now) && c.starves(now),
		}
		if c.down(now) {
			call.Silent = now.Add(-c.silence(now))
		}
		var session *media.Session
		var format engine.VideoFormat
		if l := w.legs[c.ID]; l != nil {
			call.ID, session = l.callID, l.session
			call.Path, call.Tried = l.path()
			if l.unanswered != nil {
				call.Unanswered = l.unanswered.String()
			}
			if session != nil {
				call.Keys = keyKind(l.description)
				call.Media, call.Sends, format = describe(l.description), inWords(l.sends), l.sends
			}
		}
		snap.Calls, snap.sessions = append(snap.Calls, call), append(snap.sessions, session)
		snap.formats = append(snap.formats, format)
	}
	for _, role := range []protocol.Role{protocol.Camera, protocol.Screen, protocol.Sound} {
		if d, known := w.roles[role]; known {
			d.On = role == protocol.Screen || role == protocol.Camera && camera || role == protocol.Sound && sound
			snap.Devices = append(snap.Devices, d)
		}
	}
	w.snapshot.Store(snap)
}

func planStatus(s *State, now time.Time) status.Plan {
	p := s.Programme
	if p == nil {
		return status.Plan{}
	}
	out := status.Plan{Revision: p.Revision, Received: s.PlannedAt, Until: p.Until, Open: s.open(now)}
	if link := p.LinkAt(now); link != nil {
		out.Partner = link.Partner
		if link.Until.Before(p.Until) { // beyond its end nothing is known
			out.Next.At = link.Until
		}
		if next := p.LinkAt(link.Until); next != nil {
			out.Next.Partner = next.Partner
		}
	} else if next := p.NextLink(now); next != nil {
		out.Next = status.Change{At: next.From, Partner: next.Partner}
	}
	return out
}

// remember notes what became of a call. Those that came to nothing, one after the other for the same reason, are one:
// a night of them leaves the calls before it to be seen.
func (w *Window) remember(p status.PastCall) {
	p.Ended = time.Now()
	if n := len(w.past); n > 0 {
		if last := w.past[n-1]; p.Up.IsZero() && last.Up.IsZero() &&
			p.Peer == last.Peer && p.Ours == last.Ours && p.Status == last.Status && p.Why == last.Why {
			p.Before = last.Before + 1
			w.past = w.past[:n-1]
		}
	}
	w.past = append(w.past, p)
	if len(w.past) > status.MaxPast {
		w.past = w.past[1:]
	}
}

func figures(s media.Stats) status.Figures {
	in, out := s.Video.Received, s.Video.Sent
	refused := s.VideoRefusal
	if s.VideoHeldSince.IsZero() {
		refused = "" // it is over
	}
	return status.Figures{
		PicturesIn: in.Frames, PicturesOut: out.Frames, FPSIn: round(in.FPS), FPSOut: round(out.FPS),
		KbpsIn: round(in.Kbps + s.Audio.Received.Kbps), KbpsOut: round(out.Kbps + s.Audio.Sent.Kbps),
		Loss: round(100 * in.FractionLost), Lost: in.Lost + s.Audio.Received.Lost,
		RTT: milliseconds(s.RTT), Held: s.VideoHeld, Refused: refused,
		Expected: in.Expected, Sent: out.Packets, Missed: s.VideoMissed, Gone: s.VideoGone,
		Delay: milliseconds(s.Delay), SoundDelay: milliseconds(s.AudioDelay), Freezes: s.Freezes, Frozen: round(s.Frozen.Seconds()),
		SoundIn: s.Audio.Received.Frames, Concealed: s.AudioConcealed, Recovered: s.AudioRecovered, DriftPPM: round(s.AudioDrift),
		Budget: s.Budget, Encoded: round(s.Offered), Queue: milliseconds(s.Queue),
		Resent: s.Resent, Repairs: s.Repairs, Parity: s.Parity, Mended: s.Mended, Copies: s.Copies, Redundancy: redundancy(&s),
		Keyframes: s.KeyframesAsked, Wanted: s.KeyframesGiven, Unauthentic: s.AuthFailures + s.Replays + s.Garbage + s.Foreign,
	}
}

// redundancy is how much of what we send is there once already, in percent of its bytes.
func redundancy(s *media.Stats) float64 {
	all := s.Video.Sent.Bytes + s.Audio.Sent.Bytes + s.ExtraBytes
	if all == 0 {
		return 0
	}
	return round(100 * float64(s.ExtraBytes+s.CopiedBytes) / float64(all))
}

func milliseconds(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

// logFigures writes how a call's media has done. There is one such line for each call and each trouble: what is
// going on now is in Status.
func (w *Window) logFigures(level slog.Level, msg string, l *leg, more ...any) {
	w.log.Log(context.Background(), level, msg, append(l.figures(), more...)...)
}

// figures is how a call's media has done, for the log: rates are those of the last second.
func (l *leg) figures() []any {
	f, camera, sound := figures(l.session.Stats()), l.window.roles[protocol.Camera], l.window.roles[protocol.Sound]
	return []any{"peer", l.peer, "call_id", l.callID,
		"pictures_in", f.PicturesIn, "fps_in", f.FPSIn, "kbps_in", f.KbpsIn,
		"loss_before", f.LossBefore(), "loss_after", f.LossAfter(), "lost", f.Lost, "gone", f.Gone, "held_back", f.Held,
		"freezes", f.Freezes, "frozen_s", f.Frozen, "delay_ms", f.Delay, "rtt_ms", f.RTT,
		"sound_in", f.SoundIn, "concealed", f.Concealed, "recovered", f.Recovered, "sound_delay_ms", f.SoundDelay, "drift_ppm", f.DriftPPM,
		"pictures_out", f.PicturesOut, "fps_out", f.FPSOut, "kbps_out", f.KbpsOut, "budget_kbps", f.Budget, "encoded_kbps", f.Encoded,
		"sends", inWords(l.sends), "encoder", camera.Encoder, "queue_ms", f.Queue,
		"resent", f.Resent, "parity", f.Parity, "redundancy", f.Redundancy, "echo_ms", sound.EchoMS, "erle_db", sound.ERLE, "gain_db", sound.GainDB}
}

// reportFor is how long it is tried to tell the registrar something about a call; then it is tried again.
const reportFor = 5 * time.Second

// reported is what became of a report to the registrar on a call.
type reported struct {
	id     string
	silent bool
	err    error
}

// report tells the registrar how a call to the partner does: its monitoring knows no more than it is told.
func (w *Window) report(l *leg) {
	silent, d := l.silent, l.dialog
	l.tellAt = time.Now().Add(2 * reportFor)
	w.work.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), reportFor)
		defer cancel()
		w.post(reported{l.id, silent, d.Report(ctx, !silent)})
	})
}

func (w *Window) reported(r reported) {
	l := w.legs[r.id]
	if l == nil {
		return
	}
	if r.err == nil {
		l.told, l.untold, l.tellAt = r.silent, false, time.Time{}
	}
}

// round keeps one decimal.
func round(x float64) float64 { return math.Round(10*x) / 10 }
