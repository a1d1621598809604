package dialplan

import (
	"fmt"
	"slices"
	"strings"
)

// A Diagnostic is one thing wrong in a file.
type Diagnostic struct {
	File         string
	Line, Column int    // from 1; a column is a character as people count them
	What         string // is wrong
	Do           string // to put it right; may be empty
}

// Error is "file:line:column: what; what to do".
func (d Diagnostic) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", d.File, d.Line, d.Column, d.What)
	if d.Do != "" {
		s += "; " + d.Do
	}
	return s
}

// Diagnostics are all that is wrong, in the order of the files. As an error it has one line each.
type Diagnostics []Diagnostic

// Error is one line for each Diagnostic.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted orders by file as given, then line and column.
func (ds Diagnostics) sorted(files []File) Diagnostics {
	order := make(map[string]int, len(files))
	for i, f := range files {
		order[f.Name] = i
	}
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		if d := order[a.File] - order[b.File]; d != 0 {
			return d
		}
		if d := a.Line - b.Line; d != 0 {
			return d
		}
		return a.Column - b.Column
	})
	return ds
}
