package dialplan

import (
	"slices"
	"time"
)

// A View is what one window shows during a time.
type View struct {
	Open    bool   `json:"open"`
	Partner string `json:"partner,omitempty"` // empty: nobody
	Caller  string `json:"caller,omitempty"`
	Rule    string `json:"rule,omitempty"` // name of the link or rotation
}

// same says whether a window does the same: by which rule does not matter to it.
func (v View) same(o View) bool {
	return v.Open == o.Open && v.Partner == o.Partner && v.Caller == o.Caller
}

// A Change is a time during which a window shows something else under a new plan.
type Change struct {
	Space   string    `json:"space"`
	From    time.Time `json:"from"` // UTC
	Until   time.Time `json:"until"`
	Was     View      `json:"was"`
	Is      View      `json:"is"`
	Added   bool      `json:"added,omitempty"`   // the old plan has no such space
	Removed bool      `json:"removed,omitempty"` // the new plan has no such space
}

// Sees says whether the window sees somebody else, or somebody rather than nobody: otherwise only its hours, or who
// of the two calls, change.
func (c Change) Sees() bool { return c.Was.Partner != c.Is.Partner }

// Diff is what windows show otherwise under the new plan than under the old, in ProgrammeDays from a time on: by name
// of the space, then in the order of time.
func Diff(old, new *Plan, from time.Time) []Change {
	var out []Change
	names := make([]string, 0, len(new.spaces))
	for _, p := range []*Plan{old, new} {
		for i := range p.spaces {
			names = append(names, p.spaces[i].Name)
		}
	}
	slices.Sort(names)
	was, is := old.timetable(from.Unix()), new.timetable(from.Unix())
	for _, name := range slices.Compact(names) {
		out = append(out, diffOf(old, new, was, is, name, from.Unix())...)
	}
	return out
}

// diffOf is the changes of one space.
func diffOf(old, new *Plan, was, is *timetable, name string, from int64) (out []Change) {
	oldSpace, inOld := old.spaceByName[name]
	newSpace, inNew := new.spaceByName[name]
	until := from + ProgrammeDays*day
	for t := from; t < until; {
		c := Change{Space: name, From: utc(t), Added: !inOld, Removed: !inNew}
		next := until
		if inOld {
			c.Was = old.view(was, oldSpace, t)
			next = min(next, was.border(oldSpace, t))
		}
		if inNew {
			c.Is = new.view(is, newSpace, t)
			next = min(next, is.border(newSpace, t))
		}
		c.Until = utc(next)
		t = next
		if c.Was.same(c.Is) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Until.Equal(c.From) && out[n-1].Was.same(c.Was) && out[n-1].Is.same(c.Is) {
			out[n-1].Until = c.Until
			continue
		}
		out = append(out, c)
	}
	return out
}

// view is what a space shows at t.
func (p *Plan) view(tt *timetable, space int, t int64) View {
	var v View
	_, v.Open = tt.open[space].Find(t)
	if li := tt.linkAt(space, t); li >= 0 {
		l := &p.links[li]
		v.Partner, v.Caller, v.Rule = l.Partner(p.spaces[space].Name), l.Caller, l.Name
	}
	return v
}

// border is the first time after t at which something changes, or the end of the timetable.
func (tt *timetable) border(space int, t int64) int64 {
	next := tt.nextHolding(space, t)
	if opening, ok := tt.open[space].Next(t); ok {
		next = min(next, opening)
	}
	return next
}
