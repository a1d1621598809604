package dialplan

import (
	"fmt"
	"slices"
	"time"
)

// Early is how long before an interval begins a window may call: clocks differ.
const Early = 60 * time.Second

// A Decision is the plan's answer to an INVITE outside a dialog.
type Decision struct {
	Target  string    // account name of the callee if Status is 0: the first of Targets
	Targets []string  // of a group, all that may be called now, in order; of anything else Target alone; Echo for the echo
	All     bool      // call all of Targets at once, the first to answer has it; otherwise the first one that is free
	Knock   string    // name of the knock policy of the number that was dialled; may be empty
	Status  int       // 0: allowed; else the SIP status to answer with: 403, 404 or 480
	Reason  string    // for people and the log, in ASCII; empty if allowed
	Next    time.Time // with 480: when it would be allowed; zero if not within two weeks
}

// Route says whether an account may call now what it dialled: the user part of the request URI, a name or a number.
//
//   - A space calls a space while a link holds between the two, or up to Early before; either of the two may call.
//   - A phone calls a space of its may_dial while that is open, and a phone of its may_dial always.
//   - A space never calls a phone.
func (p *Plan) Route(caller, dialled string, at time.Time) Decision {
	target := dialled
	if t, ok := p.numbers[dialled]; ok {
		target = t
	}
	to, toSpace := p.spaceByName[target]
	_, toPhone := p.phone(target)
	from, fromSpace := p.spaceByName[caller]
	phone, fromPhone := p.phone(caller)
	switch {
	case !fromSpace && !fromPhone:
		return refuse(403, "%s is not in the plan", caller)
	case !toSpace && !toPhone:
		return refuse(404, "nothing has the name or number %s", dialled)
	case caller == target:
		return refuse(403, "%s would call itself", caller)
	case fromSpace && toPhone:
		return refuse(403, "a window does not call a phone")
	case fromSpace:
		return p.routeLink(from, to, at)
	case !slices.Contains(phone.MayDial, target):
		return refuse(403, "%s may not dial %s", caller, target)
	case toPhone:
		return Decision{Target: target}
	}
	return p.routePhone(to, at)
}

func refuse(status int, format string, args ...any) Decision {
	return Decision{Status: status, Reason: fmt.Sprintf(format, args...)}
}

// routeLink decides for two spaces.
func (p *Plan) routeLink(a, b int, at time.Time) Decision {
	nameA, nameB := p.spaces[a].Name, p.spaces[b].Name
	together := func(li int) bool { l := &p.links[li]; return l.spaces == [2]int{a, b} || l.spaces == [2]int{b, a} }
	if !slices.ContainsFunc(p.linksOf[a], together) {
		return refuse(403, "no link is between %s and %s", nameA, nameB)
	}
	t := at.Unix()
	held := p.timetable(t).held[a] // of two weeks at least, so Early is never beyond its end
	i := slices.IndexFunc(held, func(h holding) bool { return h.Until > t && together(h.link) })
	if i >= 0 && held[i].From <= at.Add(Early).Unix() {
		return Decision{Target: nameB}
	}
	d := refuse(480, "%s and %s do not see each other now", nameA, nameB)
	if i >= 0 {
		d.Next = utc(held[i].From)
	}
	return d
}

// routePhone decides for a phone that may dial the space.
func (p *Plan) routePhone(to int, at time.Time) Decision {
	t := at.Unix()
	open := p.timetable(t).open[to]
	if _, ok := open.Find(t); ok {
		return Decision{Target: p.spaces[to].Name}
	}
	d := refuse(480, "%s is closed now", p.spaces[to].Name)
	if next, ok := open.Next(t); ok {
		d.Next = utc(next)
	}
	return d
}
