package media

import (
	"math"
	"slices"
	"time"

	"github.com/pion/rtcp"
)

const (
	// maxMissing is how many packets are asked for at a time: half a second at 4 Mbit/s. More is an outage, after which a
	// keyframe is the shorter way.
	maxMissing = 200

	// firstRoundTrip is assumed until a report has told the real one.
	firstRoundTrip = 50 * time.Millisecond

	// leastSpacing is the least time between two requests for one packet.
	leastSpacing = 8 * time.Millisecond

	// What a gap is waited for: three rounds of requests and what the sender takes to answer, within bounds. Whoever looks at
	// a picture forgives half a second better than one that asks for keyframes all the time.
	leastPatience = 150 * time.Millisecond
	mostPatience  = 700 * time.Millisecond

	mostCopies = 4 // asked for within a round trip

	together = 3 * time.Millisecond // requests that are so near to each other go in one message

	// sure is the chance that a packet is still missing after soon.
	sure = 0.001
	soon = 100 * time.Millisecond

	answering = 4 * time.Millisecond // what an answer takes besides the round trip

	// What repair packets are sent for is asked for so late that they have come: of most of it nobody needs to be asked.
	shieldFirst = 15 * time.Millisecond
	shieldMore  = 2 * time.Millisecond // after the first of them
	shieldLasts = time.Second

	maxReordering = 50 * time.Millisecond
	lateMargin    = time.Millisecond // above what was seen
)

// requests says which packets of a stream are to be asked for again, and when (generic NACK, RFC 4585 §6.2.1). A packet is
// asked for as soon as a later one shows that it is missing, unless packets overtake one another on this path; and several
// times within a round trip, as often as the loss asks for, since requests and answers get lost as well. Pure; the zero value
// is for a new sender.
type requests struct {
	missing []request // in the order of their numbers
	highest int64
	came    time.Time // when a packet came last
	taken   int64     // the last of which tail was told
	begun   bool
	trip    time.Duration // the round trip, 0 for unknown
	marked  bool          // what comes in answer to a request is known by its stream (RFC 4588)
	outage  bool          // more was lost than is asked for
	loss    float64

	shielded time.Time // when the last repair packet came (RFC 8627)

	tail tail

	apart time.Duration // at least between two messages: they are not to fill a narrow path
	said  time.Time     // the last

	missed, gone uint64 // packets: lost on the way, or repaired before they came (what was only overtaken is neither), and for good

	late   time.Duration // what packets that were overtaken needed lately
	lateAt time.Time
}

type request struct {
	seq   int64
	since time.Time // when it was found missing
	last  time.Time // asked for last, zero before
	vain  time.Time // what was sent to repair it has come by then; zero: not yet
}

// arrived is told of each packet that came; repair: in answer to a request (RFC 4588).
func (r *requests) arrived(now time.Time, seq int64, repair bool) {
	switch {
	case !r.begun:
		r.begun, r.highest = true, seq
	case seq > r.highest:
		r.lost(now, r.highest+1, seq)
		r.highest = seq
		r.loss -= r.loss / 256
		if repair { // it was asked for before anything later came, or found by a repair packet (see tail)
			r.missed++
		}
	default:
		r.found(now, seq, repair)
	}
	r.came = now
}

// promised is told of the highest number that is known to have been sent, and when the last repair packet came.
func (r *requests) promised(now time.Time, seq int64, shielded time.Time) {
	if r.begun && seq > r.highest {
		r.lost(now, r.highest+1, seq+1)
		r.highest = seq
	}
	if shielded == r.shielded {
		return
	}
	r.shielded = shielded
	for i := range r.missing { // they have not helped: at most one more does
		if q := &r.missing[i]; q.seq <= seq && q.vain.IsZero() {
			q.vain = now.Add(shieldMore)
		}
	}
}

// lost notes the packets [from, to) as missing.
func (r *requests) lost(now time.Time, from, to int64) {
	if to-from+int64(len(r.missing)) > maxMissing {
		if !jumps(to-from, now.Sub(r.came)) {
			r.givenUp(uint64(to - from))
		}
		r.givenUp(uint64(len(r.missing)))
		r.missing, r.outage = r.missing[:0], true
		return
	}
	for seq := from; seq < to; seq++ {
		r.missing = append(r.missing, request{seq: seq, since: now})
		r.loss += (1 - r.loss) / 256
	}
}

// found takes a packet off the list, and learns from one that was overtaken.
func (r *requests) found(now time.Time, seq int64, repair bool) {
	i, is := slices.BinarySearchFunc(r.missing, seq, func(q request, seq int64) int { return int(q.seq - seq) })
	if !is {
		return
	}
	q := r.missing[i]
	r.missing = slices.Delete(r.missing, i, i+1)
	if late := now.Sub(q.since); !repair && (r.marked || q.last.IsZero() || now.Sub(q.last) < r.soonest()) {
		r.loss = max(r.loss-1.0/256, 0) // it was none
		r.late, r.lateAt = max(r.reordering(now), min(late+late/8+lateMargin, maxReordering)), now
		return
	}
	r.missed++
}

// givenUp counts packets that did not come at all.
func (r *requests) givenUp(n uint64) { r.missed, r.gone = r.missed+n, r.gone+n }

// soonest is the least time in which a request is answered.
func (r *requests) soonest() time.Duration {
	if r.trip == 0 {
		return leastSpacing
	}
	return r.trip * 3 / 4
}

// asked says whether a packet is missing and was asked for.
func (r *requests) asked(seq int64) bool {
	i, is := slices.BinarySearchFunc(r.missing, seq, func(q request, seq int64) int { return int(q.seq - seq) })
	return is && !r.missing[i].last.IsZero()
}

// reordering is how long a packet may be overtaken on this path; half of what was learnt is forgotten in ten seconds.
func (r *requests) reordering(now time.Time) time.Duration {
	late := r.late
	for age := now.Sub(r.lateAt); age >= 10*time.Second && late > 0; age -= 10 * time.Second {
		late /= 2
	}
	return late
}

// first is how long after it was found missing a packet is asked for.
func (r *requests) first(now time.Time) time.Duration {
	if now.Sub(r.shielded) < shieldLasts {
		return max(r.reordering(now), shieldFirst)
	}
	return r.reordering(now)
}

// before is told that nothing before this number is waited for any more.
func (r *requests) before(seq int64) {
	n := 0
	for n < len(r.missing) && r.missing[n].seq < seq {
		n++
	}
	r.missing = slices.Delete(r.missing, 0, n)
	r.givenUp(uint64(n))
	r.outage = false
}

// anew is for another sender: what is counted stays.
func (r *requests) anew() { *r = requests{missed: r.missed, gone: r.gone} }

// patience is how long a gap is worth waiting for.
func (r *requests) patience(rtt time.Duration) time.Duration {
	if r.outage {
		return 0
	}
	if rtt == 0 {
		return mostPatience
	}
	return min(max(3*rtt+100*time.Millisecond, leastPatience), mostPatience)
}

// spacing is the time between two requests for a packet. A picture may be late by soon before anybody sees it: as many
// requests go out within a round trip as make it sure that one is answered in that time.
func (r *requests) spacing(rtt time.Duration) time.Duration {
	rtt = orFirst(rtt)
	rounds := max(int(soon/rtt), 1)
	failure, copies := min(2*r.loss, 0.9), 1
	for math.Pow(failure, float64(copies*rounds)) > sure && copies < mostCopies {
		copies++
	}
	return max((rtt+answering)/time.Duration(copies), leastSpacing)
}

func orFirst(rtt time.Duration) time.Duration {
	if rtt == 0 {
		return firstRoundTrip
	}
	return rtt
}

// due is when the next request is to be sent, zero for none.
func (r *requests) due(now time.Time, rtt time.Duration) (at time.Time) {
	for i := range r.missing {
		at = soonest(at, r.missing[i].due(r.first(now), r.reordering(now), r.spacing(rtt)))
	}
	if at = soonest(at, r.tailDue(now, rtt)); at.IsZero() {
		return at
	}
	return latest(at, r.said.Add(r.apart))
}

// tailDue is when what follows on the highest number is asked for, zero for never: where next to nothing is lost it is on its
// way, and where repair packets come they tell.
func (r *requests) tailDue(now time.Time, rtt time.Duration) time.Time {
	if r.loss < tailLoss || now.Sub(r.shielded) < shieldLasts {
		return time.Time{}
	}
	return r.tail.due(r.spacing(rtt))
}

// newest is told of the packet that arrived is told of, if it is the highest and somebody answers for what follows on it.
func (r *requests) newest(now time.Time, p packet, ticks uint32) {
	if p.seq == r.highest && len(p.payload) > 0 {
		r.tail.came(now, p, p.seq == r.taken+1, ticks)
		r.taken = p.seq
	}
}

func (q *request) due(first, reordering, spacing time.Duration) time.Time {
	if q.last.IsZero() {
		at := q.since.Add(first)
		if early := latest(q.vain, q.since.Add(reordering)); !q.vain.IsZero() && early.Before(at) {
			return early
		}
		return at
	}
	return q.last.Add(spacing)
}

// next gives the packets to ask for now; nil for none. Those that are almost due go with them.
func (r *requests) next(now time.Time, rtt time.Duration) []rtcp.NackPair {
	due := r.due(now, rtt)
	if due.IsZero() || now.Before(due) {
		return nil
	}
	first, reordering, spacing := r.first(now), r.reordering(now), r.spacing(rtt)
	var seqs []uint16
	switch at := r.tailDue(now, rtt); {
	case at.IsZero() || now.Before(at):
	case now.Sub(at) > tailStarved:
		r.tail.postpone(now)
	default:
		for n := range int64(tailReach) {
			seqs = append(seqs, uint16(r.highest+1+n))
		}
		r.tail.ask(now)
	}
	for i := range r.missing {
		q := &r.missing[i]
		if at := q.due(first, reordering, spacing); !now.Before(at) || !q.last.IsZero() && at.Sub(now) < together {
			q.last = now
			seqs = append(seqs, uint16(q.seq))
		}
	}
	if seqs == nil {
		return nil
	}
	r.said = now
	return rtcp.NackPairsFromSequenceNumbers(seqs)
}
