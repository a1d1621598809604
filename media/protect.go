package media

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/flexfec"
	"ewindow/media/negotiate"
)

const (
	// Repair packets go with pictures (RFC 8627) where a round trip is so long that people see what is asked for again coming
	// late. Nearer by, asking costs less.
	farFrom = 60 * time.Millisecond

	// Where so much is lost for so long that requests and what is sent again are lost as well, that is so from a shorter one on. What is
	// lost for less may be too large for the path, as repair packets are then.
	muchLost   = 0.15
	muchLosing = 3 * time.Second
	lossyFrom  = 12 * time.Millisecond

	// From so much loss on. Keyframes are sent seldom and are waited for: they are protected for leastKeyLoss at least.
	protectFrom  = 0.004
	leastKeyLoss = 0.01

	// So many standard deviations more than are lost on average, and a bit, are made up for; of few packets those that
	// follow soon count as well, since repair packets reach over several pictures.
	deviations  = 2.5
	bit         = 0.3
	fewPackets  = 6
	mostRepairs = 0.5 // of what is sent
	levelLasts  = 10 * time.Second
	firstLevel  = 0.01 // of loss: until a report tells

	// Where packets are asked for all the same, losses come in bursts: so much more is sent each time, and less again after.
	burstFactor = 1.1
	mostFactor  = 3.0
	factorLasts = 20 * time.Second
	asksApart   = 100 * time.Millisecond

	// On a path that leaves less for pictures, in kbit/s, there are none.
	protectAbove = 200

	tripOver     = 5 * time.Second // the least round trip of the last one or two of these counts: what is more is a queue
	protectedFor = 150 * time.Millisecond

	// reach is how many packets a repair packet goes back over at most, those of earlier pictures among them: then its mask is a
	// short one. Larger pictures are protected in parts.
	reach = 46

	// repairRoom is what a repair packet needs beside what it protects.
	repairRoom = flexfec.MostHeader + 4
)

// protection says how many repair packets go with a picture: as many as the loss asks for, which the other side reports. Pure.
type protection struct {
	losses losses
	level  float64 // share of packets: up at once, down slowly
	at     time.Time
	losing time.Time // since when that is much; zero while it is not
	factor float64   // of what random loss asks for; 0 for 1
	asked  time.Time // when the other side had to ask for something last, and that counted

	trip, tripBefore time.Duration // the least, 0 for unknown
	tripSince        time.Time

	credit float64 // packets
}

// heard takes a report of the other side, and the round trip as it is now, 0 for unknown.
func (p *protection) heard(now time.Time, r rtcp.ReceptionReport, trip time.Duration) {
	p.losses.heard(now, r)
	if p.at.IsZero() {
		p.level = firstLevel
	} else {
		p.level *= math.Exp(-now.Sub(p.at).Seconds() / levelLasts.Seconds())
	}
	p.level, p.at = max(p.level, p.losses.share()), now
	if p.level < muchLost {
		p.losing = time.Time{}
	} else if p.losing.IsZero() {
		p.losing = now
	}
	p.travels(now, trip)
}

// travels takes the round trip as it is now, 0 for unknown.
func (p *protection) travels(now time.Time, trip time.Duration) {
	if trip == 0 {
		return
	}
	if now.Sub(p.tripSince) > tripOver {
		p.tripBefore, p.trip, p.tripSince = p.trip, trip, now
	}
	p.trip = min(p.trip, trip)
}

// failed is told of a request for what repair packets were sent for.
func (p *protection) failed(now time.Time) {
	if now.Sub(p.asked) < asksApart {
		return
	}
	p.factor = min(p.more(now)*burstFactor, mostFactor)
	p.asked = now
}

// more is how much more is sent than random loss asks for.
func (p *protection) more(now time.Time) float64 {
	return 1 + max(p.factor-1, 0)*math.Exp(-now.Sub(p.asked).Seconds()/factorLasts.Seconds())
}

// far says whether repair packets are better than asking. While nobody knows they are.
func (p *protection) far(now time.Time) bool {
	least, losing := p.least(), !p.losing.IsZero() && now.Sub(p.losing) > muchLosing
	return least == 0 || least >= farFrom || losing && least >= lossyFrom
}

// least is the round trip without queues, 0 for unknown.
func (p *protection) least() time.Duration {
	if p.tripBefore > 0 {
		return min(p.trip, p.tripBefore)
	}
	return p.trip
}

// of is the number of repair packets for a picture of so many packets.
func (p *protection) of(now time.Time, packets int, key, narrow bool) int {
	loss := p.level
	if p.at.IsZero() {
		loss = firstLevel
	}
	if key {
		loss = max(loss, leastKeyLoss)
	}
	if loss < protectFrom || !p.far(now) {
		p.credit = 0
		return 0
	}
	more := p.more(now)
	if narrow { // what is asked for was lost in its queue as well
		more = 1
	}
	among := float64(max(packets, fewPackets))
	lost := among * loss
	share := min((lost+deviations*math.Sqrt(lost)+bit)/among*more, mostRepairs)
	p.credit += share * float64(packets)
	if key {
		p.credit = math.Ceil(p.credit)
	}
	n := int(p.credit)
	p.credit -= float64(n)
	return n
}

// window is where the last pictures begin that repair packets go back over.
type window struct {
	begins [3]pictureStart // the newest first
}

type pictureStart struct {
	seq   uint16
	at    time.Time
	known bool
}

// begin is told of the number with which a picture begins. Nobody needs what was before a keyframe.
func (w *window) begin(now time.Time, seq uint16, key bool) {
	if key {
		*w = window{}
	}
	copy(w.begins[1:], w.begins[:])
	w.begins[0] = pictureStart{seq: seq, at: now, known: true}
}

// from is how far back repair packets go that are sent before the number next.
func (w *window) from(now time.Time, next uint16) uint16 {
	from := w.begins[0].seq
	for _, b := range w.begins[1:] {
		if b.known && next-b.seq <= reach && now.Sub(b.at) < protectedFor {
			from = b.seq
		}
	}
	return from
}

// protects says whether pictures may have repair packets at all: they are sent with what is sent again, and made of what is
// kept for that.
func protects(d *negotiate.Stream) bool { return d.SendFEC != 0 && d.NACK && d.RepairType != 0 }

// repairs is how many repair packets are to follow on a picture that has just been sent, of so many packets.
func (t *transmitter) repairs(now time.Time, packets int, key bool) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.d == nil || !protects(t.d) {
		return 0
	}
	if t.rate != nil {
		t.protection.travels(now, t.rate.RoundTrip())
	}
	if t.rate != nil && (t.rate.Unheard() || t.rate.Congested() || t.rate.Narrow() && t.rate.Kbps(now) < protectAbove) { // what is lost there is lost in its queue, which they make longer
		return 0
	}
	if t.rate != nil && !key && t.rate.Overflows() < protectFrom { // less is sent there: what was lost before is not lost any more
		return 0
	}
	return t.protection.of(now, packets, key, t.rate != nil && !t.rate.Free())
}

// heardLoss takes what the other side says of our packets.
func (t *transmitter) heardLoss(now time.Time, r rtcp.ReceptionReport, trip time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.protection.heard(now, r, trip)
}

// gather puts into parity what repair packet i of a picture protects. It is called with mu held.
func (t *transmitter) gather(now time.Time, i int) {
	begin, end := t.window.begins[0].seq, t.seq
	from, round := t.window.from(now, end), i
	if n := int(end - begin); n > reach {
		parts := (n + reach - 1) / reach
		size := (n + parts - 1) / parts
		part := i % parts
		end = begin + uint16(min((part+1)*size, n))
		begin += uint16(part * size)
		from, round = begin, i/parts
	}
	t.parity.Begin(from)
	for seq := from; seq != end; seq++ {
		if own := seq-begin < end-begin; !(own && round == 0) && !coin(seq, end, round) {
			continue
		}
		if packet := t.history.kept(seq); packet != nil {
			t.parity.Add(packet)
		}
	}
}

// coin decides whether a repair packet protects a packet, as if at random: the first one of a picture has all of it, the others
// the half of it, and all the half of earlier ones, so that they differ as much as they can.
func coin(seq, end uint16, round int) bool {
	x := uint64(seq)<<32 | uint64(end)<<16 | uint64(uint16(round))
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // SplitMix64
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return (x^x>>31)&1 != 0
}

// sendRepair sends repair packet i of the picture with this timestamp. It is called with mu held.
func (t *transmitter) sendRepair(now time.Time, ts uint32, i int) (bytes int) {
	t.gather(now, i)
	if t.parity.Empty() {
		return 0
	}
	p := append(t.plain[:0], make([]byte, rtpHeader)...)
	p[0], p[1] = 2<<6|1, t.d.SendFEC
	binary.BigEndian.PutUint32(p[4:], ts)
	p = binary.BigEndian.AppendUint32(p, t.ssrc) // what it protects (RFC 8627 §4.2.1)
	p = t.parity.Append(p)
	t.plain = p
	t.parities.Add(1)
	t.extraBytes.Add(uint64(len(p) - rtpHeader))
	if err := t.beside(now, p); err != nil {
		t.writeErrors.Add(1)
	}
	return len(p) + srtpOverhead
}

// protect sends the repair packets of a picture that has just been sent.
func (v *videoSender) protect(ctx context.Context, timer *time.Timer, generation, packets int, key bool) {
	for i := range v.t.repairs(time.Now(), packets, key) {
		if !v.await(ctx, timer) {
			return
		}
		v.t.mu.Lock()
		if v.t.generation != generation {
			v.t.mu.Unlock()
			return
		}
		v.pacer.sent(v.t.sendRepair(time.Now(), v.timestamp, i))
		v.t.mu.Unlock()
	}
}

// shielded takes a repair packet of the other side (RFC 8627).
func (st *stream) shielded(p incoming) {
	if st.src == nil || !st.d.Direction.Receives() {
		return
	}
	found, last, err := st.fec.Repair(p.payload)
	if err != nil {
		st.counters.garbage.Add(1)
		return
	}
	st.shieldedAt, st.promised = p.at, max(st.promised, last)
	st.mend(p.at, p.came, found)
}

// know lets the decoder of repair packets know a packet that came, and takes what it finds by that.
func (st *stream) know(p incoming, seq int64) {
	switch {
	case st.d.ReceiveFEC == 0:
	case p.bare:
		st.mend(p.at, p.came, st.fec.Came(flexfec.Packet{Seq: seq, Timestamp: p.ts, Marker: p.marker, Type: p.pt, Payload: p.payload}))
	default:
		st.fec.Opaque(seq)
	}
}

// mend gives packets that were lost and found to the sink; what found them came then.
func (st *stream) mend(now, came time.Time, found []flexfec.Packet) {
	for _, f := range found {
		st.counters.mended.Add(1)
		p := packet{came: came, seq: f.Seq, ts: st.src.ts.Peek(f.Timestamp), marker: f.Marker, repair: true, payload: f.Payload}
		if !st.isMedia(f.Type) {
			p.payload, p.marker = nil, false
		}
		st.sink.packet(now, st.src, p)
	}
}
