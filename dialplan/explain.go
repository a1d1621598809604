package dialplan

import (
	"fmt"
	"time"

	"ewindow/dialplan/hours"
)

// An Explanation is what the plan says of a space at one moment, and why.
type Explanation struct {
	Space   string    `json:"space"`
	Display string    `json:"display"`
	At      time.Time `json:"at"`    // as asked, in UTC
	Local   time.Time `json:"local"` // the same moment, in the space's time zone

	Open        bool      `json:"open"`
	OpenChanges time.Time `json:"open_changes,omitzero"` // when it closes, or opens; zero if not within 400 days

	Partner        string    `json:"partner,omitempty"` // whom it sees; empty: nobody
	PartnerDisplay string    `json:"partner_display,omitempty"`
	Caller         string    `json:"caller,omitempty"` // the one of the two whose window calls
	Rule           string    `json:"rule,omitempty"`   // name of the link or rotation that has it
	Until          time.Time `json:"until,omitzero"`   // when it sees somebody else, or nobody, or first somebody; zero if not within 400 days

	Probation *Probation `json:"probation,omitempty"` // it may link with its sponsor alone; nil: with everybody

	Unseen []string `json:"unseen,omitempty"` // phones that may see it while they show nothing themselves

	// Opening is why it is open or closed: what was looked at, in the order in which later ones override earlier ones.
	Opening []Reason `json:"opening"`
	// Rules are the links and rotations that name it, in the order of precedence: the first that wants it has it.
	Rules []Reason `json:"rules"`
}

// A Reason is one rule that was looked at, with its place and the outcome.
type Reason struct {
	Kind    string `json:"kind"` // "hours", "calendar", "closed", "link" or "rotation"
	Name    string `json:"name"` // the label of its block; of hours the text of the rule
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Partner string `json:"partner,omitempty"` // of a link or a rotation: whom it would show, or shows
	Decided bool   `json:"decided"`           // this one decided
	Why     string `json:"why"`               // what came of it, for people
}

// Place is "file:line:column".
func (r Reason) Place() string { return fmt.Sprintf("%s:%d:%d", r.File, r.Line, r.Column) }

// Explain says whether a space is open at a time, whom it sees, until when, and which rules decided that, and which
// ones lost. It fails for an unknown space.
func (p *Plan) Explain(space string, at time.Time) (*Explanation, error) {
	i, ok := p.spaceByName[space]
	if !ok {
		return nil, fmt.Errorf("explain %q: the plan has no space of that name", space)
	}
	t := at.Unix()
	tt := p.workOut(t, t+tableDays*day, p.parts[i])
	s := &p.spaces[i]
	e := &Explanation{Space: s.Name, Display: s.Display, At: at.UTC(), Local: at.In(s.Location), Rules: []Reason{}}
	_, e.Open = tt.open[i].Find(t)
	if li := tt.linkAt(i, t); li >= 0 {
		l := p.links[li]
		e.Partner, e.Caller, e.Rule = l.Partner(space), l.Caller, l.Name
		e.PartnerDisplay = p.spaces[p.spaceByName[e.Partner]].Display
	}
	e.OpenChanges, e.Until = p.changes(tt, i, t)
	for _, ph := range p.phonesOf(space) {
		if ph.Always {
			e.Unseen = append(e.Unseen, ph.Account)
		}
	}
	if on, is := p.probations[space]; is {
		e.Probation = &on
	}
	e.Opening = s.opening(t, e.Open)
	for ri := range p.rules {
		e.Rules = append(e.Rules, p.reasons(tt, ri, i, t)...)
	}
	return e, nil
}

// changes is when the space first opens or closes after t, and when first another link, or none, has it: the zero time
// if not within the horizon. The timetable begins at t.
func (p *Plan) changes(tt *timetable, i int, t int64) (opening, linked time.Time) {
	_, open := tt.open[i].Find(t)
	link := tt.linkAt(i, t)
	for from := t; from < t+horizon && (opening.IsZero() || linked.IsZero()); from = tt.until {
		if from > t {
			tt = p.workOut(from, from+tableDays*day, p.parts[i])
		}
		if opening.IsZero() {
			if _, now := tt.open[i].Find(from); now != open {
				opening = utc(from)
			} else if next, ok := tt.open[i].Next(from); ok && next < tt.until {
				opening = utc(next)
			}
		}
		for at := from; linked.IsZero() && at < tt.until; {
			if tt.linkAt(i, at) != link {
				linked = utc(at)
			}
			at = tt.nextHolding(i, at)
		}
	}
	return opening, linked
}

// nextHolding is the first border after t of a time during which a link has the space, or the end of the timetable.
func (tt *timetable) nextHolding(space int, t int64) int64 {
	for _, h := range tt.held[space] {
		if h.From > t {
			return h.From
		}
		if h.Until > t {
			return h.Until
		}
	}
	return tt.until
}

// opening is why the space is open, or closed, at t.
func (s *space) opening(t int64, open bool) []Reason {
	out := []Reason{}
	civil := hours.DayAt(s.Location, t)
	date := utc(civil * day).Format("Mon 2006-01-02")
	closed := s.closedBy(civil)
	holiday := ""
	if s.calendar != nil {
		holiday = s.calendar.holiday(civil)
	}
	for _, step := range s.hours.Why(s.place, t) {
		at := s.openAt.inside(step.Offset, step.End)
		r := Reason{Kind: "hours", Name: step.Text, File: at.Filename, Line: at.Start.Line, Column: at.Start.Column}
		switch step.Effect {
		case hours.AnotherDay:
			r.Why = "is not about " + date
		case hours.AnotherTime:
			r.Why = "is about this day, and says nothing of this time"
		case hours.Outdone:
			r.Why = "a later rule overrides it"
		default:
			r.Decided = closed < 0
			r.Why = map[hours.Effect]string{hours.Opens: "opens it", hours.Closes: "closes it"}[step.Effect]
			if !r.Decided {
				r.Why = "the day is closed"
			}
			if step.Comment != "" {
				r.Why += " (" + step.Comment + ")"
			}
		}
		out = append(out, r)
	}
	if holiday != "" {
		out = append(out, Reason{Kind: "calendar", Name: s.Calendar, File: s.calendar.at.Filename, Line: s.calendar.at.Start.Line,
			Column: s.calendar.at.Start.Column, Why: fmt.Sprintf("%s is a public holiday: %s", date, holiday)})
	}
	if closed >= 0 {
		p := s.periods[closed]
		out = append(out, Reason{Kind: "closed", Name: p.name, File: p.at.Filename, Line: p.at.Start.Line, Column: p.at.Start.Column,
			Decided: true, Why: "closes " + date})
	}
	return out
}
