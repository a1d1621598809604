package jitter

import (
	"bytes"
	"slices"
	"time"

	"ewindow/media/rtptime"
)

// Frame is a frame of sound that leaves the buffer.
type Frame struct {
	Data      []byte
	Timestamp int64 // extended RTP timestamp; for a Lost one of where it would have been
	Duration  time.Duration
	Lost      bool // nothing came in time: to be concealed
}

const (
	// MinDepth and MaxDepth bound how much later than the fastest packet a frame is played. Some gateways send blocks of
	// 128 ms at one time, of which the first frame must wait for the last.
	MinDepth = 20 * time.Millisecond
	MaxDepth = 160 * time.Millisecond

	depthMargin  = 5 * time.Millisecond // above the jitter seen
	tooDeep      = 20 * time.Millisecond
	tooShallow   = 10 * time.Millisecond  // half of MinDepth: nothing is late yet
	patience     = time.Second            // the depth may be off that long before a frame is dropped or inserted
	farOff       = 60 * time.Millisecond  // too deep by that: frames are dropped at once
	lateRun      = 120 * time.Millisecond // nothing but late frames for that long: the sender's clock has moved
	idleAfter    = time.Second            // without a packet playout stops, until the next one
	maxAhead     = 2 * time.Second        // a timestamp further ahead is a jump of the sender's clock
	slowly       = 10 * time.Second       // what a frame less would still leave deep enough may stay so long
	mostRoom     = 115 * time.Millisecond // for copies: what waits for longer is no conversation
	copiesUseful = 20 * time.Second       // room for copies is kept so long after one was of use
	hurtLasts    = 25 * time.Second       // the depth at which frames were late is kept so long
	mostDepth    = 300 * time.Millisecond // instead of MaxDepth, where a round trip takes long
	playoutSlots = 128
	playoutKnown = 32 // frames of which copies are recognized: a copy is 341 ms later at most (RFC 2198)
)

// Playout plays the sound of one stream: frames go in as they come and leave at a steady pace, each at its place on the
// sender's clock. Depth follows the jitter of the last seconds between MinDepth and MaxDepth. Silence of the sender
// (DTX) needs nothing special: places without a frame are Lost frames to the decoder, but not to the statistics.
//
//	transit of the fastest packet ─┬─ jitter ─┬─ margin ─▶ place of playing
//
// The sender's clock drifts against ours. Played more than 20 ms too late for a second, one frame is dropped. Played more
// than 10 ms too early, or early at all while frames come late, one is inserted: a Lost frame, after which the same one is
// next, and if possible where there was nothing to play anyway.
//
// Copies of frames that were lost come later than those would have (RFC 2198). As long as they are of use, there is room for
// them.
//
// It is pure: Pop is to be called when Next says so.
type Playout struct {
	rate  uint32
	clock *rtptime.Clock
	slots [playoutSlots]entry
	count int

	running  bool
	next     int64         // timestamp to play next
	offset   time.Duration // transit at which it is played: local time = clock.Local(next, offset)
	frame    time.Duration // length of the last frame
	lastPush time.Time
	offSince time.Time // since when the depth has been off
	lateFrom time.Time // since when only late frames came
	lastLate time.Time // when the last late frame came
	deepFrom time.Time // since when a frame less would have been deep enough

	known    [playoutKnown]int64 // timestamps of the frames that came last, a ring
	knownEnd int                 // how many were ever noted
	copied   time.Duration       // how much later than the fastest packet copies of use came lately
	copiedAt time.Time
	hurt     time.Duration // how much later than the fastest packet came lately what had to be concealed
	hurtAt   time.Time
	deepest  time.Duration // see Far

	Late, Dropped, Inserted uint64 // frames
}

type entry struct {
	data []byte
	ts   int64
	dur  time.Duration
	used bool
}

// NewPlayout is for RTP timestamps of rate Hz.
func NewPlayout(rate uint32) *Playout {
	return &Playout{rate: rate, clock: rtptime.NewClock(rate), frame: 20 * time.Millisecond}
}

// Push takes a frame with its extended timestamp. It keeps data.
func (p *Playout) Push(now time.Time, ts int64, dur time.Duration, data []byte) {
	if dur <= 0 || dur > 120*time.Millisecond { // Opus' longest packet
		dur = p.frame
	}
	p.lastPush = now
	if p.running && (ts-p.next > rtptime.FromDuration(maxAhead, p.rate)) {
		p.reset()
	}
	if p.running && p.knows(ts) { // a copy of it overtook it
		return
	}
	transit := p.clock.Observe(now, ts)
	if !p.running {
		p.start(now, ts, transit)
	}
	p.note(ts)
	if ts < p.next {
		p.Late++
		p.lastLate = now
		p.suffer(now)
		if p.lateFrom.IsZero() {
			p.lateFrom = now
		}
		if now.Sub(p.lateFrom) < lateRun {
			return
		}
		p.reset()
		p.start(now, ts, p.clock.Observe(now, ts))
	}
	p.lateFrom = time.Time{}
	p.frame = dur
	p.insert(entry{data: data, ts: ts, dur: dur, used: true})
}

// Far tells how long a round trip takes, 0 for unknown. Where that is long there is a long queue, whose length may change by the
// most of it: whoever waits for it waits for frames as well. It bounds the depth where it is more than MaxDepth.
func (p *Playout) Far(trip time.Duration) { p.deepest = min(trip*4/5, mostDepth) }

// PushCopy takes a copy of a frame that was sent before. One of a frame that is known changes nothing. It copies
// data, and says whether the frame came in time by it.
func (p *Playout) PushCopy(now time.Time, ts int64, dur time.Duration, data []byte) bool {
	if !p.running || p.knows(ts) || dur <= 0 || dur > 120*time.Millisecond {
		return false
	}
	p.note(ts)
	if least, _, ok := p.clock.Range(now); ok {
		p.makeRoom(now, now.Sub(p.clock.Local(ts, least)))
	}
	if ts < p.next {
		p.Late++
		p.lastLate = now
		return false
	}
	p.insert(entry{data: bytes.Clone(data), ts: ts, dur: dur, used: true})
	return true
}

// makeRoom notes how late a copy of use was. Nobody waits for later ones than mostRoom.
func (p *Playout) makeRoom(now time.Time, late time.Duration) {
	switch {
	case late > mostRoom:
	case late > p.copied || now.Sub(p.copiedAt) >= copiesUseful:
		p.copied, p.copiedAt = late, now
	case late > p.copied-depthMargin:
		p.copiedAt = now
	}
}

// suffer notes that frames came too late to be played: a queue that comes and goes finds the same depth once more.
func (p *Playout) suffer(now time.Time) {
	least, most, ok := p.clock.Range(now)
	late := min(most-least, max(mostRoom, p.deepest)-tooDeep)
	if ok && (late > p.hurt || now.Sub(p.hurtAt) >= hurtLasts) {
		p.hurt = late
	}
	p.hurtAt = now
}

// knows says whether a frame came lately.
func (p *Playout) knows(ts int64) bool {
	return slices.Contains(p.known[:min(p.knownEnd, playoutKnown)], ts)
}

func (p *Playout) note(ts int64) {
	p.known[p.knownEnd%playoutKnown] = ts
	p.knownEnd++
}

func (p *Playout) reset() {
	clear(p.slots[:])
	p.count, p.running = 0, false
	p.clock.Reset()
	p.offSince, p.lateFrom, p.deepFrom = time.Time{}, time.Time{}, time.Time{}
	p.knownEnd, p.hurt = 0, 0
}

func (p *Playout) start(now time.Time, ts int64, transit time.Duration) {
	p.running = true
	p.next = ts
	p.offset = max(p.target(now), transit+MinDepth)
}

// insert keeps the entries sorted by timestamp; almost always the new one is the last.
func (p *Playout) insert(e entry) {
	i := p.count
	for i > 0 && p.slots[i-1].ts > e.ts {
		i--
	}
	if i > 0 && p.slots[i-1].ts == e.ts {
		return
	}
	if p.count == playoutSlots {
		if i == 0 {
			return
		}
		copy(p.slots[:], p.slots[1:i])
		p.slots[i-1] = e
		return
	}
	copy(p.slots[i+1:p.count+1], p.slots[i:p.count])
	p.slots[i] = e
	p.count++
}

// target is the transit at which frames should be played.
func (p *Playout) target(now time.Time) time.Duration {
	least, most, ok := p.clock.Range(now)
	if !ok {
		return p.offset
	}
	late := most - least
	if now.Sub(p.copiedAt) < copiesUseful {
		late = max(late, p.copied)
	}
	if now.Sub(p.hurtAt) < hurtLasts {
		late = max(late, p.hurt)
	}
	return least + min(max(late+depthMargin, MinDepth), max(MaxDepth, p.deepest))
}

// Depth is how much later than the fastest packet of late a frame is played now.
func (p *Playout) Depth(now time.Time) time.Duration {
	least, _, ok := p.clock.Range(now)
	if !ok {
		return 0
	}
	return p.offset - least
}

// Next is when Pop has to be called, zero while nothing plays.
func (p *Playout) Next() time.Time {
	if !p.running {
		return time.Time{}
	}
	return p.clock.Local(p.next, p.offset)
}

// Pop takes the frame of this moment. ok is false when it is too early, or nothing plays any more.
func (p *Playout) Pop(now time.Time) (f Frame, ok bool) {
	if p.running && now.Sub(p.lastPush) >= idleAfter && p.count == 0 {
		p.reset()
	}
	if !p.running || now.Before(p.Next()) {
		return Frame{}, false
	}
	if now.Sub(p.Next()) > time.Second { // we did not run: the machine slept
		p.reset()
		return Frame{}, false
	}
	action := p.adjust(now)
	if action == insertFrame {
		p.Inserted++
		p.suffer(now)
		p.offset += p.frame
		return Frame{Timestamp: p.next, Duration: p.frame, Lost: true}, true
	}
	for action == dropFrame && p.count > 0 {
		e := p.take()
		p.Dropped++
		skipped := max(e.ts+rtptime.FromDuration(e.dur, p.rate)-p.next, 0)
		p.next += skipped
		p.offset -= rtptime.ToDuration(skipped, p.rate) // so that what follows is played when e would have been
		if p.offset-p.target(now) < farOff {
			break
		}
	}
	return p.play(), true
}

// play takes what lies at next, or conceals what does not.
func (p *Playout) play() Frame {
	half := rtptime.FromDuration(p.frame, p.rate) / 2
	for p.count > 0 && p.slots[0].ts < p.next-half { // overlaps with what was concealed
		p.take()
		p.Late++
	}
	if p.count > 0 && p.slots[0].ts < p.next+half {
		e := p.take()
		p.next = max(p.next, e.ts+rtptime.FromDuration(e.dur, p.rate))
		return Frame{Data: e.data, Timestamp: e.ts, Duration: e.dur}
	}
	f := Frame{Timestamp: p.next, Duration: p.frame, Lost: true}
	p.next += rtptime.FromDuration(p.frame, p.rate)
	return f
}

func (p *Playout) take() entry {
	e := p.slots[0]
	copy(p.slots[:], p.slots[1:p.count])
	p.count--
	p.slots[p.count] = entry{}
	return e
}

type action int

const (
	playFrame action = iota
	dropFrame
	insertFrame
)

// adjust compares where we play with where we should.
func (p *Playout) adjust(now time.Time) action {
	off := p.offset - p.target(now)
	shallow := -tooShallow
	if now.Sub(p.lastLate) < patience { // it matters already
		shallow = 0
	}
	switch {
	case off > farOff:
		p.offSince = time.Time{}
		return dropFrame
	case off < shallow && p.count == 0: // nothing to play anyway: the cheapest moment to wait
		p.offSince = time.Time{}
		return insertFrame
	case off <= tooDeep && off >= shallow:
		p.offSince = time.Time{}
		return p.settle(now, off)
	case p.offSince.IsZero():
		p.offSince = now
		return playFrame
	case now.Sub(p.offSince) < patience:
		return playFrame
	}
	p.offSince = time.Time{}
	if off > 0 {
		return dropFrame
	}
	return insertFrame
}

// settle drops a frame where the depth would have been enough without it for long.
func (p *Playout) settle(now time.Time, off time.Duration) action {
	switch {
	case off <= p.frame-depthMargin || p.count == 0:
		p.deepFrom = time.Time{}
	case p.deepFrom.IsZero():
		p.deepFrom = now
	case now.Sub(p.deepFrom) >= slowly:
		p.deepFrom = time.Time{}
		return dropFrame
	}
	return playFrame
}

// SentAt is the local time at which the packet with this timestamp would have come with the fastest transit.
func (p *Playout) SentAt(now time.Time, ts int64) time.Time {
	least, _, ok := p.clock.Range(now)
	if !ok {
		return now
	}
	return p.clock.Local(ts, least)
}
