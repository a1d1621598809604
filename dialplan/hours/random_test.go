package hours

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Random is a valid string of hours.
func Random(rnd *rand.Rand) string {
	if rnd.IntN(10) == 0 {
		return "24/7"
	}
	var out strings.Builder
	offs, listed := false, false
	for i := range 1 + rnd.IntN(4) {
		separator := []string{"; ", ", ", " || "}[rnd.IntN(3)]
		off := rnd.IntN(5) == 0
		if separator == " || " && (offs || off) {
			separator = "; "
		}
		if separator == ", " && listed {
			separator = "; " // after days without times a comma goes on with the days
		}
		offs = offs || off
		if i > 0 {
			out.WriteString(separator)
		}
		out.WriteString(randomDays(rnd))
		ranges := rnd.IntN(3)
		listed = ranges == 0 && !off
		for j := range ranges {
			out.WriteString([]string{" ", ","}[min(j, 1)])
			from := rnd.IntN(24 * 60)
			until := (from + 1 + rnd.IntN(24*60-1)) % (24 * 60)
			fmt.Fprintf(&out, "%02d:%02d-%02d:%02d", from/60, from%60, until/60, until%60)
		}
		if off {
			out.WriteString(" off")
		}
	}
	return out.String()
}

// randomDays is weekdays, half of the time with something of the calendar.
func randomDays(rnd *rand.Rand) string {
	one := weekdayNames[rnd.IntN(7)]
	days := one
	if rnd.IntN(2) == 0 {
		days += "-" + weekdayNames[rnd.IntN(7)]
	}
	month := func() string { return monthNames[rnd.IntN(12)] }
	from, until := 1+rnd.IntN(28), 1+rnd.IntN(28)
	switch rnd.IntN(16) {
	case 0:
		return fmt.Sprintf("%s %s", month(), days)
	case 1:
		return fmt.Sprintf("%s-%s %s", month(), month(), days)
	case 2:
		return fmt.Sprintf("Dec %02d-Jan %02d %s", from, until, days)
	case 3:
		return fmt.Sprintf("%d %s %02d %s", 1990+10+rnd.IntN(30), month(), from, days)
	case 4:
		return fmt.Sprintf("week %d-%d/%d %s", min(from, until), max(from, until), 1+rnd.IntN(4), days)
	case 5:
		return fmt.Sprintf("%s[%d]", one, 1+rnd.IntN(5))
	case 6:
		return fmt.Sprintf("%s[-%d],%s", one, 1+rnd.IntN(5), days)
	case 7:
		return "PH"
	case 8:
		return days + ",PH"
	case 9:
		return "PH " + days
	}
	return days
}
