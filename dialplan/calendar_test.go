package dialplan

import (
	"sync"
	"testing"
	"time"

	"ewindow/dialplan/holidays"
	"ewindow/dialplan/hours"
)

func TestCalendars(t *testing.T) {
	for _, c := range []struct{ block, day, want string }{
		{`days = "it"`, "2027-08-15", "Assunzione di Maria"},
		{`days = "it"`, "2027-03-29", "Lunedì dell’Angelo"}, // Easter Monday
		{`days = "it"`, "2027-12-07", ""},
		{`days = "de-by"`, "2027-01-06", "Heilige Drei Könige"},
		{`days = "de-be"`, "2027-01-06", ""},
		{`days = "de-be"`, "2027-03-08", "Internationaler Frauentag"},
		{`days = "us"`, "2021-12-31", "New Year's Day"}, // moved over the end of the year
		{`days = "us"`, "2022-01-01", "New Year's Day"}, // and the day itself
		{`days = "jp"`, "2027-01-01", "元日"},
		{"holiday \"Sant'Ambrogio\" { dates = \"Dec 07\" }", "2027-12-07", "Sant'Ambrogio"},
		{"holiday \"Sant'Ambrogio\" { dates = \"Dec 07\" }", "2027-12-25", ""},
	} {
		p := plan(t, "calendar \"c\" {\n  "+c.block+"\n}\nspace \"a\" {\n  timezone = \"UTC\"\n  calendar = c\n  open = \"24/7; PH off\"\n}\n")
		day := at(t, c.day+" 12:00:00")
		if got := p.spaces[0].calendar.holiday(hours.DayOf(day.Date())); got != c.want {
			t.Errorf("%s on %s: %q, want %q", c.block, c.day, got, c.want)
		}
		if open := p.OpenAt("a", day); open != (c.want == "") {
			t.Errorf("%s on %s: open is %v", c.block, c.day, open)
		}
	}
}

// A closed block takes whole days, also the nights that begin on them, and the hours after midnight that belong to the
// day before the first.
func TestClosedDays(t *testing.T) {
	p := plan(t, "calendar \"c\" {\n  closed \"b\" { dates = \"2027-06-20\" }\n}\nspace \"a\" {\n  timezone = \"Europe/Berlin\"\n  calendar = c\n  open = \"18:00-02:00\"\n"+
		"  closed \"x\" { dates = \"2027-06-10..2027-06-11\" }\n}\n")
	for _, c := range []struct {
		at   string // UTC, two hours behind
		open bool
	}{
		{"2027-06-09 21:59:00", true}, {"2027-06-09 22:00:00", false}, // midnight
		{"2027-06-10 17:00:00", false}, {"2027-06-11 20:00:00", false}, {"2027-06-11 23:00:00", false},
		{"2027-06-12 15:59:00", false}, {"2027-06-12 16:00:00", true}, {"2027-06-12 23:00:00", true},
		{"2027-06-20 17:00:00", false},
	} {
		if got := p.OpenAt("a", at(t, c.at)); got != c.open {
			t.Errorf("at %s: open is %v", c.at, got)
		}
	}
}

func TestCalendarIsAskedByManyAtOnce(t *testing.T) {
	p := plan(t, "calendar \"c\" { days = \"us\" }\nspace \"a\" {\n  timezone = \"UTC\"\n  calendar = c\n  open = \"24/7; PH off\"\n}\n")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for year := holidays.First + g; year <= holidays.Last; year++ {
				if p.OpenAt("a", time.Date(year, 12, 25, 12, 0, 0, 0, time.UTC)) {
					t.Errorf("it is open at Christmas %d", year)
				}
			}
		})
	}
	wg.Wait()
}

// A calendar may have the name of a space: nobody calls a calendar.
func TestCalendarNamedAsASpace(t *testing.T) {
	p := plan(t, "calendar \"munich\" { days = \"de-by\" }\nspace \"munich\" {\n  timezone = \"Europe/Berlin\"\n  calendar = munich\n  open = \"24/7; PH off\"\n}\n")
	if r, ok := p.Resolve("munich"); !ok || r.Kind != KindSpace {
		t.Errorf("munich is %+v", r)
	}
	if p.OpenAt("munich", at(t, "2027-01-06 12:00:00")) {
		t.Error("it is open on a holiday of its calendar")
	}
}
