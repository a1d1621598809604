package hours_test

import (
	"fmt"
	"time"

	"ewindow/dialplan/hours"
	"ewindow/dialplan/span"
)

// Hours have no place of their own: they are asked when they are open at one, during some time.
func Example() {
	h, err := hours.Parse("Mo-Fr 08:30-18:00; Mo[-1] 08:30-23:00; PH off")
	if err != nil {
		fmt.Println(err)
		return
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	goodFriday := hours.DayOf(2027, time.March, 26)
	place := hours.Place{Location: berlin, Holiday: func(day int64) bool { return day == goodFriday }}

	from := time.Date(2027, time.March, 24, 0, 0, 0, 0, berlin) // a Wednesday
	week := span.Span{From: from.Unix(), Until: from.AddDate(0, 0, 7).Unix()}
	for _, open := range h.Open(place, week) {
		fmt.Println(time.Unix(open.From, 0).In(berlin).Format("Mon 2 Jan 15:04"), "to", time.Unix(open.Until, 0).In(berlin).Format("15:04"))
	}
	// Output:
	// Wed 24 Mar 08:30 to 18:00
	// Thu 25 Mar 08:30 to 18:00
	// Mon 29 Mar 08:30 to 23:00
	// Tue 30 Mar 08:30 to 18:00
}

// What the notation has and this package does not is refused by name, with what to write instead; nothing is guessed.
func ExampleParse() {
	for _, s := range []string{"Mo-Fr sunrise-18:00", "9-18", "Mo-Fr 09:00-1800"} {
		_, err := hours.Parse(s)
		fmt.Println(err)
	}
	// Output:
	// "sunrise" (a time by the sun) is not supported; use years, dates, weeks, weekdays, PH, times, 24/7 and off
	// "9" is not a time; write 09:00
	// "1800" is not a time; write 18:00
}

// After ";" a rule says all about its day, also about the hours after midnight that began the evening before.
func ExampleHours_Warnings() {
	h, err := hours.Parse("Fr 20:00-02:00; Sa 10:00-14:00")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range h.Warnings() {
		fmt.Println(w)
	}
	// Output:
	// this rule for Sa ends the hours of Fr at midnight; they went on until 02:00; give the earlier rule an end at 24:00, or add ", Sa 00:00-02:00" at the end
}
