package hours

import (
	"fmt"
	"strings"

	"ewindow/dialplan/span"
)

// Warnings are rules which do what the notation says, but perhaps not what was meant: hours after midnight
// that belong, in people's minds, to the day before; and rules that later ones replace.
func (h *Hours) Warnings() []*Problem {
	var out []*Problem
	for i := range h.rules {
		for _, look := range []func(int) *Problem{h.replaced, h.reopened, h.cut, h.remains, h.replaces, h.overlaps, h.overnight, h.addsNothing} {
			if p := look(i); p != nil {
				out = append(out, p)
				break
			}
		}
	}
	return out
}

// replaced warns of a rule of which later ones leave nothing.
func (h *Hours) replaced(i int) *Problem {
	r := &h.rules[i]
	if r.holidays == orHolidays || len(r.nths) > 0 {
		return nil // on what weekdays is not known; see reopened
	}
	left := r.days
	for _, r := range h.rules[i+1:] {
		if r.plain() && (r.wholeDay && r.off || !r.off && !r.additional) {
			left &^= r.days
		}
	}
	if left != 0 || r.days == 0 {
		return nil
	}
	return &Problem{r.offset, "later rules replace this one on all its days",
		`remove it, or move it to the end; write "," instead of ";" where a rule adds hours`}
}

// replaces warns of a rule that forgets hours of its days which it does not even touch: who writes ";" there often means to
// add hours. One that changes them, as 10:00-12:00 after 09:00-18:00 does, is what ";" is for.
func (h *Hours) replaces(i int) *Problem {
	r := &h.rules[i]
	if r.off || r.additional || r.wholeDay || len(r.years)+len(r.dates) > 0 || r.holidays != noHolidays {
		return nil // of dates and holidays, hours of their own are common
	}
	var lost days
	var was span.Set
	for d := range daysPerWeek {
		if !r.weekdays().has(d) {
			continue
		}
		before := ownHours(h.rules[:i], d).Intersect(evaluateWeekday(plainOnes(h.rules[:i]), d))
		if len(before) > 0 && len(before.Intersect(r.own())) == 0 {
			lost |= 1 << d
			was = before
		}
	}
	if lost == 0 || h.gone(i) {
		return nil
	}
	return &Problem{r.offset, fmt.Sprintf("%q replaces what earlier rules say of %s, such as %s", h.written[r.offset:r.end], lost.names(), rangesText(was)),
		fmt.Sprintf(`write "," instead of ";" before it to add hours; or all hours of these days here: %s, …`, rangesText(was))}
}

// gone says whether one of the rules before i is warned of as one that later rules replace.
func (h *Hours) gone(i int) bool {
	for j := range h.rules[:i] {
		if h.replaced(j) != nil {
			return true
		}
	}
	return false
}

func (d days) names() string {
	var out []string
	for i := range daysPerWeek {
		if d.has(i) {
			out = append(out, weekdayNames[i])
		}
	}
	return strings.Join(out, ", ")
}

func rangesText(s span.Set) string {
	out := make([]string, len(s))
	for i, x := range s {
		out[i] = clockText(x.From) + "-" + clockText(x.Until)
	}
	return strings.Join(out, ",")
}

// reopened warns of holidays or dates that are off, or have hours of their own, and of which a later rule for weekdays says
// something else.
func (h *Hours) reopened(i int) *Problem {
	r := &h.rules[i]
	if r.plain() || r.additional && !r.off {
		return nil
	}
	for _, later := range h.rules[i+1:] {
		if later.plain() && !later.off && !later.additional && (r.anyDay || r.holidays == orHolidays || r.weekdays()&later.days != 0) {
			what := "%q comes after this rule, and opens its weekdays on these days too"
			if !r.off {
				what = "%q comes after this rule, and says all about its weekdays on these days too"
			}
			return &Problem{r.offset, fmt.Sprintf(what, h.written[later.offset:later.end]), "move this rule to the end"}
		}
	}
	return nil
}

// cut warns of a rule for weekdays that takes away, or leaves, the hours after midnight of another day than it names.
func (h *Hours) cut(i int) *Problem {
	r := h.rules[i]
	if !r.plain() || r.additional && !r.off || r.off && !r.wholeDay {
		return nil
	}
	before := plainOnes(h.rules[:i])
	for d := range daysPerWeek {
		if !r.days.has(d) {
			continue
		}
		yesterday, tomorrow := (d+daysPerWeek-1)%daysPerWeek, (d+1)%daysPerWeek
		was := spills(before, yesterday).Intersect(evaluateWeekday(before, d))
		if lost := was.Subtract(evaluateWeekday(append(before[:len(before):len(before)], r), d)); len(lost) > 0 {
			end := clockText(lost[len(lost)-1].Until)
			return &Problem{r.offset, fmt.Sprintf("this rule for %s ends the hours of %s at midnight; they went on until %s",
				weekdayNames[d], weekdayNames[yesterday], end),
				fmt.Sprintf(`give the earlier rule an end at 24:00, or add ", %s 00:00-%s" at the end`, weekdayNames[d], end)}
		}
		left := spills(before, d).Subtract(r.spill()).Intersect(h.week[tomorrow])
		if others := left.Subtract(ownHours(plainOnes(h.rules), tomorrow)); len(others) > 0 {
			end := clockText(others[len(others)-1].Until)
			return &Problem{r.offset, fmt.Sprintf("this rule for %s leaves the hours after midnight, until %s on %s, which an earlier rule gives %s",
				weekdayNames[d], end, weekdayNames[tomorrow], weekdayNames[d]),
				fmt.Sprintf(`take %s out of the earlier rule, or add "; %s 00:00-%s off"`, weekdayNames[d], weekdayNames[tomorrow], end)}
		}
	}
	return nil
}

// remains warns of holidays or dates that are off, which ends the night before at midnight, while the hours after the
// midnight of their own night stay.
func (h *Hours) remains(i int) *Problem {
	r := &h.rules[i]
	if r.plain() || !r.off || !r.wholeDay {
		return nil
	}
	for _, b := range h.rules[:i] {
		if b.off || !b.spills() || b.plain() && !r.anyDay && r.holidays != orHolidays && r.days&b.days == 0 {
			continue
		}
		until := clockText(b.times[len(b.times)-1].Until - minutesPerDay)
		what := fmt.Sprintf("the night before these days ends at 24:00, and the hours after midnight of the night that follows them stay, until %s: they stand in %q",
			until, h.written[b.offset:b.end])
		if r.holidays != noHolidays {
			return &Problem{r.offset, what, fmt.Sprintf(`write "PH 00:00-%s" instead if the night before is to go on`, until)}
		}
		return &Problem{r.offset, what, `close the days with a closed block instead, which takes their nights too: closed "name" { dates = "…" }`}
	}
	return nil
}

func plainOnes(rules []rule) []rule {
	var out []rule
	for _, r := range rules {
		if r.plain() {
			out = append(out, r)
		}
	}
	return out
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
