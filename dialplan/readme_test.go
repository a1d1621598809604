package dialplan

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"ewindow/dialplan/hours"
)

// The network that README.md grows is sound after each piece, and in the end nothing in it is suspicious.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var whole strings.Builder
	var p *Plan
	pieces := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	for _, m := range pieces {
		whole.WriteString(m[1])
		if p, err = Parse(File{"README.md", []byte(whole.String())}); err != nil {
			t.Fatalf("after\n%s%v", m[1], err)
		}
	}
	if p == nil || len(p.Spaces()) != 10 {
		t.Fatalf("%d pieces do not make ten windows", len(pieces))
	}
	if w := p.WarningsFrom(at(t, "2027-01-04 00:00:00")); len(w) > 0 {
		t.Errorf("warnings:\n%v", w)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]*)` \\|").FindAllStringSubmatch(string(text), -1)
	for _, row := range rows {
		if _, err := hours.Parse(strings.ReplaceAll(row[1], `\|`, "|")); err != nil {
			t.Errorf("%s: %v", row[1], err)
		}
	}
	if len(rows) < 10 {
		t.Errorf("only %d rows of hours", len(rows))
	}
}
