package holidays

import (
	"testing"
	"time"

	"ewindow/dialplan/hours"
)

func number(t *testing.T, date string) int64 {
	t.Helper()
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return hours.DayOf(at.Date())
}

// Days that everybody in the place knows, fixed and movable.
func TestYear(t *testing.T) {
	for _, c := range []struct {
		code, day string
		holiday   bool
	}{
		{"it", "2027-06-02", true}, {"it", "2027-03-29", true}, {"it", "2027-03-28", false}, {"it", "2027-11-01", true},
		{"de", "2027-10-03", true}, {"de", "2027-11-01", false}, {"de-by", "2027-11-01", true}, {"de-nw", "2027-05-27", true}, {"de-be", "2027-05-27", false},
		{"fr", "2027-07-14", true}, {"us", "2027-11-25", true}, {"us", "2027-07-05", true}, // 4 July is a Sunday
		{"gb", "2027-12-27", true}, {"gb", "2027-12-28", true}, {"gb", "2027-12-29", false}, // for Christmas at a weekend
		{"at", "2027-10-26", true}, {"ch-zh", "2027-08-01", true}, {"au-vic", "2027-01-26", true}, {"jp", "2027-05-05", true},
		{"se", "2027-06-25", false}, {"se", "2027-06-26", true}, // Midsummer Eve is none by law
	} {
		if name, ok := Year(c.code, 2027)[number(t, c.day)]; ok != c.holiday {
			t.Errorf("%s on %s is %q", c.code, c.day, name)
		}
	}
}

// Every list has days in every year, none outside of it, and each has a name.
func TestEveryCountry(t *testing.T) {
	for code := range countries {
		for year := 2000; year < 2060; year += 9 {
			days := Year(code, year)
			if len(days) < 4 {
				t.Errorf("%s has %d holidays in %d", code, len(days), year)
			}
			for day, name := range days {
				if at := time.Unix(day*24*60*60, 0).UTC(); at.Year() != year || name == "" {
					t.Errorf("%s has %q on %v in %d", code, name, at, year)
				}
			}
		}
	}
}

func TestSuggest(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"IT", `did you mean "it"?`},
		{"de_by", `did you mean "de-by"?`},
		{"Bavaria", `did you mean "de-by"?`},
		{"de-xx", "regions of de are: bb, be, bw, by, hb, he, hh, mv, ni, nw, rp, sh, sl, sn, st, th"},
		{"it-25", `write "it": none of its regions is known; add their own days as holiday blocks`},
		{"au", "write au-act for example; regions are: act, nsw, nt, qld, sa, tas, vic, wa"},
	} {
		if got := Suggest(c.code); got != c.want {
			t.Errorf("%s: %s, want %s", c.code, got, c.want)
		}
		if Known(c.code) {
			t.Errorf("%s is known", c.code)
		}
	}
}
