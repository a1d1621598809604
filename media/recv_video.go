package media

import (
	"bytes"
	"errors"
	"time"

	"ewindow/media/h264"
	"ewindow/media/jitter"
	"ewindow/media/rtptime"
)

const (
	// maxWaiting bounds a payload that waits for others, in bytes: with jitter's limit on their number, 16 MiB.
	maxWaiting = 16 << 10

	pause = time.Second // without a packet: what is wanted is asked for anew

	// A sender that gives neither IDR picture nor recovery point, whatever it is asked for, is decoded without after
	// blindAfter, and shown when blindFor have come without a loss: one that refreshes bit by bit is whole then. One of
	// which two IDR pictures have come gives another: it is waited for.
	blindAfter = 15 * time.Second
	blindFor   = 15 * time.Second
)

// videoSink makes access units of packets and gives those to the Receiver that can be shown well.
//
//	packet ─▶ Reorder ─▶ Depacketizer ─▶ whole? after a loss: IDR? ─▶ pace, lip sync ─▶ Receiver
//	  └─▶ requests: what is missing is asked for again
//
// After a loss that stays it holds: it gives nothing until the next whole IDR picture, and asks for that one.
type videoSink struct {
	st      *stream
	reorder jitter.Reorder[packet]
	wanted  requests
	keyAt   int64 // where the last keyframe that had to wait begins
	cadence cadence
	unit    h264.Depacketizer
	params  h264.Parameters
	sets    []byte // of the description, that params knows
	inBand  bool   // sets come with the pictures
	clock   *rtptime.Clock

	open     bool // an access unit is being put together
	ends     ends
	broken   bool // a part of it is missing
	afterGap bool // nothing whole came since the last loss: an access unit that starts now may lack its beginning
	size     int  // of the last access unit, bytes
	src      *source
	came     time.Time // the last packet
	moment   time.Time // from when what is done now could be done: a packet's arrival at this machine, or a timer

	gate      h264.KeyGate
	renew     time.Time // when a decoder began anew: it can begin with a recovery point too; zero when it has
	hidden    int       // pictures that are not whole yet, after a recovery point
	idrs      int       // IDR pictures of this sender
	blind     time.Time // until when pictures that began without any of that are not whole; zero otherwise
	refreshes bool      // this sender has been shown so
	asker     asker
	firNumber uint8
	given     limiter // KeyframeRequested, for requests from the other side

	late  []lateUnit // held back
	apart apart
}

func newVideoSink(st *stream, rate uint32) *videoSink {
	return &videoSink{st: st, clock: rtptime.NewClock(rate)}
}

func (v *videoSink) reset() {
	v.reorder.Reset()
	v.wanted.anew()
	v.cadence, v.keyAt = cadence{}, 0
	v.clock.Reset()
	v.params, v.ends = h264.Parameters{}, ends{}
	v.sets, v.inBand = nil, false
	v.open, v.afterGap = false, true
	v.gate.Close()
	v.hidden, v.asker.tries = 0, 0
	v.idrs, v.blind, v.refreshes = 0, time.Time{}, false
}

func (v *videoSink) packet(now time.Time, src *source, p packet) {
	if now.Sub(v.came) > pause && v.asker.wanted {
		v.asker.anew()
	}
	v.src, v.came, v.moment = src, now, p.came
	if !p.repair {
		v.clock.Observe(p.came, p.ts)
	}
	v.expect(now, p)
	if v.reorder.Passes(p.seq) {
		v.ordered(now, p, false)
		return
	}
	if len(p.payload) <= maxWaiting {
		p.payload = bytes.Clone(p.payload)
		v.reorder.Push(now, p.seq, p)
	}
	if h264.BeginsSequence(p.payload) {
		v.keyAt = max(v.keyAt, p.seq)
	}
	if v.reorder.Whole(v.keyAt, func(p packet) bool { return p.marker }) { // nothing before a keyframe is worth waiting for
		v.reorder.Jump(v.keyAt)
	}
	v.drain(now)
}

// expect notes what is missing before a packet. It is waited for where it can be asked for.
func (v *videoSink) expect(now time.Time, p packet) {
	v.wanted.trip = v.st.s.roundTrip()
	v.wanted.marked = v.st.d.Repair.Type != 0
	v.wanted.arrived(now, p.seq, p.repair)
	if !v.st.d.NACK {
		v.reorder.Patience(0)
		return
	}
	if v.wanted.marked {
		v.wanted.newest(now, p, v.st.d.ClockRate)
	}
	v.reorder.Patience(v.wanted.patience(v.st.s.roundTrip()))
}

func (v *videoSink) drain(now time.Time) {
	for {
		p, lost, ok := v.reorder.Pop(now)
		if !ok {
			return
		}
		v.ordered(now, p, lost)
	}
}

// ordered takes packets in the order they were sent; lost: one or more before it are missing for good.
func (v *videoSink) ordered(now time.Time, p packet, lost bool) {
	if lost {
		if v.open {
			v.open = false
			v.st.progress.held++
		}
		v.afterGap, v.ends.shown = true, false
		v.hold(now)
		v.asker.lost()
	}
	if p.payload == nil {
		return
	}
	if v.open && v.ends.before(p) {
		v.finish(now)
	}
	if !v.open {
		v.open, v.broken = true, v.ends.begin(p)
		v.unit.Reset(make([]byte, 0, v.size+v.size/4+512))
	}
	if !v.broken && v.unit.Push(p.payload) != nil {
		v.broken = true
	}
	if v.ends.after(now, p, v.unit.Whole()) {
		v.finish(now)
	}
}

// finish ends the access unit at hand and decides what becomes of it.
func (v *videoSink) finish(now time.Time) {
	v.open = false
	afterGap := v.afterGap
	data, err := v.unit.AccessUnit()
	switch {
	case v.broken || err != nil:
		v.st.progress.held++
		v.hold(now)
		return
	case len(data) == 0:
		return
	}
	v.afterGap = false
	v.note(data)
	if !v.unit.HasPicture() { // parameter sets on their own: kept for the IDR picture to come
		return
	}
	v.ends.shown = true
	v.size = len(data)
	idr := v.unit.Has(h264.TypeIDR)
	if idr {
		v.idrs++
	}
	key := idr || v.recovers(data)
	if !key && v.beginsBlind(now) {
		key, data = true, h264.AppendRecovery(nil, data)
	}
	if key && afterGap && v.lacks() {
		v.refuse(now, h264.ErrNoParameters)
		return
	}
	picture, kept := v.st.d.Accepts.DecoderLimits()
	if data, err = v.params.Admit(data, key, h264.Limits{Picture: picture, Kept: kept}); err != nil {
		v.refuse(now, err)
		return
	}
	if key {
		v.renew = time.Time{}
	}
	if !v.gate.Admit(key) {
		v.st.progress.held++
		v.hold(now)
		return
	}
	v.show(now, AccessUnit{Data: data, Captured: v.captured(now), Key: key, Hidden: v.hides(now, idr, key)})
}

// recovers says whether the picture at hand is a recovery point where one is wanted: some encoders never send an IDR
// picture after their first.
func (v *videoSink) recovers(data []byte) bool {
	if !(v.gate.Waits() || !v.renew.IsZero() || !v.blind.IsZero()) || !v.unit.Has(h264.TypeSEI) || !v.unit.HasFirst() {
		return false
	}
	n, found := h264.Recovery(data)
	if found {
		v.hidden, v.blind = n+1, time.Time{}
	}
	return found
}

// beginsBlind says whether the decoder is to begin with the picture at hand, although it is none to begin with.
func (v *videoSink) beginsBlind(now time.Time) bool {
	since := v.renew
	if v.gate.Waits() {
		since = v.st.progress.since
	}
	if since.IsZero() || !v.refreshes && now.Sub(since) < blindAfter || v.idrs > 1 || !v.unit.HasFirst() {
		return false
	}
	v.blind = now.Add(blindFor)
	return true
}

// hides counts the pictures down that are not whole yet; the first that is ends the wait for a keyframe.
func (v *videoSink) hides(now time.Time, idr, key bool) bool {
	if !idr && now.Before(v.blind) {
		return true
	}
	waits := v.hidden > 0 || key || !v.blind.IsZero()
	v.refreshes = v.refreshes || !idr && !v.blind.IsZero()
	v.blind = time.Time{}
	if v.hidden--; idr || v.hidden < 0 {
		v.hidden = 0
	}
	if v.hidden == 0 && waits {
		v.asker.got()
		v.st.progress.since = time.Time{}
	}
	return v.hidden > 0
}

// note keeps the parameter sets of an access unit, and those that were agreed on.
func (v *videoSink) note(data []byte) {
	if agreed := v.st.d.Sets; !bytes.Equal(agreed, v.sets) {
		v.sets = agreed
		v.params.Note(agreed)
	}
	if v.unit.Has(h264.TypeSPS) || v.unit.Has(h264.TypePPS) {
		v.inBand = true
		v.params.Note(data)
	}
}

// lacks says that something which belongs to the keyframe at hand may have been in what was lost before it.
func (v *videoSink) lacks() bool {
	if v.unit.Has(h264.TypeSPS) && v.unit.Has(h264.TypePPS) {
		return false
	}
	return v.inBand || len(v.sets) == 0 || !v.unit.HasFirst()
}

// refuse holds back an access unit that the decoder must not see. It is said once: phones go on sending what they send.
func (v *videoSink) refuse(now time.Time, err error) {
	p := &v.st.progress
	p.held++
	v.hold(now)
	if errors.Is(err, h264.ErrNoParameters) {
		return
	}
	if p.refused++; p.refused == 1 {
		v.st.log.Warn("pictures that come are not decoded; let the other side send what was agreed, at most 1080p", "why", err)
	}
	p.refusal = err.Error()
}

// hold stops the picture until a keyframe comes, and asks for one.
func (v *videoSink) hold(now time.Time) {
	v.gate.Close()
	v.hidden, v.blind = 0, time.Time{}
	if v.st.progress.since.IsZero() {
		v.st.progress.since = now
	}
	v.asker.want()
}

func (v *videoSink) tick(now time.Time) time.Time {
	v.moment = now
	v.drain(now)
	if v.open && !v.ends.due.IsZero() && !now.Before(v.ends.due) {
		v.finish(now)
	}
	v.release(now)
	s := v.st.s
	if s.askRequested.Swap(false) && (v.asker.wanted || !v.gate.Waits()) { // else what comes first begins with one, or asks by itself
		v.asker.anew()
		v.renew = now
	}
	if s.giveRequested.Swap(false) {
		v.given.request()
	}
	d := v.st.d
	if v.src != nil && d.Direction.Receives() {
		if d.NACK {
			v.wanted.promised(now, v.st.promised, v.st.shieldedAt)
		}
		v.wanted.apart = s.frugal(reportBytes)
		v.wanted.before(v.reorder.Next())
		if v.wanted.gone > v.st.progress.gone { // neither repair nor patience helped
			v.st.progress.starved = now
		}
		v.st.progress.missed, v.st.progress.gone, v.st.progress.delay = v.wanted.missed, v.wanted.gone, v.cadence.delay
		if d.NACK {
			if missing := v.wanted.next(now, s.roundTrip()); missing != nil {
				v.st.askAgain(missing)
			}
		}
		v.asker.spacing = s.frugal(6 * reportBytes)
		if a := v.asker.next(now, s.roundTrip(), d.PLI, d.FIR); a != askNothing {
			if a == askFIR {
				v.firNumber++
			}
			s.asked.Add(1)
			v.st.askKeyframe(now, a, v.firNumber)
		}
	}
	if v.given.next(now) {
		s.given.Add(1)
		s.cfg.Receiver.KeyframeRequested()
	}
	return v.next(now)
}

func (v *videoSink) next(now time.Time) time.Time {
	t := soonest(v.reorder.Deadline(now), v.given.due())
	if v.src != nil && v.st.d.Direction.Receives() {
		t = soonest(t, v.asker.due(v.st.s.roundTrip()))
		if v.st.d.NACK {
			t = soonest(t, v.wanted.due(now, v.st.s.roundTrip()))
		}
	}
	if v.open {
		t = soonest(t, v.ends.due)
	}
	if len(v.late) > 0 {
		t = soonest(t, v.late[0].at)
	}
	return t
}
