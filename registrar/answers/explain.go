package answers

import (
	"fmt"
	"strings"
	"time"

	"ewindow/dialplan"
)

// Explain says what a window shows at a moment, until when, and which rules decided it.
func Explain(e *dialplan.Explanation) string {
	var b strings.Builder
	title := e.Display
	if e.Display != e.Space {
		title += " (" + e.Space + ")"
	}
	zone := e.Local.Location().String()
	if _, offset := e.Local.Zone(); zone != "UTC" {
		zone += ", UTC" + ahead(time.Duration(offset)*time.Second)
	}
	fmt.Fprintf(&b, "%s\n%s %s %s\n\n", title, e.Local.Format("Monday 2 January 2006,"), clock(e.Local), zone)
	fact := func(name, value string) { b.WriteString(wrap(value, pad("  "+name, 9), pad("", 9)) + "\n") }
	fact("is", map[bool]string{true: "open", false: "closed"}[e.Open]+", "+until(e.OpenChanges, e.Local))
	if e.Probation != nil {
		fact("on", probation(e))
	}
	if e.Partner == "" {
		fact("sees", "nobody, "+until(e.Until, e.Local))
	} else {
		fact("sees", partner(e)+", "+until(e.Until, e.Local))
		fact("calls", fmt.Sprintf("%s calls %s", e.Caller, theOther(e)))
		fact("keys", "end to end (DTLS): the two windows make them, and no registrar has them")
	}
	if len(e.Unseen) > 0 {
		fact("unseen", strings.Join(e.Unseen, ", ")+` may see it while showing nothing (picture = "always")`)
	}
	if len(e.Opening) > 0 {
		b.WriteString("\n" + map[bool]string{true: "Why it is open", false: "Why it is closed"}[e.Open] + " (later lines override earlier ones)\n")
		reasons(&b, e.Opening)
	}
	if e.Partner == "" {
		b.WriteString("\nWhy it sees nobody\n")
	} else {
		fmt.Fprintf(&b, "\nWhy it sees %s (the first rule that wants it has it)\n", e.Partner)
	}
	reasons(&b, e.Rules)
	if len(e.Rules) == 0 {
		b.WriteString("    no link and no rotation names it\n")
	}
	return b.String()
}

func probation(e *dialplan.Explanation) string {
	text := "probation until confirmed"
	if !e.Probation.Since.IsZero() {
		text += ", by the record since " + when(e.Probation.Since.In(e.Local.Location()), e.Local)
	}
	if e.Probation.Sponsor == "" {
		return text + ": no sponsor of it is known, and it may link with nobody"
	}
	return text + ": it may link with its sponsor alone, " + e.Probation.Sponsor
}

func partner(e *dialplan.Explanation) string {
	if e.PartnerDisplay == "" || e.PartnerDisplay == e.Partner {
		return e.Partner
	}
	return e.Partner + " – " + e.PartnerDisplay
}

// theOther of the two is called.
func theOther(e *dialplan.Explanation) string {
	if e.Caller == e.Space {
		return e.Partner
	}
	return e.Space
}

func until(t, local time.Time) string {
	if t.IsZero() {
		return "and that does not change within 400 days"
	}
	return "until " + when(t.In(local.Location()), local)
}

// reasons marks what decided. The place stands alone on its line, as terminals and editors make a link of it.
func reasons(b *strings.Builder, all []dialplan.Reason) {
	for _, r := range all {
		mark := "  · "
		if r.Decided {
			mark = "  ▶ "
		}
		head := fmt.Sprintf("%s %q", r.Kind, r.Name)
		if r.Partner != "" {
			head += " with " + r.Partner
		}
		b.WriteString(wrap(head+": "+r.Why, mark, "    ") + "\n")
		fmt.Fprintf(b, "    %s\n", r.Place())
	}
}
