package dialplan

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"ewindow/dialplan/diagnostic"
	"ewindow/dialplan/hours"
)

// finish puts together what the files said, and checks what they expect of it.
func (r *reader) finish() *Plan {
	if len(r.spaces) == 0 && len(r.errors) == 0 {
		r.errors = append(r.errors, diagnostic.Whole(r.first, "no space is described", `write at least one: space "name" { … }`)...)
	}
	p := &Plan{content: content{
		links: r.links, rules: r.rules, phones: r.phones, groups: r.groups, knocks: r.knocks, numbers: r.numbers, spaces: r.spaces,
		expects: r.expects, spaceByName: make(map[string]int, len(r.spaces)), accountAt: map[string]hcl.Range{},
	}}
	for word, n := range r.names {
		if n.kind == "space" || n.kind == "phone" {
			p.accountAt[word] = n.at
		}
	}
	slices.SortFunc(p.spaces, func(a, b space) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(p.phones, func(a, b Phone) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(p.groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(p.knocks, func(a, b Knock) int { return strings.Compare(a.Name, b.Name) })
	for i, s := range p.spaces {
		p.spaceByName[s.Name] = i
	}
	for _, refer := range r.references {
		refer()
	}
	if len(r.errors) > 0 {
		return nil
	}
	for i := range p.spaces {
		p.spaces[i].settle(r.calendars)
	}
	p.join()
	p.findParts()
	r.suspect(p)
	for i := range p.expects {
		r.hold(p, &p.expects[i])
	}
	return p
}

// settle gives a space its calendar, and its hours the days on which they do not hold.
func (s *space) settle(calendars map[string]*calendar) {
	s.place = hours.Place{Location: s.Location}
	if s.calendar = calendars[s.Calendar]; s.calendar != nil {
		s.place.Holiday = func(day int64) bool { return s.calendar.holiday(day) != "" }
		for _, p := range s.calendar.periods {
			if p.kind == "closed" {
				s.periods = append(s.periods, p)
			}
		}
	}
	if len(s.periods) > 0 {
		s.place.Closed = func(day int64) bool { return s.closedBy(day) >= 0 }
	}
}

// closedBy is the index of the period that closes a civil day, or -1.
func (s *space) closedBy(day int64) int {
	return slices.IndexFunc(s.periods, func(p period) bool { return p.dates.Has(day) })
}

// join puts the indices of spaces into links, and gives rotations the time zone in which their days are meant.
func (p *Plan) join() {
	p.linksOf = make([][]int, len(p.spaces))
	for li := range p.links {
		l := &p.links[li]
		for i, name := range l.Between {
			l.spaces[i] = p.spaceByName[name]
			p.linksOf[l.spaces[i]] = append(p.linksOf[l.spaces[i]], li)
		}
	}
	for i := range p.rules {
		if ro := p.rules[i].rotation; ro != nil && ro.Location == nil {
			ro.Location = p.spaces[p.links[p.rules[i].first].spaces[0]].Location
		}
	}
}
