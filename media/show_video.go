package media

import "time"

const (
	// lipAhead is how far the picture may be before its sound (ITU-R BT.1359: sound may lag by 125 ms); a picture
	// that is further ahead is held back, for maxLipHold at most. One that is ahead by more than both is shown at once:
	// some phones keep a clock of its own for each stream.
	lipAhead   = 125 * time.Millisecond
	maxLipHold = 300 * time.Millisecond

	heldUnits = 32 // access units held back; more are shown at once
)

type lateUnit struct {
	au AccessUnit
	at time.Time
}

// captured maps the sender's time to ours: when the fastest of the last packets would have come, less half a round trip.
func (v *videoSink) captured(now time.Time) time.Time {
	least, _, ok := v.clock.Range(now)
	if !ok {
		return now
	}
	return v.clock.Local(v.ends.ts, least).Add(-v.st.s.roundTrip() / 2)
}

// show gives an access unit to the Receiver: at once, unless its sound plays much later, or pictures before it were late and
// it is not. Neither is worth a picture that stands.
func (v *videoSink) show(now time.Time, au AccessUnit) {
	wait := v.ahead(now) - lipAhead
	if wait > maxLipHold {
		wait = 0
	}
	if least, _, ok := v.clock.Range(now); ok {
		late := v.moment.Sub(v.clock.Local(v.ends.ts, least)) // what this machine itself took counts for nothing
		wait = max(wait, v.cadence.wait(now.Sub(v.st.s.epoch), late, least)-now.Sub(v.moment))
	}
	wait = min(wait, v.stood().Sub(now))
	if wait <= 0 && len(v.late) == 0 {
		v.give(now, au)
		return
	}
	v.late = append(v.late, lateUnit{au: au, at: now.Add(max(wait, 0))})
	v.release(now)
}

// stood is when the picture before will have stood for so long that people see it.
func (v *videoSink) stood() time.Time {
	p := &v.st.progress
	if n := len(v.late); n > 0 {
		return v.late[n-1].at.Add(p.patience)
	}
	return p.gave.Add(p.patience)
}

// give hands an access unit to the Receiver.
func (v *videoSink) give(now time.Time, au AccessUnit) {
	p := &v.st.progress
	p.moved(now)
	p.gave, p.patience = now, v.apart.freeze(au.Captured)
	if !v.st.d.Direction.Receives() { // it waited here while the call was put on hold
		p.gave = time.Time{}
	}
	p.frames++
	v.st.s.cfg.Receiver.Video(au)
}

// ahead is how much earlier than its sound the picture at hand would be seen if it was shown now.
func (v *videoSink) ahead(now time.Time) time.Duration {
	sound, known := v.st.s.soundDelay()
	if !known || v.src == nil {
		return 0
	}
	wall, known := v.src.clock.Wall(v.ends.ts, 0)
	if !known {
		return 0
	}
	return sound - (now.Sub(v.st.s.epoch) - wall)
}

// release shows what has been held back long enough, in order.
func (v *videoSink) release(now time.Time) {
	n := 0
	for n < len(v.late) && (!now.Before(v.late[n].at) || len(v.late)-n > heldUnits) {
		v.give(now, v.late[n].au)
		n++
	}
	rest := copy(v.late, v.late[n:])
	clear(v.late[rest:])
	v.late = v.late[:rest]
}
