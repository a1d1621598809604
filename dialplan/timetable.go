package dialplan

import (
	"cmp"
	"slices"
	"time"

	"ewindow/dialplan/span"
)

const (
	day = int64(24 * 60 * 60) // seconds

	// tableDays is how much time one timetable covers: a programme, whatever the time of day it begins at.
	tableDays = ProgrammeDays + 1
	// tables kept: today's, tomorrow's, and one for somebody who asks about another time.
	tablesKept = 3
	// horizon is how far NextChange looks: every change of clocks lies within a year.
	horizon = 400 * day
)

// A timetable is the whole plan worked out for some days. All programmes and routes of these days are read from it,
// so the two ends of a link cannot disagree.
type timetable struct {
	from, until int64       // Unix seconds
	open        []span.Set  // by space
	held        [][]holding // by space, in the order of time; they do not overlap
}

// A holding is the time during which a link has a space.
type holding struct {
	span.Span
	link int // index in Plan.links
}

// timetable covers t and at least ProgrammeDays after it.
func (p *Plan) timetable(t int64) *timetable {
	from := floor(t, day)
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.memo, func(tt *timetable) bool { return tt.from == from })
	if i >= 0 {
		found := p.memo[i]
		copy(p.memo[1:i+1], p.memo[:i])
		p.memo[0] = found
		return found
	}
	made := p.workOut(from, from+tableDays*day, everybody)
	p.memo = append([]*timetable{made}, p.memo[:min(len(p.memo), tablesKept-1)]...)
	return made
}

// everybody in place of a part means all parts.
const everybody = -1

// workOut gives each rule, first to last, the time that it wants and that neither of two spaces has given away.
// The spaces and rules of other parts have no influence, and are left out.
func (p *Plan) workOut(from, until int64, part int) *timetable {
	tt := &timetable{from: from, until: until, open: make([]span.Set, len(p.spaces)), held: make([][]holding, len(p.spaces))}
	for i := range p.spaces {
		if part == everybody || part == p.parts[i] {
			tt.open[i] = p.spaces[i].hours.Open(p.spaces[i].place, span.Span{From: from, Until: until})
		}
	}
	taken := make([]span.Set, len(p.spaces))
	for ri := range p.rules {
		r := &p.rules[ri]
		switch {
		case part != everybody && part != p.parts[p.links[r.first].spaces[0]]:
		case r.rotation == nil && p.bars(r.first):
		case r.rotation != nil:
			p.rotate(tt, taken, r)
		default:
			a, b := p.links[r.first].spaces[0], p.links[r.first].spaces[1]
			wanted := span.Set{{From: from, Until: until}}
			if !p.links[r.first].Always {
				wanted = tt.open[a].Intersect(tt.open[b])
			}
			p.give(tt, taken, r.first, wanted.Subtract(taken[a]).Subtract(taken[b]))
		}
	}
	for i, h := range tt.held {
		tt.held[i] = inOrder(h)
	}
	return tt
}

// give gives a link a time that both of its spaces have free.
func (p *Plan) give(tt *timetable, taken []span.Set, li int, given span.Set) {
	if len(given) == 0 {
		return
	}
	for _, s := range p.links[li].spaces {
		taken[s] = taken[s].Union(given)
		tt.hold(s, li, given)
	}
}

func (tt *timetable) hold(space, li int, given span.Set) {
	for _, g := range given {
		tt.held[space] = append(tt.held[space], holding{g, li})
	}
}

// rotate gives the pairs of a rotation their time. In each turn its own pairs come first, then those of the next turn
// have what is left, and so on: so that whoever is closed or taken is skipped.
func (p *Plan) rotate(tt *timetable, taken []span.Set, r *rule) {
	ro := r.rotation
	var spaces []int
	for _, l := range p.links[r.first:r.last] {
		spaces = append(spaces, l.spaces[:]...)
	}
	slices.Sort(spaces)
	spaces = slices.Compact(spaces)
	all, free, got := map[int]span.Set{}, map[int]span.Set{}, map[int]span.Set{}
	for turn := max(0, ro.turnAt(tt.from)); ; turn++ {
		window := span.Span{From: max(tt.from, ro.begins(turn)), Until: min(tt.until, ro.begins(turn+1))}
		if window.From >= tt.until {
			break
		}
		for _, s := range spaces {
			all[s] = tt.open[s].Clip(window).Subtract(taken[s].Clip(window))
			free[s] = all[s]
		}
		p.turn(tt, r, turn, free)
		for _, s := range spaces {
			for _, given := range all[s].Subtract(free[s]) {
				got[s] = got[s].Append(given)
			}
		}
	}
	for _, s := range spaces {
		taken[s] = taken[s].Union(got[s])
	}
}

// turn gives the pairs of a rotation what their spaces have free in one turn, and takes that from free.
func (p *Plan) turn(tt *timetable, r *rule, turn int64, free map[int]span.Set) {
	for i := range r.turns {
		for _, li := range r.turns[(int(turn%int64(len(r.turns)))+i)%len(r.turns)] {
			a, b := p.links[li].spaces[0], p.links[li].spaces[1]
			if len(free[a]) == 0 || len(free[b]) == 0 || p.bars(li) {
				continue
			}
			given := free[a].Intersect(free[b])
			if len(given) == 0 {
				continue
			}
			free[a], free[b] = free[a].Subtract(given), free[b].Subtract(given)
			tt.hold(a, li, given)
			tt.hold(b, li, given)
		}
	}
}

// inOrder sorts what was given to a space, and makes one of what touches: a pair may have two turns one after the other.
func inOrder(held []holding) []holding {
	slices.SortFunc(held, func(a, b holding) int { return cmp.Compare(a.From, b.From) })
	out := held[:0]
	for _, h := range held {
		if n := len(out); n > 0 && out[n-1].link == h.link && out[n-1].Until == h.From {
			out[n-1].Until = h.Until
			continue
		}
		out = append(out, h)
	}
	return out
}

// findParts numbers the spaces so that those which links join, directly or through others, have the same number.
func (p *Plan) findParts() {
	p.parts = make([]int, len(p.spaces))
	for i := range p.parts {
		p.parts[i] = everybody
	}
	for i := range p.spaces {
		if p.parts[i] != everybody {
			continue
		}
		p.parts[i] = i
		for found := []int{i}; len(found) > 0; {
			next := found[len(found)-1]
			found = found[:len(found)-1]
			for _, li := range p.linksOf[next] {
				for _, s := range p.links[li].spaces {
					if p.parts[s] == everybody {
						p.parts[s] = i
						found = append(found, s)
					}
				}
			}
		}
	}
}

// linkAt is the index of the link that has the space at t, or -1.
func (tt *timetable) linkAt(space int, t int64) int {
	for _, h := range tt.held[space] {
		if h.Contains(t) {
			return h.link
		}
	}
	return -1
}

// nextChange is the first border after t, of opening hours or of a link; false if none is in the timetable.
func (tt *timetable) nextChange(space int, t int64) (int64, bool) {
	next, ok := tt.open[space].Next(t)
	for _, h := range tt.held[space] {
		if h.Until <= t {
			continue
		}
		border := h.From
		if border <= t {
			border = h.Until
		}
		if !ok || border < next {
			next, ok = border, true
		}
		break
	}
	if ok && next >= tt.until {
		return 0, false // only the end of the timetable
	}
	return next, ok
}

// LinkAt is the link that has the space at t.
func (p *Plan) LinkAt(space string, t time.Time) (Link, bool) {
	i, ok := p.spaceByName[space]
	if !ok {
		return Link{}, false
	}
	li := p.timetable(t.Unix()).linkAt(i, t.Unix())
	if li < 0 {
		return Link{}, false
	}
	return p.links[li], true
}

// OpenAt says whether the space is open at t, by its own hours.
func (p *Plan) OpenAt(space string, t time.Time) bool {
	i, ok := p.spaceByName[space]
	if !ok {
		return false
	}
	_, open := p.timetable(t.Unix()).open[i].Find(t.Unix())
	return open
}

// NextChange is the first time after t at which the space opens, closes, or another link, or none, has it.
// Until then OpenAt and LinkAt answer the same. It is the zero time if nothing changes within 400 days.
func (p *Plan) NextChange(space string, t time.Time) time.Time {
	i, ok := p.spaceByName[space]
	if !ok {
		return time.Time{}
	}
	at := t.Unix()
	tt := p.timetable(at)
	_, open := tt.open[i].Find(at)
	link := tt.linkAt(i, at)
	for end := at + horizon; ; {
		if next, ok := tt.nextChange(i, at); ok {
			return utc(next)
		}
		at = tt.until
		if at > end {
			return time.Time{}
		}
		tt = p.workOut(at, at+tableDays*day, p.parts[i])
		if _, stillOpen := tt.open[i].Find(at); stillOpen != open || tt.linkAt(i, at) != link {
			return utc(at)
		}
	}
}

// floor is the greatest multiple of n that is not above x.
func floor(x, n int64) int64 {
	r := x % n
	if r < 0 {
		r += n
	}
	return x - r
}
