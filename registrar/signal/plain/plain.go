// Package plain makes texts that others wrote fit for a screen, a log and a terminal, and lays out texts for one.
package plain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Width is how wide a page is made, in characters: that of the terminals which are to be had everywhere.
const Width = 80

// Line is a text as valid UTF-8 in one line, without control characters and without formatting characters (an override
// of writing direction could make one name look like another), of so many characters at most.
func Line(s string, most int) string {
	var b strings.Builder
	n, space := 0, false
	for _, c := range s {
		if n == most {
			break
		}
		switch {
		case c == utf8.RuneError || unicode.Is(unicode.Cf, c):
		case unicode.IsSpace(c) || unicode.IsControl(c):
			space = n > 0
		default:
			if space && n < most-1 {
				b.WriteByte(' ')
				n++
			}
			space = false
			b.WriteRune(c)
			n++
		}
	}
	return b.String()
}

// Page is a text of several lines without anything that a terminal would obey, whatever got into it: it is the last step before
// printing, for texts that were made fit where they came in.
func Page(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n':
			return c
		case c == utf8.RuneError, unicode.IsControl(c), unicode.Is(unicode.Cf, c):
			return -1
		}
		return c
	}, s)
}

// Wrap breaks a line at spaces so that it is no wider than Width; what follows is indented by so many characters. The first line begins with
// first, which stands for that indentation. A word that is wider stays whole: it is to be copied.
func Wrap(first, text string, indent int) string {
	var b strings.Builder
	b.WriteString(first)
	for n := utf8.RuneCountInString(first); n < indent; n++ {
		b.WriteByte(' ')
	}
	column, begun := max(indent, utf8.RuneCountInString(first)), false
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case !begun:
		case column+1+n > Width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column, begun = column+n, true
	}
	b.WriteByte('\n')
	return b.String()
}
