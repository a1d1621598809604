package answers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ewindow/dialplan"
)

const (
	weekDays  = 7
	nameWidth = 18 // columns for the name of a space, or for a day
)

// Week is a table of the seven days from a civil date on (given at midnight UTC): one row per space, half an hour per
// column, by the space's own clock. Days that look the same are drawn once.
func Week(plan *dialplan.Plan, from time.Time, ink Ink) (string, error) {
	all, err := agendas(plan, plan.Spaces(), from.AddDate(0, 0, -1), from.AddDate(0, 0, weekDays+1))
	if err != nil {
		return "", err
	}
	p := newPen(plan, ink)
	type view struct {
		days []time.Time
		rows []string
	}
	var views []view
	for i := range weekDays {
		date := from.AddDate(0, 0, i)
		rows := p.rows(all, date)
		same := slices.IndexFunc(views, func(v view) bool { return slices.Equal(v.rows, rows) })
		if same < 0 {
			same, views = len(views), append(views, view{rows: rows})
		}
		views[same].days = append(views[same].days, date)
	}
	var b strings.Builder
	for _, v := range views {
		title := ink.paint(bold, runs(v.days)+v.days[0].Format(" 2006"))
		if v.rows == nil {
			fmt.Fprintf(&b, "%s\nall are closed\n\n", title)
			continue
		}
		fmt.Fprintf(&b, "%s\n%s\n%s\n\n", title, ink.paint(faint, ruler("its own time")), strings.Join(v.rows, "\n"))
	}
	b.WriteString(p.legend())
	b.WriteString(onProbation(plan))
	return b.String(), nil
}

// rows are the lines of one day: one for each space, and below them where clocks are changed. There are none if all
// are closed.
func (p *pen) rows(all []agenda, date time.Time) []string {
	busy := false
	var rows []string
	var notes changes
	for i := range all {
		a := &all[i]
		cells := a.day(date)
		busy = busy || slices.ContainsFunc(cells[:], func(c cell) bool { return c.state == alone || c.state == sees })
		offset, note := clockChange(date, a.space.Location)
		notes.add(a.space.Location, note)
		rows = append(rows, strings.TrimRight(pad(clip(a.space.Name, nameWidth), nameWidth+1)+p.draw(cells)+" "+offset, " "))
	}
	if !busy {
		return nil
	}
	return append(rows, notes.lines()...)
}

// ruler is the line above a table: what stands at the left, and the hours.
func ruler(left string) string {
	var hours strings.Builder
	for h := 0; h < 24; h += 3 {
		hours.WriteString(pad(fmt.Sprintf("%02d", h), 6))
	}
	return pad(left, nameWidth+1) + hours.String() + " UTC"
}

// WeekOf is the same for one space: one row per day, and below them the exact times.
func WeekOf(plan *dialplan.Plan, space string, from time.Time, ink Ink) (string, error) {
	s, ok := plan.Space(space)
	if !ok {
		return "", UnknownSpace(plan, space)
	}
	all, err := agendas(plan, []dialplan.Space{s}, from.AddDate(0, 0, -1), from.AddDate(0, 0, weekDays+1))
	if err != nil {
		return "", err
	}
	a, p := &all[0], newPen(plan, ink)
	var b strings.Builder
	title := s.Name
	if s.Display != s.Name {
		title += ": " + s.Display
	}
	days := dates(from, from.AddDate(0, 0, weekDays-1)) + from.Format(" 2006")
	fmt.Fprintf(&b, "%s\n%s, in %s\n\n%s\n", ink.paint(bold, title), days, s.Location, ink.paint(faint, ruler("")))
	var notes changes
	for i := range weekDays {
		date := from.AddDate(0, 0, i)
		offset, note := clockChange(date, s.Location)
		b.WriteString(strings.TrimRight(pad(weekday(date)+date.Format(" 2 January"), nameWidth+1)+p.draw(a.day(date))+" "+offset, " ") + "\n")
		notes.add(s.Location, note)
	}
	b.WriteString(strings.Join(append(notes.lines(), "", ""), "\n"))
	b.WriteString(p.legend())
	b.WriteString(onProbation(plan))
	b.WriteString(a.exactly(from))
	return b.String(), nil
}

// exactly lists the times of a week to the minute.
func (a *agenda) exactly(from time.Time) string {
	begin := midnight(from, a.space.Location)
	end := midnight(from.AddDate(0, 0, weekDays), a.space.Location)
	var list []stretch
	for _, l := range a.links {
		if !l.Until.After(begin) || !l.From.Before(end) {
			continue
		}
		if l.Until.Sub(l.From) > 24*time.Hour { // beyond the week it may go on for longer than is known here
			if l.From.Before(begin) {
				l.From = begin
			}
			if l.Until.After(end) {
				l.Until = end
			}
		}
		what := fmt.Sprintf("%s (%s; %s calls)", l.Partner, l.Link, l.Caller)
		list = append(list, stretch{l.From.In(a.space.Location), l.Until.In(a.space.Location), what})
	}
	if len(list) == 0 {
		return "\nIt sees nobody in this week.\n"
	}
	return "\nIt sees\n" + gather(list)
}

// onProbation is who is, below a week.
func onProbation(plan *dialplan.Plan) string {
	var b strings.Builder
	for _, line := range plan.OnProbation() {
		b.WriteString("\n" + wrap(line+".", "", "") + "\n")
	}
	return b.String()
}

// UnknownSpace is the error for a space that the plan does not have.
func UnknownSpace(plan *dialplan.Plan, name string) error {
	if near := plan.Near(name); near != "" {
		return fmt.Errorf("the plan has no space %q; did you mean %q?", name, near)
	}
	var names []string
	for _, s := range plan.Spaces() {
		names = append(names, s.Name)
	}
	const most = 20
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("the plan has no space %q; it has %s", name, strings.Join(names, ", "))
}
