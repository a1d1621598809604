package diagnostic

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"ewindow/dialplan/lookalike"
)

// Syntax is what HCL found in a file, in our words: the first mistake in the syntax, since what follows one is guesswork,
// or nil; and the settings that are set twice, which is a mistake but none of syntax: all was read.
func Syntax(f File, diags hcl.Diagnostics) (first *Diagnostic, twice List) {
	var worst *hcl.Diagnostic
	for _, d := range diags {
		switch {
		case d.Severity != hcl.DiagError:
		case d.Summary == "Attribute redefined":
			if d.Subject != nil {
				twice = append(twice, At(Meaning, *d.Subject, fmt.Sprintf("%s is set twice in this block", d.Subject.SliceBytes(f.Data)), "keep one of the two"))
			}
		case worst == nil || d.Subject != nil && worst.Subject != nil && d.Subject.Start.Byte < worst.Subject.Start.Byte:
			worst = d
		}
	}
	if worst == nil {
		return nil, twice
	}
	at := hcl.Range{Filename: f.Name, Start: hcl.InitialPos, End: hcl.InitialPos}
	if worst.Subject != nil {
		at = *worst.Subject
	}
	what, do := ownWords(f.Data, worst)
	d := At(NotHCL, at, what, do)
	return &d, twice
}

// stranger is the character that HCL stumbled over: the one at the place, or the first behind it on its line; a blank if there is none.
func stranger(src []byte, d *hcl.Diagnostic) rune {
	if d.Subject == nil || d.Subject.Start.Byte > len(src) {
		return ' '
	}
	line, _, _ := strings.Cut(string(src[d.Subject.Start.Byte:]), "\n")
	if d.Summary != "Invalid character" { // of others, what a name or a value ends at is to blame
		line = line[min(len(line), d.Subject.End.Byte-d.Subject.Start.Byte):]
		line = strings.TrimLeft(line, " \t")
	}
	for _, r := range line {
		return r
	}
	return ' '
}

// ownWords says what HCL's commonest messages mean here; the others stay as HCL has them.
func ownWords(src []byte, d *hcl.Diagnostic) (what, do string) {
	next, here := byte(0), ""
	if d.Subject != nil && d.Subject.CanSliceBytes(src) {
		here = string(d.Subject.SliceBytes(src))
	}
	if d.Subject != nil && d.Subject.End.Byte < len(src) {
		if rest := strings.TrimLeft(string(src[d.Subject.End.Byte:min(len(src), d.Subject.End.Byte+40)]), " \t"); rest != "" {
			next = rest[0]
		}
	}
	if what, do := lookalike.Of(stranger(src, d)); what != "" {
		return what, do
	}
	if stranger(src, d) == '\'' {
		return "text does not stand between single quotes", `write double ones: "…"`
	}
	switch d.Summary {
	case "Invalid multi-line string", "Unterminated template string", "Unterminated string literal":
		return "a quote is missing on this line", `text stands between two quotes: "…"`
	case "Unclosed configuration block":
		return "this block is not closed", `write the missing "}" at its end`
	case "Missing item separator":
		return "a comma is missing in this list", `write "," between its items, or "]" at its end`
	case "Unterminated tuple constructor expression":
		return "this list is not closed", `write the missing "]" at its end`
	case "Invalid argument name":
		return "the name before = stands in quotes", "write it without them"
	case "Argument or block definition required":
		switch {
		case here == "}":
			return `this "}" closes nothing`, "remove it, or look for a block above that is closed twice"
		case next == ':':
			return `a ":" stands after the name`, `write "=" instead`
		}
		return "a setting or a block is expected here", `write name = value, or name "label" { … }`
	case "Argument definition required", "Invalid single-argument block definition":
		return "a block on one line takes one setting only", "give each setting, and the closing }, a line of its own"
	case "Missing newline after argument", "Unexpected comma after argument":
		return "something follows the value on its line", "give each setting a line of its own, without commas; text needs quotes, a list [ ]"
	}
	if strings.HasPrefix(d.Detail, `"Curly quotes"`) {
		return "these are curly quotes", `write plain ones: "…"`
	}
	lower := func(s string) string { return strings.TrimSuffix(strings.ToLower(s[:1])+s[1:], ".") }
	if d.Summary == "" || d.Detail == "" {
		return "this is not HCL: " + d.Summary, d.Detail
	}
	return lower(d.Summary), strings.ReplaceAll(lower(d.Detail), "\n", " ")
}
