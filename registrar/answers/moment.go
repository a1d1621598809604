package answers

import (
	"fmt"
	"strings"
	"time"
)

// layouts are how a local time may be written.
var layouts = []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.DateOnly}

// ParseTime reads a time as people write it: local to a place, or with an offset (RFC 3339). A date alone is its
// beginning. The note is empty unless the clocks of the place skip that time or show it twice; then it says which
// moment was taken.
func ParseTime(text string, place *time.Location) (at time.Time, note string, err error) {
	text = strings.TrimSpace(text)
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, "", nil
	}
	for _, layout := range layouts {
		if wall, err := time.Parse(layout, text); err == nil {
			at, note = moment(wall, place)
			return at, note, nil
		}
	}
	return time.Time{}, "", fmt.Errorf(`%q is no time; write "2027-08-16 11:00", or with an offset "2027-08-16T11:00:00+02:00"`, text)
}

// ParseDate reads a civil date; it is at midnight UTC.
func ParseDate(text string) (time.Time, error) {
	d, err := time.Parse(time.DateOnly, strings.TrimSpace(text))
	if err != nil {
		return time.Time{}, fmt.Errorf(`%q is no date; write "2027-08-16"`, text)
	}
	return d, nil
}

// moment is when clocks first show wall (given as if it were UTC); if they skip it, the moment of the jump: so the
// dialplan reads opening hours too.
func moment(wall time.Time, place *time.Location) (at time.Time, note string) {
	var found []time.Time
	var jump time.Time
	for _, p := range periods(wall.Add(-24*time.Hour), wall.Add(24*time.Hour), place) {
		t := wall.Add(-p.offset)
		switch {
		case t.Before(p.from):
			if jump.IsZero() {
				jump = p.from
			}
		case t.Before(p.until):
			found = append(found, t)
		}
	}
	const layout = "2006-01-02 15:04"
	switch {
	case len(found) == 0:
		return jump, fmt.Sprintf("clocks in %s skip %s; this is the moment of the jump, %s", place, wall.Format(layout), jump.In(place).Format(layout))
	case len(found) > 1:
		return found[0], fmt.Sprintf("clocks in %s show %s twice; this is the first time, the second is %s",
			place, wall.Format(layout), found[len(found)-1].In(place).Format(time.RFC3339))
	}
	return found[0], ""
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
