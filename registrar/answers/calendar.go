package answers

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ewindow/dialplan"
	"ewindow/dialplan/programme"
)

// CalendarDays is how far a calendar looks ahead: as far as windows know.
const CalendarDays = dialplan.ProgrammeDays

// Calendar is who sees whom in the CalendarDays from a civil date on (given at midnight UTC), as iCalendar (RFC 5545):
// of one space by its own time, or of all if space is empty. The plan has been changed last at revised.
//
// An event keeps its UID as long as the same two see each other from the same time on, so that a calendar which
// subscribes to this finds again what it knows. What takes longer than a day has one event for each day.
func Calendar(plan *dialplan.Plan, space string, from, revised time.Time) (string, error) {
	spaces := plan.Spaces()
	name, place := "All windows", time.UTC
	if space != "" {
		s, ok := plan.Space(space)
		if !ok {
			return "", UnknownSpace(plan, space)
		}
		spaces, name, place = []dialplan.Space{s}, s.Display, s.Location
	}
	begin := midnight(from, place)
	end := midnight(from.AddDate(0, 0, CalendarDays), place)
	// The days around are known, too, so that no event begins where the calendar does.
	const around = 2 * 24 * time.Hour
	all, err := agendas(plan, spaces, begin.Truncate(24*time.Hour).Add(-around), end.Add(around))
	if err != nil {
		return "", err
	}
	var events []event
	for i := range all {
		for _, e := range all[i].events(plan, space == "") {
			if e.until.After(begin) && e.from.Before(end) {
				events = append(events, e)
			}
		}
	}
	slices.SortFunc(events, func(a, b event) int {
		if d := a.from.Compare(b.from); d != 0 {
			return d
		}
		return strings.Compare(a.uid(), b.uid())
	})
	var f folder
	f.line("BEGIN", "VCALENDAR")
	f.line("VERSION", "2.0")
	f.line("PRODID", "-//E-Window//ewindow-registrar//EN")
	f.line("CALSCALE", "GREGORIAN")
	f.line("X-WR-CALNAME", text(name))
	if on := plan.OnProbation(); len(on) > 0 {
		f.line("X-WR-CALDESC", text(strings.Join(on, "\n")))
	}
	f.line("REFRESH-INTERVAL;VALUE=DURATION", "PT1H") // RFC 7986
	for _, e := range events {
		e.write(&f, revised)
	}
	f.line("END", "VCALENDAR")
	return f.String(), nil
}

// An event is a time in which two spaces see each other.
type event struct {
	from, until time.Time
	space       dialplan.Space // whose calendar it is in
	partner     dialplan.Space
	caller      string
	rule        string
	both        bool // the calendar is of all spaces
}

// events are what the window sees; of all windows' meetings, only those that stand under its name.
func (a *agenda) events(plan *dialplan.Plan, both bool) []event {
	var out []event
	for _, l := range a.links {
		partner, ok := plan.Space(l.Partner)
		if !ok || both && partner.Name < a.space.Name {
			continue
		}
		place := a.space.Location // the same in the calendars of both
		if partner.Name < a.space.Name {
			place = partner.Location
		}
		for _, piece := range pieces(l.Span, place) {
			out = append(out, event{piece.From, piece.Until, a.space, partner, l.Caller, l.Link, both})
		}
	}
	return out
}

// pieces cuts what takes longer than a day at midnight.
func pieces(s programme.Span, place *time.Location) []programme.Span {
	if s.Until.Sub(s.From) <= 24*time.Hour {
		return []programme.Span{s}
	}
	var out []programme.Span
	for date := civil(s.From.In(place)).AddDate(0, 0, 1); s.From.Before(s.Until); date = date.AddDate(0, 0, 1) {
		cut := midnight(date, place)
		if cut.After(s.Until) {
			cut = s.Until
		}
		if cut.After(s.From) {
			out = append(out, programme.Span{From: s.From, Until: cut})
			s.From = cut
		}
	}
	return out
}

const utcLayout = "20060102T150405Z"

// uid is made of what makes it this event: which two, and since when. It is the same in the calendar of each.
func (e event) uid() string {
	a, b := min(e.space.Name, e.partner.Name), max(e.space.Name, e.partner.Name)
	return fmt.Sprintf("%s-%s-%s@ewindow", e.from.UTC().Format(utcLayout), a, b)
}

func (e event) write(f *folder, revised time.Time) {
	summary := e.partner.Display
	if e.both {
		summary = e.space.Display + " ↔ " + e.partner.Display
	}
	local := func(s dialplan.Space) string {
		return clocksOf(stretch{from: e.from.In(s.Location), until: e.until.In(s.Location)}) + " in " + s.Name
	}
	f.line("BEGIN", "VEVENT")
	f.line("UID", text(e.uid()))
	f.line("DTSTAMP", revised.UTC().Format(utcLayout))
	f.line("DTSTART", e.from.UTC().Format(utcLayout))
	f.line("DTEND", e.until.UTC().Format(utcLayout))
	f.line("SUMMARY", text(summary))
	f.line("LOCATION", text(e.space.Display))
	f.line("DESCRIPTION", text(fmt.Sprintf("%s: %s calls.\n%s, %s", e.rule, e.caller, local(e.space), local(e.partner))))
	f.line("TRANSP", "TRANSPARENT") // nobody is busy because a window is open
	f.line("END", "VEVENT")
}

// text escapes a value of type TEXT (RFC 5545, 3.3.11). Control characters do not stand in one.
func text(s string) string {
	s = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`).Replace(s)
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// A folder writes content lines: ended by CRLF, and folded so that none is longer than 75 octets (RFC 5545, 3.1).
type folder struct{ strings.Builder }

func (f *folder) line(name, value string) {
	const most = 75
	line, room := name+":"+value, most
	for len(line) > room {
		cut := room
		for !utf8.RuneStart(line[cut]) { // no character is torn apart
			cut--
		}
		f.WriteString(line[:cut] + "\r\n ")
		line, room = line[cut:], most-1
	}
	f.WriteString(line + "\r\n")
}
