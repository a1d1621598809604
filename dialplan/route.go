package dialplan

import (
	"fmt"
	"slices"
	"time"

	"ewindow/dialplan/programme"
)

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
//   - A space calls a space while a link holds between the two, or up to programme.Early before; either of the two may call.
//   - A phone calls a space of its may_dial while that is open, and a phone of its may_dial always. Of a group it calls
//     the members in its may_dial, or all of them if the group is in it.
//   - A space never calls a phone, nor a group.
//   - Whom a probation keeps apart (see Under) do not call each other: of a group, they are skipped.
//   - Everybody calls the echo.
func (p *Plan) Route(caller, dialled string, at time.Time) Decision {
	from, fromSpace := p.spaceByName[caller]
	phone, fromPhone := p.phone(caller)
	to, known := p.Resolve(dialled)
	switch {
	case !fromSpace && !fromPhone:
		return refuse(403, "%s is not in the plan", caller)
	case !known:
		return refuse(404, "nothing has the name or number %s", dialled)
	case to.Kind == KindEcho:
		return allow(to)
	case caller == to.Name:
		return refuse(403, "%s would call itself", caller)
	case fromPhone:
		return p.routePhone(phone, to, at)
	case to.Kind != KindSpace:
		return refuse(403, "a window does not call a %s", to.Kind)
	}
	d := p.routeLink(from, p.spaceByName[to.Name], at)
	if d.Status == 0 {
		d.Knock = to.Knock
	}
	return d
}

// allow is for a Resolution whose Targets are those that may be called.
func allow(to Resolution) Decision {
	return Decision{Target: to.Targets[0], Targets: to.Targets, All: to.All && len(to.Targets) > 1, Knock: to.Knock}
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
	if space := p.keeps(nameA, nameB); space != "" {
		return refuse(403, "%s", p.onProbation(space))
	}
	t := at.Unix()
	held := p.timetable(t).held[a] // of two weeks at least, so programme.Early is never beyond its end
	i := slices.IndexFunc(held, func(h holding) bool { return h.Until > t && together(h.link) })
	if i >= 0 && held[i].From <= at.Add(programme.Early).Unix() {
		return Decision{Target: nameB, Targets: []string{nameB}}
	}
	d := refuse(480, "%s and %s do not see each other now", nameA, nameB)
	if i >= 0 {
		d.Next = utc(held[i].From)
	}
	return d
}

// routePhone decides for a phone: of all that is to be called, it gets what it may dial and what is open.
func (p *Plan) routePhone(ph *Phone, to Resolution, at time.Time) Decision {
	whole := slices.Contains(ph.MayDial, to.Name)
	var may, open []string
	var next int64 // when the first of the closed ones opens; 0 if none does
	kept := ""     // a space on probation that keeps it from one of them
	for _, target := range to.Targets {
		if target == ph.Name || !slices.Contains(ph.MayDial, target) && !(whole && to.Kind == KindGroup) {
			continue
		}
		if space := p.keeps(ph.Name, target); space != "" {
			kept = space
			continue
		}
		may = append(may, target)
		isOpen, opens := p.answers(target, at.Unix())
		if isOpen {
			open = append(open, target)
		} else if opens != 0 && (next == 0 || opens < next) {
			next = opens
		}
	}
	switch {
	case len(may) == 0 && kept != "":
		return refuse(403, "%s", p.onProbation(kept))
	case len(may) == 0:
		return refuse(403, "%s may not dial %s", ph.Name, to.Name)
	case len(open) > 0:
		to.Targets = open
		return allow(to)
	}
	d := refuse(480, "%s is closed now", to.Name)
	if to.Kind == KindGroup {
		d.Reason = fmt.Sprintf("all of %s are closed now", to.Name)
	}
	if next != 0 {
		d.Next = utc(next)
	}
	return d
}

// answers says whether a space is open at t, or when it opens: 0 if not within two weeks. A phone is always open.
func (p *Plan) answers(target string, t int64) (open bool, opens int64) {
	i, ok := p.spaceByName[target]
	if !ok {
		return true, 0
	}
	set := p.timetable(t).open[i]
	if _, open := set.Find(t); open {
		return true, 0
	}
	opens, _ = set.Next(t)
	return false, opens
}
