package holidays

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// correctionLines are what is wrong in days.tsv, by law: codes, "+" or "-", name, dates, law.
//
//go:embed corrections.tsv
var correctionLines string

// A correction gives calendars a holiday that days.tsv lacks, or takes one away that it should not have.
type correction struct {
	codes  []string // countries with all their regions, or regions
	remove bool
	holiday
	law string
}

var corrections = sync.OnceValue(func() []correction {
	var all []correction
	for line := range strings.Lines(correctionLines) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(f) == 5 {
			all = append(all, correction{strings.Fields(f[0]), f[1] == "-", holiday{f[2], f[3]}, f[4]})
		}
	}
	return all
})

// concerns says whether the correction is about a calendar: its own, or that of its country or region.
func (c *correction) concerns(code string) bool {
	for _, of := range c.codes {
		if code == of || strings.HasPrefix(code, of+"-") {
			return true
		}
	}
	return false
}

// removes says whether the correction takes away a named holiday on a date.
func (c *correction) removes(name, date string) bool {
	return c.remove && c.name == name && (c.dates == "*" || slices.Contains(strings.Fields(c.dates), date))
}
