// Package diagnostic is what is wrong in a file that a person wrote, and how that is told: place, what, what to do, and the
// line itself. The dialplan's files and a window's file complain in the same way.
package diagnostic

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"ewindow/dialplan/lookalike"
)

// Severity says how bad a Diagnostic is.
type Severity string

const (
	Error   Severity = "error"   // the plan is refused
	Warning Severity = "warning" // allowed, but perhaps not what was meant
)

// Kind says what a Diagnostic is about, for programs: the words are for people and may change.
type Kind string

const (
	NotHCL  Kind = "syntax"      // the file cannot be read, or is not HCL
	Meaning Kind = "meaning"     // it says something that cannot be, or that is suspicious
	Unmet   Kind = "expectation" // an expect block is not fulfilled
)

// A Diagnostic is one thing wrong in a file, or suspicious.
type Diagnostic struct {
	File      string   `json:"file"`
	Line      int      `json:"line"`       // from 1
	Column    int      `json:"column"`     // from 1; a character as people count them
	EndColumn int      `json:"end_column"` // the first one after it, on the same line; greater than Column
	Severity  Severity `json:"severity"`
	Kind      Kind     `json:"kind"`
	What      string   `json:"what"`   // is wrong
	Do        string   `json:"do"`     // to put it right; may be empty
	Source    string   `json:"source"` // the line as it stands in the file, without its end
}

// Error is "file:line:column: what; what to do".
func (d Diagnostic) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", d.File, d.Line, d.Column, d.What)
	if d.Do != "" {
		s += "; " + d.Do
	}
	return s
}

// Excerpt is the line of the file, and below it a line with carets under the place. It is empty if the line is.
func (d Diagnostic) Excerpt() string {
	if strings.TrimSpace(d.Source) == "" {
		return ""
	}
	var under strings.Builder
	column := 1
	for _, r := range d.Source {
		if column >= d.Column {
			break
		}
		if r == '\t' {
			under.WriteByte('\t') // as wide below as above
		} else {
			under.WriteByte(' ')
		}
		column++
	}
	carets := min(d.EndColumn, utf8.RuneCountInString(d.Source)+1) - d.Column
	return d.Source + "\n" + under.String() + strings.Repeat("^", max(1, carets))
}

// A File is one file, already read. Its name is for messages.
type File struct {
	Name string
	Data []byte
}

// A List is all that is wrong, in the order of the files. As an error it has one line each.
type List []Diagnostic

// Error is one line for each Diagnostic.
func (ds List) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Finish orders by file as given, then line and column, and adds the severity and the lines themselves. Where an error is about
// a word with letters that only look like Latin ones, it says so: nobody sees what else could be wrong.
func (ds List) Finish(files []File, severity Severity) List {
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
	lines := newLines(files)
	for i := range ds {
		d := &ds[i]
		d.Severity, d.Source = severity, lines.line(d.File, d.Line)
		d.EndColumn = max(d.EndColumn, d.Column+1)
		if severity == Error && d.Kind != Unmet {
			if what := lookalike.Word(d.place()); what != "" {
				d.Do = what
			}
		}
	}
	return ds
}

// place is what the diagnostic is about: its columns, and the rest of the word in which they end.
func (d *Diagnostic) place() string {
	line := []rune(d.Source)
	from, to := min(d.Column-1, len(line)), min(d.EndColumn-1, len(line))
	for to < len(line) && unicode.IsLetter(line[to]) {
		to++
	}
	return string(line[from:to])
}

// lines finds lines of files: it cuts each file up once, when first asked.
type lines struct {
	data map[string][]byte
	cut  map[string][]string
}

func newLines(files []File) lines {
	l := lines{map[string][]byte{}, map[string][]string{}}
	for _, f := range files {
		l.data[f.Name] = f.Data
	}
	return l
}

// line is a line of a file, from 1, as valid UTF-8; empty if there is none.
func (l lines) line(file string, n int) string {
	cut, ok := l.cut[file]
	if !ok {
		cut = strings.Split(strings.ToValidUTF8(string(l.data[file]), "\uFFFD"), "\n")
		l.cut[file] = cut
	}
	if n < 1 || n > len(cut) {
		return ""
	}
	return strings.TrimSuffix(cut[n-1], "\r")
}

// At is about a range of a file, on its first line. Finish completes it.
func At(kind Kind, at hcl.Range, what, do string) Diagnostic {
	d := Diagnostic{Kind: kind, File: at.Filename, Line: at.Start.Line, Column: at.Start.Column, EndColumn: at.Start.Column + 1, What: what, Do: do}
	if at.End.Line == at.Start.Line && at.End.Column > at.Start.Column {
		d.EndColumn = at.End.Column
	}
	return d
}

// Whole is about a file, a directory, or all that was given.
func Whole(file, what, do string) List {
	return List{{File: file, Line: 1, Column: 1, EndColumn: 2, Severity: Error, Kind: NotHCL, What: what, Do: do}}
}
