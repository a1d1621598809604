// Package answers writes what the dialplan answers as people and other programs read it.
//
//	Plan ──Explain──▶ Explanation ──Explain──▶ text
//	     ──Programme▶ agendas ─────Week─────▶ a table in 80 columns
//	                             ──Calendar─▶ iCalendar (RFC 5545)
//	     ──Diff─────▶ []Change ────Diff─────▶ text
//	Diagnostics ──────────────────────────JSON▶ JSON; as text they print themselves
//	file ───────────────────────Format──────▶ the same file, aligned
//
// All of it is pure: nothing here opens a file or looks at the clock, and the same plan gives the same bytes.
package answers

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// width is how many columns a text takes at most, where it can be helped.
const width = 80

// Count is "1 space", "2 spaces".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// wrap breaks a text between words so that no line is longer than width, the indent included, if its words allow
// that. The first line is begun with first, the others with rest.
func wrap(text, first, rest string) string {
	var b strings.Builder
	b.WriteString(first)
	column, fresh := utf8.RuneCountInString(first), true
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case fresh:
		case column+1+n > width:
			b.WriteString("\n" + rest)
			column = utf8.RuneCountInString(rest)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
		fresh = false
	}
	return b.String()
}

// pad fills a text with blanks up to n characters.
func pad(text string, n int) string {
	return text + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(text)))
}

// clip shortens a text to n characters; what is shortened ends in "…".
func clip(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}
