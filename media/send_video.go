package media

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/media/h264"
)

const (
	// queueUnits, queueBytes and queueTime bound what waits to be sent. More means that the network takes less than the
	// encoder gives, and that all of it is late: then it is thrown away and begun anew with a keyframe.
	queueUnits = 8
	queueBytes = h264.MaxAccessUnit
	queueTime  = 200 * time.Millisecond

	// Sound waits behind each packet of a picture on a narrow path: none takes longer than this there, though less than
	// shortest bytes would be headers in the main.
	longest  = 30 * time.Millisecond
	shortest = 250

	slowestKbps = 4 // of a picture that has begun

	// Until the first reports so much is sent at once, in bytes, and for so long no more: what does not fit takes sound with it.
	unheardMost = 700
	unheardFor  = 150 * time.Millisecond

	// holdFor is how soon it is looked whether the path is heard of again.
	holdFor = 5 * time.Millisecond
)

// videoSender cuts access units into packets and paces them.
//
//	SendVideo ─▶ queue ─▶ Packetizer ─▶ pacer ─▶ transmitter ─▶ socket
type videoSender struct {
	t       *transmitter
	wake    chan struct{}
	want    func()                        // asks our encoder for a keyframe
	unheard func(time.Time) time.Duration // see Session.unheard

	mu      sync.Mutex
	queue   []AccessUnit
	bytes   int
	held    bool // see Session.HoldVideo
	stills  stills
	gate    h264.KeyGate // what comes next is of no use to the other side unless it is a keyframe
	greeter greeter
	dropped uint64

	pacer     pacer
	packets   *h264.Packetizer
	mode      int
	most      int // bytes of a payload
	captured  time.Time
	timestamp uint32
	begun     bool
	first     time.Time   // see ventured
	stilled   atomic.Bool // stills.on
}

func newVideoSender(t *transmitter, want func(), unheard func(time.Time) time.Duration) *videoSender {
	wake := make(chan struct{}, 1)
	t.wake = wake
	return &videoSender{t: t, wake: wake, want: want, unheard: unheard, mode: -1}
}

// push queues an access unit, unless it is to be held back. It never blocks.
func (v *videoSender) push(au AccessUnit, hold bool) {
	v.t.mu.Lock()
	sends := v.t.sendsNow()
	most := queueBytes
	now, lasting := time.Now(), mostKbps
	if c := v.t.rate; c != nil && !c.Free() {
		lasting = c.LastingKbps(now)
		most = int(float64(max(lasting, stillBelow)) * 1000 / 8 * queueTime.Seconds())
	}
	phone := v.t.byReports != nil
	if c := v.t.byReports; c != nil {
		most = int(float64(c.LastingKbps()) * 1000 / 8 * queueTime.Seconds())
	}
	v.t.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stills.see(now, lasting, len(au.Data))
	v.stilled.Store(v.stills.on)
	if !sends || v.held || hold {
		v.gate.Close()
		v.clear()
		return
	}
	v.t.offered.Add(uint64(len(au.Data)))
	if v.stills.on && !v.still(now, au) {
		return
	}
	late := v.bytes > most && !slices.ContainsFunc(v.queue, func(q AccessUnit) bool { return q.Key })
	if late || len(v.queue) >= queueUnits || v.bytes+len(au.Data) > queueBytes {
		v.dropped += uint64(len(v.queue))
		v.clear()
		v.gate.Close()
	}
	if len(au.Data) > queueBytes || !v.gate.Admit(au.Key || v.gate.Waits() && h264.IsKey(au.Data)) {
		v.dropped++
		v.want()
		return
	}
	v.queue = append(v.queue, au)
	v.bytes += len(au.Data)
	if phone && v.greeter.due(now) {
		v.want()
	}
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// starves says that there are pictures and the path has room for one now and then alone.
func (v *videoSender) starves(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.stills.on && !v.held && now.Sub(v.stills.at) < time.Second
}

// still says whether a picture may go where there is room for one now and then alone. It is called with mu held.
func (v *videoSender) still(now time.Time, au AccessUnit) bool {
	v.clear()
	v.gate.Close()
	if !v.stills.due(now) {
		return false
	}
	if !au.Key && !h264.IsKey(au.Data) {
		v.want()
		return false
	}
	v.stills.sent(now, len(au.Data))
	return true
}

func (v *videoSender) clear() {
	clear(v.queue)
	v.queue, v.bytes = v.queue[:0], 0
}

// anew is for another side, or for one that begins anew: it needs a keyframe first.
func (v *videoSender) anew() {
	v.mu.Lock()
	v.greeter = greeter{}
	v.mu.Unlock()
	v.restart()
}

// restart forgets what is queued: the other side needs a keyframe first.
func (v *videoSender) restart() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
	v.gate.Close()
	v.want()
}

// hold keeps pictures back, or has them go again.
func (v *videoSender) hold(on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held == on {
		return
	}
	v.held = on
	v.clear()
	v.gate.Close()
	if !on {
		v.greeter = greeter{}
		v.want()
	}
}

func (v *videoSender) pop() (AccessUnit, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.queue) == 0 {
		return AccessUnit{}, false
	}
	au := v.queue[0]
	copy(v.queue, v.queue[1:])
	v.queue[len(v.queue)-1] = AccessUnit{}
	v.queue = v.queue[:len(v.queue)-1]
	v.bytes -= len(au.Data)
	return au, true
}

// run sends until ctx ends.
func (v *videoSender) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.wake:
		}
		for au, ok := v.pop(); ok && ctx.Err() == nil; au, ok = v.pop() {
			if !v.send(ctx, timer, au) {
				v.restart()
			}
		}
		v.repay(ctx, timer)
	}
}

// repay sends what is owed, each in its turn; false: ctx has ended.
func (v *videoSender) repay(ctx context.Context, timer *time.Timer) bool {
	for {
		v.t.mu.Lock()
		n := len(v.t.owed)
		v.t.mu.Unlock()
		if n == 0 {
			return true
		}
		if !v.await(ctx, timer) {
			return false
		}
		v.t.mu.Lock()
		if len(v.t.owed) > 0 {
			v.pacer.sent(v.t.repay(time.Now()))
		}
		v.t.mu.Unlock()
	}
}

// send writes one access unit. It returns false when the other side got a part of it, or nothing: then it can't
// decode what follows.
func (v *videoSender) send(ctx context.Context, timer *time.Timer, au AccessUnit) bool {
	if au.Captured.IsZero() {
		au.Captured = time.Now()
	}
	t := v.t
	t.mu.Lock()
	if !t.sendsNow() {
		t.mu.Unlock()
		return false
	}
	generation := t.generation
	v.prepare(au)
	t.mu.Unlock()
	if err := v.packets.Begin(au.Data); err != nil {
		v.drop()
		return false
	}
	count := 0
	for last := false; !last; {
		if !v.repay(ctx, timer) || !v.await(ctx, timer) {
			return false
		}
		n, whole := 0, false
		n, whole, last = v.sendBurst(generation, au.Captured)
		if count += n; !whole {
			v.drop()
			return false
		}
	}
	v.protect(ctx, timer, generation, count, au.Key)
	return true
}

// await waits until the next packet may leave; false: ctx has ended.
func (v *videoSender) await(ctx context.Context, timer *time.Timer) bool {
	for {
		wait := v.pace(time.Now())
		if wait == 0 {
			return true
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
		}
	}
}

// sendBurst writes as many of the next packets as may leave now, n of them. last says that the last of the picture is among
// them; whole is false if the picture has to be given up.
func (v *videoSender) sendBurst(generation int, captured time.Time) (n int, whole, last bool) {
	t := v.t
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.flush()
	for now := time.Now(); !last && !t.outbox.full() && (n == 0 || v.pacer.wait(now) == 0); n++ {
		t.plain, last = v.packets.Next(t.plain[:rtpHeader])
		if t.generation != generation || len(t.plain)+srtpOverhead > maxDatagram {
			t.skip()
			return n, false, last
		}
		v.pacer.sent(len(t.plain) + srtpOverhead)
		t.put(t.d.SendType, now, v.timestamp, captured, last)
	}
	return n, true, last
}

func (v *videoSender) drop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dropped++
}

// prepare sets pace, packets and timestamp for an access unit. It is called with t.mu held.
func (v *videoSender) prepare(au AccessUnit) {
	t := v.t
	most := t.largest() - rtpHeader
	switch {
	case t.rate == nil:
	case t.rate.Unheard() && t.sentBytes.Load() < unheardMost: // so that a few of them tell how fast the path is
		most = shortest
	default:
		most = int(min(float64(most), max(t.rate.Carries()*1000/8*longest.Seconds(), shortest)))
	}
	if t.rate != nil {
		if _, bytes := t.rate.Evenly(); bytes > 0 {
			most = min(most, max(bytes-rtpHeader-srtpOverhead-perPacket, shortest))
		}
	}
	if protects(t.d) {
		most -= repairRoom
	}
	if v.mode != t.d.Mode || v.most != most {
		v.mode, v.most = t.d.Mode, most
		v.packets = h264.NewPacketizer(v.mode, most)
	}
	if v.begun {
		v.pacer.measure(len(au.Data), au.Captured.Sub(v.captured))
	}
	if au.Key {
		t.history.begin(t.seq)
	}
	t.window.begin(time.Now(), t.seq, au.Key)
	ts := t.timestamp(au.Captured, t.d.ClockRate)
	if t.started && v.begun && int32(ts-v.timestamp) <= 0 && au.Captured.Sub(v.captured) < time.Second { // two pictures never share a timestamp
		ts = v.timestamp + 1
	}
	v.begun, v.captured, v.timestamp = true, au.Captured, ts
}

// pace says how long the next packet has to wait. It follows what the path carries, which may change while a picture is on its
// way.
func (v *videoSender) pace(now time.Time) time.Duration {
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	if v.t.d == nil {
		return v.pacer.wait(now)
	}
	v.pacer.limit(v.t.d.MaxKbps)
	if c := v.t.byReports; c != nil && !c.Free() {
		kbps := c.Kbps(now)
		v.pacer.follow(kbps, c.Drains(now), float64(kbps) < scarceKbps)
	}
	if c := v.t.rate; c != nil {
		if !c.Free() {
			carried := c.Kbps(now)
			switch {
			case c.Drains() && c.Scarce(): // what the encoder has made before is to go as well
				carried = (carried + c.LastingKbps(now)) / 2
			case c.Drains():
				carried = c.LastingKbps(now)
			}
			v.pacer.follow(max(carried, slowestKbps), c.Drains(), c.Scarce())
		}
		if kbps, _ := c.Evenly(); kbps > 0 && !c.Drains() {
			v.t.account(now)
			v.pacer.even(kbps)
			v.pacer.aside(now, v.t.aside)
		}
		v.t.aside = 0
		if c.Congested() && v.stilled.Load() && now.Sub(v.captured) < stillEvery {
			return holdFor * 4
		}
		if c.Holds(now, v.unheard(now) < paused) || c.Unheard() && v.ventured(now) {
			return holdFor
		}
	}
	return v.pacer.wait(now)
}

// ventured says that as much was sent as may be to a path of which nothing is known. It is called with t.mu held.
func (v *videoSender) ventured(now time.Time) bool {
	if v.t.sentBytes.Load() < unheardMost {
		v.first = now
		return false
	}
	return now.Sub(v.first) < unheardFor
}

// discarded counts access units that could not be sent.
func (v *videoSender) discarded() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.dropped
}
