package dialplan

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/hours"
)

// An Expectation is a test of the plan, inside of it.
type Expectation struct {
	Name   string    `json:"name"` // label of its block, for people
	Space  string    `json:"space"`
	At     time.Time `json:"at"`             // UTC
	Sees   string    `json:"sees,omitempty"` // the partner it is to see; empty: nobody
	Caller string    `json:"caller,omitempty"`
	File   string    `json:"file"` // where it stands
	Line   int       `json:"line"`

	civil, seconds int64 // At as it is written: civil day and seconds from its midnight, in the space's time zone
	seesAt         hcl.Range
	callerAt       hcl.Range
}

// expectLayout is how a time is written. It is meant in the time zone of the space.
const expectLayout = "2006-01-02 15:04"

// ParseTime reads a time as people write it for a space: "2027-08-16 11:00", as the clocks in loc show it, or
// "2027-08-16" for the beginning of the day, or with its own zone as in RFC 3339. A time that clocks show twice means
// the first, one that they skip the moment of the jump.
func ParseTime(text string, loc *time.Location) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	for _, layout := range []string{expectLayout, time.DateTime, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			civil := hours.DayOf(at.Date())
			return utc(hours.Instant(loc, civil, at.Unix()-civil*day)), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time; write \"2027-08-16 11:00\"", text)
}

func (r *reader) expect(b *hclsyntax.Block) {
	at := b.LabelRanges[0]
	e := Expectation{Name: b.Labels[0], File: at.Filename, Line: at.Start.Line}
	r.legible("the name of what is expected", e.Name, at)
	if attr := r.attribute(b, "at", `at = "2027-08-16 11:00"`); attr != nil {
		if text, ok := r.text(attr); ok {
			when, err := time.Parse(expectLayout, text)
			if err != nil {
				r.fail(attr.Expr.Range(), fmt.Sprintf("%q is not a time", text), `write date, hours and minutes, as the clocks of the space show them: "2027-08-16 11:00"`)
			}
			e.civil = hours.DayOf(when.Date())
			e.seconds = int64(when.Hour()*3600 + when.Minute()*60)
		}
	}
	word := func(name, example string, kinds ...string) (string, hcl.Range) {
		attr := b.Body.Attributes[name]
		if attr == nil && example != "" {
			attr = r.attribute(b, name, example)
		}
		if attr == nil {
			return "", b.LabelRanges[0]
		}
		w, ok := r.bare(name, attr.Expr)
		if ok && !(name == "sees" && w == nobody) {
			r.refer(name, w, attr.Expr.Range(), "space")
		}
		return w, attr.Expr.Range()
	}
	e.Space, _ = word("space", "space = name of a space")
	e.Sees, e.seesAt = word("sees", "sees = name of a space, or sees = nobody")
	e.Caller, e.callerAt = word("caller", "")
	if e.Sees == nobody {
		e.Sees = ""
		if e.Caller != "" {
			r.fail(e.callerAt, "nobody is seen, and somebody calls", "remove caller, or write whom it sees")
		}
	}
	r.expects = append(r.expects, e)
}

// hold checks an expectation against a plan that is complete, and gives it its moment.
func (r *reader) hold(p *Plan, e *Expectation) {
	space := p.spaceByName[e.Space]
	e.At = utc(hours.Instant(p.spaces[space].Location, e.civil, e.seconds))
	t := e.At.Unix()
	li := r.workedOut(p, t, p.parts[space]).linkAt(space, t)
	sees, caller := "", ""
	if li >= 0 {
		sees, caller = p.links[li].Partner(e.Space), p.links[li].Caller
	}
	written := e.At.In(p.spaces[space].Location).Format(expectLayout)
	switch {
	case sees != e.Sees:
		why, err := p.Explain(e.Space, e.At)
		if err != nil { // the space is there
			return
		}
		r.unmet(e.seesAt, fmt.Sprintf("expected %q: at %s %s sees %s, not %s", e.Name, written, e.Space, orNobody(sees), orNobody(e.Sees)), because(why, e.Sees))
	case e.Caller != "" && caller != e.Caller:
		l := p.links[li]
		r.unmet(e.callerAt, fmt.Sprintf("expected %q: at %s %s calls, not %s", e.Name, written, caller, e.Caller),
			fmt.Sprintf("see %s:%d:%d", l.File, l.Line, l.Column))
	}
}

// A moment is what many expectations of a plan ask about: "11:00 on Monday" in spaces that links join.
type moment struct {
	t    int64
	part int
}

// workedOut works each moment out once: in a large plan that takes longer than all else.
func (r *reader) workedOut(p *Plan, t int64, part int) *timetable {
	m := moment{t, part}
	if r.moments[m] == nil {
		r.moments[m] = p.workOut(t, t+1, part)
	}
	return r.moments[m]
}

func orNobody(space string) string {
	if space == "" {
		return nobody
	}
	return space
}

// because says in one sentence which rule decided, and why the space does not see the partner that was expected.
func because(e *Explanation, expected string) string {
	var lost, won *Reason
	for i := range e.Rules {
		switch reason := &e.Rules[i]; {
		case reason.Decided:
			won = reason
		case reason.Partner == expected && lost == nil:
			lost = reason
		}
	}
	switch {
	case won != nil:
		return fmt.Sprintf("%s %q at %s decides that", won.Kind, won.Name, won.Place())
	case lost != nil:
		return fmt.Sprintf("%s %q at %s would show %s: %s", lost.Kind, lost.Name, lost.Place(), expected, lost.Why)
	case !e.Open:
		return e.Space + " is closed then"
	}
	return "no rule shows it anybody then"
}
