package answers

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A stretch is a time in which something holds, in local time.
type stretch struct {
	from, until time.Time
	what        string
}

// gather writes stretches, one line for those that are the same at the same times of several days:
//
//	Mo 22 – Fr 26 March  09:00–12:00  munich
func gather(list []stretch) string {
	type line struct {
		days         []time.Time
		clocks, what string
	}
	var lines []*line
	found := map[string]*line{}
	for _, s := range list {
		clocks := clocksOf(s)
		l := found[clocks+"\x00"+s.what]
		if l == nil {
			l = &line{clocks: clocks, what: s.what}
			lines = append(lines, l)
			found[clocks+"\x00"+s.what] = l
		}
		l.days = append(l.days, civil(s.from))
	}
	var b strings.Builder
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		head := "  " + l.clocks + "  "
		if !strings.Contains(l.clocks, " ") { // longer ones name their days themselves
			days := runs(l.days)
			// Other times of the same days, with the same to say, join.
			for j := i + 1; j < len(lines); {
				if other := lines[j]; other.what == l.what && !strings.Contains(other.clocks, " ") && runs(other.days) == days {
					l.clocks += ", " + other.clocks
					lines = slices.Delete(lines, j, j+1)
					continue
				}
				j++
			}
			head = "  " + days + "  " + l.clocks + "  "
		}
		if utf8.RuneCountInString(head+l.what) > width {
			head = strings.TrimRight(wrap(strings.TrimSpace(head), "  ", "  "), " ") + "\n      "
		}
		b.WriteString(head + l.what + "\n")
	}
	return b.String()
}

// clocksOf is "09:00–12:00"; with days if it takes a day or more.
func clocksOf(s stretch) string {
	until := clock(s.until)
	midnight := until == "00:00"
	if midnight {
		until = "24:00"
	}
	days := civil(s.until).Sub(civil(s.from)).Hours() / 24
	if midnight {
		days--
	}
	if days < 1 || days == 1 && s.until.Sub(s.from) < 24*time.Hour {
		return clock(s.from) + "–" + until
	}
	last := s.until
	if midnight {
		last = last.AddDate(0, 0, -1)
	}
	return fmt.Sprintf("%s %s – %s %s", dayOf(s.from), clock(s.from), dayOf(last), until)
}

// civil is the date of a local time, at midnight UTC.
func civil(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// dates is "Mo 22 March", "Mo 22 – Fr 26 March", "Mo 29 March – Fr 2 April".
func dates(first, last time.Time) string {
	switch {
	case first.Equal(last):
		return dayOf(first)
	case first.Month() == last.Month():
		return fmt.Sprintf("%s %d – %s", weekday(first), first.Day(), dayOf(last))
	}
	return dayOf(first) + " – " + dayOf(last)
}

// runs is dates, those that follow each other put together.
func runs(days []time.Time) string {
	slices.SortFunc(days, time.Time.Compare)
	days = slices.CompactFunc(days, time.Time.Equal)
	var out []string
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && days[j+1].Sub(days[j]) == 24*time.Hour {
			j++
		}
		out = append(out, dates(days[i], days[j]))
		i = j + 1
	}
	return strings.Join(out, ", ")
}
