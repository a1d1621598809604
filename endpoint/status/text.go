package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"ewindow/registrar/signal/plain"
)

// Text is the status for people, in their time zone: what fits one screen.
func (s Status) Text(zone *time.Location) string {
	t := text{s: &s, zone: zone}
	return t.write()
}

// All is the status for people, in their time zone: all of it.
func (s Status) All(zone *time.Location) string {
	t := text{s: &s, zone: zone, all: true}
	return t.write()
}

type text struct {
	s    *Status
	zone *time.Location
	all  bool
	b    strings.Builder
}

func (t *text) write() string {
	s := t.s
	t.line("window", "%s", join(", ", s.Space, s.Version, "running since "+t.when(s.Started)))
	t.registration()
	t.plan()
	t.keys()
	for i := range s.Calls {
		t.call(&s.Calls[i])
	}
	if len(s.Calls) == 0 {
		t.line("call", "none")
	}
	for i := range s.Devices {
		t.device(&s.Devices[i])
	}
	t.line("shows", "%s", t.shows())
	if !s.Certificate.IsZero() {
		t.line("certificate", "until %s", s.Certificate.In(t.zone).Format("2 Jan 2006"))
	}
	t.faults()
	past := len(s.Past)
	switch {
	case t.all:
	case slices.ContainsFunc(s.Calls, func(c Call) bool { return c.Up }):
		past = 0
	default: // why there is none, perhaps
		past = min(past, 1)
	}
	for i := range past {
		t.past(&s.Past[len(s.Past)-1-i])
	}
	return plain.Page(t.b.String())
}

// shows is what people see: nothing while the screen's process is down, whatever it is to show.
func (t *text) shows() string {
	s := t.s
	for i := range s.Devices {
		if d := &s.Devices[i]; d.Role == "screen" && d.Down {
			return "nothing: " + d.Failure
		}
	}
	says := "the picture of " + s.Screen.Title
	if !s.Screen.Picture {
		says = join(" | ", s.Screen.Title, s.Screen.Reason, s.Screen.Next)
	}
	notice, _, more := strings.Cut(s.Screen.Notice, "\n")
	switch {
	case t.all:
		notice = strings.ReplaceAll(s.Screen.Notice, "\n", " | ")
	case more:
		notice += " …"
	}
	return join(" | ", says, notice)
}

// line is one of the page, which goes on below itself.
func (t *text) line(key, format string, args ...any) {
	const indent = 12
	if len(key) >= indent-1 {
		key += " "
	}
	t.b.WriteString(plain.Wrap(key, fmt.Sprintf(format, args...), indent))
}

// when writes a time, today's without the day.
func (t *text) when(at time.Time) string {
	if at.IsZero() {
		return "?"
	}
	at, now := at.In(t.zone), t.s.At.In(t.zone)
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format("Mon 2 Jan 15:04")
}

func (t *text) registration() {
	r := &t.s.Registration
	switch {
	case r.Online:
		before := ""
		if r.Why != "" && t.all {
			before = "before that: " + r.Why
		}
		at := r.Registrar
		if len(r.Ways) > 0 {
			at = "" // the ways say it
		}
		t.line("registrar", "%s", join("; ", join(", ", at, "registered since "+t.when(r.Since)), before))
	case r.Since.IsZero():
		t.line("registrar", "not reached yet")
	default:
		t.line("registrar", "away since %s: %s", t.when(r.Since), r.Why)
	}
	for _, w := range r.Ways {
		switch {
		case w.Online:
			t.line("", "by %s since %s", w.Registrar, t.when(w.Since))
		case w.Why != "":
			t.line("", "not by %s since %s: %s", cmp.Or(w.Registrar, "its other address"), t.when(w.Since), w.Why)
		}
	}
}

func (t *text) plan() {
	p := &t.s.Plan
	if p.Received.IsZero() {
		t.line("plan", "none yet")
		return
	}
	state := "closed"
	switch {
	case p.Partner != "":
		state = "open onto " + p.Partner
	case p.Open:
		state = "open, nobody to see"
	}
	next := ""
	if !p.Next.At.IsZero() {
		next = "from " + t.when(p.Next.At) + " onto " + cmp.Or(p.Next.Partner, "nobody")
	}
	t.line("plan", "%s", join("; ", state, next, "known until "+t.when(p.Until), "received "+t.when(p.Received)+", revision "+p.Revision))
	if p.Problem != "" {
		t.line("", "it is not on disk: %s", p.Problem)
	}
}

func (t *text) keys() {
	k := &t.s.Keys
	if k.Words == "" {
		return
	}
	t.line("keys", "%s", join("; ", "this window: "+k.Words, k.Refused))
	switch k.State {
	case "":
	case "confirmed", "confirmed here, not yet there":
		t.line("", "%s: %s; %s; here %s by %s", k.Partner, k.Theirs, k.State, t.when(k.Confirmed), k.By)
	case "changed":
		t.line("", "%s: %s; changed to %s: no picture until someone here confirms it: ewindow trust %s", k.Partner, k.Theirs, k.Offered, k.Partner)
	default:
		t.line("", "%s: %s; %s: ewindow trust %s", k.Partner, k.Theirs, k.State, k.Partner)
	}
}

// faults are all that are remembered; or the last, and with it those that last.
func (t *text) faults() {
	if len(t.s.Faults) == 0 {
		t.line("fault", "none yet")
	}
	last := t.s.LastFault()
	for i := len(t.s.Faults) - 1; i >= 0; i-- {
		if f := &t.s.Faults[i]; t.all || f == last || f.Over.IsZero() {
			t.line("fault", "%s", t.fault(f))
		}
	}
}

func (t *text) fault(f *Fault) string {
	lasted, ended := f.Lasted(t.s.At), "still so after "
	if !f.Over.IsZero() {
		ended = "repaired by " + f.By + " after "
	}
	if lasted < 10*time.Second {
		ended += lasted.Round(100 * time.Millisecond).String()
	} else {
		ended += lasted.Round(time.Second).String()
	}
	before := ""
	if f.Before > 0 {
		before = fmt.Sprintf("%d times shortly before", f.Before)
	}
	why := f.Why
	if !t.all {
		why, _, _ = strings.Cut(why, ";") // behind it stands what to do, which the device's line says too
	}
	return join("; ", t.when(f.Began)+": "+join(": ", f.What, why), ended, before)
}

func (t *text) past(p *PastCall) {
	who := "call of " + p.Peer
	if p.Ours {
		who = "call to " + p.Peer
	}
	length := ""
	if !p.Up.IsZero() {
		length = "up for " + p.Ended.Sub(p.Up).Round(time.Second).String()
	}
	status := ""
	if p.Status != 0 {
		status = fmt.Sprint(p.Status)
	}
	times := ""
	if p.Before > 0 {
		times = fmt.Sprintf("%d like it before", p.Before)
	}
	t.line("past", "%s: %s", t.when(p.Ended), join("; ", who, length, join(" ", status, p.Why), times))
}

func join(between string, parts ...string) string {
	var full []string
	for _, p := range parts {
		if p != "" {
			full = append(full, p)
		}
	}
	return strings.Join(full, between)
}
