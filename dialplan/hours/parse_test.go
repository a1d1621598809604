package hours

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// week writes what is open on each day, for comparison.
func (h *Hours) text() string {
	var days []string
	for d, set := range h.week {
		var ranges []string
		for _, s := range set {
			ranges = append(ranges, clockText(s.From)+"-"+clockText(s.Until))
		}
		if ranges != nil {
			days = append(days, weekdayNames[d]+" "+strings.Join(ranges, ","))
		}
	}
	return strings.Join(days, "; ")
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ hours, week string }{
		{"24/7", "Mo 00:00-24:00; Tu 00:00-24:00; We 00:00-24:00; Th 00:00-24:00; Fr 00:00-24:00; Sa 00:00-24:00; Su 00:00-24:00"},
		{"off", ""},
		{"closed", ""},
		{"Mo", "Mo 00:00-24:00"},
		{"Mo open", "Mo 00:00-24:00"},
		{"Mo 09:00-10:00 open", "Mo 09:00-10:00"},
		{"We,Fr 16:00-23:00", "We 16:00-23:00; Fr 16:00-23:00"},
		{"Mo-We 09:00-10:00", "Mo 09:00-10:00; Tu 09:00-10:00; We 09:00-10:00"},
		{"Sa-Mo 09:00-10:00", "Mo 09:00-10:00; Sa 09:00-10:00; Su 09:00-10:00"},
		{"Mo,We-Th,Su 09:00-10:00", "Mo 09:00-10:00; We 09:00-10:00; Th 09:00-10:00; Su 09:00-10:00"},
		{"Mo 09:00-12:00,13:00-19:00", "Mo 09:00-12:00,13:00-19:00"},
		{"Mo 13:00-19:00, 09:00-12:00", "Mo 09:00-12:00,13:00-19:00"},
		{"Mo 09:00-12:00,11:00-13:00,13:00-14:00", "Mo 09:00-14:00"},
		{" Mo - Tu  09:00 - 12:00 , 13:00 - 14:00 ", "Mo 09:00-12:00,13:00-14:00; Tu 09:00-12:00,13:00-14:00"},
		{"Mo 09:00-24:00", "Mo 09:00-24:00"},
		{"Mo 09:00-00:00", "Mo 09:00-24:00"},
		// Over midnight, and OSM's extended times.
		{"Fr 22:00-02:00", "Fr 22:00-24:00; Sa 00:00-02:00"},
		{"Fr 22:00-26:00", "Fr 22:00-24:00; Sa 00:00-02:00"},
		{"Su 22:00-02:00", "Mo 00:00-02:00; Su 22:00-24:00"},
		{"Mo 10:00-48:00", "Mo 10:00-24:00; Tu 00:00-24:00"},
		{"Fr,Sa 22:00-02:00", "Fr 22:00-24:00; Sa 00:00-02:00,22:00-24:00; Su 00:00-02:00"},
		// A later rule says all about its days.
		{"Mo-We 09:00-19:00; Tu 10:00-12:00", "Mo 09:00-19:00; Tu 10:00-12:00; We 09:00-19:00"},
		{"Mo-We 09:00-19:00; Tu off", "Mo 09:00-19:00; We 09:00-19:00"},
		{"Mo,Tu 09:00-19:00; 10:00-11:00 off", "Mo 09:00-10:00,11:00-19:00; Tu 09:00-10:00,11:00-19:00"},
		{"Mo,Tu 09:00-19:00; Tu 18:00-02:00 off", "Mo 09:00-19:00; Tu 09:00-18:00"},
		{"Mo off; Mo 09:00-10:00", "Mo 09:00-10:00"},
		{"24/7; Sa-Su off", "Mo 00:00-24:00; Tu 00:00-24:00; We 00:00-24:00; Th 00:00-24:00; Fr 00:00-24:00"},
		{"Mo 09:00-10:00; Mo 11:00-12:00; Mo 13:00-14:00", "Mo 13:00-14:00"},
		// A rule after a comma adds.
		{"Mo-Tu 09:00-12:00, Tu 14:00-18:00", "Mo 09:00-12:00; Tu 09:00-12:00,14:00-18:00"},
		{"Mo-Tu 09:00-12:00, Tu off", "Mo 09:00-12:00"},
		{"Fr 22:00-02:00, Sa 10:00-14:00", "Fr 22:00-24:00; Sa 00:00-02:00,10:00-14:00"},
		// After a semicolon a civil day is overridden whole, its first hours too; hours after midnight belong to their civil day.
		{"Fr 22:00-02:00; Sa 10:00-14:00", "Fr 22:00-24:00; Sa 10:00-14:00"},
		{"Sa 10:00-14:00; Fr 22:00-02:00", "Fr 22:00-24:00; Sa 00:00-02:00,10:00-14:00"},
		{"Fr 22:00-02:00; Sa off", "Fr 22:00-24:00"},
		{"Th-Sa 22:00-02:00; Fr off", "Th 22:00-24:00; Sa 00:00-02:00,22:00-24:00; Su 00:00-02:00"},
	} {
		h, err := Parse(c.hours)
		if err != nil {
			t.Errorf("%q: %v", c.hours, err)
		} else if got := h.text(); got != c.week {
			t.Errorf("%q is\n     %s\nwant %s", c.hours, got, c.week)
		}
	}
}

func TestRefused(t *testing.T) {
	sup := "; " + supported
	for _, c := range []struct {
		hours string // with ^ before the place
		want  string
	}{
		{"^", `the hours are empty; write for example "Mo-Fr 09:00-19:00", "24/7" or "off"`},
		{"Mo 09:00-10:00^;", `nothing follows the ";"; remove it, or finish the rule`},
		{"Mo 09:00-10:00 ^, ", `nothing follows the ","; remove it, or finish the rule`},
		// What the notation has and this package has not, by name.
		{"^SH off", `"SH" (school holidays) is not supported` + sup},
		{"PH,^SH off", `"SH" (school holidays) is not supported` + sup},
		{"Mo-Fr 09:00-10:00; ^SH,PH off", `"SH" (school holidays) is not supported` + sup},
		{"PH ^+1 day off", `"PH +" (days before or after) is not supported` + sup},
		{"PH ^-1 day off", `"PH -" (days before or after) is not supported` + sup},
		{"Sa[-1] ^+1 day 09:00-10:00", `"+" (days before or after) is not supported` + sup},
		{"Dec 24 ^+1 day off", `"+" (an open end, or days after) is not supported` + sup},
		{"Dec 24^+ off", `"+" (an open end, or days after) is not supported` + sup},
		{"Jan 01-31^/8 off", `"/" (every so many days) is not supported` + sup},
		{"Mo 09:00^+", `"+" (an open end) is not supported` + sup},
		{"Mo 09:00-12:00^+", `"+" (an open end) is not supported` + sup},
		{"Mo 09:00-12:00^/01:30", `"/" (an interval of repetition) is not supported` + sup},
		{"Mo ^sunrise-sunset", `"sunrise" (a time by the sun) is not supported` + sup},
		{"Mo 09:00-^sunset", `"sunset" (a time by the sun) is not supported` + sup},
		{"Mo ^(sunrise-00:30)-12:00", `"(" (a calculated time) is not supported` + sup},
		{"Mo ^unknown", `"unknown" (neither open nor closed) is not supported` + sup},
		{"^easter off", `"easter" (a movable feast) is not supported` + sup},
		{"2027 ^easter off", `"easter" (a movable feast) is not supported` + sup},
		// What the notation leaves open.
		{`Mo 09:00-10:00 ^"by appointment"`, `a comment without open or off does not say whether it is open; write open or off before it: open \"by appointment\"`},
		{`^"by appointment"`, `a comment without open or off does not say whether it is open; write open or off before it: open \"by appointment\"`},
		{`Mo 09:00-10:00 open ^"by appointment`, `this comment is not closed; write \" at its end`},
		{"Mo 09:00-10:00; PH off ^|| 10:00-12:00", `"||" follows a rule with off: the notation does not say whether these hours count then; write ";" and say what opens on which days`},
		{"Mo 09:00-10:00 ^|| Tu off", `"off" stands after "||", where it changes nothing; remove it, or write ";" instead of "||"`},
		{"Mo 09:00-10:00 ^||", `nothing follows the "||"; remove it, or finish the rule`},
		{"^2000-2130", `"2000-2130" are years here, and nothing says when in them; write times as hh:mm, for example 20:00-21:30; after years "open" or "off"`},
		{"Mo 09:00-10:00,^2000-2100", `"2000-2100" are years here, and nothing says when in them; write times as hh:mm, for example 20:00-21:30; after years "open" or "off"`},
		{"2027 Nov-^Feb", `the range ends before it begins, unless in another year; write the year here too: 2028`},
		{"2027 Dec 24-^Jan 02", `the range ends before it begins, unless in another year; write the year here too: 2028`},
		{"2027-2028 Dec 24-Jan 02 ^off", `these dates go over the end of a year, or have a year of their own, and years stand before them; write the year with each date: 2027 Dec 24-2028 Jan 02`},
		// Dates.
		{"Dec 24-^2028 Jan 02", `only the end of the range has a year; write it at its beginning too`},
		{"Dec 24-^23", `the range ends before it begins; write the earlier date first`},
		{"2027 Dec 24-^2026 Dec 26", `the range ends before it begins; write the earlier date first`},
		{"Feb ^30 off", `Feb has no day 30; write 01 to 29`},
		{"2027 Feb ^29 off", `Feb 2027 has no day 29; write 01 to 28`},
		{"Dec ^00 off", `Dec has no day 00; write 01 to 31`},
		{"Dec 24-^32", `Dec has no day 32; write 01 to 31`},
		{"^Dec-Jan 06", `the range begins with a month and ends with a day; write a day with both: Dec 01-Jan 06`},
		{"^24 Dec off", `the day stands before the month; write Dec 24`},
		{"^24. Dec off", `the day stands before the month; write Dec 24`},
		{"2027-^12-24 off", `"12" is not a year; write years with four digits, and dates with the name of the month: 2027 Dec 24`},
		{"2028-^2027 Mo", `the range ends in 2027, before it begins; write the earlier year first`},
		{"2026-2030/^0 Mo", `no number follows the "/"; write for example /2 for every second one`},
		{"Dec 24,^Sa off", `the weekday Sa stands in a list of dates; write a rule of its own, after ";"`},
		{"Dec 24,^PH off", `the weekday PH stands in a list of dates; write a rule of its own, after ";"`},
		{"Sa,^Dec 24 off", `the date Dec stands in a list of weekdays; write a rule of its own, after ";"`},
		{"Mo-Fr ^Dec 24 off", `"Dec" stands after the days; dates and weeks come first: "Dec 24-31 Mo-Fr 09:00-12:00"; another rule begins with ";"`},
		{"Mo-Fr ^2027 09:00-12:00", `"2027" stands after the days; years and dates come first: "2027 Dec 24 Fr 09:00-12:00"`},
		{"Mo-Fr 09:00-12:00 ^Dec 24 off", `"Dec" begins another rule; write ";" before it`},
		{"Mo-Fr 09:00-12:00 ^PH off", `"PH" begins another rule; write ";" before it`},
		{"Mo-Fr ^PH off", `"PH" begins another rule; write ";" before it`},
		{"Dec 24 ^2027 off", `a year stands after the date; write it first: "2027 Dec 24"`},
		{"Dec 24 ^Dec 31 off", `a second list of dates follows; write "," between dates`},
		{"^1st Sa 10:00-12:00", `the number stands before the weekday; write Sa[1]`},
		{"Mo-Fr 09:00-12:00; ^1. Sa 10:00-12:00", `the number stands before the weekday; write Sa[1]`},
		// Weeks.
		{"week ^54 off", `"54" is not the number of a week; write 01 to 53`},
		{"week ^0 off", `"0" is not the number of a week; write 01 to 53`},
		{"week 50-^02 off", `the range ends in week 2, before it begins; over the end of a year write week 50-53,01-02`},
		{"week ^Mo off", `"M" is not expected here; write the number of a week, 01 to 53`},
		{"week 1 ^week 3", `a second "week" follows; write "," between numbers of weeks: "week 10,12"`},
		{"week 10,^09:00-10:00", `"09" is not the number of a week; write 01 to 53`},
		{"^KW 10 off", `"KW" is not known here; did you mean "week"?`},
		{"^weeks 10-12 off", `"weeks" is not known here; did you mean "week"?`},
		// Numbered weekdays.
		{"Sa[^0] off", `no month has a weekday number 0; write 1 to 5, or -1 to -5 from the end of the month`},
		{"Sa[^6] off", `no month has a weekday number 6; write 1 to 5, or -1 to -5 from the end of the month`},
		{"Sa[^first] off", `"f" is not expected here; write 1 for the first of the month, -1 for the last`},
		{"Sa[1 ^off", `"o" is not expected here; write "]"`},
		{"Sa[3-^1] off", `the range ends at 1, before it begins at 3; write the smaller number first`},
		{"Sa[1]^-Su off", `a range begins with a numbered weekday; number each weekday of the month by itself: Sa[1],Su[1]`},
		{"Sa-^Su[1] off", `a range ends with a numbered weekday; number each weekday of the month by itself: Sa[1],Su[1]`},
		{"^ph off", `"ph" is not known here; did you mean "PH"?`},
		{"^Holidays off", `"Holidays" is not known here; did you mean "PH"?`},
		{"^dec 24 off", `"dec" is not known here; did you mean "Dec"?`},
		{"^December 24 off", `"December" is not known here; did you mean "Dec"?`},
		{"Jan-^Okt", `"Okt" is not known here; did you mean "Oct"?`},
		{"^Ago off", `"Ago" is not known here; did you mean "Aug"?`},
		// What people write.
		{"^Mon-Fri 09:00-10:00", `"Mon" is not known here; did you mean "Mo"?`},
		{"Mo-^Fri 09:00-10:00", `"Fri" is not known here; did you mean "Fr"?`},
		{"^mo-fr 09:00-10:00", `"mo" is not known here; did you mean "Mo"?`},
		{"^Di 09:00-10:00", `"Di" is not known here; did you mean "Tu"?`},
		{"^Sabato 09:00-10:00", `"Sabato" is not known here; did you mean "Sa"?`},
		{"Mo-Fr 09:00-10:00; Sa ^Closed", `"Closed" is not known here; did you mean "closed"?`},
		{"Mo-Fr 09:00-10:00; Sa ^OFF", `"OFF" is not known here; did you mean "off"?`},
		{"^weekdays 09:00-10:00", `"weekdays" is not known here; weekdays are Mo Tu We Th Fr Sa Su, months are Jan Feb Mar …; also known are PH, week, off, closed and open`},
		{"Mo-Fr ^9:00-17:00", `"9:00" is not a time; write 09:00`},
		{"Mo-Fr ^9-17", `"9" is not a time; write 09:00`},
		{"Mo-Fr 09:00-^5pm", `"5" is not a time; write 17:00`}, {"Mo-Fr 09:00-^5:30 PM", `"5:30" is not a time; write 17:30`}, {"Mo-Fr 09:00-^530p.m.", `"530" is not a time; write 17:30`},
		{"Mo-Fr ^12am-08:00", `"12" is not a time; write 00:00`}, {"Mo-Fr ^12pm-18:00", `"12" is not a time; write 12:00`},
		{"Mo-Fr 09^：00-17:00", `"：" is a full-width character; write ":"`}, {"Mo-Fr 09:00-17^：00", `"：" is a full-width character; write ":"`}, {"Mo-Fr 09:00-^１7:00", `"１" is a full-width character; write "1"`},
		{"Dec ^２4 off", `"２" is a full-width character; write "2"`}, {"Dec 2^４ off", `"４" is a full-width character; write "4"`},
		{"Mo-Fr ^9am-5pm", `"9" is not a time; write 09:00`},
		{"Mo-Fr 09:00^am-05:00", `"am" is not known here; write times in 24 hours: 09:00-19:00`},
		{"Mo-Fr 09:00-17:00 ^Uhr", `"Uhr" is not known here; write times in 24 hours: 09:00-19:00`},
		{"Mo-Fr ^09.00-17.00", `"09.00" is not a time; write 09:00`},
		{"Mo-Fr ^0900-1700", `"0900" is not a time; write 09:00`},
		{"Mo-Fr 09:00-^1900", `"1900" is not a time; write 19:00`},
		{"Mo-Fr ^8h30-18h", `"8h30" is not a time; write 08:30`},
		{"Mo-Fr 08:30-^18h", `"18h" is not a time; write 18:00`},
		{"Mo-Fr ^1900-2100", `"1900" is not a time; write 19:00`},
		{"Mo-Fr ^24.12.-26.12.", `"24.12" is not a time; write hours and minutes with two digits each: 09:00-19:00; dates with the name of the month: "Dec 24"`},
		{"Mo-Fr ^09:75-17:00", `09:75 is not a time; minutes go from 00 to 59`},
		{"Mo-Fr ^25:00-26:00", `a range cannot begin at 25:00; begin it at 00:00 to 23:59, of the next day if need be`},
		{"Mo-Fr 09:00-^48:01", `a range cannot end at 48:01; end it at 48:00 at the latest`},
		{"Mo-Fr 09:00-^09:00", `the range ends when it begins, at 09:00; write 00:00-24:00 if the whole day is meant`},
		{"Mo-Fr ^09:00", `09:00 has no end; write a range: 09:00-19:00`},
		{"Mo-Fr 09:00-^", `the hours end too early; write the end of the range, hh:mm here`},
		{"Mo-^", `the hours end too early; write a weekday: Mo Tu We Th Fr Sa Su here`},
		{"Mo,^09:00-10:00", `"0" is not expected here; write a weekday: Mo Tu We Th Fr Sa Su`},
		{"Mo^–Fr 09:00-17:00", `"–" is not a hyphen; write "-"`},
		{"Mo-Fr 09:00^–17:00", `"–" is not a hyphen; write "-"`},
		{"Mo-Fr^: 09:00-17:00", `":" stands after the days; remove it`},
		{"Mo-Fr 09:00-12:00 ^13:00-17:00", `a second range of times follows without a comma; write "," between ranges of the same days`},
		{"Mo-Fr 09:00-17:00 ^Sa 10:00-12:00", `"Sa" begins another rule; write ";" before it`},
		{"Mo-Fr 09:00-17:00^/Sa", `"/" (an interval of repetition) is not supported` + sup},
		{"Mo-Fr ^24/7", `24/7 stands alone and means every day; write 00:00-24:00 for whole days`},
		{"24/7 ^Mo off", `"Mo" begins another rule; write ";" before it`},
		{"Mo-Fr ^to 17:00", `"to" is not known here; weekdays are Mo Tu We Th Fr Sa Su, months are Jan Feb Mar …; also known are PH, week, off, closed and open`},
		{"^; Mo off", `";" is not expected here; write days, times or "off"`},
		{"^\x00", `a zero byte stands here: this is no text in UTF-8; save it as UTF-8, without a byte order mark`},
		{"Mo 09:00-10:00^\xff", `"\xff" is not expected here; write ";" and the next rule, or the end`},
	} {
		at := strings.Index(c.hours, "^")
		text := c.hours[:at] + c.hours[at+1:]
		_, err := Parse(text)
		var p *Problem
		switch {
		case !errors.As(err, &p):
			t.Errorf("%q is accepted, want %s", text, c.want)
		case p.Error() != c.want || p.Offset != at:
			t.Errorf("%q:\n got %d: %s\nwant %d: %s", text, p.Offset, p, at, c.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct{ hours, want string }{
		{"Mo-Fr 09:00-19:00; Sa 10:00-14:00; Su off", ""},
		{"Fr,Sa 22:00-02:00", ""},
		{"Fr 22:00-02:00, Sa 10:00-14:00", ""},
		{"Mo-Su 22:00-02:00; We 20:00-03:00", "19: this rule for We ends the hours of Tu at midnight; they went on until 02:00; " +
			`give the earlier rule an end at 24:00, or add ", We 00:00-02:00" at the end`},
		{"24/7; Su off", ""},
		{"Fr 22:00-24:00; Sa off", ""},
		{"Mo-Fr 09:00-19:00; We 12:00-13:00 off", ""},
		{"Fr 22:00-02:00; Sa 10:00-14:00", "16: this rule for Sa ends the hours of Fr at midnight; they went on until 02:00; " +
			`give the earlier rule an end at 24:00, or add ", Sa 00:00-02:00" at the end`},
		{"Fr 22:00-02:00; Sa,Su off", "16: this rule for Sa ends the hours of Fr at midnight; they went on until 02:00; " +
			`give the earlier rule an end at 24:00, or add ", Sa 00:00-02:00" at the end`},
		{"Mo-Fr 22:00-02:00; Mo off", "19: this rule for Mo leaves the hours after midnight, until 02:00 on Tu, which an earlier rule gives Mo; " +
			`take Mo out of the earlier rule, or add "; Tu 00:00-02:00 off"`},
		{"Mo-Fr 09:00-18:00; PH off; Dec 24 off; Sa[1] off", ""},
		{"PH off; Mo-Fr 09:00-18:00", `0: "Mo-Fr 09:00-18:00" comes after this rule, and opens its weekdays on these days too; move this rule to the end`},
		{"Dec 24-26 off; Mo-Fr 09:00-18:00", `0: "Mo-Fr 09:00-18:00" comes after this rule, and opens its weekdays on these days too; move this rule to the end`},
		{"Jul-Aug off; 24/7", "0: later rules replace this one on all its days; " +
			`remove it, or move it to the end; write "," instead of ";" where a rule adds hours`},
		{"Dec 24 10:00-12:00; 09:00-18:00", "0: later rules replace this one on all its days; " +
			`remove it, or move it to the end; write "," instead of ";" where a rule adds hours`},
		{"PH Sa off; Mo-Fr 09:00-18:00", ""},
		{"Fr 22:00-02:00; PH off", `16: the night before these days ends at 24:00, and the hours after midnight of the night that follows them stay, ` +
			`until 02:00: they stand in "Fr 22:00-02:00"; write "PH 00:00-02:00" instead if the night before is to go on`},
		{"22:00-02:00; Dec 24 off", `13: the night before these days ends at 24:00, and the hours after midnight of the night that follows them stay, ` +
			`until 02:00: they stand in "22:00-02:00"; close the days with a closed block instead, which takes their nights too: closed "name" { dates = "…" }`},
		{"Mo-Fr 09:00-24:00; PH off", ""},
		{"Mo-Fr 08:30-18:00; We off; Th-Fr 20:00-02:00", `27: "Th-Fr 20:00-02:00" replaces what earlier rules say of Th, Fr, such as 08:30-18:00; ` +
			`write "," instead of ";" before it to add hours; or all hours of these days here: 08:30-18:00, …`},
		{"Mo-Fr 08:30-18:00; We off, Th-Fr 20:00-02:00", ""},
		{"Mo-Fr 09:00-18:00; We 10:00-12:00", ""},
		{"Mo-Fr 09:00-18:00; We 16:00-20:00", ""},
		{"Mo-Fr 09:00-18:00; Sa 20:00-22:00", ""},
		{"Mo-Fr 09:00-18:00; Dec 24 20:00-22:00", ""},

		// A numbered weekday replaces the day as a weekday does.
		{"Mo-Fr 09:00-18:00; Th[1] 18:00-23:00", `19: "Th[1] 18:00-23:00" replaces what earlier rules say of Th, such as 09:00-18:00; ` +
			`write "," instead of ";" before it to add hours; or all hours of these days here: 09:00-18:00, …`},
		{"Mo-Fr 09:00-18:00; week 20 Mo 19:00-22:00", `19: "week 20 Mo 19:00-22:00" replaces what earlier rules say of Mo, such as 09:00-18:00; ` +
			`write "," instead of ";" before it to add hours; or all hours of these days here: 09:00-18:00, …`},
		{"Mo-Fr 09:00-18:00, Th[1] 18:00-23:00", ""},
		{"Mo-Fr 09:00-18:00; Th[1] 09:00-23:00", ""},
		{"Mo-Fr 09:00-18:00; Fr[-1] 09:00-15:00", ""},
		{"Mo-Fr 09:00-18:00; Sa[1] 10:00-14:00", ""},
		{"Mo-Fr 09:00-13:00; Jul-Aug Mo-Fr 15:00-20:00", ""},

		// Hours of holidays and dates, which a later rule replaces.
		{"PH 10:00-12:00; Mo-Fr 09:00-18:00", `0: "Mo-Fr 09:00-18:00" comes after this rule, and says all about its weekdays on these days too; move this rule to the end`},
		{"Sa,Su,PH 10:00-16:00; Mo-Fr 09:00-18:00", `0: "Mo-Fr 09:00-18:00" comes after this rule, and says all about its weekdays on these days too; move this rule to the end`},
		{"Dec 24 09:00-12:00; Mo-Fr 09:00-18:00", `0: "Mo-Fr 09:00-18:00" comes after this rule, and says all about its weekdays on these days too; move this rule to the end`},
		{"Th[1] 09:00-23:00; Mo-Fr 09:00-18:00", `0: "Mo-Fr 09:00-18:00" comes after this rule, and says all about its weekdays on these days too; move this rule to the end`},
		{"Mo-Fr 09:00-18:00; PH 10:00-12:00", ""},
		{"PH Sa 10:00-12:00; Mo-Fr 09:00-18:00", ""},
		{"Mo-Fr 09:00-18:00; Dec 24 09:00-12:00; Sa 10:00-14:00", `19: "Sa 10:00-14:00" comes after this rule, and says all about its weekdays on these days too; move this rule to the end`},
		{"week 1-53/2 Mo 09:00-18:00; week 2-52/2 Tu 09:00-18:00", ""},
		{"Apr-Sep Mo-Fr 08:00-20:00; Oct-Mar Mo-Fr 09:00-18:00; PH off", ""},

		// Times that are probably mistyped.
		{"Mo-Fr 09:00-05:00", "0: 09:00-05:00 goes on over midnight, for 20 hours; write 09:00-17:00 if the end of the day is meant"},
		{"Mo-Fr 08:30-06:30", "0: 08:30-06:30 goes on over midnight, for 22 hours; write 08:30-18:30 if the end of the day is meant"},
		{"Mo-Su 06:00-02:00", ""}, {"Fr 20:00-06:00", ""}, {"Fr 12:00-05:00", ""}, {"Mo-Su 00:00-24:00", ""}, {"Mo 00:00-26:00", ""}, {"Mo-Fr 18:00-08:00", ""},
		{"Mo-Fr 09:00-18:00,17:00-20:00", "0: 17:00-18:00 stands twice in this rule; write each time once: a range ends where the next begins, or before it"},
		{"Mo-Fr 09:00-12:30,12:30-18:00", ""},
		{"Mo-Fr 09:00-18:00, We 12:00-14:00", `19: "We 12:00-14:00" adds nothing: earlier rules open these hours; remove it; or write "; 12:00-14:00 off" if they are to be closed`},
		{"Mo-Fr 09:00-18:00, We 17:00-20:00", ""}, {"Mo-Fr 09:00-18:00, Fr 17:00-02:00", ""},
		{"Fr 22:00-02:00; PH Mo off", ""},
		{"Mo-Fr 09:00-12:00; 13:00-17:00", `0: later rules replace this one on all its days; remove it, or move it to the end; write "," instead of ";" where a rule adds hours`},
	} {
		h, err := Parse(c.hours)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range h.Warnings() {
			got = append(got, fmt.Sprintf("%d: %s", p.Offset, p))
		}
		if text := strings.Join(got, "\n"); text != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.hours, text, c.want)
		}
	}
}
