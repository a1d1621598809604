package welcome

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// Of a text nothing is lost, no line is too long, and no page too high.
func TestPages(t *testing.T) {
	texts := []string{"", "Be kind.", strings.Repeat("word ", 500), strings.Repeat("x", 500), strings.Repeat("A paragraph of some words.\n\n", 30),
		strings.Repeat("\n", 50), strings.Repeat("規則", 100), "a\tb\n" + strings.Repeat("line\n", 40)}
	for _, text := range texts {
		for _, width := range []int{pageWidth, uprightWidth} {
			all := pages(text, width)
			var words string
			for _, p := range all {
				lines := strings.Split(p, "\n")
				if len(lines) > pageLines {
					t.Errorf("a page of %d lines", len(lines))
				}
				for _, l := range lines {
					n := 0
					for _, r := range l {
						n += cells(r)
					}
					if n > width {
						t.Errorf("a line of %d letters: %q", n, l)
					}
				}
				words += p
			}
			squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
			if len(all) == 0 || squeeze(words) != squeeze(text) {
				t.Errorf("%d pages of %q have %q", len(all), text, words)
			}
		}
	}
}

func TestTerminalKeys(t *testing.T) {
	for in, want := range map[string][]string{
		"ab\n": {"a", "b", "Enter"}, "é\r": {"é", "Enter"}, "\x7f\b": {"Backspace", "Backspace"}, "\x1b": {"Escape"},
		"\x1b[6~x": {"PageDown", "x"}, "\x1b[A": {"PageUp"}, "\x1b[15~": nil, "\x00\x9b\xff": nil,
	} {
		if got := read(in); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// A code that stays before the camera is used once; taken away and held anew it is used again.
func TestHeldCode(t *testing.T) {
	s, now := New(Config{}), time.Now()
	for i, c := range []struct {
		after time.Duration
		code  string
		want  bool
	}{{0, "a", true}, {time.Second, "a", false}, {2 * time.Second, "a", false}, {gone + time.Second, "a", true}, {time.Second, "b", true}, {time.Second, "a", true}} {
		now = now.Add(c.after)
		if got := s.fresh(c.code, now); got != c.want {
			t.Errorf("sight %d of %s: %v", i, c.code, got)
		}
	}
}

func TestEdit(t *testing.T) {
	s := New(Config{})
	for _, c := range []struct{ key, want string }{
		{"Backspace", ""}, {"a", "a"}, {"é", "aé"}, {"Enter", "aé"}, {"PageUp", "aé"}, {"Backspace", "a"}, {"Escape", ""},
	} {
		if s.edit(c.key); s.typed != c.want {
			t.Errorf("after %s there is %q, want %q", c.key, s.typed, c.want)
		}
	}
	for range 1000 {
		s.edit("x")
	}
	if len(s.typed) > 600 {
		t.Errorf("%d letters are kept", len(s.typed))
	}
	if shown := end(s.typed); len([]rune(shown)) != 71 {
		t.Errorf("of these %d are shown", len([]rune(shown)))
	}
}
