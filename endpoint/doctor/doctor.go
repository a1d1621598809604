// Package doctor looks at each part of a window, one after the other, and says how it is: well, not quite, or not, and then what to do.
//
//	machine: disk, heat, power   network: name, registrar, clock   account: plan, relays ─▶ ways   devices: camera, sound, screen
//
// Where a window runs it has the devices and the account: it is asked, and nothing is taken from it.
package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Verdict is how a part is.
type Verdict string

// Verdicts.
const (
	Pass Verdict = "pass"
	Warn Verdict = "warn" // the window works, and not as well as it could
	Fail Verdict = "fail" // it does not
)

// A Finding is one line of the doctor's.
type Finding struct {
	Part    string  `json:"part"`
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"`             // what was found, for people
	Remedy  string  `json:"remedy,omitempty"` // what to do, of what is not well
}

// String is the line, and the remedy below it.
func (f Finding) String() string {
	s := fmt.Sprintf("%-4s  %-11s %s", f.Verdict, f.Part, f.Text)
	if f.Remedy != "" {
		s += "\n" + strings.Repeat(" ", 18) + "→ " + f.Remedy
	}
	return s
}

func pass(part, format string, args ...any) Finding {
	return Finding{Part: part, Verdict: Pass, Text: fmt.Sprintf(format, args...)}
}

func warn(part, remedy, format string, args ...any) Finding {
	return Finding{part, Warn, fmt.Sprintf(format, args...), remedy}
}

func fail(part, remedy, format string, args ...any) Finding {
	return Finding{part, Fail, fmt.Sprintf(format, args...), remedy}
}

// of is a finding about an error, whose text says after a semicolon what to do, as errors here do.
func of(verdict Verdict, part string, err error) Finding {
	text, remedy, _ := strings.Cut(err.Error(), "; ")
	return Finding{part, verdict, text, remedy}
}

// A Check looks at some parts. It ends by itself, or soon after ctx.
type Check struct {
	Doing string // what it does, for people: "looks for the registrar"
	Needs string // the part without which it would only say the same again; empty for none
	Look  func(ctx context.Context) []Finding
}

// within is how long a check may take.
const within = 30 * time.Second

// Examine carries out checks one after the other. working is told of each before it begins, found of what it found.
func Examine(ctx context.Context, checks []Check, working func(doing string), found func(Finding)) {
	failed := map[string]bool{}
	for _, c := range checks {
		if ctx.Err() != nil {
			return
		}
		if failed[c.Needs] {
			continue
		}
		working(c.Doing)
		ctx, cancel := context.WithTimeout(ctx, within)
		for _, f := range c.Look(ctx) {
			failed[f.Part] = failed[f.Part] || f.Verdict == Fail
			found(f)
		}
		cancel()
	}
}
