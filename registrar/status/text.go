package status

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Text is the status for people, in their time zone: what each account does, then the calls.
func (s Status) Text(zone *time.Location) string {
	var b strings.Builder
	when := func(at time.Time) string {
		at, now := at.In(zone), s.At.In(zone)
		if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
			return at.Format(time.TimeOnly)
		}
		return at.Format("Mon 2 Jan 15:04")
	}
	fmt.Fprintf(&b, "registrar of %s, running since %s; plan %s\n", s.Domain, when(s.Started), s.Plan.Revision)
	if s.Store != "" {
		fmt.Fprintf(&b, "the accounts cannot be read: %s\n", s.Store)
	}
	fmt.Fprintf(&b, "%d connections of accounts, %d of strangers\n\n", len(s.Flows), s.Strangers)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, a := range s.Accounts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Name, a.role(), a.plan(s), a.where(when))
	}
	_ = w.Flush() // into memory
	b.WriteString("\n")
	b.WriteString(s.words())
	b.WriteString(s.probations(when))
	for _, c := range s.Calls {
		lost := ""
		if c.Lost != "" {
			lost = "; " + c.Lost + " cannot be reached"
		}
		if c.Silent != "" {
			lost += "; nothing comes to " + c.Silent
		}
		if c.Media != "" {
			lost += "; " + c.Media
		}
		fmt.Fprintf(&b, "call  %s to %s, since %s%s\n", c.Caller, c.Callee, when(c.Since), lost)
	}
	if len(s.Calls) == 0 {
		b.WriteString("no calls\n")
	}
	for i := len(s.Past) - 1; i >= max(0, len(s.Past)-10); i-- {
		c := &s.Past[i]
		fmt.Fprintf(&b, "past  %s: %s to %s%s; %s\n", when(c.Ended), c.Caller, c.Callee, c.length(), why(c))
	}
	return b.String()
}

// words are those of the windows' public keys, for whoever compares them with what screens show.
func (s Status) words() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, a := range s.Accounts {
		if a.Words != "" {
			fmt.Fprintf(w, "key of %s\t%s\n", a.Name, a.Words)
		}
	}
	_ = w.Flush() // into memory
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// probations are who may link with its sponsor alone.
func (s Status) probations(when func(time.Time) string) string {
	var b strings.Builder
	for _, a := range s.Accounts {
		if a.Probation == nil {
			continue
		}
		fmt.Fprintf(&b, "%s is on probation until confirmed", a.Name)
		if !a.Probation.Since.IsZero() {
			b.WriteString(", since " + when(a.Probation.Since))
		}
		if a.Probation.Sponsor == "" {
			b.WriteString("; no sponsor of it is known, and it sees nobody\n")
		} else {
			b.WriteString("; it may link with its sponsor alone: " + a.Probation.Sponsor + "\n")
		}
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// up says whether two accounts are in a call in which both can be reached, and neither says that nothing comes.
func (s Status) up(a, b string) bool {
	c := s.Call(a, b)
	return c != nil && c.Lost == "" && c.Silent == ""
}

func (a *Account) role() string {
	if a.Role == "none" {
		return "not in the plan"
	}
	return a.Role
}

// where is how an account is reached, or why it is not. A space is one window: two are probably a copied set-up.
func (a *Account) where(when func(time.Time) string) string {
	var from []string
	for _, b := range a.Bindings {
		if !b.Lost {
			quiet := ""
			if b.Quiet {
				quiet = ", and nothing comes from there any more"
			}
			from = append(from, fmt.Sprintf("since %s from %s (%s)%s", when(b.Since), b.Peer, b.Transport, quiet))
		}
	}
	const enough = 2 // are told one by one
	several := len(from) > 1
	if more := len(from) - enough; more > 0 {
		from = append(from[:enough], fmt.Sprintf("%d more", more))
	}
	switch {
	case several && a.Role == "space":
		return "registered " + strings.Join(from, " and ") + ": an account is for one window, and two take the line from each other"
	case len(from) > 0:
		return "registered " + strings.Join(from, " and ")
	case a.Last != nil:
		return fmt.Sprintf("not registered: %s at %s", a.Last.What, when(a.Last.At))
	}
	return "not registered yet"
}

// plan is what the plan wants of a space now, and whether it has it.
func (a *Account) plan(s Status) string {
	switch {
	case a.Partner != "" && s.up(a.Name, a.Partner):
		return "with " + a.Partner
	case a.Partner != "":
		return "should be with " + a.Partner
	case a.Role == "space" && a.Open:
		return "open"
	case a.Role == "space":
		return "closed"
	}
	return ""
}

// why is why a call ended, and of one with the echo how its media came.
func why(c *PastCall) string {
	if c.Media != "" {
		return c.Why + "; " + c.Media
	}
	return c.Why
}

func (c *PastCall) length() string {
	if c.Since.IsZero() {
		return ", never answered"
	}
	return ", for " + c.Ended.Sub(c.Since).Round(time.Second).String()
}
