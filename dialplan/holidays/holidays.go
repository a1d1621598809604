// Package holidays is the public holidays of countries and regions, as days without times.
//
//	days.tsv (date-holidays, by scripts/holidays) ─┐
//	                                               ├─▶ Year
//	corrections (by law) ──────────────────────────┘
//
// Feasts of one town are not among them, but for those of a few large ones (it-25-mi): a plan has them as holiday blocks. How to bring them up to date is in
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

// calendars are the holidays by the codes of ISO 3166: a country, country-region, or country-region-part.
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

// resolve gives "gb" England's calendar, as it always was: there are no days for the whole kingdom.
func resolve(code string) string {
	if code == "gb" {
		return "gb-eng"
	}
	return code
}

// Known says whether the public holidays of a country or region are known, by its code: "it" or "de-by".
func Known(code string) bool { return len(calendars()[resolve(code)]) > 0 }

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
	code = resolve(code)
	var about []correction
	for _, c := range corrections() {
		if c.concerns(code) {
			about = append(about, c)
		}
	}
	for _, h := range calendars()[code] {
		for _, date := range in(h.dates, year) {
			if !slices.ContainsFunc(about, func(c correction) bool { return c.removes(h.name, date) }) {
				add(date, h.name)
			}
		}
	}
	for _, c := range about {
		if !c.remove {
			for _, date := range in(c.dates, year) {
				add(date, c.name)
			}
		}
	}
	return out
}

// in is those of dates that are in a year: dates with their years, months and days of every year, or of "2024.." and later ones.
func in(dates string, year int) []string {
	var out []string
	prefix := fmt.Sprintf("%04d-", year)
	for date := range strings.SplitSeq(dates, " ") {
		if from, ok := strings.CutSuffix(date, ".."); ok {
			if prefix < from {
				return nil
			}
		} else if len(date) == len("12-25") {
			out = append(out, prefix+date)
		} else if strings.HasPrefix(date, prefix) {
			out = append(out, date)
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
	if i := strings.LastIndex(small, "-"); i > 0 && len(partsOf(small[:i])) > 0 && strings.Contains(small[:i], "-") {
		return fmt.Sprintf("write %q, or one of its parts: %s", small[:i], strings.Join(partsOf(small[:i]), ", "))
	}
	country, _, ok := strings.Cut(small, "-")
	regions := partsOf(country)
	var whole []string
	for _, k := range known {
		if !strings.Contains(k, "-") {
			whole = append(whole, k)
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

// partsOf is the regions of a country, or the parts of a region, without what they are parts of.
func partsOf(code string) []string {
	var out []string
	for _, k := range Codes() {
		if part, ok := strings.CutPrefix(k, code+"-"); ok && !strings.Contains(part, "-") {
			out = append(out, part)
		}
	}
	return out
}

var countryNames = map[string]string{
	"italy": "it", "italia": "it", "germany": "de", "deutschland": "de", "bavaria": "de-by", "bayern": "de-by", "berlin": "de-be",
	"austria": "at", "österreich": "at", "switzerland": "ch", "schweiz": "ch", "svizzera": "ch", "france": "fr", "spain": "es", "españa": "es",
	"uk": "gb", "england": "gb", "usa": "us", "poland": "pl", "netherlands": "nl", "belgium": "be", "denmark": "dk", "sweden": "se",
	"norway": "no", "ireland": "ie", "greece": "gr", "japan": "jp", "brazil": "br", "brasil": "br", "croatia": "hr", "slovenia": "si",
}
