package answers

import (
	"fmt"
	"strings"
	"time"

	"ewindow/dialplan"
	"ewindow/dialplan/hours"
)

// ParseTime reads a time as people write it: local to a place, or with an offset (RFC 3339). A date alone is its
// beginning. The note is empty unless the clocks of the place skip that time or show it twice; then it says which
// moment was taken.
func ParseTime(text string, place *time.Location) (at time.Time, note string, err error) {
	text = strings.TrimSpace(text)
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, "", nil
	}
	text = strings.Replace(text, "T", " ", 1) // RFC 3339 without its offset
	if at, err = dialplan.ParseTime(text, place); err != nil {
		return at, "", err
	}
	return at, doubt(text, at, place), nil
}

// doubt is what to say of a local time that clocks skip, or show at another moment, too.
func doubt(text string, at time.Time, place *time.Location) string {
	local := at.In(place)
	if !strings.HasPrefix(local.Format(time.DateTime), text) {
		return fmt.Sprintf("clocks in %s skip %s; this is the moment of the jump, %s", place, text, local.Format("2006-01-02 15:04"))
	}
	_, end := local.ZoneBounds()
	if len(text) == len(time.DateOnly) || end.IsZero() {
		return ""
	}
	_, before := local.Zone()
	_, after := end.In(place).Zone()
	second := at.Add(time.Duration(before-after) * time.Second)
	if second.Before(end) {
		return ""
	}
	return fmt.Sprintf("clocks in %s show %s twice; this is the first time, the second is %s", place, text, second.In(place).Format(time.RFC3339))
}

// ParseDate reads a civil date; it is at midnight UTC.
func ParseDate(text string) (time.Time, error) {
	d, err := time.Parse(time.DateOnly, strings.TrimSpace(text))
	if err != nil {
		return time.Time{}, fmt.Errorf(`%q is no date; write "2027-08-16"`, text)
	}
	return d, nil
}

// midnight is when a civil day (given at midnight UTC) begins at a place.
func midnight(date time.Time, place *time.Location) time.Time {
	return time.Unix(hours.Instant(place, hours.DayOf(date.Date()), 0), 0).UTC()
}

// A period is a time in which a place's clocks keep their distance from UTC.
type period struct {
	from, until time.Time
	offset      time.Duration
}

// periods are those which overlap a time, in order.
func periods(from, until time.Time, place *time.Location) []period {
	var out []period
	for at := from; at.Before(until); {
		_, offset := at.In(place).Zone()
		start, end := at.In(place).ZoneBounds()
		if start.IsZero() || start.Before(from) {
			start = from
		}
		if end.IsZero() || end.After(until) {
			end = until
		}
		out = append(out, period{start, end, time.Duration(offset) * time.Second})
		at = end
	}
	return out
}

// weekdays are written as in opening hours.
var weekdays = [7]string{"Su", "Mo", "Tu", "We", "Th", "Fr", "Sa"}

func weekday(t time.Time) string { return weekdays[t.Weekday()] }

// dayOf is "Mo 22 March".
func dayOf(t time.Time) string { return weekday(t) + t.Format(" 2 January") }

// when says a moment to somebody who knows about another: "12:00" on the same day, else "Mo 22 March 12:00", and the
// year if it is another one. Both are local times.
func when(t, known time.Time) string {
	switch {
	case t.Format(time.DateOnly) == known.Format(time.DateOnly):
		return clock(t)
	case t.Year() == known.Year():
		return dayOf(t) + " " + clock(t)
	}
	return dayOf(t) + t.Format(" 2006 ") + clock(t)
}

// clock is "09:00", with seconds if there are any.
func clock(t time.Time) string {
	if t.Second() != 0 {
		return t.Format("15:04:05")
	}
	return t.Format("15:04")
}

// ahead is the distance from UTC: "UTC", "+1", "-3:30".
func ahead(offset time.Duration) string {
	sign, minutes := "+", int(offset/time.Minute)
	if minutes < 0 {
		sign, minutes = "-", -minutes
	}
	if minutes%60 == 0 {
		return fmt.Sprintf("%s%d", sign, minutes/60)
	}
	return fmt.Sprintf("%s%d:%02d", sign, minutes/60, minutes%60)
}
