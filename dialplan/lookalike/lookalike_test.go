package lookalike

import (
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for text, want := range map[string]string{
		"\u00a0\u202f\u2007": "no-break space", "\ufeff": "byte order mark", "\u200b\u200d\u00ad\u202e\u2060": "nobody sees", "\u2003\u3000\u2028": "unusual space",
		"０９：－＝": "full-width", "٣५": "no digit", "–—−‐": "not a hyphen", "“”„‘’«»": "curly quotes",
		"∕⁄": `is not "/"`, "∶": `is not ":"`, "、،": `is not ","`, "؛": `is not ";"`, "\x00": "no text in UTF-8", "\r": "lone carriage return", "\v\x1b\u0085": "control character|unusual",
		"aZ09-=\" \t\n,;:äßшא": "",
	} {
		for _, r := range text {
			what, do := Of(r)
			if want == "" && what != "" || !containsOne(what, want) || (what == "") != (do == "") {
				t.Errorf("%q: %q, %q", r, what, do)
			}
		}
	}
	if _, do := Of('０'); do != `write "0"` {
		t.Error(do)
	}
}

// containsOne is true if what holds one of the texts between bars.
func containsOne(what, texts string) bool {
	for text := range strings.SplitSeq(texts, "|") {
		if strings.Contains(what, text) {
			return true
		}
	}
	return false
}

func TestWord(t *testing.T) {
	for text, want := range map[string]string{
		"Еurope/Rome": `"Е" (U+0415) is a Cyrillic letter which only looks like "E": write that`, "[milanο]": `"ο" (U+03BF) is a Greek letter which only looks like "o": write that`,
		"Мо-Fr": `"М" (U+041C) is a Cyrillic letter which only looks like "M": write that`, "open, Αlways": `"Α" (U+0391) is a Greek letter which only looks like "A": write that`,
		"Europe/Rome": "", "München, Kraków": "", "Москва": "", "Αθήνα": "", "Київ": "", "": "",
	} {
		if got := Word(text); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
	if len([]rune(others)) != len([]rune(same)) {
		t.Error("the tables have not the same length")
	}
}
