package media

import (
	"slices"
	"time"
)

const (
	// patientWith is how late a picture may be before those that are in time wait for such ones: people don't see that a
	// picture stands for a tenth of a second, and everybody minds an answer that comes late.
	patientWith = 50 * time.Millisecond

	// The delay is what all but lateShare of the last lateOf pictures needed; what is left over stands still for a moment.
	lateOf    = 128
	lateShare = 4

	slowly   = time.Millisecond // a picture: how fast the delay shrinks, which nobody sees
	maxDelay = 400 * time.Millisecond
)

// cadence holds pictures back on paths where the repair of others takes long, so that all are shown as evenly as they were
// taken. It follows the path up at once and down slowly; where nothing is repaired nothing waits. Pure.
type cadence struct {
	late  [lateOf]time.Duration
	next  int
	delay time.Duration
}

// wait is how long a picture is to be held that is so late already, measured against the fastest packets.
func (c *cadence) wait(late time.Duration) time.Duration {
	c.late[c.next%lateOf] = late
	c.next++
	sorted := c.late
	slices.Sort(sorted[:])
	want := min(max(sorted[lateOf-lateShare-1]-patientWith, 0), maxDelay)
	c.delay = max(want, c.delay-slowly)
	return max(c.delay-late, 0)
}
