package hours

import (
	"time"
)

// A date is one civil day, taken apart.
type date struct {
	number           int64 // days since 1970-01-01
	year, month, day int
	weekday          int // 0 is Monday
	holiday          bool
}

// dateOf takes a civil day apart. The calendar is the Gregorian one at all times.
func dateOf(number int64) date {
	year, month, day := time.Unix(number*secondsPerDay, 0).UTC().Date()
	return date{number: number, year: year, month: int(month), day: day, weekday: weekdayOf(number)}
}

func weekdayOf(number int64) int { return int(floorMod(number+thursdayOfUnix, daysPerWeek)) }

// DayOf is the number of a civil day, counted from 1970-01-01.
func DayOf(year int, month time.Month, day int) int64 {
	return floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), secondsPerDay)
}

// week is the number of the week by ISO 8601: week 1 is the one with the first Thursday of the year.
func (d date) week() int {
	_, week := time.Unix(d.number*secondsPerDay, 0).UTC().ISOWeek()
	return week
}

// A yearRange is every step-th year from one to another.
type yearRange struct{ from, to, step int }

func (r yearRange) has(year int) bool {
	return r.from <= year && year <= r.to && (year-r.from)%r.step == 0
}

// A monthday is a day of every year, or of one.
type monthday struct{ year, month, day int } // year 0: every year

func (m monthday) key() int { return m.year*10_000 + m.month*100 + m.day }

// A dateRange is the days from one to another, both included. Either both have a year, or none has; then it may go
// over the end of the year.
type dateRange struct{ from, to monthday }

func (r dateRange) has(d date) bool {
	m := monthday{d.year, d.month, d.day}
	if r.from.year == 0 {
		m.year = 0
	}
	from, to := r.from.key() <= m.key(), m.key() <= r.to.key()
	if r.from.key() > r.to.key() {
		return from || to
	}
	return from && to
}

// An nth is one weekday of each month: the first, or the last, counted from the end.
type nth struct {
	weekday int
	n       int // 1 to 5, -1 to -5
}

func (n nth) has(d date) bool {
	if d.weekday != n.weekday {
		return false
	}
	if n.n > 0 {
		return (d.day-1)/daysPerWeek == n.n-1
	}
	last := time.Date(d.year, time.Month(d.month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return (last-d.day)/daysPerWeek == -n.n-1
}

// holidays says how public holidays belong to the days of a rule.
type holidays uint8

const (
	noHolidays   holidays = iota
	orHolidays            // PH, or Mo-Fr,PH: these too
	onlyHolidays          // PH Mo-Fr: those that fall on the days
)

// A selector says which days a rule is about.
type selector struct {
	years    []yearRange // none: every year; so for all
	dates    []dateRange
	weeks    []yearRange // ISO weeks
	anyDay   bool        // no weekday and no holiday is written
	days     days
	nths     []nth
	holidays holidays
}

// plain says whether the weekday alone decides.
func (s *selector) plain() bool {
	return len(s.years)+len(s.dates)+len(s.weeks)+len(s.nths) == 0 && s.holidays == noHolidays
}

func (s *selector) has(d date) bool {
	if !s.hasWeekday(d) {
		return false
	}
	return (len(s.years) == 0 || some(s.years, func(r yearRange) bool { return r.has(d.year) })) &&
		(len(s.dates) == 0 || some(s.dates, func(r dateRange) bool { return r.has(d) })) &&
		(len(s.weeks) == 0 || some(s.weeks, func(r yearRange) bool { return r.has(d.week()) }))
}

func (s *selector) hasWeekday(d date) bool {
	if s.anyDay {
		return true
	}
	day := s.days.has(d.weekday) || some(s.nths, func(n nth) bool { return n.has(d) })
	switch s.holidays {
	case orHolidays:
		return day || d.holiday
	case onlyHolidays:
		return day && d.holiday
	}
	return day
}

func some[T any](list []T, is func(T) bool) bool {
	for _, x := range list {
		if is(x) {
			return true
		}
	}
	return false
}

// Dates are civil days without times: the days of a holiday, or of a closed period.
type Dates struct{ ranges []dateRange }

// Has says whether a civil day, counted from 1970-01-01, is one of the dates.
func (ds *Dates) Has(day int64) bool {
	d := dateOf(day)
	return some(ds.ranges, func(r dateRange) bool { return r.has(d) })
}

// Last is the last of the days. It is false if they come back every year.
func (ds *Dates) Last() (day int64, ok bool) {
	for _, r := range ds.ranges {
		if r.from.year == 0 {
			return 0, false
		}
		day = max(day, DayOf(r.to.year, time.Month(r.to.month), r.to.day))
	}
	return day, true
}
