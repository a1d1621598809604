package plain

import (
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"milano":                          "milano",
		"  a\r\n\tb \x00 c  ":             "a b c",
		"\x1b[31mred\x1b]0;title\x07":     "[31mred ]0;title",
		"\x9b31m":                         "31m",
		"abc\u202egpj.exe\u2066":          "abcgpj.exe",
		"\xff\xfea":                       "a",
		"München – Bar":                   "München – Bar",
		strings.Repeat("é", 30):           strings.Repeat("é", 20),
		strings.Repeat("a", 19) + " late": strings.Repeat("a", 19) + "l",
	} {
		if got := Line(in, 20); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// What a terminal obeys is not in a page, whatever was in a text; its layout stays.
func TestPage(t *testing.T) {
	in := "a   b\n\x1b[2J\x1b]52;c;AAAA\x07c\r\u0085\u202e\xc2\x9b5n\n"
	if got, want := Page(in), "a   b\n[2J]52;c;AAAAc5n\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct{ first, text, want string }{
		{"plan", "none yet", "plan        none yet\n"},
		{"plan", "", "plan        \n"},
		{"certificate", "x", "certificate x\n"},
		{"a key that is long", "x y", "a key that is longx y\n"},
		{"plan", strings.Repeat("word ", 15), "plan        " + strings.Repeat("word ", 12) + "word\n            word word\n"},
		{"plan", "a " + strings.Repeat("x", 100) + " b", "plan        a\n            " + strings.Repeat("x", 100) + "\n            b\n"},
	} {
		got := Wrap(c.first, c.text, 12)
		if got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
		for line := range strings.Lines(got) {
			if len(line) > Width+1 && !strings.Contains(line, "xxx") {
				t.Errorf("%q is wider than %d", line, Width)
			}
		}
	}
}
