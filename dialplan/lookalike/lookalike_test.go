package lookalike

import (
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for text, want := range map[string]string{
		"\u00a0\u202f\u2007": "no-break space", "\ufeff": "byte order mark", "\u200b\u200d\u00ad\u202e\u2060": "nobody sees", "\u2003\u3000\u2028": "unusual space",
		"０９：－＝": "full-width", "٣५": "no digit", "–—−‐": "not a hyphen", "“”„‘’«»": "curly quotes",
		"aZ09-=\" \t\n,;:äßшא": "",
	} {
		for _, r := range text {
			what, do := Of(r)
			if want == "" && what != "" || !strings.Contains(what, want) || (what == "") != (do == "") {
				t.Errorf("%q: %q, %q", r, what, do)
			}
		}
	}
	if _, do := Of('０'); do != `write "0"` {
		t.Error(do)
	}
}
