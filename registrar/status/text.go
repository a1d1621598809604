package status

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"ewindow/registrar/signal/plain"
)

const (
	pastShown = 5  // calls
	most      = 14 // characters of a version in the table
)

// Text is the status for people, in their time zone: who is open, who should be, and why not.
func (s Status) Text(zone *time.Location) string {
	p := page{s: &s, zone: zone}
	p.head()
	p.spaces()
	p.phones()
	p.probations()
	p.calls(pastShown)
	return plain.Page(p.b.String())
}

// A page is a status as it is written.
type page struct {
	s    *Status
	zone *time.Location
	b    strings.Builder
}

// when writes a time, today's without the day.
func (p *page) when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at, now := at.In(p.zone), p.s.At.In(p.zone)
	switch {
	case at.Format(time.DateOnly) == now.Format(time.DateOnly):
		return at.Format(time.TimeOnly)
	case now.Sub(at).Abs() < 300*24*time.Hour:
		return at.Format("2 Jan 15:04")
	}
	return at.Format("2 Jan 2006")
}

// say writes a line, which goes on below what follows first.
func (p *page) say(first, format string, args ...any) {
	p.b.WriteString(plain.Wrap(first, fmt.Sprintf(format, args...), len(first)))
}

// head is the registrar itself, and the answer in short.
func (p *page) head() {
	s := p.s
	p.say("", "registrar of %s, running since %s; plan %s", s.Domain, p.when(s.Started), s.Plan.Revision)
	if s.Store != "" {
		p.say("", "the accounts cannot be read: %s", s.Store)
	}
	var wanted, up int
	var down []string
	for _, l := range s.links() {
		wanted++
		if s.Up(l[0], l[1]) {
			up++
		} else {
			down = append(down, l[0]+" and "+l[1])
		}
	}
	text := fmt.Sprintf("%d of %d links are up", up, wanted)
	if len(down) > 0 {
		text += "; not: " + strings.Join(down, ", ")
	}
	p.say("", "%s", text)
	p.say("", "%d connections of accounts, %d of strangers", len(s.Flows), s.Strangers)
}

// links are the pairs that the plan wants to see each other now.
func (s *Status) links() (all [][2]string) {
	for _, a := range s.Accounts {
		if b := s.Account(a.Partner); a.Partner != "" && (a.Name < a.Partner || b == nil || b.Partner != a.Name) {
			all = append(all, [2]string{a.Name, a.Partner})
		}
	}
	return all
}

// row is a line of a table, and what is to be said below it.
type row struct {
	cells []string
	notes []string
}

func (p *page) table(head string, rows []row) {
	if len(rows) == 0 {
		return
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r.cells, "\t"))
	}
	_ = w.Flush() // into memory
	p.b.WriteString("\n")
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		p.b.WriteString(strings.TrimRight(line, " ") + "\n")
		if i > 0 {
			for _, note := range rows[i-1].notes {
				p.say("  ! ", "%s", note)
			}
		}
	}
}

func (p *page) spaces() {
	var rows []row
	for i := range p.s.Accounts {
		a := &p.s.Accounts[i]
		if a.Role != "space" {
			continue
		}
		is, since := p.is(a)
		rows = append(rows, row{[]string{a.Name, a.should(), is, p.when(since), a.from(), a.version()}, p.notes(a)})
	}
	p.table("SPACE\tSHOULD BE\tIS\tSINCE\tFROM\tVERSION", rows)
}

func (p *page) phones() {
	var rows []row
	for i := range p.s.Accounts {
		a := &p.s.Accounts[i]
		if a.Role == "space" {
			continue
		}
		is, since := p.is(a)
		if a.Role != "phone" {
			is += ", and not in the plan"
		}
		rows = append(rows, row{[]string{a.Name, is, p.when(since), a.from()}, p.notes(a)})
	}
	p.table("PHONE\tIS\tSINCE\tFROM", rows)
}

// probations are who may link with its sponsor alone.
func (p *page) probations() {
	first := true
	for _, a := range p.s.Accounts {
		if a.Probation == nil {
			continue
		}
		if first {
			p.b.WriteString("\n")
			first = false
		}
		since, alone := "", "no sponsor of it is known, and it sees nobody"
		if !a.Probation.Since.IsZero() {
			since = ", since " + p.when(a.Probation.Since)
		}
		if a.Probation.Sponsor != "" {
			alone = "it may link with its sponsor alone: " + a.Probation.Sponsor
		}
		p.say("", "%s is on probation until confirmed%s; %s", a.Name, since, alone)
	}
}

// calls are those that there are, and the last of those that were.
func (p *page) calls(past int) {
	p.b.WriteString("\n")
	for _, c := range p.s.Calls {
		trouble := ""
		if c.Lost != "" {
			trouble = "; " + c.Lost + " cannot be reached"
		}
		if c.Silent != "" {
			trouble += "; nothing comes to " + c.Silent
		}
		if c.Media != "" {
			trouble += "; " + c.Media
		}
		p.say("call  ", "%s to %s, since %s%s", c.Caller, c.Callee, p.when(c.Since), trouble)
	}
	if len(p.s.Calls) == 0 {
		p.b.WriteString("no calls\n")
	}
	for i := len(p.s.Past) - 1; i >= max(0, len(p.s.Past)-past); i-- {
		c := &p.s.Past[i]
		p.say("past  ", "%s: %s to %s%s; %s", p.when(c.Ended), c.Caller, c.Callee, c.length(), why(c))
	}
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

// live are the bindings by which an account is reached.
func (a *Account) live() []Binding {
	return only(a.Bindings, func(b Binding) bool { return !b.Lost })
}

// from is where an account is; of a window that is shown in few characters: without the port.
func (a *Account) from() string {
	var all []string
	for _, b := range a.live() {
		at := b.Peer + " (" + b.Transport + ")"
		if host, _, err := net.SplitHostPort(b.Peer); a.Role == "space" && err == nil {
			at = host
		}
		if !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	switch {
	case len(all) == 0:
		return ""
	case len(all) == 1:
		return all[0]
	}
	return fmt.Sprintf("%s, %d more", all[0], len(all)-1)
}

func (a *Account) version() string {
	switch {
	case a.Health == nil && len(a.live()) == 0:
		return ""
	case a.Health == nil || a.Health.Version == "":
		return "not told"
	}
	v := []rune(a.Health.Version)
	if len(v) > most {
		return string(v[:most-1]) + "…"
	}
	return string(v)
}
