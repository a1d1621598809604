// Package hours is opening hours in the notation of OpenStreetMap's opening_hours key:
//
//	Mo-Fr 09:00-12:00,13:00-19:00; Sa[1] 14:00-02:00; PH off; Dec 24-Jan 02 off
//
// The reference is https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification. Of it, this package knows years,
// months and dates, weeks, weekdays and numbered weekdays of the month, public holidays (PH), ranges of time (over
// midnight too), 24/7, open, off and closed with comments, and the separators ";", "," and "||". Everything else is
// refused by its name and never guessed: also what the notation leaves open, such as a comment alone.
//
// Rules are read from left to right and belong to civil days, from 00:00 to 24:00:
//   - after ";", a rule that opens a day says all about that day: what earlier rules said of it is forgotten,
//     even the hours after midnight which began on the day before. Warnings tells where that happens.
//   - after ",", a rule adds to the earlier ones.
//   - after "||", a rule opens what the earlier ones leave closed.
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

// Hours are opening hours without a place: they are evaluated at one. The zero value is never open.
type Hours struct {
	written string
	rules   []rule
	week    [daysPerWeek]span.Set // what the plain rules alone say: minutes of the day, Monday first
	dated   bool                  // some rules are not plain: on their days, week does not hold
}

// A Place is where hours are meant. Days are civil days there, counted from 1970-01-01.
type Place struct {
	Location *time.Location
	Holiday  func(day int64) bool // whether a day is a public holiday; nil: none is
	// Closed says whether nothing opens on a day, neither its own hours, nor those after midnight which the day
	// before began, nor those after midnight which it would begin. nil: it never is.
	Closed func(day int64) bool
}

func (p Place) date(day int64) date {
	d := dateOf(day)
	d.holiday = p.Holiday != nil && p.Holiday(day)
	return d
}

func (p Place) closed(day int64) bool { return p.Closed != nil && p.Closed(day) }

// days is a set of weekdays: bit 0 is Monday.
type days uint8

func (d days) has(weekday int) bool { return d>>weekday&1 == 1 }

// A rule is one part between separators.
type rule struct {
	selector
	times       span.Set // minutes from the beginning of the day, up to latestEnd
	twice       span.Set // of these, what more than one of the written ranges has
	wholeDay    bool     // no times were written
	off         bool
	additional  bool   // follows a "," or a "||": it forgets nothing
	comment     string // what stands in quotes
	offset, end int    // where it stands in the string, in bytes
}

// own is what the rule says of a day by itself, and spill what it says of the day after: its hours past midnight.
func (r *rule) own() span.Set { return r.times.Clip(span.Span{Until: minutesPerDay}) }
func (r *rule) spill() span.Set {
	if len(r.times) == 0 || r.times[len(r.times)-1].Until <= minutesPerDay {
		return nil
	}
	return r.times.Clip(span.Span{From: minutesPerDay, Until: latestEnd}).Shift(-minutesPerDay)
}

func (r *rule) spills() bool {
	return len(r.times) > 0 && r.times[len(r.times)-1].Until > minutesPerDay
}

// compile works out the week that the plain rules make.
func compile(text string, rules []rule) *Hours {
	h := &Hours{written: text, rules: rules}
	var plain []rule
	for _, r := range rules {
		if r.plain() {
			plain = append(plain, r)
		}
	}
	h.dated = len(plain) < len(rules)
	for weekday := range h.week {
		h.week[weekday] = evaluateWeekday(plain, weekday)
	}
	return h
}

// evaluateWeekday is for plain rules.
func evaluateWeekday(rules []rule, weekday int) span.Set {
	before := (weekday + daysPerWeek - 1) % daysPerWeek
	return evaluate(rules, date{weekday: weekday}, &date{weekday: before})
}

// evaluate is the open minutes of one civil day. The day before is nil if nothing of it counts.
func evaluate(rules []rule, today date, before *date) span.Set {
	var open span.Set
	for i := range rules {
		r := &rules[i]
		var says span.Set
		if r.has(today) {
			says = r.own()
			if !r.off && !r.additional {
				open = nil
			}
		}
		if before != nil && r.spills() && r.has(*before) {
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

// day is the open minutes of a civil day at a place.
func (h *Hours) day(p Place, day int64) span.Set {
	switch {
	case p.closed(day):
		return nil
	case !h.dated && p.Closed == nil:
		return h.week[weekdayOf(day)]
	}
	closedBefore := p.closed(day - 1)
	if !h.dated && !closedBefore {
		return h.week[weekdayOf(day)]
	}
	today, yesterday := p.date(day), p.date(day-1)
	if !closedBefore && !some(h.rules, func(r rule) bool {
		return !r.plain() && (r.has(today) || r.spills() && r.has(yesterday))
	}) {
		return h.week[today.weekday]
	}
	before := &yesterday
	if closedBefore {
		before = nil
	}
	return evaluate(h.rules, today, before)
}

// Open is when it is open within a window, in seconds of Unix time, at a place.
//
// A time that the place's clocks show twice, when they are set back, means the first; a time that they skip means
// the moment of the jump. So a range never opens twice, and ranges that touch still touch.
func (h *Hours) Open(p Place, window span.Span) span.Set {
	c := clock{loc: p.Location}
	first := floorDiv(window.From-maxUTCOffset, secondsPerDay)
	last := floorDiv(window.Until+maxUTCOffset, secondsPerDay)
	out := make(span.Set, 0, 2*(last-first))
	for day := first; day <= last; day++ {
		midnight := day * secondsPerDay
		for _, m := range h.day(p, day) {
			from := c.instant(midnight + m.From*60)
			until := c.instant(midnight + m.Until*60)
			out = out.Append(span.Span{From: from, Until: until})
		}
	}
	return out.Clip(window)
}

// String is the hours as they were written.
func (h *Hours) String() string { return h.written }

// Holidays is where the hours first name public holidays, in bytes; it is false if they do not.
func (h *Hours) Holidays() (offset int, ok bool) {
	for _, r := range h.rules {
		if r.holidays != noHolidays {
			return r.offset, true
		}
	}
	return 0, false
}

func floorDiv(x, n int64) int64 { return (x - floorMod(x, n)) / n }

func floorMod(x, n int64) int64 {
	if r := x % n; r >= 0 {
		return r
	}
	return x%n + n
}
