package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ewindow/dialplan/holidays"
)

type holidaysCmd struct {
	Code string `arg:"" optional:"" help:"Country, or country-region, as a calendar's days has it: it, de-by. Without it, all that are known."`
	Year int    `arg:"" optional:"" help:"Without it, this year."`
}

// Run prints what a calendar holds in a year, as PH in opening hours takes it.
func (c *holidaysCmd) Run(s streams) error {
	if c.Code == "" {
		fmt.Fprintln(s.out, strings.Join(holidays.Codes(), " "))
		return nil
	}
	if !holidays.Known(c.Code) {
		return fmt.Errorf("the public holidays of %q are not known; %s", c.Code, holidays.Suggest(c.Code))
	}
	if c.Year == 0 {
		c.Year = s.clock().Year()
	}
	if c.Year < holidays.First || c.Year > holidays.Last {
		return fmt.Errorf("the public holidays of %d are not known; ask for %d to %d", c.Year, holidays.First, holidays.Last)
	}
	days := holidays.Year(c.Code, c.Year)
	for _, day := range slices.Sorted(maps.Keys(days)) {
		fmt.Fprintf(s.out, "%s  %s\n", time.Unix(day*24*60*60, 0).UTC().Format("Mon 2006-01-02"), days[day])
	}
	return nil
}
