package dialplan

import (
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/hours"
)

// A written is a string as it stands in a file, with its quotes: for the places of what is inside.
type written struct {
	literal string
	at      hcl.Range
}

func (r *reader) written(attr *hclsyntax.Attribute) written {
	return written{string(attr.Expr.Range().SliceBytes(r.source)), attr.Expr.Range()}
}

// inside is the place from one byte of the string's value to another.
func (w written) inside(from, until int) hcl.Range {
	at := w.at
	at.Start.Column += columns(w.literal, from)
	if at.End.Column > at.Start.Column+1 {
		at.End.Column = min(at.End.Column-1, max(w.at.Start.Column+columns(w.literal, until), at.Start.Column+1))
	}
	return at
}

// hours reads opening hours; the place of a problem is inside the string.
func (r *reader) hours(attr *hclsyntax.Attribute) (*hours.Hours, written) {
	value, ok := r.text(attr)
	if !ok {
		return &hours.Hours{}, written{}
	}
	w := r.written(attr)
	h, err := hours.Parse(value)
	if err != nil {
		p := err.(*hours.Problem)
		r.fail(w.inside(p.Offset, p.Offset+1), p.What, p.Do)
		return &hours.Hours{}, w
	}
	for _, p := range h.Warnings() {
		r.warn(w.inside(p.Offset, p.Offset+1), p.What, p.Do)
	}
	return h, w
}

// dates reads civil days; the place of a problem is inside the string.
func (r *reader) dates(attr *hclsyntax.Attribute) *hours.Dates {
	value, ok := r.text(attr)
	if !ok {
		return &hours.Dates{}
	}
	ds, err := hours.ParseDates(value)
	if err != nil {
		p := err.(*hours.Problem)
		r.fail(r.written(attr).inside(p.Offset, p.Offset+1), p.What, p.Do)
		return &hours.Dates{}
	}
	return ds
}

// columns is how far from its opening quote, in characters, the given byte of a string's value stands in the file.
func columns(literal string, offset int) int {
	column := 1 // the quote
	for i, done := 1, 0; i < len(literal) && done < offset; column++ {
		_, width := utf8.DecodeRuneInString(literal[i:])
		bytes := width
		if literal[i] == '\\' {
			width, bytes = escape(literal[i:])
			column += width - 1
		}
		i += width
		done += bytes
	}
	return column
}

// escape is how many bytes an escape sequence takes in the file and in the value.
func escape(s string) (width, bytes int) {
	width = 2
	if len(s) > 1 && s[1] == 'u' {
		width = 6
	} else if len(s) > 1 && s[1] == 'U' {
		width = 10
	}
	if width == 2 || len(s) < width {
		return 2, 1
	}
	var r rune
	fmt.Sscanf(s[2:width], "%x", &r)
	return width, max(1, utf8.RuneLen(r))
}
