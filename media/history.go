package media

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
)

const (
	historyPackets = 512 // a power of two; more than a second of 4 Mbit/s
	historySound   = 64  // of sound: more than a second
	historyPacket  = maxPacket + srtpOverhead
	historyAge     = time.Second // the other side has long asked for a keyframe

	// resendSpacing is the least time between two copies of a packet: less than any receiver takes to ask again.
	resendSpacing = 5 * time.Millisecond

	// At most half of what is sent is sent again, which a fifth of loss in both directions asks for, and resendBurst at once:
	// so nobody can cause a flood by asking for everything.
	resendShare = 2
	resendBurst = 64 << 10 // bytes

	// resendRounds is how often a packet is sent again within a round trip at most, where a queue was seen: more make it longer.
	resendRounds = 2

	mostOwed = 128 // packets that wait to be sent again

	resendTime = 150 * time.Millisecond // of what the path carries may be sent again at once
)

// history keeps the last packets of a stream, to send them again: at most historyPackets of historyPacket bytes. Where they
// go out again as they were (no RFC 4588), a slot's memory is what the packet was encrypted into, so that keeping costs no
// copy; else a slot has it in clear.
type history struct {
	size   int          // packets, a power of two; 0: historyPackets
	slots  []sentPacket // by sequence number; nil while nothing is kept
	credit int          // bytes that may be sent again
	first  uint16       // nothing before this number is sent again: a keyframe began there
	begun  bool

	spacing time.Duration // at least between two copies of a packet; resendSpacing if that is more
}

type sentPacket struct {
	data   []byte // empty: none
	seq    uint16
	at     time.Time
	copied time.Time // when it was sent again last, zero before
}

// slot is where the packet with this number goes; its data is memory to use.
func (h *history) slot(seq uint16) *sentPacket {
	if h.slots == nil {
		if h.size == 0 {
			h.size = historyPackets
		}
		h.slots = make([]sentPacket, h.size)
	}
	if h.begun && seq-h.first >= historyPackets { // nothing from before the keyframe is here, and half a round of numbers later they would look so
		h.begun = false
	}
	s := h.place(seq)
	if s.data == nil {
		s.data = make([]byte, 0, historyPacket)
	}
	s.data = s.data[:0]
	return s
}

func (h *history) place(seq uint16) *sentPacket { return &h.slots[int(seq)%h.size] }

// keep records what was sent from a slot.
func (h *history) keep(s *sentPacket, now time.Time, seq uint16, packet []byte) {
	h.credit = min(h.credit+len(packet)/resendShare, resendBurst)
	if cap(packet) > historyPacket { // it did not fit: mode 0 has packets of any size
		s.data = nil
		return
	}
	*s = sentPacket{data: packet, seq: seq, at: now}
}

// begin is told of the number with which a keyframe begins: nobody needs what was before.
func (h *history) begin(seq uint16) { h.first, h.begun = seq, true }

// again gives a packet that may be sent once more now; nil if it is not kept, too old, too soon or too much. What was sent
// within trip cannot have been missed: it is asked for in case that it was (see tail).
func (h *history) again(now time.Time, seq uint16, trip time.Duration) []byte {
	if h.slots == nil || h.begun && int16(seq-h.first) < 0 {
		return nil
	}
	s := h.place(seq)
	if len(s.data) == 0 || s.seq != seq || now.Sub(s.at) > historyAge || now.Sub(s.at) < trip || now.Sub(s.copied) < max(h.spacing, resendSpacing) || len(s.data) > h.credit {
		return nil
	}
	h.credit -= len(s.data)
	s.copied = now
	return s.data
}

// kept gives a packet that was sent lately, in clear where what is sent again goes in a stream of its own; nil for none.
func (h *history) kept(seq uint16) []byte {
	if h.slots == nil {
		return nil
	}
	if s := h.place(seq); s.seq == seq && len(s.data) > 0 {
		return s.data
	}
	return nil
}

// forget lets go of everything, when another SSRC begins.
func (h *history) forget() { *h = history{size: h.size} }

// resend answers a request for packets that did not arrive (generic NACK, RFC 4585 §6.2.1): in a stream of their own where
// that was agreed (RFC 4588), else with the packets as they were, which a receiver takes for late ones.
func (t *transmitter) resend(now time.Time, nack *rtcp.TransportLayerNack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if nack.MediaSSRC != t.ssrc || !t.sendsNow() {
		return
	}
	if c := t.rate; c != nil && !c.Free() {
		t.history.credit = min(t.history.credit, int(float64(c.Kbps(now))*1000/8*resendTime.Seconds()))
	}
	t.protection.failed(now)
	trip := time.Duration(0)
	t.history.spacing = 0
	if c := t.rate; c != nil {
		trip = c.Within()
		if c.Narrow() {
			t.history.spacing = c.RoundTrip() / resendRounds
		}
	}
	left := historyPackets
	for _, pair := range nack.Nacks {
		pair.Range(func(seq uint16) bool {
			left--
			if packet := t.history.again(now, seq, trip); packet != nil {
				if t.paced() {
					t.owed = append(t.owed, seq)
				} else {
					t.again(now, packet)
				}
			}
			return left > 0
		})
		if left <= 0 {
			break
		}
	}
	if len(t.owed) > 0 {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// paced says that what is sent again has to wait for its turn, since what leaves at once is lost. It is called with mu held.
func (t *transmitter) paced() bool {
	if t.rate == nil || t.d.RepairType == 0 || len(t.owed) >= mostOwed {
		return false
	}
	kbps, _ := t.rate.Evenly()
	return kbps > 0
}

// again sends a packet of the history once more. It is called with mu held.
func (t *transmitter) again(now time.Time, packet []byte) {
	t.resent.Add(1)
	t.extraBytes.Add(uint64(max(len(packet)-rtpHeader, 0)))
	if err := t.sendAgain(now, packet); err != nil {
		t.writeErrors.Add(1)
	}
}

// repay sends the first of what waits to be sent again, so many bytes. It is called with mu held.
func (t *transmitter) repay(now time.Time) (bytes int) {
	seq := t.owed[0]
	t.owed = append(t.owed[:0], t.owed[1:]...)
	packet := t.history.kept(seq)
	if packet == nil || !t.sendsNow() {
		return 0
	}
	t.again(now, packet)
	return len(packet) + srtpOverhead
}

// sendAgain writes a packet of the history once more. It is called with mu held.
func (t *transmitter) sendAgain(now time.Time, packet []byte) error {
	if t.d.RepairType == 0 {
		if t.d.Codec != negotiate.H264 {
			t.others.Add(int64(len(packet) + perPacket))
		}
		return t.way.Send(packet, false)
	}
	p := append(t.plain[:0], packet[:rtpHeader]...)
	p[1] = p[1]&0x80 | t.d.RepairType
	p = append(p, packet[2:4]...) // its number, and what it was (RFC 4588 §4)
	p = append(p, packet[rtpHeader:]...)
	t.plain = p
	return t.beside(now, p)
}

// probe tries a path that gets no pictures at present with a packet that has nothing in it. Its marker says that there are some, and
// no room for them: whoever waits for them is told why. It is called with mu held.
func (t *transmitter) probe(now time.Time, every time.Duration, starves bool) {
	if t.d == nil || t.d.RepairType == 0 || !t.sendsNow() || !t.started || now.Sub(t.lastSent) < every || now.Sub(t.probed) < every {
		return
	}
	t.probed = now
	p := append(t.plain[:0], make([]byte, rtpHeader+1)...)
	p[0], p[1] = 2<<6, t.d.RepairType
	if starves {
		p[1] |= 0x80
	}
	binary.BigEndian.PutUint32(p[4:], t.lastTS)
	t.plain = p
	if err := t.beside(now, p); err != nil {
		t.writeErrors.Add(1)
	}
}

// beside sends a packet in the stream of what is sent beside the media, to repair it: it gets its number and SSRC here. All of
// that stream is one expense to the rate (see rate.Controller.Sent). It is called with mu held.
func (t *transmitter) beside(now time.Time, p []byte) error {
	binary.BigEndian.PutUint16(p[2:], t.repairSeq)
	binary.BigEndian.PutUint32(p[8:], t.repairSSRC)
	if t.rate != nil {
		t.rate.Sent(now, true, t.repairSeq, len(p)+srtpOverhead+perPacket)
	}
	t.repairSeq++
	if t.protect == nil {
		return t.way.Send(p, false)
	}
	out, err := t.protect.rtp.EncryptRTP(t.out[:0], p, &t.header)
	if err != nil { // 2^48 packets under one key
		return err
	}
	t.out = out
	return t.way.Send(out, false)
}
