package media

import (
	"errors"
	"time"
)

const (
	stragglers       = 2 * time.Second // packets of the sender before are ignored that long after a new one came
	collisionSpacing = time.Second
	moveLogSpacing   = 10 * time.Second
	maxMisorder      = 1000 // packets; further back means that the sender began anew (RFC 3550 appendix A.1)
)

// candidate is a sender under probation. Without SRTP anybody at the right address could be one; two packets in a row
// are asked of it (RFC 3550 appendix A.1).
type candidate struct {
	ssrc uint32
	seq  uint16
	used bool
}

// confirms says whether a packet follows the candidate's last; if not it is the candidate now.
func (c *candidate) confirms(ssrc uint32, seq uint16) bool {
	if c.used && c.ssrc == ssrc && seq == c.seq+1 {
		c.used = false
		return true
	}
	*c = candidate{ssrc: ssrc, seq: seq, used: true}
	return false
}

type kind int

const (
	isNeither kind = iota
	isRTP
	isRTCP
)

// demultiplex tells RTP from RTCP on one port (RFC 5761 §4) and from anything else (RFC 7983).
func demultiplex(b []byte) kind {
	switch {
	case len(b) < 8 || b[0]>>6 != 2:
		return isNeither
	case b[1] >= 192 && b[1] <= 223:
		return isRTCP
	case len(b) < rtpHeader:
		return isNeither
	}
	return isRTP
}

// datagram takes what came, from anybody. Whatever is wrong with it is counted and forgotten.
func (st *stream) datagram(d *arrival) {
	if st.d == nil {
		return
	}
	switch k := demultiplex(d.Data); {
	case st.unprotect == nil:
		st.counters.unkeyed.Add(1)
	case st.d.Plain && !d.permitted():
		st.counters.foreign.Add(1)
	case k == isRTCP:
		st.receiveRTCP(d)
	case k == isRTP && !d.Control:
		st.receiveRTP(d)
	default:
		st.counters.garbage.Add(1)
	}
}

// receiveRTP authenticates a packet; only then it means anything.
func (st *stream) receiveRTP(d *arrival) {
	if _, err := st.header.Unmarshal(d.Data); err != nil {
		st.counters.garbage.Add(1)
		return
	}
	plain, err := st.unprotect.rtp(st.plain[:0], d.Data, &st.header, d.at)
	if err != nil {
		st.refused(err)
		return
	}
	if st.unprotect.current != nil {
		st.plain = plain
	}
	n, err := st.header.Unmarshal(plain)
	payload, ok := withoutPadding(plain, n, st.header.Padding)
	if err != nil || !ok {
		st.counters.garbage.Add(1)
		return
	}
	if !st.accept(d.at) {
		return
	}
	h := &st.header
	highest := st.src.highest
	seq, ts := st.src.receive(d.at, h.SequenceNumber, h.Timestamp)
	if seq > highest || st.src.count == 1 {
		if d.authentic() && d.at.Sub(st.movedLog) > moveLogSpacing {
			st.movedLog = d.at
			st.log.Info("media come from here now", "peer", d.From.String())
		}
	}
	st.counters.packets.Add(1)
	st.counters.bytes.Add(uint64(len(payload)))
	st.counters.lastRTP.Store(int64(d.at.Sub(st.s.epoch)))
	p := packet{seq: seq, ts: ts, marker: h.Marker, payload: payload}
	if h.PayloadType != st.d.ReceiveType { // telephone-event, comfort noise, padding: no sound, no picture
		if st.counters.other.Add(1) == 1 {
			st.log.Info("packets of another payload type are ignored", "type", h.PayloadType)
		}
		p.payload, p.marker = nil, false
	}
	if st.d.Direction.Receives() {
		st.sink.packet(d.at, st.src, p)
	}
}

func withoutPadding(b []byte, header int, padded bool) ([]byte, bool) {
	end := len(b)
	if padded && end > header {
		n := int(b[end-1])
		if n == 0 || n > end-header {
			return nil, false
		}
		end -= n
	}
	if header > end {
		return nil, false
	}
	return b[header:end], true
}

func (st *stream) refused(err error) {
	switch {
	case errors.Is(err, errReplay):
		st.counters.replays.Add(1)
	default:
		st.counters.authFailures.Add(1)
	}
}

// accept decides whose packet it is. A new SSRC that is authentic is a new sender: it may have restarted.
func (st *stream) accept(now time.Time) bool {
	h := &st.header
	if h.SSRC == st.t.source() {
		st.collision(now)
		return false
	}
	switch {
	case st.src != nil && st.src.ssrc == h.SSRC:
		back := st.src.highest - st.src.seq.Peek(h.SequenceNumber)
		if back < maxMisorder {
			st.candidate.used = false
			return true
		}
		if !st.candidate.confirms(h.SSRC, h.SequenceNumber) { // numbers far behind: two in a row and it began anew
			return false
		}
	case st.src == nil:
	case h.SSRC == st.retired && now.Sub(st.retiredAt) < stragglers:
		return false
	case st.unprotect.current == nil && !st.candidate.confirms(h.SSRC, h.SequenceNumber):
		return false
	default:
		st.retired, st.retiredAt = st.src.ssrc, now
	}
	st.src = newSource(h.SSRC, st.d.ClockRate, st.s.epoch)
	st.sink.reset()
	return true
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
