// Command compare holds dialplan/holidays against another source, github.com/rickar/cal, for 2024 to 2035, and prints the
// differences that nobody has judged yet. Those that were are in ../judged.tsv: calendar, what, who is right, and why.
//
//	go run ./scripts/holidays/compare        what is not judged; the status is 1 if there is any
//	go run ./scripts/holidays/compare -all   all differences
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/rickar/cal/v2"

	"ewindow/dialplan/holidays"
	"ewindow/dialplan/hours"
)

const (
	first = 2024
	last  = 2035
)

//go:embed judged.tsv
var judged string

func main() {
	all := flag.Bool("all", false, "print judged differences too")
	flag.Parse()
	open := 0
	for _, code := range slices.Sorted(maps.Keys(countries)) {
		for what, dates := range differences(code) {
			known := isJudged(code, what)
			if !known {
				open++
			}
			if !known || *all {
				fmt.Printf("%s\t%s\t%s\n", code, what, strings.Join(dates, " "))
			}
		}
	}
	if open > 0 {
		fmt.Fprintf(os.Stderr, "%d differences are not judged: see judged.tsv\n", open)
		os.Exit(1)
	}
}

// differences are what one has and the other lacks, as "+ name" for ours and "- name" for theirs, with its dates.
func differences(code string) map[string][]string {
	out := map[string][]string{}
	for year := first; year <= last; year++ {
		ours, theirs := holidays.Year(code, year), theirYear(code, year)
		for _, day := range slices.Sorted(maps.Keys(ours)) {
			if _, ok := theirs[day]; !ok {
				out["+ "+ours[day]] = append(out["+ "+ours[day]], date(day))
			}
		}
		for _, day := range slices.Sorted(maps.Keys(theirs)) {
			if _, ok := ours[day]; !ok {
				out["- "+theirs[day]] = append(out["- "+theirs[day]], date(day))
			}
		}
	}
	return out
}

func date(day int64) string { return time.Unix(day*24*60*60, 0).UTC().Format(time.DateOnly) }

// theirYear is a year of the other source. A holiday that is moved to a working day counts on both days there.
func theirYear(code string, year int) map[int64]string {
	days := map[int64]string{}
	for _, h := range countries[code] {
		if h.Type == cal.ObservanceOther {
			continue
		}
		for y := year - 1; y <= year+1; y++ {
			actual, observed := h.Calc(y)
			for _, at := range []time.Time{actual, observed} {
				if at = at.Add(12 * time.Hour); !at.IsZero() && at.Year() == year { // it means midnight of this machine's zone
					days[hours.DayOf(at.Date())] = h.Name
				}
			}
		}
	}
	return days
}

// isJudged looks for a line whose patterns fit.
func isJudged(code, what string) bool {
	for line := range strings.Lines(judged) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) == 4 && fits(f[0], code) && fits(f[1], what) {
			return true
		}
	}
	return false
}

func fits(pattern, s string) bool {
	ok, _ := path.Match(pattern, strings.ReplaceAll(s, "/", "|"))
	return ok
}
