package dialplan

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Probation is a space that may link with its sponsor alone, until it is confirmed. The files do not say so: the record of
// members does.
type Probation struct {
	Sponsor string    `json:"sponsor"`        // the space that invited it; empty where the record does not say
	Since   time.Time `json:"since,omitzero"` // when it was put on probation, by the record
}

// Probations are those of a network, by the name of the space.
type Probations map[string]Probation

// Under is the plan while spaces are on probation. It answers every question as though the files had no rule between such a
// space and any other but its sponsor: a link does not hold, a rotation passes over the pair as over one that is closed. A
// phone belongs to the space that it is at, and one that is at none to nobody: between a space on probation with its
// phones, and accounts that belong neither there nor to its sponsor, no call passes. Everybody still calls the echo.
//
// A probation ends when somebody says so, not by a date, so it holds for all times that are asked about. What the files
// expect is what is so without it: a newcomer does not stop an edit. WarningsFrom tells which expectations that concerns.
func (p *Plan) Under(on Probations) *Plan {
	written := p
	if p.written != nil {
		written = p.written
	}
	if len(on) == 0 {
		return written
	}
	under := &Plan{content: written.content, written: written, probations: maps.Clone(on), barred: make([]bool, len(written.links))}
	for li := range under.links {
		under.barred[li] = under.keeps(under.links[li].Between[0], under.links[li].Between[1]) != ""
	}
	return under
}

// Probation is that of a space; false if it may link with everybody.
func (p *Plan) Probation(space string) (Probation, bool) {
	on, is := p.probations[space]
	return on, is
}

// Apart says which probation keeps two accounts out of each other's calls, in ASCII; empty if none does. It is for calls that
// are up: Route decides about new ones.
func (p *Plan) Apart(a, b string) string {
	if space := p.keeps(a, b); space != "" {
		return p.onProbation(space)
	}
	return ""
}

// bars says whether a probation keeps the two spaces of a link apart.
func (p *Plan) bars(li int) bool { return p.barred != nil && p.barred[li] }

// keeps is the space on probation that keeps two accounts apart; empty if none does.
func (p *Plan) keeps(a, b string) string {
	if len(p.probations) == 0 || a == Echo || b == Echo {
		return ""
	}
	homes := [2]string{p.home(a), p.home(b)}
	for i, home := range homes {
		other := homes[1-i]
		if on, is := p.probations[home]; is && other != home && (other == "" || other != on.Sponsor) {
			return home
		}
	}
	return ""
}

// home is the space that an account belongs to; empty for a phone that is at none.
func (p *Plan) home(account string) string {
	if ph, is := p.phone(account); is {
		return ph.At
	}
	return account
}

// onProbation says so of a space, in ASCII.
func (p *Plan) onProbation(space string) string {
	sponsor := p.probations[space].Sponsor
	switch _, known := p.spaceByName[sponsor]; {
	case sponsor == "":
		return space + " is on probation until confirmed, and no sponsor of it is known"
	case !known:
		return fmt.Sprintf("%s is on probation until confirmed; its sponsor, %s, is no space of the plan", space, sponsor)
	}
	return fmt.Sprintf("%s is on probation until confirmed; its sponsor is %s", space, sponsor)
}

// OnProbation says who is, one sentence each, by name: of spaces of the plan.
func (p *Plan) OnProbation() []string {
	var out []string
	for _, space := range slices.Sorted(maps.Keys(p.probations)) {
		if _, is := p.spaceByName[space]; is {
			out = append(out, p.onProbation(space))
		}
	}
	return out
}
