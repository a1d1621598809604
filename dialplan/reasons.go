package dialplan

import "fmt"

// reasons is what came of a rule at t for one of its spaces; nothing if it does not name the space.
func (p *Plan) reasons(tt *timetable, ri, space int, t int64) []Reason {
	r := &p.rules[ri]
	if r.rotation == nil {
		if l := &p.links[r.first]; l.spaces[0] == space || l.spaces[1] == space {
			return []Reason{p.reason(tt, ri, r.first, space, t)}
		}
		return nil
	}
	var own []int // its pairs with the space, in the order in which their turns come
	turn := r.rotation.turnAt(t)
	for i := range r.turns {
		for _, li := range r.turns[(int(max(0, turn)%int64(len(r.turns)))+i)%len(r.turns)] {
			if l := &p.links[li]; l.spaces[0] == space || l.spaces[1] == space {
				own = append(own, li)
			}
		}
	}
	if turn < 0 && len(own) > 0 {
		reason := p.blank(ri, own[0], space)
		reason.Why = "its first turn begins on " + r.rotation.From.Format("2006-01-02")
		return []Reason{reason}
	}
	var out []Reason
	for i, li := range own {
		reason := p.reason(tt, ri, li, space, t)
		if i == 0 && p.hasTurn(r, turn, li) {
			reason.Why = "it is their turn: " + reason.Why
		}
		out = append(out, reason)
		if reason.Decided {
			break // the turns after it have no say
		}
	}
	return out
}

func (p *Plan) hasTurn(r *rule, turn int64, li int) bool {
	for _, other := range r.turns[turn%int64(len(r.turns))] {
		if other == li {
			return true
		}
	}
	return false
}

// blank is a reason without its outcome.
func (p *Plan) blank(ri, li, space int) Reason {
	l := &p.links[li]
	return Reason{Kind: p.rules[ri].kind(), Name: l.Name, File: l.File, Line: l.Line, Column: l.Column, Partner: l.Partner(p.spaces[space].Name)}
}

// reason is what came of a link at t.
func (p *Plan) reason(tt *timetable, ri, li, space int, t int64) Reason {
	out := p.blank(ri, li, space)
	partner := p.spaceByName[out.Partner]
	_, open := tt.open[space].Find(t)
	_, partnerOpen := tt.open[partner].Find(t)
	has, partnerHas := tt.linkAt(space, t), tt.linkAt(partner, t)
	name := p.spaces[space].Name
	switch {
	case has == li:
		out.Decided, out.Why = true, fmt.Sprintf("shows %s, and %s calls", out.Partner, p.links[li].Caller)
	case p.bars(li):
		out.Why = p.onProbation(p.keeps(name, out.Partner))
	case !p.links[li].Always && !open && !partnerOpen:
		out.Why = fmt.Sprintf("%s and %s are closed", name, out.Partner)
	case !p.links[li].Always && !open:
		out.Why = name + " is closed"
	case !p.links[li].Always && !partnerOpen:
		out.Why = out.Partner + " is closed"
	case has >= 0 && p.before(has, li):
		out.Why = p.taken(name, has)
	default: // it wanted the space, so somebody had the partner before
		out.Why = p.taken(out.Partner, partnerHas)
	}
	return out
}

// before says whether a link had its say before another.
func (p *Plan) before(a, b int) bool { return a < b || p.ruleOf(a) == p.ruleOf(b) }

// taken says which rule has a space.
func (p *Plan) taken(space string, li int) string {
	if li < 0 {
		return space + " is taken"
	}
	l := &p.links[li]
	return fmt.Sprintf("%s sees %s by %s %q, which comes first: %s:%d:%d", space, l.Partner(space), p.rules[p.ruleOf(li)].kind(), l.Name, l.File, l.Line, l.Column)
}
