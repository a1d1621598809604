package window

import (
	"time"
)

// logStatus says once in a while how the call is doing.
func (w *Window) logStatus() {
	c := w.live.Load()
	if c == nil {
		return
	}
	s := c.session.Stats()
	in, out := s.Video.Received, s.Video.Sent
	w.log.Info("media", "peer", c.sip.Peer(), "call_id", c.sip.ID(),
		"fps_in", round(in.FPS), "fps_out", round(out.FPS),
		"kbps_in", round(in.Kbps+s.Audio.Received.Kbps), "kbps_out", round(out.Kbps+s.Audio.Sent.Kbps),
		"loss", round(100*in.FractionLost), "lost", in.Lost+s.Audio.Received.Lost,
		"rtt_ms", round(float64(s.RTT)/float64(time.Millisecond)), "held", s.VideoHeld)
}

// round keeps one decimal.
func round(x float64) float64 { return float64(int64(x*10+0.5)) / 10 }
