package hours

import (
	"fmt"
	"strings"

	"ewindow/dialplan/span"
)

// A Problem is something wrong, or suspicious, in a string of hours.
type Problem struct {
	Offset int    // where, in bytes from the beginning of the string
	What   string // is wrong
	Do     string // to put it right
}

// Error is "what; what to do".
func (p *Problem) Error() string { return p.What + "; " + p.Do }

// Parse reads a string of hours. The error is always a *Problem.
func Parse(s string) (*Hours, error) {
	sc := &scanner{s: s}
	var rules []rule
	additional, separator := false, -1
	for {
		r, err := sc.rule(separator)
		if err != nil {
			return nil, err
		}
		r.additional = additional
		rules = append(rules, r)
		sc.space()
		separator = sc.at
		switch {
		case sc.end():
			return compile(rules), nil
		case sc.skip(";"):
			additional = false
		case sc.skip(","):
			additional = true
		default:
			return nil, sc.unexpected(afterRule)
		}
	}
}

// rule reads [weekdays] [times] [open|off|closed], of which there must be one, or 24/7.
// The separator before it stands at an offset, -1 for none.
func (sc *scanner) rule(separator int) (rule, error) {
	sc.space()
	r := rule{offset: sc.at, days: everyDay}
	if sc.end() {
		if separator < 0 {
			return r, sc.problem(sc.at, "the hours are empty", `write for example "Mo-Fr 09:00-19:00", "24/7" or "off"`)
		}
		return r, sc.problem(separator, fmt.Sprintf("nothing follows the %q", sc.s[separator:separator+1]), "remove it, or finish the rule")
	}
	found := false
	if sc.skip("24/7") {
		r.times, r.wholeDay, found = wholeDay(), true, true
	} else {
		isDay, err := sc.weekdays(&r)
		if err != nil {
			return r, err
		}
		sc.space()
		isTime, err := sc.times(&r)
		if err != nil {
			return r, err
		}
		found = isDay || isTime
		if !isTime {
			r.times, r.wholeDay = wholeDay(), true
		}
		sc.space()
	}
	sc.space()
	switch word := sc.word(); word {
	case "off", "closed":
		r.off = true
		fallthrough
	case "open":
		sc.at += len(word)
		return r, nil
	case "":
	default:
		return r, sc.unknownWord(word, found)
	}
	if !found {
		return r, sc.unexpected(beforeRule)
	}
	return r, nil
}

func wholeDay() span.Set { return span.Set{{Until: minutesPerDay}} }

// weekdays reads Mo-Fr,Su. It is false, and reads nothing, if no weekday stands here.
func (sc *scanner) weekdays(r *rule) (bool, error) {
	if weekday(sc.word()) < 0 {
		return false, nil
	}
	r.days = 0
	for {
		from, err := sc.weekday()
		if err != nil {
			return true, err
		}
		to := from
		sc.space()
		if sc.skip("-") {
			sc.space()
			if to, err = sc.weekday(); err != nil {
				return true, err
			}
			sc.space()
		}
		for d := from; ; d = (d + 1) % daysPerWeek { // Sa-Mo goes over the end of the week
			r.days |= 1 << d
			if d == to {
				break
			}
		}
		if sc.peek() == '[' {
			return true, sc.unsupported(sc.at, "[", "numbered weekdays")
		}
		if sc.peek() == ':' {
			return true, sc.problem(sc.at, `":" stands after the days`, "remove it")
		}
		if !sc.skip(",") {
			return true, nil
		}
		sc.space()
	}
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

// times reads 09:00-12:00,13:00-02:00. It is false, and reads nothing, if no digit stands here.
func (sc *scanner) times(r *rule) (bool, error) {
	if !isDigit(sc.peek()) {
		return false, nil
	}
	if strings.HasPrefix(sc.s[sc.at:], "24/7") {
		return true, sc.problem(sc.at, "24/7 stands alone and means every day", "write 00:00-24:00 for whole days")
	}
	var spans []span.Span
	for {
		s, err := sc.timeRange()
		if err != nil {
			return true, err
		}
		spans = append(spans, s)
		// A comma goes on with a range of this rule if a digit follows, and else begins another rule.
		before := sc.at
		sc.space()
		if !sc.skip(",") {
			break
		}
		sc.space()
		if !isDigit(sc.peek()) {
			sc.at = before
			break
		}
	}
	r.times = span.Of(spans...)
	return true, nil
}

func (sc *scanner) timeRange() (span.Span, error) {
	start := sc.at
	from, err := sc.clockTime(minutesPerDay - 1)
	if err != nil {
		return span.Span{}, err
	}
	written := sc.s[start:sc.at]
	sc.space()
	switch {
	case sc.peek() == '+':
		return span.Span{}, sc.unsupported(sc.at, "+", "an open end")
	case !sc.skip("-"):
		if sc.end() || sc.peek() == ',' || sc.peek() == ';' {
			return span.Span{}, sc.problem(start, written+" has no end", "write a range: "+written+"-19:00")
		}
		if word := sc.word(); word != "" {
			return span.Span{}, sc.unknownWord(word, true)
		}
		return span.Span{}, sc.unexpected(`"-" and the end of the range`)
	}
	sc.space()
	if !isDigit(sc.peek()) {
		if word := sc.word(); word != "" {
			return span.Span{}, sc.unknownWord(word, true)
		}
		return span.Span{}, sc.unexpected("the end of the range, hh:mm")
	}
	end := sc.at
	until, err := sc.clockTime(latestEnd)
	if err != nil {
		return span.Span{}, err
	}
	switch {
	case until == from:
		return span.Span{}, sc.problem(end, fmt.Sprintf("the range ends when it begins, at %s", written),
			"write 00:00-24:00 if the whole day is meant")
	case until < from:
		until += minutesPerDay
	}
	sc.space()
	switch sc.peek() {
	case '+':
		return span.Span{}, sc.unsupported(sc.at, "+", "an open end")
	case '/':
		return span.Span{}, sc.unsupported(sc.at, "/", "an interval of repetition")
	}
	return span.Span{From: from, Until: until}, nil
}

// clockTime reads hh:mm as minutes, not later than latest.
func (sc *scanner) clockTime(latest int64) (int64, error) {
	start := sc.at
	hour := sc.digits()
	sc.at += len(hour)
	if latest < minutesPerDay && len(hour) == 4 && !strings.HasPrefix(strings.TrimLeft(sc.s[sc.at:], " \t"), "-") && hour >= "1900" && hour <= "2100" {
		return 0, sc.unsupported(start, hour, "a year")
	}
	separator := sc.peek()
	if !strings.ContainsRune(":.hH", rune(separator)) {
		return 0, sc.notTime(start, hour, "")
	}
	sc.at++
	minute := sc.digits()
	sc.at += len(minute)
	if separator != ':' || len(hour) != 2 || len(minute) != 2 {
		return 0, sc.notTime(start, hour, minute)
	}
	t := number(hour)*60 + number(minute)
	switch {
	case number(minute) > 59:
		return 0, sc.problem(start, sc.s[start:sc.at]+" is not a time", "minutes go from 00 to 59")
	case t > latest && latest < minutesPerDay:
		return 0, sc.problem(start, "a range cannot begin at "+sc.s[start:sc.at], "begin it at 00:00 to 23:59, of the next day if need be")
	case t > latest:
		return 0, sc.problem(start, "a range cannot end at "+sc.s[start:sc.at], "end it at 48:00 at the latest")
	}
	return t, nil
}

// notTime tells how the digits read would be written.
func (sc *scanner) notTime(start int, hour, minute string) error {
	what := fmt.Sprintf("%q is not a time", sc.s[start:sc.at])
	if minute == "" && len(hour) >= 3 && len(hour) <= 4 {
		hour, minute = hour[:len(hour)-2], hour[len(hour)-2:]
	}
	if len(hour) <= 2 && len(minute) <= 2 && number(minute) <= 59 && number(hour)*60+number(minute) <= minutesPerDay {
		return sc.problem(start, what, fmt.Sprintf("write %02d:%02d", number(hour), number(minute)))
	}
	return sc.problem(start, what, "write hours and minutes with two digits each: 09:00-19:00")
}

// number is at most four digits.
func number(digits string) int64 {
	var n int64
	for _, d := range digits {
		n = n*10 + int64(d-'0')
	}
	return n
}
