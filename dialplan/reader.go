package dialplan

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/hours"
)

// A reader collects what the blocks of all files say. Names may be used before they are described,
// so what refers to a name is checked at the end.
type reader struct {
	first  string // name of the first file
	source []byte // of the file being read

	spaces     []space
	links      []Link
	phones     []Phone
	numbers    map[string]string // dialled → account
	names      map[string]name   // everything with a label that can be referred to or dialled
	linkNames  map[string]hcl.Range
	locations  map[string]*time.Location
	references []func()

	misspelt map[string]bool // settings of the block being read that are there under a name like theirs

	errors   Diagnostics
	warnings Diagnostics
}

// A name is one that a space, a phone or a number has.
type name struct {
	kind string // "space", "phone", "number"
	at   hcl.Range
}

func newReader(files []File) *reader {
	return &reader{
		first: files[0].Name, numbers: map[string]string{}, names: map[string]name{},
		linkNames: map[string]hcl.Range{}, locations: map[string]*time.Location{},
	}
}

func (r *reader) fail(at hcl.Range, what, do string) {
	r.errors = append(r.errors, diagnostic(at, what, do))
}

// diagnostic is about a range of a file, on its first line.
func diagnostic(at hcl.Range, what, do string) Diagnostic {
	d := Diagnostic{File: at.Filename, Line: at.Start.Line, Column: at.Start.Column, EndColumn: at.Start.Column + 1, What: what, Do: do}
	if at.End.Line == at.Start.Line && at.End.Column > at.Start.Column {
		d.EndColumn = at.End.Column
	}
	return d
}

func place(at hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", at.Filename, at.Start.Line, at.Start.Column)
}

// list is words for a message.
func list(words []string) string { return strings.Join(words, ", ") }

// alternatives is the nearest known word, or all of them.
func alternatives(written string, known []string) string {
	if s := suggest(written, known); s != "" {
		return s
	}
	return "known here: " + list(known)
}

// blocks are the kinds of block, each with its settings.
var blocks = map[string][]string{
	"space":  {"name", "timezone", "open"},
	"link":   {"between", "when", "caller"},
	"phone":  {"name", "number", "may_dial", "security", "auth", "picture"},
	"number": {"rings"},
}

var blockKinds = []string{"space", "link", "phone", "number"}

func (r *reader) file(body *hclsyntax.Body) {
	for name, attr := range body.Attributes {
		do := "settings stand in a block: " + list(blockKinds)
		if slices.Contains(blockKinds, name) {
			do = fmt.Sprintf(`write %s "name" { … }`, name)
		}
		r.fail(attr.NameRange, fmt.Sprintf("setting %q stands outside of any block", name), do)
	}
	for _, b := range body.Blocks {
		if known, ok := blocks[b.Type]; ok {
			r.inside(b, known)
			r.block(b)
			continue
		}
		r.fail(b.TypeRange, fmt.Sprintf("unknown block %q", b.Type), alternatives(b.Type, blockKinds))
		if kind := nearest(b.Type, blockKinds); kind != "" && len(b.Labels) == 1 {
			r.describe(kind, b.Labels[0], b.LabelRanges[0]) // what refers to it is not at fault
		}
	}
}

// inside checks the names of what a block contains.
func (r *reader) inside(b *hclsyntax.Block, known []string) {
	r.misspelt = map[string]bool{}
	for name, attr := range b.Body.Attributes {
		if !slices.Contains(known, name) {
			r.fail(attr.NameRange, fmt.Sprintf("unknown setting %q in a %s", name, b.Type), alternatives(name, known))
			r.misspelt[nearest(name, known)] = true
		}
	}
	for _, inner := range b.Body.Blocks {
		what, do := fmt.Sprintf("block %q stands inside a %s", inner.Type, b.Type), "a "+b.Type+" has only settings: name = value"
		if slices.Contains(blockKinds, inner.Type) {
			do = fmt.Sprintf(`close the %s with "}" before it`, b.Type)
		}
		r.fail(inner.TypeRange, what, do)
	}
}

func (r *reader) block(b *hclsyntax.Block) {
	if len(b.Labels) != 1 {
		at := b.TypeRange
		if len(b.LabelRanges) > 1 {
			at = b.LabelRanges[1]
		}
		label := "name"
		if len(b.Labels) > 0 {
			label = b.Labels[0]
			r.describe(b.Type, label, b.LabelRanges[0])
		}
		r.fail(at, fmt.Sprintf("a %s has one name, here are %d", b.Type, len(b.Labels)), fmt.Sprintf("write %s %q {", b.Type, label))
		return
	}
	switch b.Type {
	case "space":
		r.space(b)
	case "link":
		r.link(b)
	case "phone":
		r.phone(b)
	case "number":
		r.number(b)
	}
}

// attribute is a setting that must be there.
func (r *reader) attribute(b *hclsyntax.Block, name, example string) *hclsyntax.Attribute {
	attr, ok := b.Body.Attributes[name]
	switch {
	case !ok && r.misspelt[name]:
		return nil // complained of already
	case !ok:
		r.fail(b.TypeRange, fmt.Sprintf("%s %q has no %s", b.Type, b.Labels[0], name), "write "+example)
		return nil
	}
	return attr
}

// text is a plain string. A nil attribute has none, and has been complained of where it must be there.
func (r *reader) text(attr *hclsyntax.Attribute) (string, bool) {
	if attr == nil {
		return "", false
	}
	if len(attr.Expr.Variables()) > 0 && r.quoted(attr.Expr) {
		r.fail(attr.Expr.Range(), attr.Name+" is calculated", calculated)
		return "", false
	}
	template, ok := attr.Expr.(*hclsyntax.TemplateExpr)
	if !ok || !r.quoted(attr.Expr) {
		written := string(attr.Expr.Range().SliceBytes(r.source))
		if len(written) > 40 || strings.ContainsAny(written, "\"\\$%\r\n") {
			written = "…"
		}
		r.fail(attr.Expr.Range(), attr.Name+" needs a text in quotes, on one line", fmt.Sprintf(`write %s = "%s"`, attr.Name, written))
		return "", false
	}
	value, diags := template.Value(nil)
	if diags.HasErrors() || !value.IsWhollyKnown() || value.IsNull() {
		r.fail(attr.Expr.Range(), attr.Name+" is calculated", calculated)
		return "", false
	}
	return value.AsString(), true
}

const calculated = `write the text itself; for "${" or "%{" in it write "$${" or "%%{"`

// quoted says whether an expression begins with a quote in the file: a heredoc does not.
func (r *reader) quoted(e hclsyntax.Expression) bool {
	at := e.Range().Start.Byte
	return at < len(r.source) && r.source[at] == '"'
}

// words is one of some words in quotes, or the first of them if there is no such setting.
func (r *reader) words(attr *hclsyntax.Attribute, known ...string) string {
	value, ok := r.text(attr)
	if ok && !slices.Contains(known, value) {
		r.fail(attr.Expr.Range(), fmt.Sprintf("%s cannot be %q", attr.Name, value), alternatives(value, known))
	}
	if !ok {
		return known[0]
	}
	return value
}

// display is a name for people; it is the label if there is none.
func (r *reader) display(b *hclsyntax.Block) string {
	attr := b.Body.Attributes["name"]
	value, ok := r.text(attr)
	if !ok {
		return b.Labels[0]
	}
	r.legible("name", value, attr.Expr.Range())
	return value
}

// legible checks a text that people will read on a screen.
func (r *reader) legible(what, text string, at hcl.Range) {
	switch n := utf8.RuneCountInString(text); {
	case strings.TrimSpace(text) == "" || strings.ContainsFunc(text, unicode.IsControl):
		r.fail(at, what+" is empty or not one line", `write for example "Milano – Barra A – Kitchen"`)
	case n > maxDisplay:
		r.fail(at, fmt.Sprintf("%s has %d characters", what, n), fmt.Sprintf("at most %d can be read on a screen", maxDisplay))
	}
}

// maxDisplay is in characters.
const maxDisplay = 100

// bare is one name without quotes.
func (r *reader) bare(setting string, e hcl.Expression) (string, bool) {
	word := hcl.ExprAsKeyword(e)
	if word != "" {
		return word, true
	}
	do := "write a name as it stands in quotes after space or phone"
	if t, ok := e.(*hclsyntax.TemplateExpr); ok && len(t.Variables()) == 0 {
		if v, diags := t.Value(nil); !diags.HasErrors() && v.IsWhollyKnown() && !v.IsNull() {
			do = "write it without quotes: " + v.AsString()
		}
	}
	r.fail(e.Range(), setting+" needs a word without quotes", do)
	return "", false
}

// bareList is [a, b, c], with the place of each.
func (r *reader) bareList(attr *hclsyntax.Attribute) (names []string, at []hcl.Range, ok bool) {
	items, diags := hcl.ExprList(attr.Expr)
	if diags.HasErrors() {
		r.fail(attr.Expr.Range(), attr.Name+" needs a list", fmt.Sprintf("write %s = [name, name]", attr.Name))
		return nil, nil, false
	}
	ok = true
	for _, e := range items {
		word, good := r.bare(attr.Name, e)
		if !good {
			ok = false
			continue
		}
		if i := slices.Index(names, word); i >= 0 {
			r.fail(e.Range(), fmt.Sprintf("%s names %s twice", attr.Name, word), "name it once")
			ok = false
		}
		names, at = append(names, word), append(at, e.Range())
	}
	return names, at, ok
}

// hours reads opening hours; the place of a problem is inside the string.
func (r *reader) hours(attr *hclsyntax.Attribute) *hours.Hours {
	value, ok := r.text(attr)
	if !ok {
		return &hours.Hours{}
	}
	inside := func(offset int) hcl.Range {
		at := attr.Expr.Range()
		at.Start.Column += columns(string(at.SliceBytes(r.source)), offset)
		return at
	}
	h, err := hours.Parse(value)
	if err != nil {
		p := err.(*hours.Problem)
		r.fail(inside(p.Offset), p.What, p.Do)
		return &hours.Hours{}
	}
	for _, p := range h.Warnings() {
		at := inside(p.Offset)
		r.warnings = append(r.warnings, diagnostic(at, p.What, p.Do))
	}
	return h
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
