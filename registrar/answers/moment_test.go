package answers

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func TestParseTime(t *testing.T) {
	for _, c := range []struct{ zone, text, want, note string }{
		{"Europe/Rome", "2027-08-16 11:00", "2027-08-16 09:00:00", ""},
		{"Europe/Rome", " 2027-01-16T11:00 ", "2027-01-16 10:00:00", ""},
		{"Europe/Rome", "2027-01-16 11:00:30", "2027-01-16 10:00:30", ""},
		{"Europe/Rome", "2027-01-16", "2027-01-15 23:00:00", ""},
		{"Europe/Rome", "2027-08-16T11:00:00Z", "2027-08-16 11:00:00", ""},
		{"Europe/Rome", "2027-08-16T11:00:00-03:30", "2027-08-16 14:30:00", ""},
		{"Asia/Kathmandu", "2027-08-16 11:00", "2027-08-16 05:15:00", ""},
		{"Europe/Berlin", "2027-03-28 02:30", "2027-03-28 01:00:00", "skip 2027-03-28 02:30; this is the moment of the jump, 2027-03-28 03:00"},
		{"Europe/Berlin", "2027-10-31 02:30", "2027-10-31 00:30:00", "twice; this is the first time, the second is 2027-10-31T02:30:00+01:00"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04 03:00:00", ""},
		{"America/Sao_Paulo", "2018-11-04 00:30", "2018-11-04 03:00:00", "jump, 2018-11-04 01:00"},
		{"Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00:00", "jump, 2011-12-31 00:00"},
		{"Europe/Dublin", "2027-10-31 01:59", "2027-10-31 00:59:00", "the second is 2027-10-31T01:59:00Z"},
	} {
		loc, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, note, err := ParseTime(c.text, loc)
		if err != nil || at.UTC().Format(time.DateTime) != c.want || !strings.Contains(note, c.note) || (note == "") != (c.note == "") {
			t.Errorf("%s in %s: %v, %q, %v, want %s, %q", c.text, c.zone, at.UTC(), note, err, c.want, c.note)
		}
	}
	for _, bad := range []string{"", "11:00", "16.8.2027", "2027-02-29 11:00", "2027-08-16 25:00", "tomorrow"} {
		if at, _, err := ParseTime(bad, time.UTC); err == nil || !strings.Contains(err.Error(), `write "2027-08-16 11:00"`) {
			t.Errorf("%q is %v, %v", bad, at, err)
		}
	}
}

func TestClockChange(t *testing.T) {
	for _, c := range []struct{ zone, date, offset, note string }{
		{"Europe/Berlin", "2027-03-27", "+1", ""},
		{"Europe/Berlin", "2027-03-28", "+1→+2", "go forward from 02:00 to 03:00"},
		{"Europe/Berlin", "2027-10-31", "+2→+1", "go back from 03:00 to 02:00"},
		{"Europe/Dublin", "2027-10-31", "+1→+0", "go back from 02:00 to 01:00"},
		{"America/Sao_Paulo", "2018-11-04", "-2", ""}, // its day begins after the jump
		{"America/Sao_Paulo", "2018-02-17", "-2→-3", "go back from 00:00 to 23:00"},
		{"Pacific/Apia", "2011-12-30", "", "skip this day"},
		{"Australia/Lord_Howe", "2027-10-03", "+10:30→+11", "go forward from 02:00 to 02:30"},
		{"America/St_Johns", "2027-01-03", "-3:30", ""},
	} {
		loc, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if offset, note := clockChange(date(t, c.date), loc); offset != c.offset || note != c.note {
			t.Errorf("%s on %s: %q, %q, want %q, %q", c.zone, c.date, offset, note, c.offset, c.note)
		}
	}
}

func TestGather(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse("01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return v.AddDate(2027, 0, 0)
	}
	s := func(from, until, what string) stretch { return stretch{at(from), at(until), what} }
	for _, c := range []struct {
		name string
		list []stretch
		want string
	}{
		{"days that follow each other", []stretch{s("03-22 09:00", "03-22 12:00", "x"), s("03-23 09:00", "03-23 12:00", "x"), s("03-25 09:00", "03-25 12:00", "x")},
			"  Mo 22 – Tu 23 March, Th 25 March  09:00–12:00  x\n"},
		{"several times a day", []stretch{s("03-22 09:00", "03-22 12:00", "x"), s("03-22 12:00", "03-22 13:00", "y"), s("03-22 13:00", "03-22 14:00", "x")},
			"  Mo 22 March  09:00–12:00, 13:00–14:00  x\n  Mo 22 March  12:00–13:00  y\n"},
		{"over a month", []stretch{s("03-31 09:00", "03-31 12:00", "x"), s("04-01 09:00", "04-01 12:00", "x")}, "  We 31 March – Th 1 April  09:00–12:00  x\n"},
		{"over midnight", []stretch{s("03-22 22:00", "03-23 02:00", "x")}, "  Mo 22 March  22:00–02:00  x\n"},
		{"until midnight", []stretch{s("03-22 22:00", "03-23 00:00", "x")}, "  Mo 22 March  22:00–24:00  x\n"},
		{"a whole day", []stretch{s("03-22 00:00", "03-23 00:00", "x")}, "  Mo 22 March  00:00–24:00  x\n"},
		{"24 hours", []stretch{s("03-22 09:00", "03-23 09:00", "x")}, "  Mo 22 March 09:00 – Tu 23 March 09:00  x\n"},
		{"days on end", []stretch{s("03-22 09:00", "03-26 00:00", "x")}, "  Mo 22 March 09:00 – Th 25 March 24:00  x\n"},
		{"too long for a line", []stretch{s("03-22 09:00", "03-22 10:00", strings.Repeat("x", 60))}, "  Mo 22 March 09:00–10:00\n      " + strings.Repeat("x", 60) + "\n"},
	} {
		if got := gather(c.list); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}
