package hours

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"ewindow/dialplan/span"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// Days on which clocks are changed. Times are UTC.
func TestOpenWhereClocksChange(t *testing.T) {
	for _, c := range []struct{ name, zone, hours, from, until, want string }{
		{"an ordinary day", "Europe/Berlin", "Mo-Su 09:00-19:00", "2027-03-26", "2027-03-27", "26 08:00-26 18:00"},
		// Europe/Berlin, 28 March 2027: 02:00 is followed by 03:00, at 01:00 UTC.
		{"spring, whole day", "Europe/Berlin", "24/7", "2027-03-27", "2027-03-29", "27 00:00-29 00:00"},
		{"spring, day of 23 hours", "Europe/Berlin", "Su", "2027-03-27", "2027-03-30", "27 23:00-28 22:00"},
		{"spring, begins in the gap", "Europe/Berlin", "Su 02:30-05:00", "2027-03-28", "2027-03-29", "28 01:00-28 03:00"},
		{"spring, ends in the gap", "Europe/Berlin", "Su 01:00-02:30", "2027-03-28", "2027-03-29", "28 00:00-28 01:00"},
		{"spring, lies in the gap", "Europe/Berlin", "Su 02:15-02:45", "2027-03-28", "2027-03-29", ""},
		{"spring, over midnight into it", "Europe/Berlin", "Sa 22:00-04:00", "2027-03-27", "2027-03-29", "27 21:00-28 02:00"},
		{"spring, over midnight into the gap", "Europe/Berlin", "Sa 22:00-02:30", "2027-03-27", "2027-03-29", "27 21:00-28 01:00"},
		{"spring, break around the gap", "Europe/Berlin", "Su 01:00-02:10,02:50-04:00", "2027-03-28", "2027-03-29", "28 00:00-28 02:00"},
		// Europe/Berlin, 31 October 2027: 03:00 becomes 02:00 again, at 01:00 UTC.
		{"autumn, day of 25 hours", "Europe/Berlin", "Su", "2027-10-30", "2027-11-02", "30 22:00-31 23:00"},
		{"autumn, begins in the overlap", "Europe/Berlin", "Su 02:30-05:00", "2027-10-31", "2027-11-01", "31 00:30-31 04:00"},
		{"autumn, ends in the overlap", "Europe/Berlin", "Su 01:00-02:30", "2027-10-30", "2027-11-01", "30 23:00-31 00:30"},
		{"autumn, ends after it", "Europe/Berlin", "Su 01:00-03:00", "2027-10-30", "2027-11-01", "30 23:00-31 02:00"},
		{"autumn, over midnight into it", "Europe/Berlin", "Sa 22:00-04:00", "2027-10-30", "2027-11-01", "30 20:00-31 03:00"},
		{"autumn, touching in the overlap", "Europe/Berlin", "Su 01:00-02:30,02:30-05:00", "2027-10-30", "2027-11-01", "30 23:00-31 04:00"},
		// America/Sao_Paulo changed at midnight: 4 November 2018 began at 01:00; 17 February 2018 had 23:00 twice.
		{"no midnight", "America/Sao_Paulo", "Su 00:00-10:00", "2018-11-04", "2018-11-05", "04 03:00-04 12:00"},
		{"no midnight, over it", "America/Sao_Paulo", "Sa 22:00-02:00", "2018-11-03", "2018-11-05", "04 01:00-04 04:00"},
		{"23:00 twice", "America/Sao_Paulo", "Sa 22:00-24:00", "2018-02-17", "2018-02-19", "18 00:00-18 03:00"},
		{"23:00 twice, over midnight", "America/Sao_Paulo", "Sa 22:00-01:00", "2018-02-17", "2018-02-19", "18 00:00-18 04:00"},
		// America/Havana: 4 November 2018 had 00:00 to 01:00 twice.
		{"midnight twice", "America/Havana", "Sa 22:00-24:00; Su 00:00-02:00", "2018-11-03", "2018-11-05", "04 02:00-04 07:00"},
		// Pacific/Apia left out 30 December 2011, a Friday.
		{"no Friday", "Pacific/Apia", "Fr", "2011-12-28", "2012-01-02", ""},
		{"no Friday, into it", "Pacific/Apia", "Th 20:00-02:00", "2011-12-28", "2012-01-02", "30 06:00-30 10:00"},
		{"no Friday, around it", "Pacific/Apia", "Th-Sa", "2011-12-28", "2012-01-02", "29 10:00-31 10:00"},
		// Quarters of an hour, winter time below standard time, half-hour changes.
		{"quarters", "Asia/Kathmandu", "Mo 09:00-10:00", "2027-03-01", "2027-03-02", "01 03:15-01 04:15"},
		{"Dublin", "Europe/Dublin", "Su 00:00-06:00", "2027-10-30", "2027-11-01", "30 23:00-31 06:00"},
		{"half an hour", "Australia/Lord_Howe", "Su 01:00-04:00", "2027-10-02", "2027-10-04", "02 14:30-02 17:00"},
		{"a Monday elsewhere", "Pacific/Kiritimati", "Mo", "2027-02-27", "2027-03-03", "28 10:00-01 10:00"},
		{"cut by the window", "UTC", "24/7", "2027-03-01", "2027-03-02", "01 00:00-02 00:00"},
	} {
		h, err := Parse(c.hours)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range h.Open(Place{Location: zone(t, c.zone)}, span.Span{From: unix(t, c.from), Until: unix(t, c.until)}) {
			got = append(got, time.Unix(s.From, 0).UTC().Format("02 15:04-")+time.Unix(s.Until, 0).UTC().Format("02 15:04"))
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: %s in %s: %s, want %s", c.name, c.hours, c.zone, text, c.want)
		}
	}
}

func unix(t testing.TB, s string) int64 {
	t.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d.Unix()
}

var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe",
	"Asia/Kathmandu", "Africa/Casablanca", "Asia/Manila", "America/Juneau", "America/St_Johns", "Antarctica/Troll", "Africa/Monrovia"}

// instant against its definition: look at the clock every minute. Times go to and fro over the change.
func TestInstantIsTheFirstMoment(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		loc := zone(t, zones[rnd.IntN(len(zones))])
		// Near a change of clocks, where there is one; since 1972 offsets are whole minutes here.
		_, change := time.Unix(unix(t, "1973-01-01")+rnd.Int64N(60*365*secondsPerDay), 0).In(loc).ZoneBounds()
		if change.IsZero() {
			change = time.Unix(unix(t, "2020-01-01"), 0)
		}
		c := clock{loc: loc}
		wall := change.Unix() - 24*60*60
		for range 20 {
			wall += (rnd.Int64N(8*60) - 3*60) * 60
			got := c.instant(wall)
			want := wall - 16*60*60
			for shown(want, loc) < wall {
				want += 60
			}
			if got != want {
				t.Fatalf("%s: clock first shows %s at %s, instant says %s", loc, time.Unix(wall, 0).UTC().Format(time.DateTime),
					time.Unix(want, 0).UTC(), time.Unix(got, 0).UTC())
			}
		}
	}
}

// shown is what clocks in loc show at t, as if it were UTC.
func shown(t int64, loc *time.Location) int64 {
	_, offset := time.Unix(t, 0).In(loc).Zone()
	return t + int64(offset)
}

// anywhere has a public holiday on every ninth day, and is closed on every thirteenth.
func anywhere(loc *time.Location) Place {
	return Place{loc, func(day int64) bool { return day%9 == 0 }, func(day int64) bool { return day%13 == 0 }}
}

// says asks the rules about one minute of a civil day, one after the other and in the plainest way.
func says(h *Hours, p Place, day, minute int64) bool {
	if p.Closed(day) {
		return false
	}
	open := false
	for _, r := range h.rules {
		today, yesterday := r.has(p.date(day)), r.has(p.date(day-1)) && !p.Closed(day-1)
		_, own := r.times.Find(minute)
		_, late := r.times.Find(minute + minutesPerDay)
		named := today && own || yesterday && late
		switch {
		case r.off:
			open = open && !named
		case r.additional:
			open = open || named
		default:
			open = open && !today || named
		}
	}
	return open
}

// Where no clock is changed, a place is open exactly when the rules say so of its wall clock and civil day.
func TestOpenAgainstTheWallClock(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		text := Random(rnd)
		h, err := Parse(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		p := anywhere(zone(t, zones[rnd.IntN(len(zones))]))
		from := unix(t, "1999-01-01") + rnd.Int64N(35*365*secondsPerDay)/60*60
		window := span.Span{From: from, Until: from + 9*secondsPerDay}
		if _, change := time.Unix(from-2*secondsPerDay, 0).In(p.Location).ZoneBounds(); !change.IsZero() && change.Unix() < window.Until+2*secondsPerDay {
			continue
		}
		open := h.Open(p, window)
		for range 100 {
			at := from + rnd.Int64N(9*24*60)*60
			wall := time.Unix(at, 0).In(p.Location)
			want := says(h, p, DayOf(wall.Date()), int64(wall.Hour()*60+wall.Minute()))
			if _, got := open.Find(at); got != want {
				t.Fatalf("%q in %s at %v: open is %v, want %v", text, p.Location, wall, got, want)
			}
		}
	}
}

// Why decides as Open does, also while clocks are changed; and only one rule does.
func TestWhyAgreesWithOpen(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	for range 1000 {
		text := Random(rnd)
		h, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		p := anywhere(zone(t, zones[rnd.IntN(len(zones))]))
		_, change := time.Unix(unix(t, "1980-01-01")+rnd.Int64N(60*365*secondsPerDay), 0).In(p.Location).ZoneBounds()
		from := change.Unix() - secondsPerDay
		open := h.Open(p, span.Span{From: from, Until: from + 2*secondsPerDay})
		for range 50 {
			at := from + rnd.Int64N(2*secondsPerDay)
			_, want := open.Find(at)
			opens, decided := false, 0
			for _, s := range h.Why(p, at) {
				if s.Effect == Opens || s.Effect == Closes {
					decided++
					opens = s.Effect == Opens
				}
				if s.Text != text[s.Offset:s.End] || strings.ContainsAny(s.Text[:1]+s.Text[len(s.Text)-1:], " ;,|") {
					t.Fatalf("%q: a rule is %q", text, s.Text)
				}
			}
			opens = opens && !p.Closed(DayAt(p.Location, at))
			if opens != want || decided > 1 {
				t.Fatalf("%q in %s at %v: open is %v, but %+v", text, p.Location, time.Unix(at, 0).In(p.Location), want, h.Why(p, at))
			}
		}
	}
}

func TestWhy(t *testing.T) {
	for _, c := range []struct{ hours, at, want string }{
		{"Mo-Fr 09:00-18:00; PH off; Sa[1] 10:00-12:00", "2027-05-07 10:00", "opens, another day, another day"},
		{"Mo-Fr 09:00-18:00; PH off; Sa[1] 10:00-12:00", "2027-05-06 10:00", "outdone, closes, another day"},
		{"Mo-Fr 09:00-18:00; PH off; Sa[1] 10:00-12:00", "2027-05-07 20:00", "another time, another day, another day"},
		{"Mo-Fr 09:00-18:00; Fr 10:00-12:00", "2027-05-07 09:30", "outdone, closes"},
		{"Mo-Fr 09:00-18:00; Fr 10:00-12:00", "2027-05-07 11:00", "outdone, opens"},
		{"Fr 22:00-02:00, Sa 00:00-03:00", "2027-05-08 01:00", "opens, outdone"},
		{"Fr 22:00-02:00, Sa 00:00-03:00", "2027-05-08 02:30", "another day, opens"},
		{"off", "2027-05-08 02:30", "closes"},
	} {
		h, err := Parse(c.hours)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse("2006-01-02 15:04", c.at)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range h.Why(somewhere(t), at.Unix()) {
			got = append(got, string(s.Effect))
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s at %s: %s, want %s", c.hours, c.at, text, c.want)
		}
	}
}

// Windows that overlap agree, whatever the clocks do.
func TestOpenIsTheSameInEveryWindow(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		h, err := Parse(Random(rnd))
		if err != nil {
			t.Fatal(err)
		}
		loc := zone(t, zones[rnd.IntN(len(zones))])
		p := anywhere(loc)
		_, change := time.Unix(unix(t, "1900-01-01")+rnd.Int64N(140*365*secondsPerDay), 0).In(loc).ZoneBounds()
		from := change.Unix() - rnd.Int64N(5*secondsPerDay)
		whole := h.Open(p, span.Span{From: from, Until: from + 8*secondsPerDay})
		for range 20 {
			a := from + rnd.Int64N(7*secondsPerDay)
			w := span.Span{From: a, Until: a + 1 + rnd.Int64N(secondsPerDay)}
			got, want := h.Open(p, w), whole.Clip(w)
			if len(got) != len(want) {
				t.Fatalf("%s around %v: %v, want %v", loc, change, got, want)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%s around %v: %v, want %v", loc, change, got, want)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"24/7", "Mo-Fr 09:00-12:00,13:00-19:00; Sa 14:00-02:00; Su off", "Sa-Mo 22:00-26:00, We closed",
		"PH off", "Mo–Fr 9-17", `Mo "x" || off`, "\xff\x00", "24:00-00:00",
		"2027 Dec 24-2028 Jan 02,Dec 24,26 off", "week 1-53/2 Sa[1,-1]: 09:00-10:00 open \"x\"", "2027-2030/2,2035+ Jan-Mar week 3 PH Mo", "Feb 29-Mar 01: PH,Mo"} {
		f.Add(s)
	}
	berlin := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := Parse(s)
		var p *Problem
		if err != nil {
			if !errors.As(err, &p) || p.Offset < 0 || p.Offset > len(s) || p.What == "" || p.Do == "" {
				t.Fatalf("%q: bad error %#v", s, err)
			}
			return
		}
		for _, w := range h.Warnings() {
			if w.Offset < 0 || w.Offset >= len(s) {
				t.Fatalf("%q: warning at %d", s, w.Offset)
			}
		}
		window := span.Span{From: 1_806_000_000, Until: 1_806_000_000 + 14*secondsPerDay}
		for _, step := range h.Why(Place{Location: berlin}, window.From) {
			if step.Text == "" {
				t.Fatalf("%q: a rule without text", s)
			}
		}
		last := window.From
		for i, o := range h.Open(Place{Location: berlin}, window) {
			if o.From >= o.Until || o.From < last || i > 0 && o.From == last || o.Until > window.Until {
				t.Fatalf("%q: %v after %d", s, o, last)
			}
			last = o.Until
		}
	})
}

func FuzzParseDates(f *testing.F) {
	for _, s := range []string{"2027-08-09..2027-08-22", "Dec 24-Jan 02, 2027-01-01", "2027 Aug 09-22", "24 Dec", "2027-02-29", "Feb 29"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ds, err := ParseDates(s)
		var p *Problem
		if err != nil {
			if !errors.As(err, &p) || p.Offset < 0 || p.Offset > len(s) || p.What == "" || p.Do == "" {
				t.Fatalf("%q: bad error %#v", s, err)
			}
			return
		}
		if last, ok := ds.Last(); ok && (!ds.Has(last) || ds.Has(last+1)) {
			t.Fatalf("%q: the last day is %d", s, last)
		}
	})
}
