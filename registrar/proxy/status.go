package proxy

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"ewindow/dialplan"
	"ewindow/registrar/location"
	"ewindow/registrar/status"
)

// Status is what the registrar knows about itself now. It may be called from any goroutine.
func (s *Server) Status() status.Status {
	now, plan := time.Now(), s.Plan()
	st := status.Status{
		Domain: s.domain, At: now, Started: s.made, Plan: status.Plan{Revision: plan.Revision()},
		Calls: append(s.calls.status(), s.echo.status()...), Subscriptions: s.notifier.status(),
	}
	if err := s.gate.accounts.Current(); err != nil {
		st.Store = err.Error()
	}
	st.Flows, st.Strangers = s.flows.List()
	bindings := map[string][]location.Binding{}
	for _, b := range s.registrar.table.All(now) {
		bindings[b.AOR] = append(bindings[b.AOR], b)
	}
	var last map[string]status.Event
	last, st.Past = s.ledger.read(s.gate.exists)
	names := map[string]bool{}
	for _, space := range plan.Spaces() {
		names[space.Name] = true
	}
	for _, phone := range plan.Phones() {
		names[phone.Name] = true
	}
	for name := range bindings {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a := accountStatus(plan, name, now)
		_, a.Words = s.registrar.told.keys.Of(name)
		a.Health = s.registrar.healths.last(name)
		a.Accountless = !s.gate.exists(name)
		a.Reached = s.locate.there(name, now)
		for _, b := range bindings[name] {
			a.Bindings = append(a.Bindings, status.Binding{Contact: b.Contact, Transport: b.Flow.Transport, Peer: b.Flow.Remote,
				Since: b.Created, Updated: b.Updated, Expires: b.Expires, Lost: b.Lost,
				Quiet: s.flows.Alive(b.Flow) && !s.flows.Heard(b.Flow)})
		}
		if e, ok := last[name]; ok {
			a.Last = &e
		}
		st.Accounts = append(st.Accounts, a)
	}
	slices.SortStableFunc(st.Calls, func(a, b status.Call) int { return a.Since.Compare(b.Since) })
	slices.SortFunc(st.Subscriptions, func(a, b status.Subscription) int {
		return cmp.Or(cmp.Compare(a.Subscriber, b.Subscriber), cmp.Compare(a.Event, b.Event), cmp.Compare(a.Resource, b.Resource))
	})
	return st
}

// accountStatus is what the plan says of an account.
func accountStatus(plan *dialplan.Plan, name string, now time.Time) status.Account {
	a := status.Account{Name: name, Role: "none"}
	if _, is := plan.Space(name); is {
		a.Role, a.Open = "space", plan.OpenAt(name, now)
		if on, is := plan.Probation(name); is {
			a.Probation = &status.Probation{Sponsor: on.Sponsor, Since: on.Since}
		}
		if link, ok := plan.LinkAt(name, now); ok {
			a.Partner = link.Partner(name)
		}
	} else if _, is := plan.Phone(name); is {
		a.Role = "phone"
	}
	return a
}

// status is the calls that there are.
func (c *calls) status() (out []status.Call) {
	c.mu.Lock()
	var all []relayed
	for _, d := range c.order {
		if !d.old {
			all = append(all, *d)
		}
	}
	c.mu.Unlock()
	for i := range all {
		call := all[i].status()
		call.Lost, call.Silent = c.lost(&all[i]), all[i].silent()
		out = append(out, call)
	}
	return out
}

func (d *relayed) status() status.Call {
	return status.Call{ID: d.callID, Caller: d.sides[0].account, Callee: d.sides[1].account, Since: d.since}
}

// status is the calls to the echo.
func (e *echoCalls) status() (out []status.Call) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.byID {
		out = append(out, c.status())
	}
	return out
}

func (c *echoCall) status() status.Call {
	return status.Call{ID: c.CallID, Caller: c.account, Callee: dialplan.Echo, Since: c.since, Media: c.media.Heard()}
}

// status is the subscriptions.
func (n *notifier) status() (out []status.Subscription) {
	n.do(func() {
		for e := range n.table.All() {
			out = append(out, status.Subscription{Event: e.Event, Resource: e.Resource, Subscriber: e.Subscriber,
				Sent: e.Sent, Expires: e.Expires, Waits: e.Waits})
		}
	})
	return out
}
