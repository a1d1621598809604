package dialplan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ewindow/dialplan/diagnostic"
)

// probationWarnings are what the probations make of the plan: rules that cannot be, and whoever is left with nobody.
func (p *Plan) probationWarnings() Diagnostics {
	var out Diagnostics
	for _, space := range slices.Sorted(maps.Keys(p.probations)) {
		i, is := p.spaceByName[space]
		if !is {
			continue // its account is what check --accounts warns of
		}
		if !slices.ContainsFunc(p.linksOf[i], func(li int) bool { return !p.bars(li) }) {
			out = append(out, diagnostic.At(Meaning, p.spaces[i].at, fmt.Sprintf("%s sees nobody: %s, and no rule links the two", space, p.onProbation(space)),
				"link it with its sponsor, or confirm it"))
		}
	}
	for ri := range p.rules {
		if why := p.cannotBe(&p.rules[ri]); why != "" {
			out = append(out, diagnostic.At(Meaning, p.rules[ri].at, why, "leave it for when that is confirmed, or confirm it now"))
		}
	}
	for i := range p.phones {
		if d, is := p.mayNotDial(&p.phones[i]); is {
			out = append(out, d)
		}
	}
	for i := range p.expects {
		if d, is := p.notYet(&p.expects[i]); is {
			out = append(out, d)
		}
	}
	return out.Finish(p.files, Warning)
}

// cannotBe says which pairs of a rule a probation keeps apart; empty if none.
func (p *Plan) cannotBe(r *rule) string {
	var pairs, spaces []string
	for li := r.first; li < r.last; li++ {
		if l := &p.links[li]; p.bars(li) {
			pairs = append(pairs, l.Between[0]+" and "+l.Between[1])
			spaces = append(spaces, p.onProbation(p.keeps(l.Between[0], l.Between[1])))
		}
	}
	if len(pairs) == 0 {
		return ""
	}
	slices.Sort(spaces)
	spaces = slices.Compact(spaces)
	names := strings.Join(pairs[:min(3, len(pairs))], "; ")
	if len(pairs) > 3 {
		names += fmt.Sprintf("; and %d more", len(pairs)-3)
	}
	return fmt.Sprintf("this %s cannot show these to each other: %s (%s)", r.kind(), names, strings.Join(spaces, "; "))
}

// mayNotDial is a warning of a phone that a probation keeps from some of whom it may dial.
func (p *Plan) mayNotDial(ph *Phone) (Diagnostic, bool) {
	var names []string
	why := ""
	for _, account := range p.accounts(ph.MayDial) {
		if space := p.keeps(ph.Name, account); space != "" {
			names, why = append(names, account), p.onProbation(space)
		}
	}
	if len(names) == 0 {
		return Diagnostic{}, false
	}
	do := "leave it for when that is confirmed, or confirm it now"
	if ph.At == "" {
		do = "write at = name of the sponsor, if the phone stands there; or confirm the space"
	}
	return diagnostic.At(Meaning, p.accountAt[ph.Name], fmt.Sprintf("%s may not dial %s: %s", ph.Name, strings.Join(names, ", "), why), do), true
}

// notYet is a warning of an expectation that holds only without the probations.
func (p *Plan) notYet(e *Expectation) (Diagnostic, bool) {
	space, t := p.spaceByName[e.Space], e.At.Unix()
	sees := ""
	if li := p.workOut(t, t+1, p.parts[space]).linkAt(space, t); li >= 0 {
		sees = p.links[li].Partner(e.Space)
	}
	if sees == e.Sees {
		return Diagnostic{}, false
	}
	return diagnostic.At(Meaning, e.seesAt, fmt.Sprintf("expected %q is not so while %s: %s sees %s, not %s",
		e.Name, strings.Join(p.OnProbation(), ", and "), e.Space, orNobody(sees), orNobody(e.Sees)), "it holds once that is confirmed"), true
}
