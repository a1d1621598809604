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
	separator := ""
	for at := -1; ; {
		r, err := sc.rule(at, separator)
		if err != nil {
			return nil, err
		}
		if separator == "||" {
			if err := sc.fallback(at, r, rules); err != nil {
				return nil, err
			}
		}
		r.additional = separator == "," || separator == "||"
		rules = append(rules, r)
		sc.space()
		at = sc.at
		switch {
		case sc.end():
			return compile(s, rules), nil
		case sc.skip(";"):
			separator = ";"
		case sc.skip(","):
			separator = ","
		case sc.skip("||"):
			separator = "||"
		default:
			return nil, sc.unexpected(afterRule)
		}
	}
}

// fallback checks what the notation leaves open about "||": whether a day that is off takes the hours after it. In
// all other cases those are hours that are added, because there are no unknown ones here.
func (sc *scanner) fallback(at int, r rule, before []rule) error {
	switch {
	case r.off:
		return sc.problem(at, `"off" stands after "||", where it changes nothing`, `remove it, or write ";" instead of "||"`)
	case some(before, func(b rule) bool { return b.off }):
		return sc.problem(at, `"||" follows a rule with off: the notation does not say whether these hours count then`,
			`write ";" and say what opens on which days`)
	}
	return nil
}

// rule reads [years] [dates] [weeks] [weekdays] [times] [open|off|closed ["comment"]], of which there must be one, or 24/7.
// The separator before it stands at an offset, -1 for none.
func (sc *scanner) rule(separatorAt int, separator string) (rule, error) {
	sc.space()
	r := rule{offset: sc.at, selector: selector{anyDay: true, days: everyDay}}
	if sc.end() {
		if separatorAt < 0 {
			return r, sc.problem(sc.at, "the hours are empty", `write for example "Mo-Fr 09:00-19:00", "24/7" or "off"`)
		}
		return r, sc.problem(separatorAt, fmt.Sprintf("nothing follows the %q", separator), "remove it, or finish the rule")
	}
	found, err := sc.selectors(&r)
	if err != nil {
		return r, err
	}
	r.end = r.offset + len(strings.TrimRight(sc.s[r.offset:sc.at], " \t"))
	sc.space()
	word := sc.word()
	switch word {
	case "off", "closed":
		r.off = true
		fallthrough
	case "open":
		sc.at += len(word)
		r.end = sc.at
		return r, sc.comment(&r)
	case "":
	default:
		return r, sc.unknownWord(word, found)
	}
	if !found {
		return r, sc.unexpected(beforeRule)
	}
	return r, sc.yearsOrTimes(&r)
}

// selectors reads what says when. It is false if nothing does.
func (sc *scanner) selectors(r *rule) (found bool, err error) {
	if sc.skip("24/7") {
		r.times, r.wholeDay = wholeDay(), true
		return true, nil
	}
	isDate, err := sc.dates(&r.selector)
	if err != nil {
		return true, err
	}
	sc.space()
	isDay, err := sc.weekdays(&r.selector)
	if err != nil {
		return true, err
	}
	end := sc.at
	sc.space()
	isTime, err := sc.times(r)
	if err != nil {
		return true, err
	}
	if !isTime {
		r.times, r.wholeDay = wholeDay(), true
		sc.at = end
	}
	return isDate || isDay || isTime, nil
}

func wholeDay() span.Set { return span.Set{{Until: minutesPerDay}} }

// comment reads the comment that may follow open, off or closed.
func (sc *scanner) comment(r *rule) error {
	before := sc.at
	sc.space()
	if !sc.skip(`"`) {
		sc.at = before
		return nil
	}
	length := strings.IndexByte(sc.s[sc.at:], '"')
	if length < 0 {
		return sc.problem(sc.at-1, "this comment is not closed", `write \" at its end`)
	}
	r.comment = sc.s[sc.at : sc.at+length]
	sc.at += length + 1
	r.end = sc.at
	return nil
}

// yearsOrTimes refuses a range of years and nothing else, which may well be meant as times: 2000-2130.
func (sc *scanner) yearsOrTimes(r *rule) error {
	if len(r.years) == 0 || len(r.dates)+len(r.weeks) > 0 || !r.anyDay || !r.wholeDay {
		return nil
	}
	return sc.problem(r.offset, fmt.Sprintf("%q are years here, and nothing says when in them", sc.s[r.offset:r.end]),
		`write times as hh:mm, for example 20:00-21:30; after years "open" or "off"`)
}

// times reads 09:00-12:00,13:00-02:00. It is false, and reads nothing, if no digit stands here.
func (sc *scanner) times(r *rule) (bool, error) {
	if !isDigit(sc.peek()) {
		return false, nil
	}
	if sc.isYear() {
		return true, sc.problem(sc.at, fmt.Sprintf("%q stands after the days", sc.digits()), `years and dates come first: "2027 Dec 24 Fr 09:00-12:00"`)
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
		r.twice = r.twice.Union(span.Of(spans...).Intersect(span.Of(s)))
		spans = append(spans, s)
		// A comma goes on with a range of this rule if a digit follows, and else begins another rule.
		before := sc.at
		sc.space()
		if !sc.skip(",") {
			break
		}
		sc.space()
		if !isDigit(sc.peek()) || sc.isYear() {
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
	if day := sc.weekdayAfterOrdinal(); day != "" {
		return 0, sc.problem(start, "the number stands before the weekday", fmt.Sprintf("write %s[%s]", day, hour))
	}
	if month := sc.monthAfterDay(); month != "" {
		return 0, sc.problem(start, "the day stands before the month", fmt.Sprintf("write %s %s", month, hour))
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
		return sc.problem(start, what, fmt.Sprintf("write %02d:%02d", sc.in24(number(hour)), number(minute)))
	}
	return sc.problem(start, what, `write hours and minutes with two digits each: 09:00-19:00; dates with the name of the month: "Dec 24"`)
}

// in24 is an hour that was read, in 24 hours: "am" or "pm" may follow it.
func (sc *scanner) in24(hour int64) int64 {
	after := strings.ToLower(strings.TrimLeft(sc.s[sc.at:], " "))
	switch {
	case hour < 12 && (strings.HasPrefix(after, "pm") || strings.HasPrefix(after, "p.m")):
		return hour + 12
	case hour == 12 && (strings.HasPrefix(after, "am") || strings.HasPrefix(after, "a.m")):
		return 0
	}
	return hour
}

// number is at most four digits.
func number(digits string) int64 {
	var n int64
	for _, d := range digits {
		n = n*10 + int64(d-'0')
	}
	return n
}
