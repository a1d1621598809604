package hours

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"ewindow/dialplan/lookalike"
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

// problem is about what begins at a place; a character inside of it that only looks right is the problem.
func (sc *scanner) problem(at int, what, do string) error {
	rest := sc.s[at:]
	if end := strings.IndexAny(rest, " \t,;\""); end >= 0 {
		rest = rest[:end]
	}
	for i, r := range rest {
		if strange, write := lookalike.Of(r); i > 0 && strange != "" {
			return &Problem{Offset: at + i, What: strange, Do: write}
		}
	}
	return &Problem{Offset: at, What: what, Do: do}
}

func (sc *scanner) unsupported(at int, written, name string) error {
	return sc.problem(at, fmt.Sprintf("%q (%s) is not supported", written, name), supported)
}

const supported = "use years, dates, weeks, weekdays, PH, times, 24/7 and off"

// unexpected is the problem with whatever stands next, where only expected may.
func (sc *scanner) unexpected(expected string) error {
	if sc.end() {
		return sc.problem(sc.at, "the hours end too early", "write "+expected+" here")
	}
	r, size := utf8.DecodeRuneInString(sc.s[sc.at:])
	shown := sc.s[sc.at : sc.at+size]
	if what, do := lookalike.Of(r); what != "" {
		return sc.problem(sc.at, what, do)
	}
	switch {
	case r == '"':
		return sc.problem(sc.at, "a comment without open or off does not say whether it is open", `write open or off before it: open \"by appointment\"`)
	case r == '(':
		return sc.unsupported(sc.at, shown, "a calculated time")
	case r == '~':
		return sc.problem(sc.at, `"~" is not a hyphen`, `write "-"`)
	case isDigit(sc.peek()) && expected == afterRule:
		return sc.problem(sc.at, "a second range of times follows without a comma", `write "," between ranges of the same days`)
	case r == ':' && expected == afterRule:
		return sc.problem(sc.at, `":" stands after the rule`, "remove it")
	}
	return sc.problem(sc.at, fmt.Sprintf("%q is not expected here", shown), "write "+expected)
}
