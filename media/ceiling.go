package media

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/pion/rtcp"
)

const (
	formatTMMBR = 3 // of transport feedback (RFC 5104 §4.2.1)
	formatTMMBN = 4

	// An estimate that is not said again for so long is forgotten: those who send them do so once a second.
	estimateLasts = 20 * time.Second

	// notifyEvery is the least time between two notifications: whoever asks more often hears of the last.
	notifyEvery = 100 * time.Millisecond

	tmmbEntry  = 8         // bytes
	mostBits   = 100e9     // bit/s: more is no limit
	feedbackAt = 12        // bytes of a feedback message before its entries (RFC 4585 §6.1)
	maxBits    = 1<<17 - 1 // of a mantissa
)

// ceiling is what the other side says that our pictures may take at most: an estimate (REMB,
// draft-alvestrand-rmcat-remb-03), and a limit that holds until it is changed or its owner leaves (TMMBR, RFC 5104 §3.5.4). A
// call has one receiver, so that the bounding set has one entry: that of whoever asked last. The zero value has none.
type ceiling struct {
	estimate  float64 // bit/s
	estimated time.Time

	limit    float64 // bit/s
	overhead uint16  // bytes of each packet that limit counts besides RTP's payload and header
	owner    uint32
	limited  bool
	notified time.Time
}

// kbps bounds what pictures may take, as coded. Whatever is said, they take the least: a picture that is not wanted is taken out
// of the call by SDP.
func (c *ceiling) kbps(now time.Time, kbps int) int {
	bits := float64(kbps) * 1000 * wireShare
	if !c.estimated.IsZero() && now.Sub(c.estimated) < estimateLasts {
		bits = min(bits, c.estimate)
	}
	if c.limited {
		bits = min(bits, c.limit)
	}
	return min(kbps, max(int(math.Round(bits/1000/wireShare)), leastKbps))
}

// heardREMB takes an estimate. It says whether that is of one of our senders.
func (c *ceiling) heardREMB(now time.Time, p *rtcp.ReceiverEstimatedMaximumBitrate, own uint32) bool {
	if !slices.Contains(p.SSRCs, own) || !(p.Bitrate >= 0) {
		return false
	}
	c.estimate, c.estimated = min(float64(p.Bitrate), mostBits), now
	return true
}

// heardTMMBR takes the limits of a well-formed message. It says whether one is for us.
func (c *ceiling) heardTMMBR(b []byte, own uint32) (ours bool) {
	for e := b[feedbackAt:]; len(e) >= tmmbEntry; e = e[tmmbEntry:] {
		if binary.BigEndian.Uint32(e) != own {
			continue
		}
		word := binary.BigEndian.Uint32(e[4:])
		exponent, mantissa := word>>26, word>>9&maxBits
		bits := float64(mantissa) * float64(uint64(1)<<exponent) // 81 bits at most: no float64 overflows
		c.limit, c.overhead = min(bits, mostBits), uint16(word&0x1ff)
		c.owner, c.limited, ours = binary.BigEndian.Uint32(b[4:]), true, true
	}
	return ours
}

// left is told that somebody said BYE.
func (c *ceiling) left(ssrc uint32) {
	if c.owner == ssrc {
		c.limited = false
	}
}

// notification is the bounding set (TMMBN, RFC 5104 §4.2.2).
func (c *ceiling) notification(own uint32) *rtcp.RawPacket {
	mantissa, exponent := uint64(c.limit), uint32(0)
	for mantissa > maxBits {
		mantissa >>= 1
		exponent++
	}
	b := make(rtcp.RawPacket, 0, feedbackAt+tmmbEntry)
	b = append(b, 2<<6|formatTMMBN, byte(rtcp.TypeTransportSpecificFeedback))
	b = binary.BigEndian.AppendUint16(b, (feedbackAt+tmmbEntry)/4-1)
	b = binary.BigEndian.AppendUint32(b, own)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, c.owner)
	b = binary.BigEndian.AppendUint32(b, exponent<<26|uint32(mantissa)<<9|uint32(c.overhead))
	return &b
}

// hearREMB takes an estimate, where they were agreed on.
func (st *stream) hearREMB(now time.Time, b []byte) (wellFormed bool) {
	var p rtcp.ReceiverEstimatedMaximumBitrate
	if p.Unmarshal(b) != nil {
		return false
	}
	if b[17]&3|b[18]|b[19] == 0 { // a mantissa of 0, which pion takes for 1
		p.Bitrate = 0
	}
	if st.d.REMB && st.ceiling.heardREMB(now, &p, st.t.currentSSRC()) {
		st.bound(now)
	}
	return true
}

// hearTMMBR takes a limit, where they were agreed on, and answers with what holds now.
func (st *stream) hearTMMBR(now time.Time, b []byte) (wellFormed bool) {
	if len(b) < feedbackAt+tmmbEntry || (len(b)-feedbackAt)%tmmbEntry != 0 {
		return false
	}
	own := st.t.currentSSRC()
	if !st.d.TMMBR || !st.ceiling.heardTMMBR(b, own) {
		return true
	}
	if now.Sub(st.ceiling.notified) >= notifyEvery {
		st.ceiling.notified = now
		st.feedback(st.ceiling.notification(own))
	}
	st.bound(now)
	return true
}

// bound tells our encoder at once what it may make, now that the ceiling is another one.
func (st *stream) bound(now time.Time) {
	if st.d.CCFB {
		st.allot(now)
		return
	}
	st.steer(now)
}
