package dialplan

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/diagnostic"
	"ewindow/dialplan/hours"
)

func (r *reader) space(b *hclsyntax.Block) {
	r.claimName(b)
	at := b.LabelRanges[0]
	s := space{Space: Space{Name: b.Labels[0], Display: r.display(b), Location: time.UTC, File: at.Filename, Line: at.Start.Line}, at: at}
	if attr := r.attribute(b, "timezone", `for example timezone = "Europe/Rome"`); attr != nil {
		s.Location = r.timezone(attr)
	}
	if attr, ok := b.Body.Attributes["calendar"]; ok {
		if s.Calendar, ok = r.bare("calendar", attr.Expr); ok {
			s.calendarAt = attr.Expr.Range()
			r.refer("calendar", s.Calendar, s.calendarAt, "calendar")
		}
	}
	if attr, ok := b.Body.Attributes["note"]; ok {
		if s.Note, ok = r.text(attr); ok {
			r.legible("note", s.Note, attr.Expr.Range())
		}
	}
	attr := r.attribute(b, "open", `for example open = "Mo-Fr 09:00-19:00", or open = "24/7"`)
	s.hours, s.openAt = r.hours(attr)
	if offset, ok := s.hours.Holidays(); ok && s.Calendar == "" && b.Body.Attributes["calendar"] == nil {
		r.fail(s.openAt.inside(offset, offset+1), "the hours name public holidays (PH), and the space has no calendar",
			`write calendar = name, of a block such as: calendar "italy" { days = "it" }`)
	}
	for _, in := range b.Body.Blocks {
		if in.Type == "closed" {
			s.periods = append(s.periods, r.period(in))
		}
	}
	r.spaces = append(r.spaces, s)
}

// period reads a closed block, or a holiday.
func (r *reader) period(b *hclsyntax.Block) period {
	p := period{kind: b.Type, dates: &hours.Dates{}, at: b.TypeRange}
	if !r.labelled(b) {
		return p
	}
	p.name, p.at = b.Labels[0], b.LabelRanges[0]
	r.legible("the name of what is "+b.Type, p.name, p.at)
	if attr := r.attribute(b, "dates", `for example dates = "2027-08-09..2027-08-22", or dates = "Dec 24-Jan 02"`); attr != nil {
		p.dates = r.dates(attr)
	}
	return p
}

func (r *reader) link(b *hclsyntax.Block) {
	r.claimRule(b)
	at := b.LabelRanges[0]
	l := Link{Name: b.Labels[0], File: at.Filename, Line: at.Start.Line, Column: at.Start.Column}
	if attr := r.attribute(b, "when", "when = open (while both are open) or when = always"); attr != nil {
		l.Always = r.when(attr)
	}
	if attr := r.attribute(b, "between", "between = [one, other]"); attr != nil {
		names, places, ok := r.bareList(attr)
		if ok && len(names) != 2 {
			do := "a link is between two"
			if len(names) > 2 {
				do += "; a rotation has many meet in turn: among = [a, b, c]"
			}
			r.fail(attr.Expr.Range(), fmt.Sprintf("between names %d spaces", len(names)), do)
			ok = false
		}
		r.referAll("between", names, places, "space")
		if ok {
			l.Between = [2]string(names)
			l.Caller = r.caller(b, l.Between[:])
		}
	}
	r.rules = append(r.rules, rule{first: len(r.links), last: len(r.links) + 1, at: at})
	r.links = append(r.links, l)
}

func (r *reader) referAll(setting string, names []string, at []hcl.Range, kinds ...string) {
	for i := range names {
		r.refer(setting, names[i], at[i], kinds...)
	}
}

func (r *reader) when(attr *hclsyntax.Attribute) (always bool) {
	return r.oneWord("when", attr, "open", "always") == "always"
}

// oneWord is one of some words without quotes, or the first of them if there is no such setting.
func (r *reader) oneWord(setting string, attr *hclsyntax.Attribute, known ...string) string {
	if attr == nil {
		return known[0]
	}
	word, ok := r.bareWord(setting, attr.Expr, "known here: "+list(known))
	if ok && !slices.Contains(known, word) {
		r.fail(attr.Expr.Range(), fmt.Sprintf("%s cannot be %s", setting, word), diagnostic.Alternatives(word, known))
	}
	return word
}

// caller is the first of two unless the block says otherwise.
func (r *reader) caller(b *hclsyntax.Block, between []string) string {
	attr, ok := b.Body.Attributes["caller"]
	if !ok {
		return between[0]
	}
	word, ok := r.bare("caller", attr.Expr)
	if ok && !slices.Contains(between, word) {
		r.fail(attr.Expr.Range(), fmt.Sprintf("caller %s is not in between", word), fmt.Sprintf("write %s or %s", between[0], between[1]))
	}
	return word
}
