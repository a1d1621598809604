// Package lookalike names characters that look like others, or like nothing: they come along when text is copied from a web
// page or written in a word processor, and nobody sees what is wrong.
package lookalike

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Of says what a character is, and what to write instead; what is "" if it is none of these.
func Of(r rune) (what, do string) {
	switch {
	case r == '\u00a0' || r == '\u2007' || r == '\u202f':
		return fmt.Sprintf("this is a no-break space (U+%04X), not a blank", r), "write a blank with the space bar"
	case r == '\ufeff':
		return "a byte order mark (U+FEFF), which nobody sees, stands here", "remove it, or write the line anew"
	case r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\u2060' || r == '\u00ad' || unicode.Is(unicode.Cf, r):
		return fmt.Sprintf("a character that nobody sees (U+%04X) stands here", r), "remove it, or write the line anew"
	case r > unicode.MaxASCII && unicode.IsSpace(r) || unicode.Is(unicode.Zs, r) && r != ' ':
		return fmt.Sprintf("this is an unusual space (U+%04X), not a blank", r), "write a blank with the space bar"
	case '\uff01' <= r && r <= '\uff5e': // full width: the same characters, as wide as Chinese ones
		return fmt.Sprintf("%q is a full-width character", string(r)), fmt.Sprintf("write %q", string(r-'\uff01'+'!'))
	case r > unicode.MaxASCII && unicode.IsDigit(r):
		return fmt.Sprintf("%q is no digit from 0 to 9", string(r)), "write those"
	case unicode.Is(unicode.Pd, r) && r != '-' || r == '\u2212':
		return fmt.Sprintf("%q is not a hyphen", string(r)), `write "-"`
	case punctuation[r] != "":
		return fmt.Sprintf("%q (U+%04X) is not %q", string(r), r, punctuation[r]), fmt.Sprintf("write %q", punctuation[r])
	case r == 0:
		return "a zero byte stands here: this is no text in UTF-8", "save it as UTF-8, without a byte order mark"
	case r == '\r':
		return "a lone carriage return stands here", "save the file with the line ends of Linux"
	case unicode.IsControl(r) && r != '\t' && r != '\n':
		return fmt.Sprintf("a control character (U+%04X), which nobody sees, stands here", r), "remove it, or write the line anew"
	case unicode.In(r, unicode.Pi, unicode.Pf) || r == '\u201e' || r == '\u201a':
		return "these are curly quotes", `write plain ones: "…"`
	}
	return "", ""
}

// punctuation is what looks like another mark.
var punctuation = map[rune]string{
	'\u2215': "/", '\u2044': "/", '\u29f8': "/", '\u2236': ":", '\ua789': ":", '\u02d0': ":", '\u3001': ",", '\u060c': ",", '\u061b': ";", '\u037e': ";",
	'\u2024': ".", '\u2217': "*", '\u2223': "|", '\u00a6': "|", '\u2550': "=",
}

// Word is what is wrong with a text in which a word could be read as one of Latin letters, and has letters of other alphabets
// that only look like them; "" for others. Words that are plainly Greek or Cyrillic are what they look like.
func Word(text string) string {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if what := disguised(word); what != "" {
			return what
		}
	}
	return ""
}

// Latin is a text with the letters that look like Latin ones replaced by those.
func Latin(text string) string {
	latin := []rune(same)
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(others, r); i >= 0 {
			return latin[utf8.RuneCountInString(others[:i])]
		}
		return r
	}, text)
}

func disguised(word string) string {
	what := ""
	for _, r := range word {
		i := strings.IndexRune(others, r)
		if i < 0 && !unicode.Is(unicode.Latin, r) {
			return ""
		}
		if i >= 0 && what == "" {
			alphabet := "Greek"
			if unicode.Is(unicode.Cyrillic, r) {
				alphabet = "Cyrillic"
			}
			what = fmt.Sprintf("%q (U+%04X) is a %s letter which only looks like %q: write that", string(r), r, alphabet, Latin(string(r)))
		}
	}
	return what
}

// others are letters that look like those of same at the same place.
const (
	others = "АВЕЅІЈКМНОРСТУХаеѕіјорсухԁԛԝ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο"
	same   = "ABESIJKMHOPCTYXaesijopcyxdqw" + "ABEZHIKMNOPTYXo"
)
