package rate

import (
	"math"
	"time"
)

// trailed is how many packets a Trail remembers, a power of two: more than are on their way.
const trailed = 1024

// Trail is when the last packets of one sender were sent. A receiver report names the highest that came (RFC 3550 §6.4.1): the one
// behind it was still on its way then. The zero value is ready.
type Trail struct {
	steps [trailed]step
	total int64 // bytes
	last  uint16
}

type step struct {
	seq   uint16
	at    time.Time
	total int64 // bytes sent until then, with this packet
}

// Sent takes a packet of so many bytes on the wire that has just been sent.
func (t *Trail) Sent(now time.Time, seq uint16, size int) {
	t.total += int64(size)
	t.steps[seq%trailed] = step{seq, now, t.total}
	t.last = seq
}

// Since is how many packets were sent after the one with this number; 0 if it was not sent lately.
func (t *Trail) Since(seq uint16) int {
	if t.steps[seq%trailed].seq != seq {
		return 0
	}
	return int(t.last - seq)
}

// Passed says how many bytes were sent until the packet with this number, and what that took with the report that came now: most
// is the way there and back and what it waited for a report; at least least, since the next packet was sent then and had
// not come. ok is false if no such packet was sent lately.
func (t *Trail) Passed(now time.Time, highest uint16) (total int64, least, most time.Duration, ok bool) {
	s := t.steps[highest%trailed]
	if s.seq != highest || s.at.IsZero() {
		return 0, 0, 0, false
	}
	if next := t.steps[(highest+1)%trailed]; next.seq == highest+1 && !next.at.Before(s.at) {
		least = now.Sub(next.at)
	}
	return s.total, least, now.Sub(s.at), true
}

// tally is what of the packets of one sender was lost.
type tally struct {
	lost, out float64
	highest   uint32
}

func (t *tally) add(r Report) {
	packets := float64(int32(r.Highest - t.highest))
	if packets < 0 || packets > trailed { // the first, or another sender
		packets = 1
	}
	t.lost, t.out, t.highest = t.lost+r.Lost*packets, t.out+packets, r.Highest
}

func (t *tally) share() float64 { return min(t.lost/max(t.out, 1), 1) }

// exceed says that more was lost than a share, and not by chance.
func (t *tally) exceed(share float64) bool {
	most := share * t.out
	return t.lost > most+deviations*math.Sqrt(most)
}

func (t *tally) forget() { t.lost, t.out = 0, 0 }
