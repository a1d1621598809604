package hours

import (
	"fmt"
	"strings"
	"time"
)

// ParseDates reads dates without times: 2027-08-09, 2027-08-09..2027-08-22, or as in hours: Dec 07, Dec 24-Jan 02,
// 2027 Aug 09-22; and lists of these with commas. The error is always a *Problem.
func ParseDates(s string) (*Dates, error) {
	sc := &scanner{s: s}
	out := &Dates{}
	for {
		sc.space()
		if sc.end() {
			return nil, sc.problem(sc.at, "a date is missing", `write for example "2027-08-09..2027-08-22", "2027-12-24" or "Dec 24"`)
		}
		r, err := sc.oneOfDates()
		if err != nil {
			return nil, err
		}
		out.ranges = append(out.ranges, r)
		sc.space()
		switch {
		case sc.end():
			return out, nil
		case !sc.skip(","):
			return nil, sc.unexpectedAfterDates()
		}
	}
}

func (sc *scanner) unexpectedAfterDates() error {
	if strings.HasPrefix(sc.s[sc.at:], ";") {
		return sc.problem(sc.at, `";" stands between dates`, `write ","`)
	}
	if weekday(sc.word()) >= 0 || isDigit(sc.peek()) {
		return sc.problem(sc.at, "weekdays and times do not belong to dates", "write them in open: these days are closed whole")
	}
	return sc.unexpected(`"," and the next date, or the end`)
}

func (sc *scanner) oneOfDates() (dateRange, error) {
	word := sc.word()
	switch {
	case isMonth(word) || sc.isYear() && sc.yearOfDate():
		return sc.monthdayRange()
	case word != "":
		return dateRange{}, sc.unknownDate(word)
	}
	from, err := sc.iso()
	if err != nil {
		return dateRange{}, err
	}
	r := dateRange{from, from}
	end := sc.at
	sc.space()
	switch {
	case sc.skip(".."):
	case sc.peek() == '-' || sc.peek() == '/' || strings.HasPrefix(sc.s[sc.at:], "–") || sc.word() == "to":
		until := "2027-12-31"
		ahead := *sc
		ahead.at += max(0, strings.IndexFunc(ahead.s[ahead.at:], func(r rune) bool { return r < 0x80 && isDigit(byte(r)) }))
		if m, err := ahead.iso(); err == nil {
			until = fmt.Sprintf("%d-%02d-%02d", m.year, m.month, m.day)
		}
		return r, sc.problem(sc.at, "a range of dates is written with two dots", "write "+sc.s[end-len("2027-08-09"):end]+".."+until)
	default:
		sc.at = end
		return r, nil
	}
	sc.space()
	at := sc.at
	if r.to, err = sc.iso(); err != nil {
		return r, err
	}
	if r.to.key() < r.from.key() {
		return r, sc.problem(at, "the range ends before it begins", "write the earlier date first")
	}
	return r, nil
}

func (sc *scanner) unknownDate(word string) error {
	if weekday(word) >= 0 || word == "PH" || word == "week" {
		return sc.problem(sc.at, fmt.Sprintf("%q is not a date", word), `write dates: "2027-08-09..2027-08-22" or "Dec 24"; weekdays, weeks and PH belong to open`)
	}
	return sc.unknownWord(word, true)
}

// iso reads 2027-08-09.
func (sc *scanner) iso() (monthday, error) {
	length := strings.IndexFunc(sc.s[sc.at:], func(r rune) bool { return r != '-' && (r < '0' || r > '9') })
	if length < 0 {
		length = len(sc.s) - sc.at
	}
	length = min(length, len("2027-08-09"))
	written := sc.s[sc.at : sc.at+length]
	at, err := time.Parse(time.DateOnly, written)
	if err != nil || at.Year() < firstYear || at.Year() > lastYear {
		if month := sc.monthAfter(written); month != "" {
			return monthday{}, sc.problem(sc.at, "the day stands before the month", fmt.Sprintf("write %s %s", month, written))
		}
		rest := sc.s[sc.at:]
		if i := strings.IndexAny(rest, ", "); i >= 0 {
			rest = rest[:i]
		}
		return monthday{}, sc.problem(sc.at, fmt.Sprintf("%q is not a date", rest), "write year, month and day: 2027-08-09")
	}
	sc.at += length
	year, month, day := at.Date()
	return monthday{year, int(month), day}, nil
}

func (sc *scanner) monthAfter(written string) string {
	if len(written) == 0 || len(written) > 2 {
		return ""
	}
	ahead := *sc
	ahead.at += len(written)
	return ahead.monthAfterDay()
}
