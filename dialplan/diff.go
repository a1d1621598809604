package dialplan

import "time"

// A View is what one window shows during a time.
type View struct {
	Open    bool   `json:"open"`
	Partner string `json:"partner,omitempty"` // empty: nobody
	Caller  string `json:"caller,omitempty"`
	Rule    string `json:"rule,omitempty"` // name of the link or rotation
}

// A Change is a time during which a window shows something else under a new plan.
type Change struct {
	Space   string    `json:"space"`
	From    time.Time `json:"from"` // UTC
	Until   time.Time `json:"until"`
	Was     View      `json:"was"`
	Is      View      `json:"is"`
	Added   bool      `json:"added,omitempty"`   // the old plan has no such space
	Removed bool      `json:"removed,omitempty"` // the new plan has no such space
}

// Sees says whether the window sees somebody else, or somebody rather than nobody: otherwise only the hours, the
// caller, or the rule by which it sees the same partner change.
func (c Change) Sees() bool { return c.Was.Partner != c.Is.Partner }

// Diff is what windows show otherwise under the new plan than under the old, in ProgrammeDays from a time on: by name
// of the space, then in the order of time.
func Diff(old, new *Plan, from time.Time) []Change {
	return nil
}
