package dialplan

import (
	"fmt"
	"slices"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/dialplan/span"
)

// ProgrammeDays is how many days of the plan a window is given.
const ProgrammeDays = 14

// Programme is the space's part of the plan for ProgrammeDays from a time on, to the second. It fails for an unknown space.
func (p *Plan) Programme(space string, from time.Time) (*programme.Programme, error) {
	i, ok := p.spaceByName[space]
	if !ok {
		return nil, fmt.Errorf("programme of %q: the plan has no space of that name", space)
	}
	s := p.spaces[i].Space
	start := from.Unix()
	window := span.Span{From: start, Until: start + ProgrammeDays*day}
	tt := p.timetable(start)
	out := &programme.Programme{
		Version:  programme.Version,
		Space:    s.Name,
		Name:     s.Display,
		Timezone: s.Location.String(),
		Revision: p.revision,
		From:     utc(window.From),
		Until:    utc(window.Until),
		Open:     []programme.Span{},
		Links:    []programme.Interval{},
		Phones:   p.phonesOf(s.Name),
	}
	for _, o := range tt.open[i].Clip(window) {
		out.Open = append(out.Open, programme.Span{From: utc(o.From), Until: utc(o.Until)})
	}
	for _, h := range tt.held[i] {
		cut := span.Span{From: max(h.From, window.From), Until: min(h.Until, window.Until)}
		if cut.From >= cut.Until {
			continue
		}
		l := p.links[h.link]
		partner := l.Partner(s.Name)
		out.Links = append(out.Links, programme.Interval{
			Span:        programme.Span{From: utc(cut.From), Until: utc(cut.Until)},
			Partner:     partner,
			PartnerName: p.spaces[p.spaceByName[partner]].Display,
			Caller:      l.Caller,
			Link:        l.Name,
		})
	}
	return out, nil
}

func (p *Plan) phonesOf(space string) []programme.Phone {
	var out []programme.Phone
	for _, ph := range p.phones {
		if slices.Contains(ph.MayDial, space) {
			out = append(out, programme.Phone{Account: ph.Name, Name: ph.Display, Security: ph.Security, Picture: ph.Picture})
		}
	}
	return out
}

func utc(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
