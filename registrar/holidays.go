package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ewindow/dialplan/holidays"
)

type holidaysCmd struct {
	Code string `arg:"" optional:"" help:"Country, country-region or a part of that, as a calendar's days has it: it, de-by, de-by-kath. Without it, all that are known."`
	Year string `arg:"" optional:"" help:"Without it, this year."`
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
	year := s.clock().Year()
	if c.Year != "" {
		var err error
		if year, err = strconv.Atoi(c.Year); err != nil {
			return fmt.Errorf("%q is not a year; write it as %d", c.Year, s.clock().Year())
		}
	}
	if year < holidays.First || year > holidays.Last {
		return fmt.Errorf("the public holidays of %d are not known; ask for %d to %d", year, holidays.First, holidays.Last)
	}
	days := holidays.Year(c.Code, year)
	for _, day := range slices.Sorted(maps.Keys(days)) {
		fmt.Fprintf(s.out, "%s  %s\n", time.Unix(day*24*60*60, 0).UTC().Format("Mon 2006-01-02"), days[day])
	}
	return nil
}
