package rig

import (
	"fmt"
	"slices"
)

// Median is the median of some values, of which there is at least one. A negative one is "never": the worst.
func Median(values []float64) float64 {
	values = ranked(values)
	n := len(values)
	if n%2 == 0 && values[n/2] >= 0 {
		return (values[n/2-1] + values[n/2]) / 2
	}
	return values[n/2]
}

// Spread is the median of some values, and the least and the most where they differ. A negative one is "never", a dash.
func Spread(format string, values []float64) string {
	text := func(v float64) string {
		if v < 0 {
			return "–"
		}
		return fmt.Sprintf(format, v)
	}
	middle, all := text(Median(values)), ranked(values)
	least, most := text(all[0]), text(all[len(all)-1])
	if least == most {
		return middle
	}
	return fmt.Sprintf("%s (%s … %s)", middle, least, most)
}

// ranked sorts from best to worst.
func ranked(values []float64) []float64 {
	values = slices.Clone(values)
	slices.SortFunc(values, func(a, b float64) int {
		switch {
		case (a < 0) != (b < 0):
			if a < 0 {
				return 1
			}
			return -1
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	return values
}
