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
		{"^Dec 24 off", `"Dec" (a month) is not supported` + sup},
		{"Mo-Fr 09:00-10:00; ^December off", `"December" (a month) is not supported` + sup},
		{"Mo-Fr 09:00-10:00; ^PH off", `"PH" (public holidays) is not supported` + sup},
		{"Mo-Fr,^PH 09:00-10:00", `"PH" (public holidays) is not supported` + sup},
		{"^SH off", `"SH" (school holidays) is not supported` + sup},
		{"^week 1-10 Mo 09:00-10:00", `"week" (a week number) is not supported` + sup},
		{"^2027 Mo 09:00-10:00", `"2027" (a year) is not supported` + sup},
		{"Mo 09:00-10:00 ^|| 10:00-12:00", `"||" (a fallback rule) is not supported` + sup},
		{`Mo 09:00-10:00 ^"by appointment"`, `a comment in quotes is not supported` + sup},
		{`^"by appointment"`, `a comment in quotes is not supported` + sup},
		{"Sa^[1] 09:00-10:00", `"[" (numbered weekdays) is not supported` + sup},
		{"Mo 09:00^+", `"+" (an open end) is not supported` + sup},
		{"Mo 09:00-12:00^+", `"+" (an open end) is not supported` + sup},
		{"Mo 09:00-12:00^/01:30", `"/" (an interval of repetition) is not supported` + sup},
		{"Mo ^sunrise-sunset", `"sunrise" (a time by the sun) is not supported` + sup},
		{"Mo 09:00-^sunset", `"sunset" (a time by the sun) is not supported` + sup},
		{"Mo ^(sunrise-00:30)-12:00", `"(" (a calculated time) is not supported` + sup},
		{"Mo ^unknown", `"unknown" (neither open nor closed) is not supported` + sup},
		{"^easter off", `"easter" (a movable feast) is not supported` + sup},
		// What people write.
		{"^Mon-Fri 09:00-10:00", `"Mon" is not known here; did you mean "Mo"?`},
		{"Mo-^Fri 09:00-10:00", `"Fri" is not known here; did you mean "Fr"?`},
		{"^mo-fr 09:00-10:00", `"mo" is not known here; did you mean "Mo"?`},
		{"^Di 09:00-10:00", `"Di" is not known here; did you mean "Tu"?`},
		{"^Sabato 09:00-10:00", `"Sabato" is not known here; did you mean "Sa"?`},
		{"Mo-Fr 09:00-10:00; Sa ^Closed", `"Closed" is not known here; did you mean "closed"?`},
		{"Mo-Fr 09:00-10:00; Sa ^OFF", `"OFF" is not known here; did you mean "off"?`},
		{"^weekdays 09:00-10:00", `"weekdays" is not known here; weekdays are Mo Tu We Th Fr Sa Su; also known are off, closed and open`},
		{"Mo-Fr ^9:00-17:00", `"9:00" is not a time; write 09:00`},
		{"Mo-Fr ^9-17", `"9" is not a time; write 09:00`},
		{"Mo-Fr ^9am-5pm", `"9" is not a time; write 09:00`},
		{"Mo-Fr 09:00^am-05:00", `"am" is not known here; write times in 24 hours: 09:00-19:00`},
		{"Mo-Fr 09:00-17:00 ^Uhr", `"Uhr" is not known here; write times in 24 hours: 09:00-19:00`},
		{"Mo-Fr ^09.00-17.00", `"09.00" is not a time; write 09:00`},
		{"Mo-Fr ^0900-1700", `"0900" is not a time; write 09:00`},
		{"Mo-Fr 09:00-^1900", `"1900" is not a time; write 19:00`},
		{"Mo-Fr ^8h30-18h", `"8h30" is not a time; write 08:30`},
		{"Mo-Fr 08:30-^18h", `"18h" is not a time; write 18:00`},
		{"Mo-Fr ^1900-2100", `"1900" is not a time; write 19:00`},
		{"Mo-Fr ^24.12.-26.12.", `"24.12" is not a time; write hours and minutes with two digits each: 09:00-19:00`},
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
		{"Mo-Fr ^to 17:00", `"to" is not known here; weekdays are Mo Tu We Th Fr Sa Su; also known are off, closed and open`},
		{"^; Mo off", `";" is not expected here; write days, times or "off"`},
		{"^\x00", `"\x00" is not expected here; write days, times or "off"`},
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
		{"Mo-Fr 09:00-12:00; 13:00-17:00", `0: later rules replace this one on all its days; remove it, or write "," instead of ";" where a rule adds hours`},
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
