package media

import "time"

// keyframeSpacing is the least time between two requests for a keyframe, in either direction.
const keyframeSpacing = 300 * time.Millisecond

type ask int

const (
	askNothing ask = iota
	askPLI
	askFIR
)

// A request is repeated patientAfter times; then each waits twice as long as the one before, keyframeMost at
// most: a sender whose pictures are all refused would only send more of them.
const (
	patientAfter = 10 // three seconds
	keyframeMost = 10 * time.Second
)

// asker repeats a request for a keyframe until one comes: PLI twice, then FIR where the other side takes it. Pure.
type asker struct {
	wanted bool
	last   time.Time
	tries  int

	spacing time.Duration // at least
}

// want asks, unless it is being asked for already.
func (a *asker) want() { a.wanted = true }

// lost is told of packets that are missing: the keyframe may have been among them, and the next one may come through.
func (a *asker) lost() { a.wanted, a.tries = true, min(a.tries, patientAfter) }

// anew asks as if for the first time: what was lost before is no reason to wait.
func (a *asker) anew() { a.wanted, a.tries = true, 0 }

// got is told of a keyframe.
func (a *asker) got() { a.wanted, a.tries = false, 0 }

// due is when the next request may be sent, zero while none is wanted. A round trip has to pass before its answer can
// have come.
func (a *asker) due(rtt time.Duration) time.Time {
	if !a.wanted {
		return time.Time{}
	}
	if a.last.IsZero() {
		return time.Unix(0, 0)
	}
	spacing := max(keyframeSpacing, rtt+rtt/2, a.spacing)
	if patient := a.tries - patientAfter; patient > 0 {
		spacing = max(spacing, min(keyframeSpacing<<min(patient, 8), keyframeMost))
	}
	return a.last.Add(spacing)
}

// next is what to send now.
func (a *asker) next(now time.Time, rtt time.Duration, pli, fir bool) ask {
	due := a.due(rtt)
	if due.IsZero() || now.Before(due) {
		return askNothing
	}
	a.last = now
	a.tries++
	if fir && (!pli || a.tries > 2) {
		return askFIR
	}
	return askPLI // also where neither was agreed: it does no harm, and many phones take it
}

// limiter lets through a request at most every keyframeSpacing. One that comes too early is kept, since the keyframe
// that answered the last may have been lost. Pure.
type limiter struct {
	pending bool
	last    time.Time
}

func (l *limiter) request() { l.pending = true }

func (l *limiter) due() time.Time {
	if !l.pending {
		return time.Time{}
	}
	if l.last.IsZero() {
		return time.Unix(0, 0)
	}
	return l.last.Add(keyframeSpacing)
}

// next says whether to pass a request on now.
func (l *limiter) next(now time.Time) bool {
	due := l.due()
	if due.IsZero() || now.Before(due) {
		return false
	}
	l.pending, l.last = false, now
	return true
}

// greetings is how long after the first picture a phone gets a keyframe that it did not ask for: it may not have been ready for the
// first one, or have lost it, and many never ask.
var greetings = []time.Duration{time.Second, 3 * time.Second}

// greeter says when a keyframe is to go that nobody asked for. Pure; the zero value is for whoever has got no picture yet.
type greeter struct {
	first time.Time
	said  int
}

// due is told of each picture that goes, and says whether a keyframe is to follow.
func (g *greeter) due(now time.Time) bool {
	if g.first.IsZero() {
		g.first = now
	}
	if g.said == len(greetings) || now.Sub(g.first) < greetings[g.said] {
		return false
	}
	g.said++
	return true
}
