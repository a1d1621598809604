package dialplan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"ewindow/dialplan/diagnostic"
	"ewindow/dialplan/span"
)

const (
	yearDays = 365
	// hardly is the share of the time it wants, in percent, below which a rule hardly ever wins.
	hardly = 1
)

// suspect notes what is allowed and looks like a mistake, whatever the time.
func (r *reader) suspect(p *Plan) {
	used := map[string]bool{}
	for i := range p.spaces {
		s := &p.spaces[i]
		used[s.Calendar] = true
		if len(p.linksOf[i]) == 0 && len(p.spaces) > 1 {
			r.warn(s.at, fmt.Sprintf("no link and no rotation names %s: its window never shows anybody", s.Name), "")
		}
		if _, ok := s.hours.Holidays(); !ok && s.calendar != nil && !slices.ContainsFunc(s.calendar.periods, func(p period) bool { return p.kind == "closed" }) {
			r.warn(s.calendarAt, fmt.Sprintf("calendar %s changes nothing: open says nothing of public holidays (PH)", s.Calendar), `add "; PH off" at the end of open, or remove the calendar`)
		}
	}
	for _, c := range r.calendars {
		if !used[c.name] {
			r.warn(c.at, fmt.Sprintf("no space has the calendar %s", c.name), fmt.Sprintf("write calendar = %s in those it is for", c.name))
		}
	}
	policies := map[string]bool{}
	for _, n := range p.numbers {
		policies[n.Knock] = true
	}
	for _, k := range p.knocks {
		if !policies[k.Name] {
			r.warn(k.at, fmt.Sprintf("no number has the knock policy %s", k.Name), fmt.Sprintf("write knock = %s in those it is for", k.Name))
			continue
		}
		// The programme tells windows of it; take this out when they act on it.
		r.warn(k.at, fmt.Sprintf("windows do not ask yet: they answer a call that knocks by %s as any other", k.Name), "until then let nobody dial whom you would not let in")
	}
	r.shadows(p)
}

// shadows notes numbers that are the beginning of others: some phones dial as soon as what was pressed is a number.
func (r *reader) shadows(p *Plan) {
	numbers := p.Numbers()
	var open []Number // each is the beginning of the next
	for _, n := range numbers {
		for len(open) > 0 && !strings.HasPrefix(n.Number, open[len(open)-1].Number) {
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			short := open[len(open)-1]
			r.warn(n.at, fmt.Sprintf("number %q begins with number %q, which is at %s: some phones dial that one first", n.Number, short.Number, place(short.at)),
				"give all numbers the same length")
		}
		open = append(open, n)
	}
}

// WarningsFrom are the Warnings, and those that only time shows, in the 365 days from a time on: rules that can hardly ever win,
// spaces that are never open together, spaces that never open. Under probations they are those of the files, and what the
// probations come to.
func (p *Plan) WarningsFrom(from time.Time) Diagnostics {
	if p.written != nil {
		return append(p.written.WarningsFrom(from), p.probationWarnings()...)
	}
	out := p.Warnings()
	y := &year{p: p, from: from.Unix(), until: from.Unix() + yearDays*day, open: map[int]span.Set{}, parts: map[int]*timetable{}}
	soon := p.timetable(from.Unix())
	date := from.UTC().Format(time.DateOnly)
	for i := range p.spaces {
		s := &p.spaces[i]
		if written := s.hours.String(); written == "off" || written == "closed" || len(soon.open[i]) > 0 || len(y.opens(i)) > 0 {
			continue
		}
		out = append(out, diagnostic.At(Meaning, s.openAt.at, fmt.Sprintf("%s is never open in the %d days from %s", s.Name, yearDays, date),
			`change its hours; if that is meant, write open = "off"`))
	}
	for ri := range p.rules {
		r := &p.rules[ri]
		if r.rotation != nil && r.rotation.begins(0) >= y.until {
			continue
		}
		for li := r.first; li < r.last; li++ {
			if length(p.wanted(soon, li)) == 0 && length(y.wanted(li)) == 0 {
				out = append(out, p.neverTogether(r, li, date))
			}
		}
		if p.doubtful(soon, r) {
			out = append(out, p.hardlyWins(y, ri, date)...)
		} else if r.rotation != nil && r.rotation.Of != "" {
			out = append(out, p.turnless(y, r, soon, date)...)
		}
	}
	return out.Finish(p.files, Warning)
}

// A year is a plan worked out for long enough to say "never", as far as somebody asks.
type year struct {
	p           *Plan
	from, until int64
	open        map[int]span.Set   // by space
	parts       map[int]*timetable // by part
}

func (y *year) opens(space int) span.Set {
	open, ok := y.open[space]
	if !ok {
		s := &y.p.spaces[space]
		open = s.hours.Open(s.place, span.Span{From: y.from, Until: y.until})
		y.open[space] = open
	}
	return open
}

// wanted is when a link could hold if there were no other rules.
func (y *year) wanted(li int) span.Set {
	l := &y.p.links[li]
	if l.Always {
		return span.Set{{From: y.from, Until: y.until}}
	}
	return y.opens(l.spaces[0]).Intersect(y.opens(l.spaces[1]))
}

// timetable is that of the part of the plan that a rule belongs to.
func (y *year) timetable(r *rule) *timetable {
	part := y.p.parts[y.p.links[r.first].spaces[0]]
	tt, ok := y.parts[part]
	if !ok {
		tt = y.p.workOut(y.from, y.until, part)
		y.parts[part] = tt
	}
	return tt
}

// wanted is when a link could hold if there were no other rules.
func (p *Plan) wanted(tt *timetable, li int) span.Set {
	if p.links[li].Always {
		return span.Set{{From: tt.from, Until: tt.until}}
	}
	return tt.open[p.links[li].spaces[0]].Intersect(tt.open[p.links[li].spaces[1]])
}

// doubtful says whether a rule gets so little in two weeks that it should be looked at more closely.
func (p *Plan) doubtful(tt *timetable, r *rule) bool {
	var wanted, given int64
	for li := r.first; li < r.last; li++ {
		wanted, given = wanted+length(p.wanted(tt, li)), given+tt.given(p.links[li].spaces[0], li)
	}
	return given*100 <= wanted*hardly
}

// given is how long a link has a space, in seconds.
func (tt *timetable) given(space, li int) (seconds int64) {
	for _, h := range tt.held[space] {
		if h.link == li {
			seconds += h.Until - h.From
		}
	}
	return seconds
}

func length(s span.Set) (seconds int64) {
	for _, x := range s {
		seconds += x.Until - x.From
	}
	return seconds
}

func (p *Plan) neverTogether(r *rule, li int, date string) Diagnostic {
	a, b := &p.spaces[p.links[li].spaces[0]], &p.spaces[p.links[li].spaces[1]]
	do := fmt.Sprintf("change the hours of one of them, at %s or %s", place(a.openAt.at), place(b.openAt.at))
	if r.rotation != nil {
		do = "their turn always goes to others; " + do
	} else {
		do += ", or write when = always"
	}
	return diagnostic.At(Meaning, r.at, fmt.Sprintf("%s and %s are never open together in the %d days from %s", a.Name, b.Name, yearDays, date), do)
}

// turnless is a warning about partners whom a space of a rotation never meets in a year, although they are open together: as of a
// space that is open on Wednesdays, and meets its third partner on each of them.
func (p *Plan) turnless(y *year, r *rule, soon *timetable, date string) Diagnostics {
	without := func(tt *timetable) (pairs []string) {
		for li := r.first; li < r.last; li++ {
			l := &p.links[li]
			if tt.given(l.spaces[0], li) == 0 && length(y.wanted(li)) > 0 {
				pairs = append(pairs, l.Between[0]+" and "+l.Between[1])
			}
		}
		return pairs
	}
	if len(without(soon)) == 0 {
		return nil
	}
	pairs := without(y.timetable(r))
	if len(pairs) == 0 {
		return nil
	}
	names := strings.Join(pairs[:min(3, len(pairs))], "; ")
	if len(pairs) > 3 {
		names += fmt.Sprintf("; and %d more", len(pairs)-3)
	}
	return Diagnostics{diagnostic.At(Meaning, r.at, fmt.Sprintf("in the %d days from %s these never get a turn: %s", yearDays, date, names),
		"their turns fall on days when one of them is closed or taken; choose another every, or a number of partners that does not go with the days they are open")}
}

// hardlyWins is a warning if a year shows that earlier rules take what this one wants.
func (p *Plan) hardlyWins(y *year, ri int, date string) Diagnostics {
	r := &p.rules[ri]
	var wanted, given int64
	for li := r.first; li < r.last; li++ {
		wanted += length(y.wanted(li))
	}
	if wanted == 0 {
		return nil
	}
	tt := y.timetable(r)
	for li := r.first; li < r.last; li++ {
		given += tt.given(p.links[li].spaces[0], li)
	}
	if given*100 >= wanted*hardly {
		return nil
	}
	what := fmt.Sprintf("this %s can hardly ever win: in the %d days from %s earlier rules leave it %d h of the %d h it wants", r.kind(), yearDays, date, given/3600, wanted/3600)
	do := "move it up, or remove it"
	if winner := p.blocker(tt, ri); winner >= 0 {
		w := &p.rules[winner]
		what += fmt.Sprintf(", and most go to %s %q at %s", w.kind(), p.links[w.first].Name, place(w.at))
		do = "move it above that one, or remove it"
	}
	return Diagnostics{diagnostic.At(Meaning, r.at, what, do)}
}

// blocker is the rule that takes most of what another wants, or -1.
func (p *Plan) blocker(tt *timetable, ri int) int {
	r := &p.rules[ri]
	takes := map[int]int64{}
	for li := r.first; li < r.last; li++ {
		wanted := p.wanted(tt, li)
		for _, s := range p.links[li].spaces {
			for _, h := range tt.held[s] {
				if h.link < r.first { // an earlier one
					takes[p.ruleOf(h.link)] += length(wanted.Clip(h.Span))
				}
			}
		}
	}
	winner := -1
	for rule, seconds := range takes {
		if seconds > 0 && (winner < 0 || seconds > takes[winner] || seconds == takes[winner] && rule < winner) {
			winner = rule
		}
	}
	return winner
}

// ruleOf is the rule that a link belongs to.
func (p *Plan) ruleOf(li int) int {
	i, _ := slices.BinarySearchFunc(p.rules, li, func(r rule, li int) int {
		if r.last <= li {
			return -1
		}
		return cmp.Compare(r.first, li)
	})
	if i == len(p.rules) || p.rules[i].first > li {
		i--
	}
	return i
}
