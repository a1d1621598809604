package dialplan

import (
	"fmt"
	"time"
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

	// Opening is why it is open or closed: what was looked at, in the order in which a later one outdoes an earlier.
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
	Decided bool   `json:"decided"`           // this one did it
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
	s := p.spaces[i]
	e := &Explanation{Space: s.Name, Display: s.Display, At: at.UTC(), Local: at.In(s.Location), Open: p.OpenAt(space, at)}
	if l, ok := p.LinkAt(space, at); ok {
		e.Partner, e.Caller, e.Rule = l.Partner(space), l.Caller, l.Name
		e.PartnerDisplay = p.spaces[p.spaceByName[e.Partner]].Display
	}
	return e, nil
}
