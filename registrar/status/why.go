package status

import (
	"fmt"
	"math"
	"time"
)

const (
	clockOff = 10.0             // seconds by which a clock may be off before a window opens too early or too late
	justNow  = 15 * time.Minute // a call that came to nothing says something of now
)

// should is what the plan wants of an account now.
func (a *Account) should() string {
	switch {
	case a.Partner != "":
		return "with " + a.Partner
	case a.Open:
		return "open"
	}
	return "closed"
}

// is says what an account does, and since when.
func (p *page) is(a *Account) (what string, since time.Time) {
	live := a.live()
	if len(live) == 0 {
		if a.Last != nil {
			since = a.Last.At
		}
		return "away", since
	}
	since = live[0].Since
	for _, b := range live {
		if b.Since.Before(since) {
			since = b.Since
		}
	}
	if a.Partner != "" {
		if c := p.s.Call(a.Name, a.Partner); c != nil {
			return "with " + a.Partner, c.Since
		}
	}
	for i := range p.s.Calls {
		if c := &p.s.Calls[i]; c.Caller == a.Name {
			return "with " + c.Callee, c.Since
		} else if c.Callee == a.Name {
			return "with " + c.Caller, c.Since
		}
	}
	if a.Role == "space" && a.Partner == "" && !a.Open {
		return "closed", since
	}
	return "there", since
}

// notes are what an operator should know of an account: why it is not as it should be, and what it lacks. Nothing, if all is well.
func (p *page) notes(a *Account) (all []string) {
	if all = append(all, p.reached(a)...); len(all) == 0 && a.Partner != "" {
		all = append(all, p.apart(a)...)
	}
	if a.Health != nil {
		all = append(all, a.Health.notes()...)
	}
	return all
}

// reached says why an account cannot be reached, or is not reached as it should be. A space is one window: two are probably a copied set-up,
// but a window may have two ways here.
func (p *page) reached(a *Account) (all []string) {
	live := a.live()
	if len(live) == 0 {
		switch {
		case a.Accountless && a.Role == "space":
			return []string{"it has no account: ewindow-registrar invite " + a.Name}
		case a.Accountless:
			return []string{"it has no account: ewindow-registrar account add " + a.Name}
		case a.Last != nil:
			return []string{a.Last.What}
		case a.Role == "space":
			return []string{"it has not come since this registrar was started"}
		}
		return nil
	}
	devices := map[string]bool{}
	for _, b := range live {
		devices[b.Contact] = true
		if b.Quiet {
			all = append(all, "nothing comes from "+b.Peer+" any more")
		}
	}
	if len(devices) > 1 && a.Role == "space" {
		all = append(all, fmt.Sprintf("%d windows have this account, which is for one, and take the line from each other", len(devices)))
	}
	return all
}

// apart says why a space does not see whom it should. Who is not there is said in its own row.
func (p *page) apart(a *Account) []string {
	if c := p.s.Call(a.Name, a.Partner); c != nil {
		switch {
		case c.Silent == a.Name:
			return []string{"nothing comes to it from " + a.Partner}
		case c.Lost == a.Name:
			return []string{"it cannot be reached in its call"}
		}
		return nil
	}
	last := p.s.Last(a.Name, a.Partner)
	partner := p.s.Account(a.Partner)
	switch {
	case partner != nil && len(partner.live()) == 0:
		return []string{a.Partner + " is away"}
	case last != nil && p.s.At.Sub(last.Ended) < justNow:
		return []string{fmt.Sprintf("the last call of %s to %s ended at %s: %s", last.Caller, last.Callee, p.when(last.Ended), why(last))}
	}
	return []string{"neither of the two has called"}
}

// notes are what is not well at a window, as it tells.
func (h *Health) notes() (all []string) {
	for i := range h.Devices {
		if lacks := h.Devices[i].Lacks(); lacks != "" {
			all = append(all, lacks)
		}
	}
	if h.Trust == "changed" {
		all = append(all, "its partner's key has changed, and nobody at this window has confirmed that")
	}
	if math.Abs(h.ClockOff) >= clockOff {
		all = append(all, "its clock is "+off(h.ClockOff))
	}
	if c := h.Call; c != nil && c.State == "blank" {
		all = append(all, "it sees no picture of "+c.Peer)
	}
	return all
}

// off says by how much a clock is wrong.
func off(seconds float64) string {
	by := (time.Duration(math.Abs(seconds)) * time.Second).String()
	if seconds < 0 {
		return by + " behind"
	}
	return by + " ahead"
}
