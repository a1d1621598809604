package rate

import "time"

const (
	doubtedShares = 2  // reports in a row whose share is not believed
	fewPackets    = 2  // between two reports are next to none
	manyPackets   = 10 // that were sent since are many
)

// Doubt looks at the receiver reports of one of our streams for what cannot be: a phone's counters are not always read at once. What is
// said again and again is believed. The zero value is ready.
type Doubt struct {
	known   bool
	highest uint32
	lost    uint32 // 24 bits
	at      time.Time
	shares  int // doubted in a row
	stale   bool
}

// Heard takes a report: the fraction lost, the cumulative number of packets lost, the extended highest sequence number (RFC 3550 §6.4.1),
// and how many packets were sent since that one. It gives the share lost since the report before; ok is false if the report is an old one.
func (d *Doubt) Heard(now time.Time, fraction uint8, total, highest uint32, since int) (share float64, ok bool) {
	share = float64(fraction) / 256
	packets, lost := int32(highest-d.highest), int32((total-d.lost)<<8)>>8
	switch {
	case !d.known || packets < -trailed || packets > trailed: // the first, or another sender
		d.shares, d.stale = 0, false
	case packets == 0: // nothing came, or the same once more
		return share, true
	case !d.stale && (packets < 0 || packets <= fewPackets && since > manyPackets && now.Sub(d.at) >= judged/4):
		d.stale = true
		return 0, false
	case packets < 0:
		d.stale = false
	default:
		d.stale = false
		told := float64(max(lost, 0)) / float64(packets)
		if d.shares++; share <= 2*told+tolerable+1/float64(packets) {
			d.shares = 0
		}
		if d.shares > 0 && d.shares <= doubtedShares {
			share = min(told, 1)
		}
	}
	d.known, d.highest, d.lost, d.at = true, highest, total, now
	return share, true
}
