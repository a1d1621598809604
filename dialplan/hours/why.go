package hours

// An Effect is what came of a rule at one moment.
type Effect string

const (
	AnotherDay  Effect = "another day"  // the rule is not about this day
	AnotherTime Effect = "another time" // it is about this day, and says nothing of this time
	Outdone     Effect = "outdone"      // it said something, and a later rule decided otherwise or again
	Opens       Effect = "opens"        // it decided: open
	Closes      Effect = "closes"       // it decided: closed
)

// A Step is one rule of the hours and what came of it.
type Step struct {
	Offset, End int    // where it stands in the string, in bytes
	Text        string // of the rule
	Comment     string // what stands in quotes in it
	Effect      Effect
}

// Why goes through the rules for one moment, in Unix seconds. At most one of them opens or closes: it decided, and it
// agrees with Open. If none did, it is closed because no rule opens it. Place.Closed is not asked about the day itself.
func (h *Hours) Why(p Place, t int64) []Step {
	day := DayAt(p.Location, t)
	minute := minuteAt(p, day, t)
	today, yesterday := p.date(day), p.date(day-1)
	closedBefore := p.closed(day - 1)
	steps := make([]Step, len(h.rules))
	decided, open := -1, false
	for i := range h.rules {
		r := &h.rules[i]
		s := &steps[i]
		*s = Step{Offset: r.offset, End: r.end, Text: h.written[r.offset:r.end], Comment: r.comment, Effect: AnotherDay}
		about := r.has(today)
		_, says := r.own().Find(minute)
		says = says && about
		if !closedBefore && r.has(yesterday) {
			if _, late := r.spill().Find(minute); late {
				about, says = true, true
			}
		}
		if about {
			s.Effect = AnotherTime
		}
		forgets := !r.off && !r.additional && r.has(today)
		switch {
		case says && !r.off && r.additional && open:
			s.Effect = Outdone // it was open already
			continue
		case says:
			open = !r.off
		case forgets && open:
			open = false // this rule says all about its day
		default:
			continue
		}
		if decided >= 0 {
			steps[decided].Effect = Outdone
		}
		decided = i
	}
	if decided >= 0 {
		steps[decided].Effect = Closes
		if open {
			steps[decided].Effect = Opens
		}
	}
	return steps
}

// minuteAt is the last minute of the day that has begun by t. Clocks that are set back show minutes again that have
// passed: then it is the last one before the change, as Open has it.
func minuteAt(p Place, day, t int64) int64 {
	c := clock{loc: p.Location}
	low, high := int64(0), int64(minutesPerDay) // low has begun, high has not, or is the next day's
	for high-low > 1 {
		if middle := (low + high) / 2; c.instant(day*secondsPerDay+middle*60) <= t {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}
