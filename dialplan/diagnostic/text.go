package diagnostic

import (
	"fmt"
	"strings"
)

// Text is errors and warnings for a terminal: place and message as editors find them, the line with carets under
// what is meant, and what to do.
//
//	plan.hcl:10:22: error: unknown space "munch"
//	    between = [milano, munch]
//	                       ^^^^^
//	  did you mean "munich"?
func (ds List) Text() string {
	var b strings.Builder
	for _, d := range ds {
		fmt.Fprintf(&b, "%s:%d:%d: %s: %s\n", d.File, d.Line, d.Column, d.Severity, d.What)
		if excerpt := d.Excerpt(); excerpt != "" {
			for line := range strings.SplitSeq(excerpt, "\n") {
				fmt.Fprintf(&b, "  %s\n", printable(line))
			}
		}
		if d.Do != "" {
			fmt.Fprintf(&b, "  %s\n", d.Do)
		}
	}
	return b.String()
}

// printable keeps what a file contains from steering the terminal.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (r < ' ' || 0x7f <= r && r < 0xa0) {
			return '\uFFFD'
		}
		return r
	}, line)
}
