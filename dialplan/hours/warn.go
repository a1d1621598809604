package hours

import (
	"fmt"

	"ewindow/dialplan/span"
)

// Warnings are rules which do what the notation says, but perhaps not what was meant: hours after midnight
// that belong, in people's minds, to the day before; and rules that later ones replace.
func (h *Hours) Warnings() []*Problem {
	var out []*Problem
	for i, r := range h.rules {
		if p := h.replaced(i); p != nil {
			out = append(out, p)
		} else if p := h.cut(i, r); p != nil {
			out = append(out, p)
		}
	}
	return out
}

// replaced warns of a rule of which later ones leave nothing.
func (h *Hours) replaced(i int) *Problem {
	left := h.rules[i].days
	for _, r := range h.rules[i+1:] {
		if r.wholeDay && r.off || !r.off && !r.additional {
			left &^= r.days
		}
	}
	if left != 0 || h.rules[i].days == 0 {
		return nil
	}
	return &Problem{h.rules[i].offset, "later rules replace this one on all its days",
		`remove it, or write "," instead of ";" where a rule adds hours`}
}

// cut warns of a rule that takes away, or leaves, the hours after midnight of another day than it names.
func (h *Hours) cut(i int, r rule) *Problem {
	if r.additional && !r.off || r.off && !r.wholeDay {
		return nil
	}
	for d := range daysPerWeek {
		if !r.days.has(d) {
			continue
		}
		before, after := (d+daysPerWeek-1)%daysPerWeek, (d+1)%daysPerWeek
		was := spills(h.rules[:i], before).Intersect(evaluate(h.rules[:i], d))
		if lost := was.Subtract(evaluate(h.rules[:i+1], d)); len(lost) > 0 {
			return &Problem{r.offset, fmt.Sprintf("this rule for %s ends the hours of %s at midnight; they went on until %s",
				weekdayNames[d], weekdayNames[before], clockText(lost[len(lost)-1].Until)),
				fmt.Sprintf(`give the earlier rule an end at 24:00, or add ", %s 00:00-%s" at the end`, weekdayNames[d], clockText(lost[len(lost)-1].Until))}
		}
		left := spills(h.rules[:i], d).Subtract(r.spill()).Intersect(h.week[after])
		if others := span.Set(left).Subtract(ownHours(h.rules, after)); len(others) > 0 {
			return &Problem{r.offset, fmt.Sprintf("this rule for %s leaves the hours after midnight, until %s on %s, which an earlier rule gives %s",
				weekdayNames[d], clockText(others[len(others)-1].Until), weekdayNames[after], weekdayNames[d]),
				fmt.Sprintf(`take %s out of the earlier rule, or add "; %s 00:00-%s off"`, weekdayNames[d], weekdayNames[after], clockText(others[len(others)-1].Until))}
		}
	}
	return nil
}

// spills is the hours after midnight that open rules give a day, as minutes of the day after.
func spills(rules []rule, d int) span.Set {
	var out span.Set
	for _, r := range rules {
		if !r.off && r.days.has(d) {
			out = out.Union(r.spill())
		}
	}
	return out
}

// ownHours is the hours that open rules give a day itself.
func ownHours(rules []rule, d int) span.Set {
	var out span.Set
	for _, r := range rules {
		if !r.off && r.days.has(d) {
			out = out.Union(r.own())
		}
	}
	return out
}

func clockText(minutes int64) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }
