// Package holidays is the public holidays of countries and regions, as days without times.
//
// They come from github.com/rickar/cal, which keeps them up to date; feasts of one town are not among them. A plan has
// those as holiday blocks.
package holidays

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rickar/cal/v2"

	"ewindow/dialplan/hours"
)

// Known says whether the public holidays of a country or region are known, by its code: "it" or "de-by".
func Known(code string) bool {
	_, ok := countries[code]
	return ok
}

// Year is the public holidays of a year: their names by civil day, counted from 1970-01-01. A holiday that is moved to a
// working day counts on both days; it may be moved over the end of a year.
func Year(code string, year int) map[int64]string {
	days := map[int64]string{}
	for _, h := range countries[code] {
		if h.Type == cal.ObservanceOther {
			continue
		}
		for y := year - 1; y <= year+1; y++ {
			actual, observed := h.Calc(y)
			for _, at := range []time.Time{actual, observed} {
				if at.IsZero() {
					continue
				}
				// The library means midnight of this machine's zone, which may lack it: noon is on the same day everywhere.
				at = at.Add(12 * time.Hour)
				if at.Year() == year {
					days[hours.DayOf(at.Date())] = h.Name
				}
			}
		}
	}
	return days
}

// Suggest is what to write instead of a code that is not known.
func Suggest(code string) string {
	known := slices.Sorted(maps.Keys(countries))
	small := strings.ReplaceAll(strings.ToLower(code), "_", "-")
	if _, ok := countries[small]; ok {
		return fmt.Sprintf("did you mean %q?", small)
	}
	if english, ok := countryNames[small]; ok {
		return fmt.Sprintf("did you mean %q?", english)
	}
	country, _, ok := strings.Cut(small, "-")
	var regions, whole []string
	for _, k := range known {
		if of, part, ok := strings.Cut(k, "-"); !ok {
			whole = append(whole, k)
		} else if of == country {
			regions = append(regions, part)
		}
	}
	switch {
	case ok && len(regions) > 0:
		return fmt.Sprintf("regions of %s are: %s", country, strings.Join(regions, ", "))
	case ok && slices.Contains(whole, country):
		return fmt.Sprintf("write %q: none of its regions is known; add their own days as holiday blocks", country)
	case len(regions) > 0: // no days for the whole of Australia
		return fmt.Sprintf("write %s-%s for example; regions are: %s", country, regions[0], strings.Join(regions, ", "))
	}
	return fmt.Sprintf("write a country, or country-region as de-by: %s; or write holiday blocks", strings.Join(whole, ", "))
}

var countryNames = map[string]string{
	"italy": "it", "italia": "it", "germany": "de", "deutschland": "de", "bavaria": "de-by", "bayern": "de-by", "berlin": "de-be",
	"austria": "at", "österreich": "at", "switzerland": "ch", "schweiz": "ch", "svizzera": "ch", "france": "fr", "spain": "es", "españa": "es",
	"uk": "gb", "england": "gb", "usa": "us", "poland": "pl", "netherlands": "nl", "belgium": "be", "denmark": "dk", "sweden": "se",
	"norway": "no", "ireland": "ie", "greece": "gr", "japan": "jp", "brazil": "br", "brasil": "br", "croatia": "hr", "slovenia": "si",
}
