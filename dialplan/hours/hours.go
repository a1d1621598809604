// Package hours is opening hours in the notation of OpenStreetMap's opening_hours key:
//
//	Mo-Fr 09:00-12:00,13:00-19:00; Sa 14:00-02:00; We 16:00-17:00 off
//
// The measure is https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification. Of it, this package knows
// weekdays, ranges of time (over midnight too), 24/7, open, off and closed, and the separators ";" and ",".
// Everything else is refused by its name and never guessed.
//
// Rules are read from left to right and belong to civil days, from 00:00 to 24:00:
//   - after ";", a rule that opens a day says all about that day: what earlier rules said of it is forgotten,
//     even the hours after midnight which began on the day before. Warnings tells where that happens.
//   - after ",", a rule adds to the earlier ones.
//   - off takes its times away from what earlier rules said, or the whole day if it has none.
package hours

import (
	"time"

	"ewindow/dialplan/span"
)

const (
	minutesPerDay  = 24 * 60
	secondsPerDay  = 24 * 60 * 60
	daysPerWeek    = 7
	everyDay       = days(1<<daysPerWeek - 1)
	maxUTCOffset   = 16 * 60 * 60 // seconds; the greatest in tzdata is under 16 h (Asia/Manila until 1844)
	latestEnd      = 48 * 60      // minutes: OSM's extended_time
	thursdayOfUnix = 3            // the day 1970-01-01, when Monday is 0
)

// Hours are opening hours without a place: they are evaluated in a time zone. The zero value is never open.
type Hours struct {
	rules []rule
	week  [daysPerWeek]span.Set // minutes of the day, Monday first
}

// days is a set of weekdays: bit 0 is Monday.
type days uint8

func (d days) has(weekday int) bool { return d>>weekday&1 == 1 }

// A rule is one part between separators.
type rule struct {
	days       days
	times      span.Set // minutes from the beginning of the day, up to latestEnd
	wholeDay   bool     // no times were written
	off        bool
	additional bool // follows a ","
	offset     int  // where it stands in the string, in bytes
}

// own is what the rule says of a day by itself, and spill what it says of the day after: its hours past midnight.
func (r rule) own() span.Set { return r.times.Clip(span.Span{Until: minutesPerDay}) }
func (r rule) spill() span.Set {
	return r.times.Clip(span.Span{From: minutesPerDay, Until: latestEnd}).Shift(-minutesPerDay)
}

// compile works out a week. Rules with dates will need this for each civil date instead.
func compile(rules []rule) *Hours {
	h := &Hours{rules: rules}
	for weekday := range h.week {
		h.week[weekday] = evaluate(rules, weekday)
	}
	return h
}

// evaluate is the open minutes of one civil day.
func evaluate(rules []rule, weekday int) span.Set {
	before := (weekday + daysPerWeek - 1) % daysPerWeek
	var open span.Set
	for _, r := range rules {
		var says span.Set
		if r.days.has(weekday) {
			says = r.own()
			if !r.off && !r.additional {
				open = nil
			}
		}
		if r.days.has(before) {
			says = says.Union(r.spill())
		}
		if r.off {
			open = open.Subtract(says)
		} else {
			open = open.Union(says)
		}
	}
	return open
}

// Open is when it is open within a window, in seconds of Unix time, for a place in loc.
//
// A time that the place's clocks show twice, when they are set back, means the first; a time that they skip means
// the moment of the jump. So a range never opens twice, and ranges that touch still touch.
func (h *Hours) Open(loc *time.Location, window span.Span) span.Set {
	c := clock{loc: loc}
	first := floorDiv(window.From-maxUTCOffset, secondsPerDay)
	last := floorDiv(window.Until+maxUTCOffset, secondsPerDay)
	out := make(span.Set, 0, 2*(last-first))
	for day := first; day <= last; day++ {
		weekday := floorMod(day+thursdayOfUnix, daysPerWeek)
		midnight := day * secondsPerDay
		for _, m := range h.week[weekday] {
			from := c.instant(midnight + m.From*60)
			until := c.instant(midnight + m.Until*60)
			out = out.Append(span.Span{From: from, Until: until})
		}
	}
	return out.Clip(window)
}

func floorDiv(x, n int64) int64 { return (x - floorMod(x, n)) / n }

func floorMod(x, n int64) int64 {
	if r := x % n; r >= 0 {
		return r
	}
	return x%n + n
}
