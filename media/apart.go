package media

import (
	"slices"
	"time"
)

const (
	// frozenAfter is how long a picture stands before people see that it does.
	frozenAfter = 150 * time.Millisecond

	// A sender of few pictures a second has each stand for longer than that, and nobody calls it frozen: one that stays for more
	// than so many times the usual is.
	usualTimes = 2

	lastApart  = 15 // pictures that tell what is usual
	leastApart = 3  // fewer tell nothing
)

// apart is how far from one another the last pictures were taken. Pure; the zero value is for a new sender.
type apart struct {
	last time.Time
	ring [lastApart]time.Duration
	n    int // how many there ever were
}

// freeze takes when a picture was taken, and says for how long it may stand.
func (a *apart) freeze(taken time.Time) time.Duration {
	if !a.last.IsZero() {
		a.ring[a.n%lastApart] = taken.Sub(a.last)
		a.n++
	}
	a.last = taken
	sorted := a.ring
	known := sorted[:min(a.n, lastApart)]
	if len(known) < leastApart {
		return frozenAfter
	}
	slices.Sort(known)
	return max(frozenAfter, usualTimes*known[len(known)/2])
}
