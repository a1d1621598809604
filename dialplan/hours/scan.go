package hours

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What may stand at a place, for messages.
const (
	beforeRule = `days, times or "off"`
	afterRule  = `";" and the next rule, or the end`
)

// A scanner is a place in a string of hours.
type scanner struct {
	s  string
	at int // bytes
}

func (sc *scanner) end() bool { return sc.at >= len(sc.s) }

func (sc *scanner) space() {
	for !sc.end() && (sc.s[sc.at] == ' ' || sc.s[sc.at] == '\t') {
		sc.at++
	}
}

// peek is the next byte, 0 at the end.
func (sc *scanner) peek() byte {
	if sc.end() {
		return 0
	}
	return sc.s[sc.at]
}

func (sc *scanner) skip(literal string) bool {
	if !strings.HasPrefix(sc.s[sc.at:], literal) {
		return false
	}
	sc.at += len(literal)
	return true
}

// word is the letters that stand next; it does not move.
func (sc *scanner) word() string {
	rest := sc.s[sc.at:]
	if i := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) }); i >= 0 {
		return rest[:i]
	}
	return rest
}

// digits is the digits that stand next; it does not move.
func (sc *scanner) digits() string {
	rest := sc.s[sc.at:]
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		return rest[:i]
	}
	return rest
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func (sc *scanner) problem(at int, what, do string) error {
	return &Problem{Offset: at, What: what, Do: do}
}

func (sc *scanner) unsupported(at int, written, name string) error {
	return sc.problem(at, fmt.Sprintf("%q (%s) is not supported", written, name), supported)
}

const supported = "use weekdays, times, 24/7 and off"

// unexpected is the problem with whatever stands next, where only expected may.
func (sc *scanner) unexpected(expected string) error {
	if sc.end() {
		return sc.problem(sc.at, "the hours end too early", "write "+expected+" here")
	}
	r, size := utf8.DecodeRuneInString(sc.s[sc.at:])
	shown := sc.s[sc.at : sc.at+size]
	switch {
	case r == '"':
		return sc.problem(sc.at, "a comment in quotes is not supported", supported)
	case strings.HasPrefix(sc.s[sc.at:], "||"):
		return sc.unsupported(sc.at, "||", "a fallback rule")
	case r == '(':
		return sc.unsupported(sc.at, shown, "a calculated time")
	case unicode.Is(unicode.Pd, r) && r != '-' || r == '\u2212' || r == '~':
		return sc.problem(sc.at, fmt.Sprintf("%q is not a hyphen", shown), `write "-"`)
	case isDigit(sc.peek()) && expected == afterRule:
		return sc.problem(sc.at, "a second range of times follows without a comma", `write "," between ranges of the same days`)
	case r == ':' && expected == afterRule:
		return sc.problem(sc.at, `":" stands after the rule`, "remove it")
	}
	return sc.problem(sc.at, fmt.Sprintf("%q is not expected here", shown), "write "+expected)
}

var weekdayNames = []string{"Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"}

// weekday is 0 for Mo to 6 for Su, -1 for anything else.
func weekday(word string) int { return slices.Index(weekdayNames, word) }

// later are words of the notation that are not supported, and what they are.
var later = map[string]string{
	"PH": "public holidays", "SH": "school holidays", "week": "a week number", "easter": "a movable feast",
	"sunrise": "a time by the sun", "sunset": "a time by the sun", "dawn": "a time by the sun", "dusk": "a time by the sun",
	"unknown": "neither open nor closed",
	"Jan":     "a month", "Feb": "a month", "Mar": "a month", "Apr": "a month", "May": "a month", "Jun": "a month",
	"Jul": "a month", "Aug": "a month", "Sep": "a month", "Oct": "a month", "Nov": "a month", "Dec": "a month",
}

// names are weekdays as people write them, in English, German and Italian, Monday first.
var names = [daysPerWeek][]string{
	{"monday", "montag", "lunedì", "lunedi"},
	{"tuesday", "dienstag", "martedì", "martedi"},
	{"wednesday", "mittwoch", "mercoledì", "mercoledi"},
	{"thursday", "donnerstag", "giovedì", "giovedi"},
	{"friday", "freitag", "venerdì", "venerdi"},
	{"saturday", "samstag", "sonnabend", "sabato"},
	{"sunday", "sonntag", "domenica"},
}

// meantWeekday is the weekday whose name begins with the word, in small letters; "" if there is none.
func meantWeekday(small string) string {
	if len(small) < 2 || small == "do" { // Donnerstag or domenica
		return ""
	}
	for d, list := range names {
		if slices.ContainsFunc(list, func(name string) bool { return strings.HasPrefix(name, small) }) {
			return weekdayNames[d]
		}
	}
	return ""
}

// unknownWord is the problem with the word that stands next; inside says that a rule has begun before it.
func (sc *scanner) unknownWord(word string, inside bool) error {
	if name, ok := later[word]; ok {
		return sc.unsupported(sc.at, word, name)
	}
	if weekday(word) >= 0 {
		return sc.problem(sc.at, fmt.Sprintf("%q begins another rule", word), `write ";" before it`)
	}
	what := fmt.Sprintf("%q is not known here", word)
	small := strings.ToLower(word)
	for known, name := range later {
		if small == strings.ToLower(known) || name == "a month" && isMonth(small) && strings.HasPrefix(small, strings.ToLower(known)) {
			return sc.unsupported(sc.at, word, name)
		}
	}
	for _, keyword := range []string{"off", "closed", "open"} {
		if small == keyword || small == "close" && keyword == "closed" {
			return sc.problem(sc.at, what, fmt.Sprintf("did you mean %q?", keyword))
		}
	}
	if inside && slices.Contains([]string{"h", "am", "pm", "uhr", "a", "p"}, small) {
		return sc.problem(sc.at, what, "write times in 24 hours: 09:00-19:00")
	}
	if day := meantWeekday(small); day != "" {
		return sc.problem(sc.at, what, fmt.Sprintf("did you mean %q?", day))
	}
	return sc.problem(sc.at, what, "weekdays are Mo Tu We Th Fr Sa Su; also known are off, closed and open")
}

func isMonth(small string) bool {
	return slices.Contains([]string{"january", "february", "march", "april", "june", "july", "august",
		"september", "sept", "october", "november", "december"}, small)
}
