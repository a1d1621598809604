package media

import (
	"bytes"
	"encoding/binary"
	"time"

	"ewindow/media/flexfec"
	"ewindow/media/rate"
)

const (
	// silence is how long the sender at hand has to be quiet before another one takes its place, unless it said
	// goodbye. It is longer than packets of one sender are apart in a call that is alive, and shorter than anybody
	// minds a picture to stand still.
	silence = 200 * time.Millisecond

	// A rival's packets are held while it is not decided who speaks. If the rival does, none of them may be missing: the
	// first ones are a keyframe.
	heldFor      = 2 * silence
	maxHeld      = 512
	maxHeldBytes = 1 << 20

	collisionSpacing = time.Second
	maxMisorder      = 1000 // packets; further back means that the sender began anew (RFC 3550 appendix A.1)
)

// incoming is an authentic RTP packet that is not assigned to a sender yet.
type incoming struct {
	at      time.Time // it is looked at
	came    time.Time // it came to this machine: no later
	key     int       // which one made it authentic: the higher, the newer
	ssrc    uint32
	seq     uint16
	ts      uint32
	pt      uint8 // payload type
	marker  bool
	payload []byte
	bare    bool // its header is the shortest there is, without padding
}

// assign gives a packet to the sender it is from, by the role of its SSRC. newest says that it moves the media on: its
// origin is where the other side is now.
//
//	ours ─▶ collision       repair ─▶ unwrapped, to the sink under its old number
//	the media's sender ─▶ sink       another with media ─▶ held, until the media's sender is silent or gone
func (st *stream) assign(p incoming) (newest bool) {
	switch {
	case p.ssrc == st.t.currentSSRC():
		st.collision(p.at)
		return false
	case st.src != nil && p.ssrc == st.src.ssrc:
		return st.ongoing(p)
	case st.isRepair(p):
		st.repaired(p)
		return false
	case !st.isMedia(p.pt): // only media makes a sender
		st.otherType(p.pt)
		return false
	case st.src == nil:
		st.begin(p)
		return st.media(p)
	}
	return st.contend(p)
}

// ongoing takes a packet of the media's sender.
func (st *stream) ongoing(p incoming) (newest bool) {
	if st.src.highest-st.src.seq.Peek(p.seq) < maxMisorder {
		st.candidate.used = false
		return st.media(p)
	}
	if !st.candidate.confirms(p.seq) { // numbers far behind: two in a row and it began anew
		return false
	}
	st.begin(p)
	return st.media(p)
}

// begin makes whoever sent a packet the media's sender.
func (st *stream) begin(p incoming) {
	st.leave()
	st.src = newSource(p.ssrc, st.d.ClockRate, st.s.epoch)
	st.src.key = p.key
	st.rival = rival{}
	st.candidate.used = false
	st.arrivals[0], st.inbound = rate.Arrivals{}, rate.Inbound{}
	st.fec, st.promised = flexfec.Decoder{}, 0
	st.sink.reset()
}

// leave lets go of the media's sender: what it sent and what of that was lost stays counted.
func (st *stream) leave() {
	if st.src != nil {
		st.before.lost += max(st.src.lost(), 0)
		st.before.expected += max(st.src.expected(), st.src.count)
	}
	st.src = nil
}

// contend takes a packet of somebody else who sends media: a sender that has restarted, or two at a time. As long as
// the one at hand speaks it stays.
func (st *stream) contend(p incoming) (newest bool) {
	switch {
	case p.key < st.src.key:
		return false // a straggler of before
	case p.key > st.src.key: // a new key, a new sender: that is how we do it too
		st.begin(p)
		return st.media(p)
	}
	r := &st.rival
	if r.ssrc != p.ssrc {
		if r.active(p.at) {
			return false // one rival at a time
		}
		*r = rival{ssrc: p.ssrc}
	}
	// Without SRTP anybody at the right address could be a sender: two packets in a row are asked of him (RFC 3550
	// appendix A.1).
	if !st.src.silent(p.came) || st.d.Plain && !r.precedes(p) {
		r.hold(p)
		return false
	}
	held := r.held
	st.begin(p)
	for _, h := range held {
		h.at = p.at
		st.media(h)
	}
	return st.media(p)
}

// rival is a second sender of media.
type rival struct {
	ssrc  uint32
	held  []incoming // its last packets, in the order they came
	bytes int
}

func (r *rival) last() (incoming, bool) {
	if len(r.held) == 0 {
		return incoming{}, false
	}
	return r.held[len(r.held)-1], true
}

func (r *rival) active(now time.Time) bool {
	last, ok := r.last()
	return ok && now.Sub(last.at) < silence
}

func (r *rival) precedes(p incoming) bool {
	last, ok := r.last()
	return ok && p.seq == last.seq+1
}

func (r *rival) hold(p incoming) {
	p.payload = bytes.Clone(p.payload)
	r.held = append(r.held, p)
	r.bytes += len(p.payload)
	n := 0
	for n < len(r.held)-1 && (len(r.held)-n > maxHeld || r.bytes > maxHeldBytes || p.at.Sub(r.held[n].at) > heldFor) {
		r.bytes -= len(r.held[n].payload)
		r.held[n] = incoming{}
		n++
	}
	r.held = r.held[n:]
}

// isRepair says whether a packet is of the stream of retransmissions that SDP told of.
func (st *stream) isRepair(p incoming) bool {
	r := st.d.Repair
	return r.Type != 0 && p.pt == r.Type || st.d.ReceiveFEC != 0 && p.pt == st.d.ReceiveFEC || r.SSRC != 0 && p.ssrc == r.SSRC
}

// repaired takes a retransmission: two bytes of the number that it had, and what it was (RFC 4588 §4). Windows send repair
// packets in the same stream.
func (st *stream) repaired(p incoming) {
	if st.repair == nil || st.repair.ssrc != p.ssrc {
		st.repair = newSource(p.ssrc, st.d.ClockRate, st.s.epoch)
		st.arrivals[1] = rate.Arrivals{}
	}
	seq, _ := st.repair.receive(p.came, p.seq, p.ts)
	st.arrivals[1].Came(p.came, seq)
	st.unsaid = true
	if st.d.ReceiveFEC != 0 && p.pt == st.d.ReceiveFEC {
		st.shielded(p)
		return
	}
	if len(p.payload) < 3 && p.marker { // see probe
		st.progress.starved = p.at
	}
	if st.src == nil || len(p.payload) < 3 || !st.d.Direction.Receives() { // less is padding, to probe with
		return
	}
	st.counters.repairs.Add(1)
	before := st.src.seq.Peek(binary.BigEndian.Uint16(p.payload))
	p.pt, p.payload = st.d.ReceiveType, p.payload[2:]
	st.sink.packet(p.at, st.src, packet{came: p.came, seq: before, ts: st.src.ts.Peek(p.ts), marker: p.marker, repair: true, payload: p.payload})
	st.know(p, before)
}

// collision gives way when the other side uses our SSRC (RFC 3550 §8.2). Our own packets that come back, which only
// happens without SRTP, look the same; once a second is enough.
func (st *stream) collision(now time.Time) {
	if now.Sub(st.collided) < collisionSpacing {
		return
	}
	st.collided = now
	old := st.t.collide()
	st.log.Info("the other side uses our SSRC: we take another", "ssrc", old)
	st.goodbye(now, old)
	st.s.restartVideo(st)
}

// candidate is a place in the media sender's numbers from which it may have begun anew.
type candidate struct {
	seq  uint16
	used bool
}

// confirms says whether a packet follows the candidate's last; if not it is the candidate now.
func (c *candidate) confirms(seq uint16) bool {
	if c.used && seq == c.seq+1 {
		return true
	}
	*c = candidate{seq: seq, used: true}
	return false
}
