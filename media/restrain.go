package media

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/rate"
)

const (
	restrainEvery = time.Second
	tmmbrOverhead = 40 // bytes of each packet on the wire besides RTP's payload and header: UDP, IPv4, SRTP
)

// restraint is what we ask a phone to send at most, where it heeds that.
type restraint struct {
	bound          rate.Bound
	due            time.Time
	bytes, packets uint64 // until the last second
	expected, lost int64
	asked          float64 // kbit/s; 0: nothing
}

// restrain asks the sender of pictures for less than the path to us does not carry (TMMBR, RFC 5104 §4.2.1; REMB), once a second. It says
// when to come again.
func (st *stream) restrain(now time.Time) time.Time {
	r := &st.restraint
	if st.medium != Video || st.d.CCFB || !st.d.TMMBR && !st.d.REMB || st.src == nil {
		return time.Time{}
	}
	if now.Before(r.due) {
		return r.due
	}
	bytes, packets := st.counters.bytes.Load(), st.counters.packets.Load()
	expected, lost := st.src.expected(), st.src.lost()
	fresh := r.due.IsZero() || now.Sub(r.due) > restrainEvery || expected < r.expected
	came := float64(bytes-r.bytes+(packets-r.packets)*(rtpHeader+tmmbrOverhead)) * 8 / 1000 / restrainEvery.Seconds()
	share := max(float64(lost-r.lost), 0) / max(float64(expected-r.expected), 1)
	r.bytes, r.packets, r.expected, r.lost, r.due = bytes, packets, expected, lost, now.Add(restrainEvery)
	if fresh {
		return r.due
	}
	most := float64(mostKbps)
	kbps, none := r.bound.Second(came, share, st.s.back(now), most)
	if none {
		st.s.noQueue.Store(true)
	}
	if kbps > 0 || r.asked > 0 {
		r.asked = kbps
		if kbps == 0 {
			kbps = most
		}
		st.askLess(kbps)
	}
	return r.due
}

// askLess asks for so many kbit/s of pictures at most.
func (st *stream) askLess(kbps float64) {
	own := st.t.currentSSRC()
	if st.d.REMB {
		st.feedback(&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: own, Bitrate: float32(kbps * 1000), SSRCs: []uint32{st.src.ssrc}})
	}
	if !st.d.TMMBR {
		return
	}
	mantissa, exponent := uint64(kbps*1000), uint32(0)
	for ; mantissa > maxBits; mantissa >>= 1 {
		exponent++
	}
	b := make(rtcp.RawPacket, 0, feedbackAt+tmmbEntry)
	b = append(b, 2<<6|formatTMMBR, byte(rtcp.TypeTransportSpecificFeedback))
	b = binary.BigEndian.AppendUint16(b, (feedbackAt+tmmbEntry)/4-1)
	for _, word := range []uint32{own, 0, st.src.ssrc, exponent<<26 | uint32(mantissa)<<9 | tmmbrOverhead} {
		b = binary.BigEndian.AppendUint32(b, word)
	}
	st.feedback(&b)
}
