// Package holidays is the public holidays of countries and regions, as days without times.
//
//	days.tsv (date-holidays, by scripts/holidays) ─┐
//	                                               ├─▶ Year
//	corrections (by law) ──────────────────────────┘
//
// Feasts of one town are not among them: a plan has those as holiday blocks. How to bring them up to date is in
// scripts/holidays/README.md.
package holidays

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"ewindow/dialplan/hours"
)

// First and Last are the years that days.tsv has. In others only those holidays are known that have the same date each year.
const (
	First = 2020
	Last  = 2049
)

// days is code, name, and all dates, or month and day if they are the same each year. Its first line says whose it is.
//
//go:embed days.tsv
var days string

// A holiday is one of a calendar.
type holiday struct {
	name  string
	dates string
}

// calendars are the holidays by the codes of ISO 3166: a country, or country-region.
var calendars = sync.OnceValue(func() map[string][]holiday {
	all := map[string][]holiday{}
	for line := range strings.Lines(days) {
		if code, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			name, dates, _ := strings.Cut(rest, "\t")
			all[code] = append(all[code], holiday{name, dates})
		}
	}
	return all
})

// of is the calendar of a code; "gb" is England's, as it always was: there are no days for the whole kingdom.
func of(code string) []holiday {
	if code == "gb" {
		code = "gb-eng"
	}
	return calendars()[code]
}

// Known says whether the public holidays of a country or region are known, by its code: "it" or "de-by".
func Known(code string) bool { return len(of(code)) > 0 }

// Year is the public holidays of a year: their names by civil day, counted from 1970-01-01. Two on one day are one, with both
// names.
func Year(code string, year int) map[int64]string {
	out := map[int64]string{}
	add := func(date, name string) {
		at, err := time.Parse(time.DateOnly, date)
		if err != nil { // 29 February in other years
			return
		}
		day := hours.DayOf(at.Date())
		if had, ok := out[day]; ok && !strings.Contains(had, name) {
			name = had + ", " + name
		}
		out[day] = name
	}
	prefix := fmt.Sprintf("%04d-", year)
	all := of(code)
	for _, c := range corrections {
		if slices.Contains(c.codes, code) {
			all = append(all[:len(all):len(all)], c.holiday)
		}
	}
	for _, h := range all {
		if len(h.dates) == len("12-25") {
			add(prefix+h.dates, h.name)
			continue
		}
		for date := range strings.SplitSeq(h.dates, " ") {
			if strings.HasPrefix(date, prefix) {
				add(date, h.name)
			}
		}
	}
	return out
}

// Codes are those that are known, in order.
func Codes() []string { return slices.Sorted(maps.Keys(calendars())) }

// Suggest is what to write instead of a code that is not known.
func Suggest(code string) string {
	known := Codes()
	small := strings.ReplaceAll(strings.ToLower(code), "_", "-")
	if Known(small) {
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
