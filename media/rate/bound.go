package rate

import "time"

const (
	boundLeast = 100.0 // kbit/s that a sender is asked for at least
	boundGrows = 1.05  // each second, once nothing queues
	boundFalls = 0.92  // each second, while it does
	boundHolds = 10    // seconds after a queue
	boundHalf  = 0.5   // of what came when it began, at least, unless both loss and delay tell of a queue

	// A trial: whether less is lost, or waits for less, since less is sent.
	triedLess   = 0.85                  // of what was sent, at most, is less: chance is judged by that
	trialFar    = 0.75                  // is far less: a queue would have gone
	trialFor    = 4                     // seconds
	trialStays  = 0.6                   // of the share that was lost, and more: that is chance
	trialSteady = 10 * time.Millisecond // a wait that differs by no more is the same

	boundSpared = 90 // seconds for which loss alone asks for nothing, after it has shown to be chance
	recently    = 5  // seconds over which loss is seen
)

// Bound is what a sender is asked to send at most (TMMBR, REMB), by what comes from him. The zero value asks for nothing.
type Bound struct {
	kbps      float64 // 0: none
	suspected int     // seconds in a row with a queue
	holds     int
	recent    [recently]float64 // shares lost, the newest first
	chance    float64           // share lost that does not depend on what is sent
	spared    int               // seconds
	trial     trial
}

// trial is what was so when less was asked for, and what is since less is sent.
type trial struct {
	came, sent, lost float64 // kbit/s; share
	waited           time.Duration
	seconds          int // with less
	later            float64
	steady           int // seconds in a row with far less and the same wait
}

// Second takes what came in the last second: kbit/s on the wire, the share that was lost, and for how long the newest packet waited.
// It gives the bound in kbit/s, 0 for none; most is what the sender sends at most anyway. none says that what packets wait has shown to be
// no queue.
func (b *Bound) Second(came, lost float64, waited time.Duration, most float64) (kbps float64, none bool) {
	if b.suspected++; waited < reportBusy {
		b.suspected = 0
	}
	before := b.recent[0]
	copy(b.recent[1:], b.recent[:])
	b.recent[0], b.spared = lost, max(b.spared-1, 0)
	b.chance = min(b.chance, b.chance+(lost-b.chance)/recently)
	queues := b.suspected > 1 || b.suspected > 0 && lost > b.chance+tolerable
	loses := b.spared == 0 && (lost >= b.chance+2*harmful || min(lost, before) > b.chance+harmful)
	if came == 0 {
		return b.kbps, false
	}
	if b.kbps > 0 && b.judge(came/max(1-lost, 0.1), lost, waited) {
		none = waited >= reportBusy
		b.kbps, b.suspected, b.holds, b.trial = 0, 0, 0, trial{}
		return 0, none
	}
	switch {
	case queues || loses:
		b.less(came, lost, waited)
	case b.kbps == 0:
	case b.holds > 0:
		b.holds--
	case waited < reportCalm && lost < b.chance+tolerable:
		if b.kbps = max(b.kbps, min(b.kbps*boundGrows, spare*came)); b.kbps > most {
			b.kbps, b.trial = 0, trial{}
		}
	}
	return b.kbps, false
}

// less asks for less than came.
func (b *Bound) less(came, lost float64, waited time.Duration) {
	less := slack * came
	if b.kbps == 0 {
		b.trial = trial{came: came, sent: came / max(1-lost, 0.1), waited: waited, lost: b.mean()}
	} else { // and it is still too much, with the keyframes that we ask for
		less = min(less, boundFalls*b.kbps)
	}
	least := boundLeast
	if waited < reportBusy || lost <= b.chance+tolerable {
		least = max(least, boundHalf*b.trial.came)
		if b.kbps > 0 {
			least = min(least, b.kbps)
		}
	}
	b.kbps, b.holds = max(less, least), boundHolds
}

// mean is the share lost lately, of seconds in which something was.
func (b *Bound) mean() float64 {
	sum, n := 0.0, 0.0
	for _, share := range b.recent {
		if share > 0 {
			sum, n = sum+share, n+1
		}
	}
	return sum / max(n, 1)
}

// judge says that less being sent has not helped: nothing of it is a queue.
func (b *Bound) judge(sent, lost float64, waited time.Duration) bool {
	t := &b.trial
	if sent > triedLess*t.sent {
		t.steady = 0
		return false
	}
	t.seconds, t.later = t.seconds+1, t.later+lost
	chance := t.seconds >= trialFor && t.later/float64(t.seconds) > trialStays*t.lost
	if t.steady++; sent > trialFar*t.sent || waited < reportBusy || (waited-t.waited).Abs() > trialSteady {
		t.steady = 0
	}
	switch {
	case t.waited < reportBusy && waited < reportBusy: // it began with loss
		if t.lost > b.chance+tolerable && chance {
			b.chance, b.spared = t.later/float64(t.seconds), boundSpared
			return true
		}
	case t.steady >= trialFor:
		return lost <= tolerable || chance
	}
	return false
}
