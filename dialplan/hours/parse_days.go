package hours

import (
	"fmt"
	"slices"
)

// weekdays reads Mo-Fr,Su or Sa[1,-1] or Mo-Fr,PH or PH Mo-Fr. It is false, and reads nothing, if none of these
// stands here.
func (sc *scanner) weekdays(s *selector) (bool, error) {
	word := sc.word()
	if weekday(word) < 0 && word != "PH" {
		return false, nil
	}
	s.anyDay, s.days = false, 0
	if word == "PH" {
		alone, err := sc.publicHolidays(s)
		if err != nil || alone {
			return true, err
		}
	}
	for {
		if err := sc.weekdayRange(s); err != nil {
			return true, err
		}
		sc.space()
		if sc.peek() == ':' {
			return true, sc.problem(sc.at, `":" stands after the days`, "remove it")
		}
		if !sc.skip(",") {
			return true, nil
		}
		sc.space()
		if sc.word() == "PH" {
			s.holidays = orHolidays
			sc.at += len("PH")
			return true, sc.afterHolidays()
		}
		if month := sc.word(); isMonth(month) {
			return true, sc.problem(sc.at, fmt.Sprintf("the date %s stands in a list of weekdays", month), `write a rule of its own, after ";"`)
		}
	}
}

// publicHolidays reads PH, and "PH," or "PH " if weekdays follow. It is true if none do.
func (sc *scanner) publicHolidays(s *selector) (alone bool, err error) {
	sc.at += len("PH")
	s.holidays = orHolidays
	end := sc.at
	if err := sc.afterHolidays(); err != nil {
		return true, err
	}
	sc.space()
	if sc.skip(",") {
		sc.space()
		if weekday(sc.word()) >= 0 {
			return false, nil
		}
		if word := sc.word(); word == "SH" {
			return true, sc.unknownWord(word, true)
		}
		sc.at = end // the comma begins another rule
		return true, nil
	}
	if weekday(sc.word()) >= 0 {
		s.holidays = onlyHolidays
		return false, nil
	}
	sc.at = end
	return true, nil
}

// afterHolidays refuses PH +1 day.
func (sc *scanner) afterHolidays() error {
	before := sc.at
	sc.space()
	defer func() { sc.at = before }()
	if sc.peek() == '+' || sc.peek() == '-' {
		return sc.unsupported(sc.at, "PH "+string(sc.peek()), "days before or after")
	}
	return nil
}

// weekdayRange reads Mo, or Mo-Fr, or Sa[1].
func (sc *scanner) weekdayRange(s *selector) error {
	from, err := sc.weekday()
	if err != nil {
		return err
	}
	if sc.peek() == '[' {
		return sc.numbered(s, from)
	}
	to := from
	end := sc.at
	sc.space()
	if sc.skip("-") {
		sc.space()
		at := sc.at
		if to, err = sc.weekday(); err != nil {
			return err
		}
		if sc.peek() == '[' {
			return sc.problem(at, "a range ends with a numbered weekday", "number each weekday of the month by itself: Sa[1],Su[1]")
		}
	} else {
		sc.at = end
	}
	for d := from; ; d = (d + 1) % daysPerWeek { // Sa-Mo goes over the end of the week
		s.days |= 1 << d
		if d == to {
			return nil
		}
	}
}

// numbered reads [1], [-1], [1,3] and [1-2] after a weekday.
func (sc *scanner) numbered(s *selector, weekday int) error {
	sc.skip("[")
	for {
		sc.space()
		from, err := sc.nth()
		if err != nil {
			return err
		}
		to := from
		sc.space()
		if from > 0 && sc.skip("-") {
			sc.space()
			at := sc.at
			if to, err = sc.nth(); err != nil {
				return err
			}
			if to < from {
				return sc.problem(at, fmt.Sprintf("the range ends at %d, before it begins at %d", to, from), "write the smaller number first")
			}
		}
		for n := from; n <= to; n++ {
			s.nths = append(s.nths, nth{weekday, n})
		}
		sc.space()
		if sc.skip("]") {
			break
		}
		if !sc.skip(",") {
			return sc.unexpected(`"]"`)
		}
	}
	end := sc.at
	sc.space()
	switch sc.peek() {
	case '-':
		return sc.problem(sc.at, "a range begins with a numbered weekday", "number each weekday of the month by itself: Sa[1],Su[1]")
	case '+':
		return sc.unsupported(sc.at, "+", "days before or after")
	}
	sc.at = end
	return nil
}

// nth reads 1 to 5, or -1 to -5.
func (sc *scanner) nth() (int, error) {
	start, sign := sc.at, 1
	if sc.skip("-") {
		sign = -1
	}
	digits := sc.digits()
	if digits == "" {
		return 0, sc.unexpected("1 for the first of the month, -1 for the last")
	}
	sc.at += len(digits)
	if n := number(digits); len(digits) == 1 && n >= 1 && n <= 5 {
		return sign * int(n), nil
	}
	return 0, sc.problem(start, fmt.Sprintf("no month has a weekday number %s", sc.s[start:sc.at]), "write 1 to 5, or -1 to -5 from the end of the month")
}

// weekdayAfterOrdinal is the weekday that stands after a number: 1st Sa, 1. Sa.
func (sc *scanner) weekdayAfterOrdinal() string {
	ahead := *sc
	if word := ahead.word(); slices.Contains([]string{"st", "nd", "rd", "th"}, word) {
		ahead.at += len(word)
	} else if !ahead.skip(".") {
		return ""
	}
	ahead.space()
	if word := ahead.word(); weekday(word) >= 0 {
		return word
	}
	return ""
}

func (sc *scanner) weekday() (int, error) {
	word := sc.word()
	if d := weekday(word); d >= 0 {
		sc.at += len(word)
		return d, nil
	}
	if word != "" {
		return 0, sc.unknownWord(word, true)
	}
	return 0, sc.unexpected("a weekday: Mo Tu We Th Fr Sa Su")
}

var weekdayNames = []string{"Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"}

// weekday is 0 for Mo to 6 for Su, -1 for anything else.
func weekday(word string) int { return slices.Index(weekdayNames, word) }
