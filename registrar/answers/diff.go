package answers

import (
	"fmt"
	"strings"
	"time"

	"ewindow/dialplan"
)

// Diff says which windows see somebody else under a new plan, and when, each in its own time; and of the others which
// ones open or close at another time, or see the same by another rule.
func Diff(old, new *dialplan.Plan, from time.Time, changes []dialplan.Change) string {
	last := from.Add(dialplan.ProgrammeDays * 24 * time.Hour)
	span := fmt.Sprintf("from %s to %s", from.UTC().Format("2006-01-02 15:04"), last.UTC().Format("2006-01-02 15:04 UTC"))
	if len(changes) == 0 {
		return fmt.Sprintf("No window notices: all show the same %s.\n", span)
	}
	var b strings.Builder
	partners, windows := 0, 0
	for i := 0; i < len(changes); {
		n := i
		for n < len(changes) && changes[n].Space == changes[i].Space {
			n++
		}
		windows++
		if other := window(&b, old, new, changes[i:n]); other {
			partners++
		}
		i = n
	}
	fmt.Fprintf(&b, "%s, %s\n", Count(windows, "window")+map[bool]string{true: " changes", false: " change"}[windows == 1], span)
	fmt.Fprintf(&b, "%d of them %s somebody else or nobody, at some time\n", partners, map[bool]string{true: "sees", false: "see"}[partners == 1])
	return b.String()
}

// window writes the changes of one, those of its partner first. It says whether that sees somebody else at some time.
func window(b *strings.Builder, old, new *dialplan.Plan, changes []dialplan.Change) (other bool) {
	c := changes[0]
	s, ok := new.Space(c.Space)
	if !ok {
		s, _ = old.Space(c.Space)
	}
	title := c.Space
	if s.Display != s.Name {
		title += ": " + s.Display
	}
	switch {
	case c.Added:
		title += " – is new"
	case c.Removed:
		title += " – is no more"
	}
	fmt.Fprintf(b, "%s\n  in %s\n", title, s.Location)
	var sees, same []stretch
	for _, c := range changes {
		x := stretch{c.From.In(s.Location), c.Until.In(s.Location), change(c)}
		if c.Sees() {
			sees = append(sees, x)
		} else {
			same = append(same, x)
		}
	}
	b.WriteString(gather(sees) + gather(same) + "\n")
	return len(sees) > 0
}

// change is what becomes of what, in words.
func change(c dialplan.Change) string {
	if c.Sees() {
		return "sees " + seen(c.Is) + " instead of " + seen(c.Was)
	}
	var what []string
	if c.Was.Open != c.Is.Open {
		what = append(what, map[bool]string{true: "opens", false: "closes"}[c.Is.Open])
	}
	if c.Was.Caller != c.Is.Caller {
		what = append(what, fmt.Sprintf("%s calls, not %s", c.Is.Caller, c.Was.Caller))
	}
	if c.Was.Rule != c.Is.Rule {
		what = append(what, fmt.Sprintf("by %q, not %q", c.Is.Rule, c.Was.Rule))
	}
	text := strings.Join(what, ", ")
	if c.Is.Partner != "" {
		text = "still sees " + c.Is.Partner + ": " + text
	}
	return text
}

func seen(v dialplan.View) string {
	switch {
	case v.Partner != "":
		return v.Partner
	case v.Open:
		return "nobody"
	}
	return "nobody (closed)"
}
