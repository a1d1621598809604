package dialplan

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"ewindow/dialplan/hours"
)

// The hours that README.md shows are hours. What it teaches step by step is tested in registrar, with the answers.
func TestReadmeHours(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| hours | mean |")
	rows := regexp.MustCompile("(?m)^\\| `([^`]*)` \\|").FindAllStringSubmatch(table, -1)
	for _, row := range rows {
		if _, err := hours.Parse(strings.ReplaceAll(row[1], `\|`, "|")); err != nil {
			t.Errorf("%s: %v", row[1], err)
		}
	}
	if len(rows) < 10 {
		t.Errorf("only %d rows of hours", len(rows))
	}
}
