// Package dialplan is the file that says which space sees which, and when.
//
//	files ──Parse──▶ Plan ──Route──────▶ may this INVITE pass now?
//	                      ──Programme──▶ one window's next two weeks as UTC intervals
//	                      ──LinkAt, NextChange
//
// A Plan is made whole or not at all and never changes. Nothing here reads the clock: time is a parameter.
// Opening hours are in dialplan/hours, what travels to a window in dialplan/programme.
package dialplan

import (
	"slices"
	"strings"
	"sync"
	"time"

	_ "time/tzdata" // time zones are known on a machine that has none installed

	"ewindow/dialplan/hours"
	"ewindow/dialplan/programme"
)

// A Plan is the checked content of the files. It may be used by many goroutines at once.
type Plan struct {
	revision string
	spaces   []space // sorted by name
	links    []Link  // as they stand in the files: the first that wants a window gets it
	phones   []Phone // sorted by name
	numbers  map[string]string
	warnings Diagnostics

	spaceByName map[string]int
	linksOf     [][]int // by space: the links it is named in
	groups      []int   // by space: see findGroups

	mu   sync.Mutex
	memo []*timetable // the last few, newest first
}

// A Space is a room with a window.
type Space struct {
	Name     string         // user part of its address-of-record, the label of its block
	Display  string         // for people: "city – space – room"
	Location *time.Location // in which its hours are meant
}

type space struct {
	Space
	hours *hours.Hours
}

// A Phone is a SIP phone that may call windows.
type Phone struct {
	Name     string // user part of its address-of-record, the label of its block
	Display  string // for people
	Number   string // what other phones dial to reach it; may be empty
	Security programme.Security
	Auth     string   // digest algorithm it is challenged with: "md5", "sha256", or "" where the plan does not say
	Picture  bool     // whether it is sent the window's camera
	MayDial  []string // spaces and phones it may call, as they stand in the file
}

// A Link wants two spaces to see each other.
type Link struct {
	Name    string // label of its block, for people
	Between [2]string
	Caller  string // the one of the two whose window sends the INVITE
	Always  bool   // at all times; otherwise while both are open
	File    string // where it stands
	Line    int

	spaces [2]int // indices of Between
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

// Links are in the order of precedence.
func (p *Plan) Links() []Link { return slices.Clone(p.links) }

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

// WarningsFrom are Warnings, and what only time shows, from a day on: rules that can hardly ever win, spaces that are
// never open together, windows that are in no link. It looks at the 365 days from then on, where two weeks do not
// answer it.
func (p *Plan) WarningsFrom(from time.Time) Diagnostics {
	return p.Warnings()
}
