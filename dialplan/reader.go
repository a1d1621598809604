package dialplan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/diagnostic"
)

// A reader collects what the blocks of all files say. Names may be used before they are described,
// so what refers to a name is checked at the end.
type reader struct {
	first  string // name of the first file
	source []byte // of the file being read

	spaces     []space
	links      []Link
	rules      []rule
	phones     []Phone
	groups     []Group
	knocks     []Knock
	calendars  map[string]*calendar
	numbers    map[string]*Number // by what is dialled
	expects    []Expectation
	moments    map[moment]*timetable
	names      map[string]name // everything with a label that can be referred to or dialled: see key
	ruleNames  map[string]name // of links and rotations
	locations  map[string]*time.Location
	references []func()

	misspelt map[string]bool // settings of the block being read that are there under a name like theirs

	errors   Diagnostics
	warnings Diagnostics
}

// A name is one that a block has.
type name struct {
	kind string // of block
	at   hcl.Range
}

func newReader(files []File) *reader {
	return &reader{
		first: files[0].Name, numbers: map[string]*Number{}, names: map[string]name{}, calendars: map[string]*calendar{},
		ruleNames: map[string]name{}, locations: map[string]*time.Location{}, moments: map[moment]*timetable{},
	}
}

func (r *reader) fail(at hcl.Range, what, do string) {
	r.errors = append(r.errors, diagnostic.At(Meaning, at, what, do))
}

// unmet is fail for an expectation.
func (r *reader) unmet(at hcl.Range, what, do string) {
	r.errors = append(r.errors, diagnostic.At(Unmet, at, what, do))
}

func (r *reader) warn(at hcl.Range, what, do string) {
	r.warnings = append(r.warnings, diagnostic.At(Meaning, at, what, do))
}

func place(at hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", at.Filename, at.Start.Line, at.Start.Column)
}

// list is words for a message.
func list(words []string) string { return strings.Join(words, ", ") }

// blocks are the kinds of block, each with its settings.
var blocks = map[string][]string{
	"space":    {"name", "timezone", "calendar", "open", "note"},
	"calendar": {"days"},
	"closed":   {"dates"},
	"holiday":  {"dates"},
	"link":     {"between", "when", "caller"},
	"rotation": {"of", "with", "among", "every", "from", "timezone"},
	"phone":    {"name", "at", "number", "may_dial", "security", "auth", "picture", "busy"},
	"number":   {"rings", "knock", "busy"},
	"knock":    {"from", "ring", "until"},
	"group":    {"name", "members", "ring"},
	"expect":   {"at", "space", "sees", "caller"},
}

var blockKinds = []string{"space", "calendar", "link", "rotation", "phone", "number", "knock", "group", "expect"}

// inner are the blocks that stand inside of others.
var inner = map[string][]string{
	"space":    {"closed"},
	"calendar": {"closed", "holiday"},
}

func (r *reader) file(body *hclsyntax.Body) {
	for name, attr := range body.Attributes {
		do := "settings stand in a block: " + list(blockKinds)
		if slices.Contains(blockKinds, name) {
			do = fmt.Sprintf(`write %s "name" { … }`, name)
		}
		r.fail(attr.NameRange, fmt.Sprintf("setting %q stands outside of any block", name), do)
	}
	for _, b := range body.Blocks {
		if slices.Contains(blockKinds, b.Type) {
			if r.labelled(b) {
				r.block(b)
			}
			continue
		}
		if b.Type == "closed" || b.Type == "holiday" {
			r.fail(b.TypeRange, fmt.Sprintf("block %q stands by itself", b.Type), fmt.Sprintf("write it inside the %s it is about", outer[b.Type]))
			continue
		}
		r.fail(b.TypeRange, fmt.Sprintf("unknown block %q", b.Type), diagnostic.Alternatives(b.Type, blockKinds))
		if kind := diagnostic.Nearest(b.Type, blockKinds); kind != "" && len(b.Labels) == 1 {
			r.describe(kind, b.Labels[0], b.LabelRanges[0]) // what refers to it is not at fault
		}
	}
}

var outer = map[string]string{"closed": "space, or the calendar,", "holiday": "calendar"}

// labelled checks the label of a block, and the names of what it contains. It is false if there is not one label.
func (r *reader) labelled(b *hclsyntax.Block) bool {
	known := blocks[b.Type]
	r.misspelt = map[string]bool{}
	for name, attr := range b.Body.Attributes {
		if !slices.Contains(known, name) {
			do := diagnostic.Alternatives(name, known)
			if slices.Contains(inner[b.Type], name) {
				do = fmt.Sprintf(`write %s "name" { dates = "…" }`, name)
			}
			r.fail(attr.NameRange, fmt.Sprintf("unknown setting %q in a %s", name, called(b.Type)), do)
			r.misspelt[diagnostic.Nearest(name, known)] = true
		}
	}
	for _, in := range b.Body.Blocks {
		if !slices.Contains(inner[b.Type], in.Type) {
			r.misplaced(b, in)
		}
	}
	if len(b.Labels) == 1 {
		return true
	}
	at := b.TypeRange
	if len(b.LabelRanges) > 1 {
		at = b.LabelRanges[1]
	}
	label := "name"
	if len(b.Labels) > 0 {
		label = b.Labels[0]
		r.describe(b.Type, label, b.LabelRanges[0])
	}
	r.fail(at, fmt.Sprintf("a %s has one name, here are %d", called(b.Type), len(b.Labels)), fmt.Sprintf("write %s %q {", b.Type, label))
	return false
}

// called is what a kind of block is called in a sentence.
func called(kind string) string {
	if kind == "closed" || kind == "expect" {
		return kind + " block"
	}
	return kind
}

// misplaced complains of a block that cannot stand inside another.
func (r *reader) misplaced(b, in *hclsyntax.Block) {
	do := "a " + b.Type + " has only settings: name = value"
	switch {
	case slices.Contains(blockKinds, in.Type):
		do = fmt.Sprintf(`close the %s with "}" before it`, b.Type)
	case slices.Contains(blocks[b.Type], in.Type):
		r.misspelt[in.Type] = true
		do = fmt.Sprintf(`write %s = "…"`, in.Type)
	case in.Type == "holiday":
		do = `write it inside a calendar; a space has closed "name" { dates = "…" }`
	case len(inner[b.Type]) > 0:
		do = diagnostic.Alternatives(in.Type, inner[b.Type])
	}
	r.fail(in.TypeRange, fmt.Sprintf("block %q stands inside a %s", in.Type, b.Type), do)
}

func (r *reader) block(b *hclsyntax.Block) {
	switch b.Type {
	case "space":
		r.space(b)
	case "calendar":
		r.calendar(b)
	case "link":
		r.link(b)
	case "rotation":
		r.rotation(b)
	case "phone":
		r.phone(b)
	case "number":
		r.number(b)
	case "knock":
		r.knock(b)
	case "group":
		r.group(b)
	case "expect":
		r.expect(b)
	}
}
