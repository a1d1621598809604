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
	for i := range 1 + rnd.IntN(3) {
		if i > 0 {
			out.WriteString([]string{"; ", ", "}[rnd.IntN(2)])
		}
		out.WriteString(weekdayNames[rnd.IntN(7)])
		if rnd.IntN(2) == 0 {
			out.WriteString("-" + weekdayNames[rnd.IntN(7)])
		}
		for j := range rnd.IntN(3) {
			out.WriteString([]string{" ", ","}[min(j, 1)])
			from := rnd.IntN(24 * 60)
			until := (from + 1 + rnd.IntN(24*60-1)) % (24 * 60)
			fmt.Fprintf(&out, "%02d:%02d-%02d:%02d", from/60, from%60, until/60, until%60)
		}
		if rnd.IntN(5) == 0 {
			out.WriteString(" off")
		}
	}
	return out.String()
}
