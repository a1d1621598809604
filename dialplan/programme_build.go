package dialplan

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/dialplan/span"
)

// ProgrammeDays is how many days of the plan a window is given. It is fewer if so many do not fit a message.
const ProgrammeDays = 14

// Programme is the space's part of the plan for ProgrammeDays from a time on, to the second. It fails for an unknown space.
func (p *Plan) Programme(space string, from time.Time) (*programme.Programme, error) {
	i, ok := p.spaceByName[space]
	if !ok {
		return nil, fmt.Errorf("programme of %q: the plan has no space of that name", space)
	}
	start := from.Unix()
	tt := p.timetable(start)
	for days := int64(ProgrammeDays); ; days /= 2 {
		made := p.programme(i, tt, span.Span{From: start, Until: start + days*day})
		keys := keyRoom(made)
		if atMost(made)+keys <= programme.MaxSize {
			return made, nil
		}
		b, err := programme.Encode(made)
		if err == nil && (len(b)+keys <= programme.MaxSize || days == 1) {
			return made, nil
		} else if days == 1 {
			return nil, err
		}
	}
}

// keyRoom is what the keys of its partners will take, which are not the plan's to know.
func keyRoom(p *programme.Programme) (size int) {
	for _, partner := range p.Partners() {
		size += programme.KeyRoom + len(partner)
	}
	return size
}

// atMost is a size, in bytes, that the encoded programme does not exceed, found faster than by encoding it.
func atMost(p *programme.Programme) int {
	const escaped = 6 // JSON may write a byte as \u003c
	size := 400 + escaped*(len(p.Space)+len(p.Name)+len(p.Note)+len(p.Timezone)) + 80*len(p.Open)
	for _, l := range p.Links {
		size += 160 + len(l.Partner) + len(l.Caller) + escaped*(len(l.PartnerName)+len(l.Link))
	}
	for _, ph := range p.Phones {
		size += 110 + len(ph.Account) + escaped*len(ph.Name)
	}
	for _, k := range p.Knocks {
		size += 120 + len(k.Number) + len(k.Policy)
		for _, from := range k.From {
			size += 3 + len(from)
		}
	}
	return size
}

// programme is what the timetable says of a space within a window of time.
func (p *Plan) programme(i int, tt *timetable, window span.Span) *programme.Programme {
	s := p.spaces[i].Space
	out := &programme.Programme{
		Version:  programme.Version,
		Space:    s.Name,
		Name:     s.Display,
		Note:     s.Note,
		Timezone: s.Location.String(),
		Revision: p.revision,
		From:     utc(window.From),
		Until:    utc(window.Until),
		Open:     []programme.Span{},
		Links:    []programme.Interval{},
		Phones:   p.phonesOf(s.Name),
		Knocks:   p.knocksOf(s.Name),
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
	return out
}

// phonesOf is who may call a space: by its name, or as a member of a group.
func (p *Plan) phonesOf(space string) []programme.Phone {
	var out []programme.Phone
	for _, ph := range p.phones {
		if slices.ContainsFunc(ph.MayDial, func(may string) bool { return may == space || p.isMember(space, may) }) && p.keeps(ph.Name, space) == "" {
			out = append(out, programme.Phone{Account: ph.Name, Name: ph.Display, Security: ph.Security, Picture: ph.Picture, Always: ph.Always})
		}
	}
	return out
}

func (p *Plan) isMember(account, group string) bool {
	g, ok := p.group(group)
	return ok && slices.Contains(g.Members, account)
}

// knocksOf is the numbers by which others ask a space to be let in.
func (p *Plan) knocksOf(space string) []programme.Knock {
	if len(p.knocks) == 0 {
		return nil
	}
	var out []programme.Knock
	for _, n := range p.Numbers() {
		if n.Knock == "" || n.Rings != space && !p.isMember(space, n.Rings) {
			continue
		}
		k, _ := p.knock(n.Knock)
		knock := programme.Knock{Number: n.Number, Policy: k.Name, Ring: int(k.Ring / time.Second), Until: k.Until, Everybody: k.everybody()}
		if _, on := p.probations[space]; on || !knock.Everybody {
			knock.Everybody, knock.From = false, p.mayKnock(k, space)
		}
		out = append(out, knock)
	}
	return out
}

// mayKnock is the accounts of a policy that a space may be called by. Of "members" they are listed only for a space on
// probation, whose list is short; to others the registrar lets none of whom a probation keeps from them.
func (p *Plan) mayKnock(k *Knock, space string) []string {
	from := slices.Sorted(maps.Keys(p.accountAt))
	if !k.everybody() {
		from = p.accounts(k.From)
	}
	return slices.DeleteFunc(from, func(account string) bool { return p.keeps(account, space) != "" })
}

// accounts is names with each group replaced by its members, each once and sorted.
func (p *Plan) accounts(names []string) []string {
	var out []string
	for _, n := range names {
		if g, ok := p.group(n); ok {
			out = append(out, g.Members...)
		} else {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func utc(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
