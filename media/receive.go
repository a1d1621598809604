package media

import (
	"errors"
	"time"

	"ewindow/media/handshake"
	"ewindow/media/rtptime"
)

const moveLogSpacing = 10 * time.Second

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
	case handshake.Is(d.Data):
		st.keying.take(&d.Datagram)
	case st.unprotect == nil:
		st.counters.unkeyed.Add(1)
	case st.d.Plain && !d.permitted():
		st.counters.foreign.Add(1)
		st.estranged(d)
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
		st.refused(d, err)
		return
	}
	if st.unprotect.used == st.unprotect.number {
		st.heardFrom()
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
	h := &st.header
	newest := st.assign(incoming{
		at: d.at, came: d.Came, key: st.unprotect.used, ssrc: h.SSRC, seq: h.SequenceNumber, ts: h.Timestamp, pt: h.PayloadType, marker: h.Marker, payload: payload,
		bare: n == rtpHeader && !h.Padding && !h.Extension,
	})
	if newest && d.authentic() && d.at.Sub(st.movedLog) > moveLogSpacing {
		st.movedLog = d.at
		st.log.Info("media comes from another address now", "peer", d.From.String())
	}
}

// heardFrom tells whoever waits for it that the other side has the newest keys.
func (st *stream) heardFrom() {
	if st.heard != nil {
		st.heard()
		st.heard = nil
	}
}

// media takes a packet of the media's sender. newest says that it is the newest of it.
func (st *stream) media(p incoming) (newest bool) {
	highest := st.src.highest
	seq, ts := st.src.receive(p.came, p.seq, p.ts)
	st.arrivals[0].Came(p.came, seq)
	st.unsaid = true
	if st.medium == Audio && seq >= st.src.highest {
		if st.s.noQueue.Swap(false) {
			st.inbound.Anew()
		}
		st.inbound.Came(p.came, st.s.epoch, rtptime.ToDuration(ts, st.d.ClockRate))
		st.s.waits.Store(int64(st.inbound.Queue()))
	}
	if st.src.count == firstTold {
		st.tellDue = time.Time{}
	}
	st.src.key = max(st.src.key, p.key)
	st.counters.packets.Add(1)
	st.counters.bytes.Add(uint64(len(p.payload)))
	st.counters.lastRTP.Store(int64(p.at.Sub(st.s.epoch)))
	out := packet{came: p.came, seq: seq, ts: ts, marker: p.marker, payload: p.payload}
	if out.copies = st.d.ReceiveRED != 0 && p.pt == st.d.ReceiveRED; !st.isMedia(p.pt) { // telephone-event, comfort noise, padding: no sound, no picture
		st.otherType(p.pt)
		out.payload, out.marker = nil, false
	}
	if st.d.Direction.Receives() {
		st.sink.packet(p.at, st.src, out)
		st.know(p, seq)
	}
	return seq > highest || st.src.count == 1
}

// isMedia says whether packets of a payload type carry the stream's sound or pictures.
func (st *stream) isMedia(pt uint8) bool {
	return pt == st.d.ReceiveType || st.d.ReceiveRED != 0 && pt == st.d.ReceiveRED
}

func (st *stream) otherType(t uint8) {
	if st.counters.other.Add(1) == 1 {
		st.log.Info("packets of another payload type are ignored", "type", t)
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

func (st *stream) refused(d *arrival, err error) {
	switch {
	case errors.Is(err, errReplay):
		st.counters.replays.Add(1)
	default:
		st.counters.authFailures.Add(1)
		st.estranged(d)
	}
}
