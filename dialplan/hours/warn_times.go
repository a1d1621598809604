package hours

import (
	"fmt"
)

// Warnings of times that are probably mistyped.

// longNight is how long a range has to be that goes on over midnight, and earlyMorning when it ends, for its end to look like
// one in the afternoon: 09:00-05:00.
const (
	longNight    = 18 * 60 // minutes
	earlyMorning = 4 * 60
)

// overlaps warns of ranges of one rule that have hours in common.
func (h *Hours) overlaps(i int) *Problem {
	r := &h.rules[i]
	if len(r.twice) == 0 {
		return nil
	}
	return &Problem{r.offset, fmt.Sprintf("%s stands twice in this rule", rangesText(r.twice)), "write each time once: a range ends where the next begins, or before it"}
}

// overnight warns of a range that goes on over midnight for nearly a whole day.
func (h *Hours) overnight(i int) *Problem {
	r := &h.rules[i]
	for _, s := range r.times {
		until := s.Until - minutesPerDay
		if r.off || s.From == 0 || until < earlyMorning || s.Until-s.From < longNight || s.Until-s.From > minutesPerDay {
			continue
		}
		do := "end it earlier, or write 24/7"
		if evening := until%(12*60) + 12*60; evening > s.From {
			do = fmt.Sprintf("write %s-%s if the end of the day is meant", clockText(s.From), clockText(evening))
		}
		return &Problem{r.offset, fmt.Sprintf("%s-%s goes on over midnight, for %d hours", clockText(s.From), clockText(until), (s.Until-s.From)/60), do}
	}
	return nil
}

// addsNothing warns of a rule that adds hours which are open already.
func (h *Hours) addsNothing(i int) *Problem {
	r := &h.rules[i]
	if !r.plain() || r.off || !r.additional {
		return nil
	}
	before := plainOnes(h.rules[:i])
	for d := range daysPerWeek {
		if r.days.has(d) && (len(r.own().Subtract(evaluateWeekday(before, d))) > 0 || len(r.spill().Subtract(evaluateWeekday(before, (d+1)%daysPerWeek))) > 0) {
			return nil
		}
	}
	return &Problem{r.offset, fmt.Sprintf("%q adds nothing: earlier rules open these hours", h.written[r.offset:r.end]),
		fmt.Sprintf(`remove it; or write "; %s off" if they are to be closed`, rangesText(r.own()))}
}

// weekdays are all that the rule names, numbered ones too.
func (r *rule) weekdays() days {
	all := r.days
	for _, n := range r.nths {
		all |= 1 << n.weekday
	}
	return all
}
