// Package dialplan is the file that says which space sees which, and when.
//
//	files ──Parse──▶ Plan ──Route──────▶ may this INVITE pass now, and to whom?
//	                      ──Programme──▶ one window's next two weeks as UTC intervals
//	                      ──Explain────▶ what a window shows at a time, and which rules decided that
//	                      ──LinkAt, NextChange, Resolve, WarningsFrom
//	two Plans ──Diff──▶ which windows see somebody else, and when
//	Plan, Probations ──Under──▶ the Plan of a network in which some may link with their sponsor alone
//
// A Plan is made whole or not at all and never changes. Nothing here reads the clock: time is a parameter.
// Opening hours are in dialplan/hours, what travels to a window in dialplan/programme.
package dialplan

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	_ "time/tzdata" // time zones are known on a machine that has none installed

	"github.com/hashicorp/hcl/v2"

	"ewindow/dialplan/hours"
	"ewindow/dialplan/programme"
)

// A Plan is the checked content of the files, under the probations that Under was given. It may be used by many goroutines at
// once.
type Plan struct {
	content
	written    *Plan      // the same without probations; nil: it is this one
	probations Probations // by space
	barred     []bool     // by link: a probation keeps its spaces apart; nil: none does

	mu   sync.Mutex
	memo []*timetable // the last few, newest first
}

// content is what the files say.
type content struct {
	revision string
	files    []File  // for the lines in warnings
	spaces   []space // sorted by name
	links    []Link  // of all rules, in their order
	rules    []rule  // as they stand in the files: the first that wants a window gets it
	phones   []Phone // sorted by name
	groups   []Group // sorted by name
	knocks   []Knock // sorted by name
	numbers  map[string]*Number
	expects  []Expectation
	warnings Diagnostics

	spaceByName map[string]int
	accountAt   map[string]hcl.Range // of spaces and phones: the labels of their blocks
	linksOf     [][]int              // by space: the links it is named in
	parts       []int                // by space: see findParts
}

// A Space is a room with a window.
type Space struct {
	Name     string         // user part of its address-of-record, the label of its block
	Display  string         // for people: "city – space – room"
	Note     string         // for people; may be empty
	Location *time.Location // in which its hours are meant
	Calendar string         // name of its calendar; may be empty
	File     string         // where it stands
	Line     int
}

type space struct {
	Space
	at         hcl.Range
	hours      *hours.Hours
	openAt     written
	calendarAt hcl.Range
	calendar   *calendar // nil: none
	periods    []period  // that close it: its own, and those of its calendar
	place      hours.Place
}

// A Phone is a SIP phone that may call windows.
type Phone struct {
	Name     string // user part of its address-of-record, the label of its block
	Display  string // for people
	At       string // the space in which it stands; may be empty
	Number   string // what other phones dial to reach it; may be empty
	Security programme.Security
	Auth     string   // digest algorithm it is challenged with: "md5", "sha256", or "" where the plan does not say
	Picture  bool     // whether they see each other
	Always   bool     // it sees the window even while it shows nothing itself
	Busy     string   // who is called instead while it is busy or away; may be empty
	MayDial  []string // spaces, phones and groups it may call, as they stand in the file
	File     string   // where it stands
	Line     int
}

// A Group is spaces and phones that are called together.
type Group struct {
	Name    string // the label of its block
	Display string // for people
	Members []string
	All     bool   // all are called at once; otherwise the first one that is free, in the order of Members
	File    string // where it stands
	Line    int
}

// A Number is what can be dialled instead of a name.
type Number struct {
	Number string // digits, * and #
	Rings  string // name of a space, phone or group; or Echo
	Knock  string // name of the policy by which it asks to be let in; may be empty
	Busy   string // who is called instead while what it rings is busy, closed or away; may be empty
	File   string // where it stands
	Line   int

	at hcl.Range
}

// A Knock says who may ask a window to be let in, and how.
type Knock struct {
	Name  string   // the label of its block
	From  []string // spaces, phones and groups, as they stand in the file; "members" is everybody
	Ring  time.Duration
	Until string // "accepted": without it there is no picture and no sound
	File  string // where it stands
	Line  int

	at hcl.Range
}

// A Link wants two spaces to see each other.
type Link struct {
	Name     string // label of its block, for people
	Between  [2]string
	Caller   string // the one of the two whose window sends the INVITE
	Always   bool   // at all times; otherwise while both are open
	Rotating bool   // it is one of the pairs of a rotation, and wants them in their turn
	File     string // where it stands
	Line     int
	Column   int

	spaces [2]int // indices of Between
}

// A Rotation wants spaces to see each other in turn, while both are open. Each turn is some civil days. Whoever is closed
// or taken is skipped: the pairs of the next turn are tried, and so on.
type Rotation struct {
	Name     string // label of its block, for people
	Of       string // the space that meets each of With; empty with Among
	With     []string
	Among    []string       // spaces each of which meets each other
	Every    int            // civil days of one turn
	From     time.Time      // the civil day on which the first turn begins, as midnight UTC; there is none before
	Location *time.Location // in which the days are meant: that of the first space, where the plan does not say
	File     string         // where it stands
	Line     int
}

// A rule is a link or a rotation.
type rule struct {
	first, last int       // its links: Plan.links[first:last]
	rotation    *Rotation // nil: it is the one link
	turns       [][]int   // of a rotation: the links of each turn, none of which share a space
	at          hcl.Range // of its label
}

func (r *rule) kind() string {
	if r.rotation != nil {
		return "rotation"
	}
	return "link"
}

// Partner is whom a space of the link sees by it.
func (l Link) Partner(space string) string {
	if l.Between[0] == space {
		return l.Between[1]
	}
	return l.Between[0]
}

// Revision names the content of the files the plan was made from: another content has another revision.
func (p *Plan) Revision() string { return p.revision }

// Warnings are what is allowed but may not be what was meant.
func (p *Plan) Warnings() Diagnostics { return slices.Clone(p.warnings) }

// Spaces are sorted by name.
func (p *Plan) Spaces() []Space {
	out := make([]Space, len(p.spaces))
	for i, s := range p.spaces {
		out[i] = s.Space
	}
	return out
}

// Space finds a space by its name.
func (p *Plan) Space(name string) (Space, bool) {
	if i, ok := p.spaceByName[name]; ok {
		return p.spaces[i].Space, true
	}
	return Space{}, false
}

// Links are the link blocks, in the order of precedence. The pairs of rotations are not among them.
func (p *Plan) Links() []Link {
	var out []Link
	for _, l := range p.links {
		if !l.Rotating {
			out = append(out, l)
		}
	}
	return out
}

// Rotations are in the order of precedence.
func (p *Plan) Rotations() []Rotation {
	var out []Rotation
	for _, r := range p.rules {
		if r.rotation != nil {
			ro := *r.rotation
			ro.With, ro.Among = slices.Clone(ro.With), slices.Clone(ro.Among)
			out = append(out, ro)
		}
	}
	return out
}

// Groups are sorted by name.
func (p *Plan) Groups() []Group {
	out := slices.Clone(p.groups)
	for i := range out {
		out[i].Members = slices.Clone(out[i].Members)
	}
	return out
}

// Numbers are sorted by what is dialled: those of number blocks, and those of phones.
func (p *Plan) Numbers() []Number {
	out := make([]Number, 0, len(p.numbers))
	for _, dialled := range slices.Sorted(maps.Keys(p.numbers)) {
		out = append(out, *p.numbers[dialled])
	}
	return out
}

// Knocks are the knock policies, sorted by name.
func (p *Plan) Knocks() []Knock {
	out := slices.Clone(p.knocks)
	for i := range out {
		out[i].From = slices.Clone(out[i].From)
	}
	return out
}

// Expectations are the expect blocks, in the order of the files. All of them hold: Parse refuses a plan where one does
// not.
func (p *Plan) Expectations() []Expectation { return slices.Clone(p.expects) }

// Phones are sorted by name.
func (p *Plan) Phones() []Phone {
	out := slices.Clone(p.phones)
	for i := range out {
		out[i].MayDial = slices.Clone(out[i].MayDial)
	}
	return out
}

// Phone finds a phone by its name.
func (p *Plan) Phone(name string) (Phone, bool) {
	ph, ok := p.phone(name)
	if !ok {
		return Phone{}, false
	}
	out := *ph
	out.MayDial = slices.Clone(ph.MayDial)
	return out, true
}

func (p *Plan) phone(name string) (*Phone, bool) {
	i, ok := slices.BinarySearchFunc(p.phones, name, func(ph Phone, name string) int { return strings.Compare(ph.Name, name) })
	if !ok {
		return nil, false
	}
	return &p.phones[i], true
}

func (p *Plan) group(name string) (*Group, bool) {
	i, ok := slices.BinarySearchFunc(p.groups, name, func(g Group, name string) int { return strings.Compare(g.Name, name) })
	if !ok {
		return nil, false
	}
	return &p.groups[i], true
}

func (p *Plan) knock(name string) (*Knock, bool) {
	i, ok := slices.BinarySearchFunc(p.knocks, name, func(k Knock, name string) int { return strings.Compare(k.Name, name) })
	if !ok {
		return nil, false
	}
	return &p.knocks[i], true
}
