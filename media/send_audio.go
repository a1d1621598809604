package media

import (
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/red"
	"ewindow/media/rtptime"
)

// gapTolerance is how much later than expected a frame may have been captured without being taken for one after a gap.
const gapTolerance = 30 * time.Millisecond

// audioSender puts each frame of sound into a packet of its own, at once. Timestamps count samples, so that they are
// even; a gap in capture (the microphone went away, the sender was silent) shows as a gap in timestamps and a marker
// (RFC 3551 §4.1).
type audioSender struct {
	t *transmitter

	// under t.mu
	copies   copies
	jitter   time.Duration // of what comes at the other side (RFC 3550 §6.4.1)
	begun    bool
	next     uint32 // timestamp
	expected time.Time
	dropped  uint64
}

// send writes a frame.
func (a *audioSender) send(f AudioFrame) {
	t := a.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.sendsNow() || f.Lost || len(f.Data) == 0 {
		return
	}
	if len(f.Data) > maxAudioFrame {
		a.dropped++
		return
	}
	now := time.Now()
	if f.Captured.IsZero() {
		f.Captured = now
	}
	if d := audioDuration(t.d.Codec, f.Data); d > 0 {
		f.Duration = d
	}
	if f.Duration <= 0 {
		f.Duration = 20 * time.Millisecond
	}
	marker := false
	late := f.Captured.Sub(a.expected)
	switch {
	case !a.begun || !t.started:
		a.begun, marker = true, true
		a.copies.interrupt()
		a.next = t.timestamp(f.Captured, t.d.ClockRate)
	case late > gapTolerance:
		marker = true
		a.copies.interrupt()
		frames := (late + f.Duration/2) / f.Duration
		a.next += uint32(rtptime.FromDuration(frames*f.Duration, t.d.ClockRate))
	}
	payloadType := t.d.SendType
	if earlier := a.copies.of(t.d, a.next, len(f.Data), f.Duration); earlier != nil {
		payloadType = t.d.SendRED
		t.plain = red.Append(t.plain[:rtpHeader], earlier, red.Block{Type: t.d.SendType, Data: f.Data})
		t.copiedBytes.Add(uint64(len(t.plain) - rtpHeader - len(f.Data)))
	} else {
		t.plain = append(t.plain[:rtpHeader], f.Data...)
	}
	t.sendAs(payloadType, now, a.next, f.Captured, marker)
	a.copies.keep(t.d, a.next, f.Data)
	a.next += uint32(rtptime.FromDuration(f.Duration, t.d.ClockRate))
	a.expected = f.Captured.Add(f.Duration)
}

// heard takes what the other side says of our packets.
func (a *audioSender) heard(now time.Time, r rtcp.ReceptionReport) {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	a.copies.need.heard(now, r)
	if a.t.d != nil {
		a.jitter = rtptime.ToDuration(int64(r.Jitter), a.t.d.ClockRate)
	}
}

// copying is how many earlier frames go with each now.
func (a *audioSender) copying() int {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	if a.t.d == nil || a.t.d.SendRED == 0 {
		return 0
	}
	return min(a.copies.need.copies, mostCopied)
}

// fared is the share of our sound that was lost lately, and how unevenly the rest came.
func (a *audioSender) fared() (lost float64, jitter time.Duration) {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	return min(a.copies.need.losses.share(), 1), a.jitter
}

// bound tells how much the path carries, in kbit/s, and whether there is a queue of ours.
func (a *audioSender) bound(now time.Time, kbps float64, congested bool) {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	a.copies.room = kbps
	if congested && kbps < copiedAbove {
		a.copies.need.excuse(now)
	}
}

// discarded counts frames that could not be sent.
func (a *audioSender) discarded() uint64 {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	return a.dropped
}
