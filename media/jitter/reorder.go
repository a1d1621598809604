// Package jitter puts what a network delivered late, twice or in the wrong order back where it belongs: Reorder for
// pictures, which pass at once unless something is missing, and Playout for sound, which leaves at a steady pace.
// Both are pure: time is a parameter, nothing runs by itself, and memory is bounded.
package jitter

import "time"

const (
	ringSize = 1024 // packets that can wait; 4 Mbit/s is about 450 packets a second

	minWait     = 10 * time.Millisecond
	maxWait     = 100 * time.Millisecond
	firstWait   = 20 * time.Millisecond
	forgetAfter = 10 * time.Second // half of what was learnt about lateness
)

// Reorder passes items on in the order of their sequence numbers. An item that is next in order passes at once; behind
// a gap items wait, as long as lately reordered ones needed, then the gap is given up.
type Reorder[T any] struct {
	ring    [ringSize]slot[T]
	next    int64 // the number that is to come next
	highest int64 // of those waiting
	waiting int
	started bool

	missedSince time.Time // when the present gap was seen; zero without one
	skipped     bool      // items before next were dropped unseen
	gaveUp      gap       // the last gap given up

	late   time.Duration // how late reordered items were, decaying
	lateAt time.Time
	least  time.Duration // see Patience
}

type slot[T any] struct {
	item T
	at   time.Time // when it came
	used bool
}

type gap struct {
	from, to int64 // missing [from, to)
	since    time.Time
}

// Patience sets how long a gap is waited for at least: what is missing has been asked for again. Zero is for nobody who
// answers.
func (r *Reorder[T]) Patience(d time.Duration) { r.least = d }

// Wait is how long a gap is waited for at present.
func (r *Reorder[T]) Wait(now time.Time) time.Duration {
	if r.lateAt.IsZero() {
		return max(firstWait, r.least)
	}
	late := r.decayed(now)
	return max(min(max(late+late/4+5*time.Millisecond, minWait), maxWait), r.least)
}

// Next is the number that is to come next: nothing before it is of use any more.
func (r *Reorder[T]) Next() int64 { return r.next }

func (r *Reorder[T]) decayed(now time.Time) time.Duration {
	late := r.late
	for age := now.Sub(r.lateAt); age >= forgetAfter && late > 0; age -= forgetAfter {
		late /= 2
	}
	return late
}

// Passes says that the item with this number is next and nothing waits before it: the caller uses it directly, and
// must not Push it. This is the way of almost all packets, without a copy.
func (r *Reorder[T]) Passes(seq int64) bool {
	if !r.started {
		r.started, r.next = true, seq
	}
	if seq != r.next || r.waiting > 0 {
		return false
	}
	r.next++
	return true
}

// Push keeps an item that did not pass. It returns false for one that is of no use any more: a duplicate, or too late.
func (r *Reorder[T]) Push(now time.Time, seq int64, item T) bool {
	if !r.started {
		r.started, r.next = true, seq
	}
	if seq < r.next {
		if seq >= r.gaveUp.from && seq < r.gaveUp.to {
			r.learn(now, now.Sub(r.gaveUp.since))
		}
		return false
	}
	if seq >= r.next+ringSize { // so far ahead that what is missing is lost
		r.skipTo(seq)
	}
	s := &r.ring[seq%ringSize]
	if s.used {
		return false
	}
	if r.waiting > 0 && seq < r.highest {
		r.learn(now, now.Sub(r.missedSince))
	}
	*s = slot[T]{item: item, at: now, used: true}
	r.waiting++
	r.highest = max(r.highest, seq)
	if r.missedSince.IsZero() {
		r.missedSince = now
	}
	return true
}

// skipTo drops all that waits, to make seq the next.
func (r *Reorder[T]) skipTo(seq int64) {
	r.gaveUp = gap{}
	clear(r.ring[:])
	r.waiting, r.highest, r.missedSince = 0, 0, time.Time{}
	r.next = seq
	r.skipped = true
}

// Pop takes the next item. lost says that one or more before it will not come. ok is false when there is nothing to
// take at this moment; then Deadline says when to look again.
func (r *Reorder[T]) Pop(now time.Time) (item T, lost, ok bool) {
	if r.waiting == 0 {
		return item, false, false
	}
	s := &r.ring[r.next%ringSize]
	if !s.used {
		if now.Before(r.missedSince.Add(r.Wait(now))) {
			return item, false, false
		}
		from := r.next
		for !s.used {
			r.next++
			s = &r.ring[r.next%ringSize]
		}
		r.gaveUp = gap{from: from, to: r.next, since: r.missedSince}
		lost = true
	}
	item = s.item
	*s = slot[T]{}
	r.next++
	r.waiting--
	lost = lost || r.skipped
	r.skipped = false
	r.settle()
	return item, lost, true
}

// settle finds the gap that is now in front, if any.
func (r *Reorder[T]) settle() {
	r.missedSince = time.Time{}
	if r.waiting == 0 {
		r.highest = 0
		return
	}
	for seq := r.next; seq <= r.highest; seq++ {
		if s := &r.ring[seq%ringSize]; s.used {
			r.missedSince = s.at
			return
		}
	}
}

// Whole says whether all items from a number on wait here, up to the first that is the last of its kind.
func (r *Reorder[T]) Whole(from int64, last func(T) bool) bool {
	if from < r.next {
		return false
	}
	for seq := from; seq <= r.highest; seq++ {
		s := &r.ring[seq%ringSize]
		if !s.used {
			return false
		}
		if last(s.item) {
			return true
		}
	}
	return false
}

// Jump gives up whatever is before an item that waits, though it may still come.
func (r *Reorder[T]) Jump(to int64) {
	for ; r.next < to; r.next++ {
		if s := &r.ring[r.next%ringSize]; s.used {
			*s = slot[T]{}
			r.waiting--
		}
	}
	r.skipped = true
	r.settle()
}

// Deadline is when the present gap will have been waited for long enough; zero without a gap.
func (r *Reorder[T]) Deadline(now time.Time) time.Time {
	if r.waiting == 0 {
		return time.Time{}
	}
	return r.missedSince.Add(r.Wait(now))
}

// learn takes how late an item came after the gap that it left was seen.
func (r *Reorder[T]) learn(now time.Time, late time.Duration) {
	r.late = max(r.decayed(now), min(late, maxWait))
	r.lateAt = now
}

// Reset forgets what waits and where it was, for another sender; what was learnt about the network stays.
func (r *Reorder[T]) Reset() { *r = Reorder[T]{late: r.late, lateAt: r.lateAt} }
