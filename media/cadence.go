package media

import (
	"slices"
	"time"
)

const (
	// patientWith is how late a picture may be before those that are in time wait for such ones: people don't see that a
	// picture stands for a tenth of a second, and everybody minds an answer that comes late.
	patientWith = 50 * time.Millisecond

	// The latest picture of each lateSlot of the last lateSlots counts, but for the lateApart latest: what happens once is no
	// reason to wait for it.
	lateSlot  = 150 * time.Millisecond
	lateSlots = 28
	lateApart = 2

	slowly   = 2 * time.Millisecond // a picture: how fast the delay shrinks, which nobody sees
	maxDelay = 400 * time.Millisecond

	// Where even the fastest packets take so much longer than they did, the path is another one, or the sender's clock was set.
	anotherPath = 20 * time.Millisecond
)

// cadence holds pictures back on paths where the repair of others takes long, so that all are shown as evenly as they were
// taken. It follows the path up at once and down slowly; where nothing is repaired nothing waits. Pure.
type cadence struct {
	late  [lateSlots]time.Duration // the latest picture of each slot
	slot  int64                    // the present one
	least time.Duration            // what the fastest packets took
	delay time.Duration
}

// wait is how long a picture is to be held that is so late already, measured against the fastest packets, which took least by
// clocks that differ by anything. since is the time since any fixed moment.
func (c *cadence) wait(since, late, least time.Duration) time.Duration {
	if rise := least - c.least; rise > anotherPath { // what was late beside the packets of before is not beside these
		for i := range c.late {
			c.late[i] = max(c.late[i]-rise, 0)
		}
		c.delay = max(c.delay-rise, 0)
	}
	c.least = least
	slot := int64(since / lateSlot)
	for n := 0; c.slot < slot && n < lateSlots; n++ {
		c.slot = max(c.slot+1, slot-lateSlots+1)
		c.late[c.slot%lateSlots] = 0
	}
	c.late[slot%lateSlots] = max(c.late[slot%lateSlots], late)
	sorted := c.late
	slices.Sort(sorted[:])
	want := min(max(sorted[lateSlots-lateApart-1]-patientWith, 0), maxDelay)
	c.delay = max(want, c.delay-slowly)
	return max(c.delay-late, 0)
}
