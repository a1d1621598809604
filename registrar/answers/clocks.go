package answers

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// clockChange is how far clocks are ahead of UTC on a civil day, and what they do if that changes on it.
func clockChange(date time.Time, place *time.Location) (offset, note string) {
	begin := midnight(date, place)
	end := midnight(date.AddDate(0, 0, 1), place)
	if !begin.Before(end) {
		return "", "skip this day"
	}
	var offsets []string
	for i, p := range periods(begin, end, place) {
		offsets = append(offsets, ahead(p.offset))
		if i > 0 {
			_, old := p.from.Add(-time.Second).In(place).Zone()
			was, is := p.from.In(time.FixedZone("", old)), p.from.In(place)
			way := map[bool]string{true: "forward", false: "back"}[is.Format(time.DateTime) > was.Format(time.DateTime)]
			note = fmt.Sprintf("go %s from %s to %s", way, clock(was), clock(is))
		}
	}
	return strings.Join(offsets, "→"), note
}

// changes are what clocks do on a day, each with the places where they do it.
type changes []struct {
	note   string
	places []string
}

func (c *changes) add(place *time.Location, note string) {
	if note == "" {
		return
	}
	for i := range *c {
		if known := &(*c)[i]; known.note == note {
			if !slices.Contains(known.places, place.String()) {
				known.places = append(known.places, place.String())
			}
			return
		}
	}
	*c = append(*c, struct {
		note   string
		places []string
	}{note, []string{place.String()}})
}

// lines are sentences for below a table.
func (c changes) lines() []string {
	var out []string
	for _, x := range c {
		out = append(out, strings.Split(wrap(fmt.Sprintf("Clocks in %s %s.", strings.Join(x.places, ", "), x.note), "", "  "), "\n")...)
	}
	return out
}
