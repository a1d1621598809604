package hours

import (
	"math"
	"time"
)

// A clock says when the clocks of a place show a time. It is asked for later and later times, and then
// looks into the time zone's table only when the clocks are changed.
type clock struct {
	loc        *time.Location
	known      bool
	from, till int64 // the period, in Unix seconds, in which
	offset     int64 // local time is this many seconds ahead of UTC
}

// instant is the first moment at which the wall clock shows wall or later, both in seconds since 1970: wall as if it
// were UTC. In the gap of a clock put forward that is the jump, in the overlap of one put back the first of the two.
func (c *clock) instant(wall int64) int64 {
	// At wall-from, a day and more early, no clock on earth shows wall yet, so the search may begin there.
	if !c.known || wall-c.offset < c.from+secondsPerDay {
		c.look(wall - secondsPerDay)
	}
	for {
		at := wall - c.offset
		switch {
		case at < c.from:
			return c.from // skipped
		case at < c.till:
			return at
		}
		c.look(c.till)
	}
}

// look makes t's period the current one.
func (c *clock) look(t int64) {
	at := time.Unix(t, 0).In(c.loc)
	_, offset := at.Zone()
	start, end := at.ZoneBounds()
	c.known, c.offset, c.from, c.till = true, int64(offset), math.MinInt64/2, math.MaxInt64/2
	if !start.IsZero() {
		c.from = start.Unix()
	}
	if !end.IsZero() {
		c.till = end.Unix()
	}
}

// Instant is the first moment, in Unix seconds, at which clocks in loc show a time of a civil day or a later one: see
// Hours.Open for times that they skip or show twice. The day is counted from 1970-01-01, seconds from its midnight.
func Instant(loc *time.Location, day, seconds int64) int64 {
	c := clock{loc: loc}
	return c.instant(day*secondsPerDay + seconds)
}

// DayAt is the civil day that a moment, in Unix seconds, belongs to in loc: the last one that has begun by then.
func DayAt(loc *time.Location, t int64) int64 {
	at := time.Unix(t, 0).In(loc)
	year, month, day := at.Date()
	number := DayOf(year, month, day) + 1 // clocks set back over midnight show a day that has ended
	for Instant(loc, number, 0) > t {
		number--
	}
	return number
}
