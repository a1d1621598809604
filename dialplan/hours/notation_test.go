package hours

import (
	"strings"
	"testing"
	"time"

	"ewindow/dialplan/span"
)

// Holidays of these tests: a Friday, a Thursday, and two Saturdays.
var someHolidays = []string{"2027-01-01", "2027-01-06", "2027-05-06", "2027-05-01", "2027-12-25", "2028-01-01"}

func somewhere(t testing.TB) Place {
	days := map[int64]bool{}
	for _, s := range someHolidays {
		days[unix(t, s)/secondsPerDay] = true
	}
	return Place{Location: time.UTC, Holiday: func(day int64) bool { return days[day] }}
}

// inWords is what is open, for comparison: whole days as dates, others with their times.
func inWords(open span.Set) string {
	var out []string
	for _, s := range open {
		from, until := time.Unix(s.From, 0).UTC(), time.Unix(s.Until, 0).UTC()
		whole := s.From%secondsPerDay == 0 && s.Until%secondsPerDay == 0
		last := until.AddDate(0, 0, -1)
		switch {
		case whole && from.Equal(last):
			out = append(out, from.Format("Jan 2"))
		case whole:
			out = append(out, from.Format("Jan 2")+" to "+last.Format("Jan 2"))
		case from.YearDay() == until.YearDay():
			out = append(out, from.Format("Jan 2 15:04-")+until.Format("15:04"))
		default:
			out = append(out, from.Format("Jan 2 15:04-")+until.Format("Jan 2 15:04"))
		}
	}
	return strings.Join(out, ", ")
}

// Cases after the text of the specification, each for a piece of the calendar. 1 January 2027 is a Friday.
func TestNotation(t *testing.T) {
	for _, c := range []struct{ hours, from, until, want string }{
		// month: one, a range, over the end of the year, a list
		{"Jun", "2027-01-01", "2028-01-01", "Jun 1 to Jun 30"},
		{"Jan-Mar", "2027-01-01", "2028-01-01", "Jan 1 to Mar 31"},
		{"Feb", "2028-01-01", "2029-01-01", "Feb 1 to Feb 29"},
		{"Nov-Feb", "2027-01-01", "2028-01-01", "Jan 1 to Feb 28, Nov 1 to Dec 31"},
		{"Feb-Jan", "2027-01-01", "2028-01-01", "Jan 1 to Dec 31"},
		{"Jan,Mar,Nov-Dec", "2027-01-01", "2028-01-01", "Jan 1 to Jan 31, Mar 1 to Mar 31, Nov 1 to Dec 31"},
		{"Jun Mo 09:00-10:00", "2027-06-01", "2027-06-15", "Jun 7 09:00-10:00, Jun 14 09:00-10:00"},
		{"Jun 09:00-10:00", "2027-05-30", "2027-06-03", "Jun 1 09:00-10:00, Jun 2 09:00-10:00"},
		{"Jan-Mar: Mo-Fr 09:00-10:00", "2027-03-26", "2027-04-05", "Mar 26 09:00-10:00, Mar 29 09:00-10:00, Mar 30 09:00-10:00, Mar 31 09:00-10:00"},
		// dates
		{"Dec 07", "2027-12-01", "2028-01-01", "Dec 7"},
		{"Dec 7", "2027-12-01", "2028-01-01", "Dec 7"},
		{"Dec 24,26,31", "2027-12-01", "2028-01-01", "Dec 24, Dec 26, Dec 31"},
		{"Dec 24-26,31", "2027-12-01", "2028-01-01", "Dec 24 to Dec 26, Dec 31"},
		{"Dec 24-26", "2027-12-01", "2028-01-01", "Dec 24 to Dec 26"},
		{"Jan 23-31,Feb 1-12", "2027-01-01", "2028-01-01", "Jan 23 to Feb 12"},
		{"Jan 23-Feb 11,Feb 12", "2027-01-01", "2028-01-01", "Jan 23 to Feb 12"},
		{"Dec 24-Jan 02", "2027-12-01", "2028-02-01", "Dec 24 to Jan 2"},
		{"Dec 31-Jan 01", "2027-01-01", "2028-01-01", "Jan 1, Dec 31"},
		{"Dec 24 10:00-14:00", "2027-12-20", "2027-12-31", "Dec 24 10:00-14:00"},
		{"Dec 24: 10:00-14:00", "2027-12-20", "2027-12-31", "Dec 24 10:00-14:00"},
		{"Dec 31 22:00-02:00", "2027-12-30", "2028-01-03", "Dec 31 22:00-Jan 1 02:00"},
		{"Dec 24-31 Fr 10:00-14:00", "2027-12-20", "2028-01-10", "Dec 24 10:00-14:00, Dec 31 10:00-14:00"},
		{"Jan 2-27 We", "2012-01-01", "2013-01-01", "Jan 4, Jan 11, Jan 18, Jan 25"},
		{"Dec 30-Jan 27 We", "2012-01-01", "2012-12-01", "Jan 4, Jan 11, Jan 18, Jan 25"},
		// leap days
		{"Feb 29", "2027-01-01", "2028-01-01", ""},
		{"Feb 29", "2028-01-01", "2029-01-01", "Feb 29"},
		{"Feb 29-Mar 02", "2027-01-01", "2028-01-01", "Mar 1 to Mar 2"},
		{"Feb 28-29", "2027-01-01", "2028-01-01", "Feb 28"},
		{"Feb 29", "2100-01-01", "2101-01-01", ""},
		// years
		{"2027 Jun", "2026-01-01", "2029-01-01", "Jun 1 to Jun 30"},
		{"2027 open", "2026-12-30", "2028-01-03", "Jan 1 to Dec 31"},
		{"2027 Mo 09:00-10:00", "2026-12-27", "2027-01-06", "Jan 4 09:00-10:00"},
		{"2027-2028 Dec 24", "2026-01-01", "2030-01-01", "Dec 24, Dec 24"},
		{"2026-2030/2 Dec 24", "2025-01-01", "2032-01-01", "Dec 24, Dec 24, Dec 24"},
		{"2028+ Dec 24", "2026-01-01", "2030-01-01", "Dec 24, Dec 24"},
		{"2027,2029 Dec 24", "2026-01-01", "2031-01-01", "Dec 24, Dec 24"},
		{"2027 Dec 24-2028 Jan 02", "2026-01-01", "2030-01-01", "Dec 24 to Jan 2"},
		{"2027 Dec 24-26", "2026-01-01", "2030-01-01", "Dec 24 to Dec 26"},
		{"2027 Dec-2028 Feb", "2026-01-01", "2030-01-01", "Dec 1 to Feb 29"},
		{"2027 Dec 24,2028 Dec 31", "2026-01-01", "2030-01-01", "Dec 24, Dec 31"},
		// ISO weeks: week 1 of 2027 begins on 4 January, 1 to 3 January are in week 53 of 2026.
		{"week 1", "2027-01-01", "2027-12-31", "Jan 4 to Jan 10"},
		{"week 01", "2027-01-01", "2027-12-31", "Jan 4 to Jan 10"},
		{"week 53", "2026-12-01", "2027-12-31", "Dec 28 to Jan 3"},
		{"week 1,3", "2012-01-02", "2012-12-01", "Jan 2 to Jan 8, Jan 16 to Jan 22"},
		{"week 2-4/2", "2012-01-01", "2012-12-01", "Jan 9 to Jan 15, Jan 23 to Jan 29"},
		{"week 10-14/2 Mo", "2027-01-01", "2027-12-31", "Mar 8, Mar 22, Apr 5"},
		{"week 52-53,1 Mo 09:00-10:00", "2027-12-20", "2028-01-11", "Dec 27 09:00-10:00, Jan 3 09:00-10:00"},
		{"week 3 Jan 22", "2027-01-01", "2028-01-01", "Jan 22"},
		{"week 3 Jan 26", "2027-01-01", "2028-01-01", ""},
		{"Feb week 6", "2027-01-01", "2028-01-01", "Feb 8 to Feb 14"},
		{"week 6 Feb", "2027-01-01", "2028-01-01", "Feb 8 to Feb 14"},
		{"2027 week 53", "2026-12-01", "2027-12-31", "Jan 1 to Jan 3"},
		{"week 20: Mo 09:00-10:00", "2027-01-01", "2028-01-01", "May 17 09:00-10:00"},
		// numbered weekdays
		{"Sa[1] 14:00-16:00", "2027-01-01", "2027-03-01", "Jan 2 14:00-16:00, Feb 6 14:00-16:00"},
		{"Sa[-1]", "2027-01-01", "2027-03-01", "Jan 30, Feb 27"},
		{"Fr[5]", "2027-01-01", "2027-04-30", "Jan 29"},
		{"Fr[5]", "2027-04-01", "2027-05-01", "Apr 30"},
		{"Fr[-5]", "2027-01-01", "2027-04-30", "Jan 1, Apr 2"},
		{"Fr[1,3]", "2027-01-01", "2027-02-01", "Jan 1, Jan 15"},
		{"Fr[1-2],Su", "2027-01-01", "2027-01-20", "Jan 1, Jan 3, Jan 8, Jan 10, Jan 17"},
		{"We[-1,-2] 10:00-12:00", "2012-10-01", "2012-11-01", "Oct 24 10:00-12:00, Oct 31 10:00-12:00"},
		{"We[4],We[5] 10:00-12:00", "2012-10-01", "2012-11-01", "Oct 24 10:00-12:00, Oct 31 10:00-12:00"},
		{"Sa[1] 22:00-02:00", "2027-01-01", "2027-01-20", "Jan 2 22:00-Jan 3 02:00"},
		{"Jun Sa[1]", "2027-01-01", "2028-01-01", "Jun 5"},
		{"Mo-Fr 12:00-18:00; Th[1] off", "2027-02-03", "2027-02-06", "Feb 3 12:00-18:00, Feb 5 12:00-18:00"},
		// public holidays
		{"Mo-Fr 09:00-18:00; PH off", "2027-05-04", "2027-05-08", "May 4 09:00-18:00, May 5 09:00-18:00, May 7 09:00-18:00"},
		{"Mo-Fr 09:00-18:00; PH 10:00-12:00", "2027-04-30", "2027-05-03", "Apr 30 09:00-18:00, May 1 10:00-12:00"},
		{"Mo-Th,PH 09:00-10:00", "2026-12-31", "2027-01-04", "Dec 31 09:00-10:00, Jan 1 09:00-10:00"},
		{"PH,Mo-Th 09:00-10:00", "2026-12-31", "2027-01-04", "Dec 31 09:00-10:00, Jan 1 09:00-10:00"},
		{"PH Mo-Fr 09:00-10:00", "2027-05-01", "2027-05-10", "May 6 09:00-10:00"}, // 1 May is a Saturday
		{"PH", "2027-05-01", "2027-05-10", "May 1, May 6"},
		{"PH open", "2027-05-01", "2027-05-10", "May 1, May 6"},
		{"Jan PH", "2027-01-01", "2027-06-01", "Jan 1, Jan 6"},
		{"24/7; PH off", "2027-12-24", "2028-01-03", "Dec 24, Dec 26 to Dec 31, Jan 2"},
		{"Fr 22:00-02:00; PH 00:00-01:00", "2027-04-30", "2027-05-02", "Apr 30 22:00-May 1 01:00"},
		{"Mo-Fr 09:00-18:00; PH 12:00-13:00 off", "2027-05-06", "2027-05-07", "May 6 09:00-12:00, May 6 13:00-18:00"},
		// later rules, and additional ones
		{"Mo-Fr 09:00-18:00; Dec 24 off", "2027-12-23", "2027-12-26", "Dec 23 09:00-18:00"},
		{"Mo-Fr 09:00-18:00; Dec 24 closed", "2027-12-23", "2027-12-26", "Dec 23 09:00-18:00"},
		{"Mo-Fr 09:00-18:00; Dec 24 10:00-12:00", "2027-12-23", "2027-12-26", "Dec 23 09:00-18:00, Dec 24 10:00-12:00"},
		{"Mo-Fr 09:00-18:00, Dec 24 20:00-22:00", "2027-12-23", "2027-12-26", "Dec 23 09:00-18:00, Dec 24 09:00-18:00, Dec 24 20:00-22:00"},
		{"Dec 24 off; Mo-Fr 09:00-18:00", "2027-12-23", "2027-12-26", "Dec 23 09:00-18:00, Dec 24 09:00-18:00"},
		{"Mo-Fr 09:00-18:00; Jul-Aug Mo-Fr 10:00-14:00", "2027-06-30", "2027-07-02", "Jun 30 09:00-18:00, Jul 1 10:00-14:00"},
		{"24/7; Mar-Oct off", "2012-01-01", "2013-01-01", "Jan 1 to Feb 29, Nov 1 to Dec 31"},
		{"Mo 09:00-10:00, 2027 Dec 24 10:00-12:00", "2027-12-20", "2027-12-26", "Dec 20 09:00-10:00, Dec 24 10:00-12:00"},
		// fallback
		{"Mo-Fr 08:00-11:00 || Tu 10:00-12:00", "2027-06-07", "2027-06-09", "Jun 7 08:00-11:00, Jun 8 08:00-12:00"},
		{"Tu 10:00-14:00 || 09:00-11:00", "2027-06-07", "2027-06-09", "Jun 7 09:00-11:00, Jun 8 09:00-14:00"},
		{"Mo-Fr 08:00-11:00 || 10:00-12:00; Tu off", "2027-06-07", "2027-06-09", "Jun 7 08:00-12:00"},
		// comments
		{`Mo 09:00-10:00 open "ring twice"; PH off "holiday"`, "2027-06-07", "2027-06-09", "Jun 7 09:00-10:00"},
		{`Mo 09:00-10:00 open "a; b, c || d" || Tu 09:00-10:00`, "2027-06-07", "2027-06-09", "Jun 7 09:00-10:00, Jun 8 09:00-10:00"},
	} {
		h, err := Parse(c.hours)
		if err != nil {
			t.Errorf("%q: %v", c.hours, err)
			continue
		}
		if got := inWords(h.Open(somewhere(t), span.Span{From: unix(t, c.from), Until: unix(t, c.until)})); got != c.want {
			t.Errorf("%q from %s to %s:\n got %s\nwant %s", c.hours, c.from, c.until, got, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct{ dates, want string }{
		{"2027-08-09..2027-08-22", "Aug 9 to Aug 22"},
		{"2027-08-09 .. 2027-08-22", "Aug 9 to Aug 22"},
		{"2027-12-24", "Dec 24"},
		{"2027-02-01,2027-03-01..2027-03-02", "Feb 1, Mar 1 to Mar 2"},
		{"Dec 07", "Dec 7"},
		{"Dec 24-Jan 02", "Jan 1 to Jan 2, Dec 24 to Dec 31"},
		{"2027 Aug 09-22, Dec 24", "Aug 9 to Aug 22, Dec 24"},
		{"2028 Aug 09", ""},
		{"Aug", "Aug 1 to Aug 31"},
	} {
		ds, err := ParseDates(c.dates)
		if err != nil {
			t.Errorf("%q: %v", c.dates, err)
			continue
		}
		var open span.Set
		for day := unix(t, "2027-01-01") / secondsPerDay; day < unix(t, "2028-01-01")/secondsPerDay; day++ {
			if ds.Has(day) {
				open = open.Append(span.Span{From: day * secondsPerDay, Until: (day + 1) * secondsPerDay})
			}
		}
		if got := inWords(open); got != c.want {
			t.Errorf("%q is %s, want %s", c.dates, got, c.want)
		}
	}
}

func TestDatesRefused(t *testing.T) {
	for _, c := range []struct{ dates, want string }{
		{"^", `a date is missing; write for example "2027-08-09..2027-08-22", "2027-12-24" or "Dec 24"`},
		{"2027-08-09,^", `a date is missing; write for example "2027-08-09..2027-08-22", "2027-12-24" or "Dec 24"`},
		{"2027-08-09^-2027-08-22", `a range of dates is written with two dots; write 2027-08-09..2027-08-22`},
		{"2027-08-09 ^– 2027-08-22", `a range of dates is written with two dots; write 2027-08-09..2027-08-22`},
		{"2027-08-09 ^to the end", `a range of dates is written with two dots; write 2027-08-09..2027-12-31`},
		{"2027-08-22..^2027-08-09", `the range ends before it begins; write the earlier date first`},
		{"^2027-02-29", `"2027-02-29" is not a date; write year, month and day: 2027-08-09`},
		{"^09.08.2027", `"09.08.2027" is not a date; write year, month and day: 2027-08-09`},
		{"^24 Dec", `the day stands before the month; write Dec 24`},
		{"2027^‑08‑09..2027-08-10", `"‑" is not a hyphen; write "-"`}, {"2027-08-^０9", `"０" is a full-width character; write "0"`},
		{"^1850-01-01", `"1850-01-01" is not a date; write year, month and day: 2027-08-09`},
		{"2027-08-09 ^10:00-12:00", `weekdays and times do not belong to dates; write them in open: these days are closed whole`},
		{"2027-08-09^; 2027-08-10", `";" stands between dates; write ","`},
		{"^Mo-Fr", `"Mo" is not a date; write dates: "2027-08-09..2027-08-22" or "Dec 24"; weekdays, weeks and PH belong to open`},
		{"^summer", `"summer" is not known here; weekdays are Mo Tu We Th Fr Sa Su, months are Jan Feb Mar …; also known are PH, week, off, closed and open`},
		{"^Dez 24", `"Dez" is not known here; did you mean "Dec"?`},
		{"2027-08-09..^Aug 22", `"Aug" is not a date; write year, month and day: 2027-08-09`},
	} {
		at := strings.Index(c.dates, "^")
		text := c.dates[:at] + c.dates[at+1:]
		_, err := ParseDates(text)
		p, _ := err.(*Problem)
		switch {
		case p == nil:
			t.Errorf("%q is accepted, want %s", text, c.want)
		case p.Error() != c.want || p.Offset != at:
			t.Errorf("%q:\n got %d: %s\nwant %d: %s", text, p.Offset, p, at, c.want)
		}
	}
}
