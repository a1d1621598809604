package hours

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	firstYear, lastYear = 2000, 2199 // of what can be written
	noEnd               = 9999       // 2027+
	weeksPerYear        = 53         // ISO 8601, at most
)

var monthNames = []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// month is 1 for Jan to 12 for Dec, 0 for anything else.
func month(word string) int { return slices.Index(monthNames, word) + 1 }

func isMonth(word string) bool { return month(word) > 0 }

// dates reads years, months and dates, and weeks: each once at most. It is false, and reads nothing, if none of them
// stands here.
func (sc *scanner) dates(s *selector) (found bool, err error) {
	end := sc.at
	for {
		sc.space()
		at, word := sc.at, sc.word()
		switch {
		case sc.isYear() && sc.yearOfDate() || isMonth(word):
			if len(s.dates) > 0 {
				return true, sc.problem(at, "a second list of dates follows", `write "," between dates`)
			}
			err = sc.monthdays(s)
		case sc.isYear():
			if len(s.years) > 0 || len(s.dates) > 0 {
				return true, sc.problem(at, "a year stands after the date", `write it first: "2027 Dec 24"`)
			}
			err = sc.years(s)
		case word == "week":
			if len(s.weeks) > 0 {
				return true, sc.problem(at, `a second "week" follows`, `write "," between numbers of weeks: "week 10,12"`)
			}
			err = sc.weeks(s)
		default:
			if found && sc.skip(":") { // for readability
				end = sc.at
			}
			sc.at = end
			return found, sc.wraps(s, at)
		}
		if err != nil {
			return true, err
		}
		found, end = true, sc.at
	}
}

// wraps refuses what could mean two things: years, and dates that go over the end of a year.
func (sc *scanner) wraps(s *selector, at int) error {
	if len(s.years) == 0 || !some(s.dates, func(r dateRange) bool { return r.from.key() > r.to.key() || r.from.year > 0 }) {
		return nil
	}
	return sc.problem(at, "these dates go over the end of a year, or have a year of their own, and years stand before them",
		"write the year with each date: 2027 Dec 24-2028 Jan 02")
}

// isYear says whether a year stands next, and not a time or something like one.
func (sc *scanner) isYear() bool {
	digits := sc.digits()
	if len(digits) != 4 || number(digits) < firstYear || number(digits) > lastYear {
		return false
	}
	rest := sc.s[sc.at+len(digits):]
	return rest == "" || !strings.ContainsRune(":.hH", rune(rest[0]))
}

// yearOfDate says whether a month follows the year that stands next.
func (sc *scanner) yearOfDate() bool {
	ahead := *sc
	ahead.at += len("2027")
	ahead.space()
	return isMonth(ahead.word())
}

// years reads 2027, 2027-2029, 2027+ or 2026-2030/2, and lists of these.
func (sc *scanner) years(s *selector) error {
	for {
		r, err := sc.yearRange()
		if err != nil {
			return err
		}
		s.years = append(s.years, r)
		end := sc.at
		sc.space()
		if !sc.skip(",") {
			sc.at = end
			return nil
		}
		sc.space()
		if !sc.isYear() {
			return sc.unexpected("a year: after a comma another one")
		}
	}
}

func (sc *scanner) yearRange() (yearRange, error) {
	from := int(number(sc.digits()))
	sc.at += len("2027")
	r := yearRange{from, from, 1}
	end := sc.at
	sc.space()
	switch {
	case sc.skip("+"):
		r.to = noEnd
		return r, nil
	case !sc.skip("-"):
		sc.at = end
		return r, nil
	}
	sc.space()
	at, digits := sc.at, sc.digits()
	if len(digits) == 2 {
		return r, sc.problem(at, fmt.Sprintf("%q is not a year", digits), "write years with four digits, and dates with the name of the month: 2027 Dec 24")
	}
	if !sc.isYear() {
		return r, sc.unexpected(fmt.Sprintf("a year, from %d to %d", firstYear, lastYear))
	}
	sc.at += len(digits)
	if r.to = int(number(digits)); r.to < r.from {
		return r, sc.problem(at, fmt.Sprintf("the range ends in %d, before it begins", r.to), "write the earlier year first")
	}
	return r, sc.step(&r)
}

// step reads /2, if it stands here.
func (sc *scanner) step(r *yearRange) error {
	if !sc.skip("/") {
		return nil
	}
	at, digits := sc.at, sc.digits()
	sc.at += len(digits)
	if r.step = int(number(digits)); len(digits) == 0 || len(digits) > 2 || r.step == 0 {
		return sc.problem(at, `no number follows the "/"`, "write for example /2 for every second one")
	}
	return nil
}

// weeks reads week 10, week 10-20, week 10-20/2, and lists of these.
func (sc *scanner) weeks(s *selector) error {
	sc.at += len("week")
	for {
		sc.space()
		from, err := sc.week()
		if err != nil {
			return err
		}
		r := yearRange{from, from, 1}
		end := sc.at
		sc.space()
		if sc.skip("-") {
			sc.space()
			at := sc.at
			if r.to, err = sc.week(); err != nil {
				return err
			}
			if r.to < r.from {
				return sc.problem(at, fmt.Sprintf("the range ends in week %d, before it begins", r.to),
					fmt.Sprintf("over the end of a year write week %02d-53,01-%02d", r.from, r.to))
			}
			if err := sc.step(&r); err != nil {
				return err
			}
			end = sc.at
			sc.space()
		}
		s.weeks = append(s.weeks, r)
		if !sc.skip(",") {
			sc.at = end
			return nil
		}
	}
}

func (sc *scanner) week() (int, error) {
	at, digits := sc.at, sc.digits()
	if digits == "" {
		return 0, sc.unexpected("the number of a week, 01 to 53")
	}
	sc.at += len(digits)
	n := int(number(digits))
	if len(digits) > 2 || n < 1 || n > weeksPerYear || sc.peek() == ':' && len(sc.s) > sc.at+1 && isDigit(sc.s[sc.at+1]) {
		return 0, sc.problem(at, fmt.Sprintf("%q is not the number of a week", digits), "write 01 to 53")
	}
	return n, nil
}

// monthdays reads Jan, Jan-Mar, Dec 24, Dec 24-26, Dec 24-Jan 02, 2027 Aug 09-22, and lists of these.
func (sc *scanner) monthdays(s *selector) error {
	for {
		r, err := sc.monthdayRange()
		if err != nil {
			return err
		}
		s.dates = append(s.dates, r)
		for { // Dec 24,26
			end := sc.at
			sc.space()
			if !sc.skip(",") {
				sc.at = end
				return nil
			}
			sc.space()
			if !sc.isDay() {
				break
			}
			if r.from.month != r.to.month || r.from.year != r.to.year || r.from.day == 1 && r.to.day == 31 {
				return sc.unexpected("the month again")
			}
			if r, err = sc.days(r.from); err != nil {
				return err
			}
			s.dates = append(s.dates, r)
		}
		if !isMonth(sc.word()) && !(sc.isYear() && sc.yearOfDate()) {
			return sc.unexpectedInDates()
		}
	}
}

func (sc *scanner) unexpectedInDates() error {
	word := sc.word()
	if weekday(word) >= 0 || word == "PH" {
		return sc.problem(sc.at, fmt.Sprintf("the weekday %s stands in a list of dates", word), `write a rule of its own, after ";"`)
	}
	if word != "" {
		return sc.unknownWord(word, true)
	}
	return sc.unexpected("a date: after a comma another one")
}

// isDay says whether the number of a day stands next, and not a time or a year.
func (sc *scanner) isDay() bool {
	digits := sc.digits()
	if len(digits) == 0 || len(digits) > 2 {
		return false
	}
	rest := sc.s[sc.at+len(digits):]
	if len(rest) > 1 && rest[0] == ':' && !isDigit(rest[1]) {
		return true // Dec 24: 10:00-12:00
	}
	return rest == "" || !strings.ContainsRune(":.hH", rune(rest[0]))
}

// monthdayRange reads one of a list; a month, or the year before it, stands next.
func (sc *scanner) monthdayRange() (dateRange, error) {
	start := sc.at
	from, err := sc.yearMonth()
	if err != nil {
		return dateRange{}, err
	}
	end := sc.at
	sc.space()
	if sc.isDay() {
		return sc.days(from)
	}
	r := dateRange{from, from}
	r.from.day, r.to.day = 1, 31
	if !sc.skip("-") {
		sc.at = end
		return r, nil
	}
	sc.space()
	at := sc.at
	if r.to, err = sc.yearMonth(); err != nil {
		return r, err
	}
	r.to.day = 31
	end = sc.at
	sc.space()
	if sc.isDay() {
		return r, sc.problem(start, "the range begins with a month and ends with a day", "write a day with both: Dec 01-Jan 06")
	}
	sc.at = end
	return sc.ordered(r, at)
}

// days reads 24, 24-26 or 24-Jan 02, of a month that was read.
func (sc *scanner) days(of monthday) (dateRange, error) {
	var err error
	if of.day, err = sc.dayOf(of); err != nil {
		return dateRange{}, err
	}
	r := dateRange{of, of}
	end := sc.at
	sc.space()
	switch {
	case sc.peek() == '+':
		return r, sc.unsupported(sc.at, "+", "an open end, or days after")
	case !sc.skip("-"):
		sc.at = end
		return r, nil
	}
	sc.space()
	at := sc.at
	if word := sc.word(); isMonth(word) || sc.isYear() {
		if r.to, err = sc.yearMonth(); err != nil {
			return r, err
		}
		sc.space()
	} else if word != "" {
		return r, sc.unknownWord(word, true)
	}
	if !sc.isDay() {
		return r, sc.unexpected("the day on which it ends")
	}
	if r.to.day, err = sc.dayOf(r.to); err != nil {
		return r, err
	}
	if sc.peek() == '/' {
		return r, sc.unsupported(sc.at, "/", "every so many days")
	}
	return sc.ordered(r, at)
}

// ordered gives both ends of a range a year if one has, and refuses what then is not a range, or could be two.
func (sc *scanner) ordered(r dateRange, at int) (dateRange, error) {
	same := r.to.month == r.from.month
	switch {
	case r.from.year == 0 && r.to.year != 0:
		return r, sc.problem(at, "only the end of the range has a year", "write it at its beginning too")
	case r.from.year != 0 && r.to.year == 0:
		r.to.year = r.from.year
		if r.to.key() < r.from.key() {
			return r, sc.problem(at, "the range ends before it begins, unless in another year", fmt.Sprintf("write the year here too: %d", r.from.year+1))
		}
	case r.to.key() < r.from.key() && (r.from.year != 0 || same):
		return r, sc.problem(at, "the range ends before it begins", "write the earlier date first")
	}
	return r, nil
}

// yearMonth reads Dec, or 2027 Dec.
func (sc *scanner) yearMonth() (monthday, error) {
	var m monthday
	if sc.isYear() {
		m.year = int(number(sc.digits()))
		sc.at += len("2027")
		sc.space()
	}
	word := sc.word()
	if !isMonth(word) {
		if word != "" {
			return m, sc.unknownWord(word, true)
		}
		return m, sc.unexpected("a month: " + strings.Join(monthNames, " "))
	}
	m.month = month(word)
	sc.at += len(word)
	return m, nil
}

// dayOf reads the number of a day of a month; 29 February is one.
func (sc *scanner) dayOf(m monthday) (int, error) {
	at, digits := sc.at, sc.digits()
	sc.at += len(digits)
	year := m.year
	if year == 0 {
		year = 2000 // a leap year
	}
	n, last := int(number(digits)), time.Date(year, time.Month(m.month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if n < 1 || n > last {
		name := monthNames[m.month-1]
		if m.year != 0 {
			name = fmt.Sprintf("%s %d", name, m.year)
		}
		return 0, sc.problem(at, fmt.Sprintf("%s has no day %s", name, digits), fmt.Sprintf("write 01 to %d", last))
	}
	return n, nil
}

// monthAfterDay is the month that stands after a number: 24 Dec.
func (sc *scanner) monthAfterDay() string {
	ahead := *sc
	ahead.skip(".")
	ahead.space()
	if word := ahead.word(); isMonth(word) {
		return word
	}
	return ""
}
