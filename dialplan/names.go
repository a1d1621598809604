package dialplan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/diagnostic"
	"ewindow/dialplan/username"
)

var numberPattern = regexp.MustCompile(`^[0-9*#+][0-9*#]{0,31}$`)

// reserved are words that mean something else where a name could stand, now or in what the language will grow to.
var reserved = []string{"true", "false", "null", "for", "if", "open", "always", Echo, nobody, members}

const (
	nobody  = "nobody"  // an expect block's word for no partner
	members = "members" // a knock block's word for all spaces and phones
)

// key is what a name is kept under. There is one name space for all that can be called; calendars and knock policies
// cannot, and each have their own: the calendar of a city may have the name of the space in it.
func key(kind, word string) string {
	if kind == "calendar" || kind == "knock" {
		return kind + " " + word
	}
	return word
}

// claim notes that a name is taken.
func (r *reader) claim(kind, word string, at hcl.Range) {
	if before, taken := r.names[key(kind, word)]; taken {
		r.fail(at, fmt.Sprintf("%s %q: a %s of that name is at %s", kind, word, before.kind, place(before.at)), "give one of them another name")
	}
	r.describe(kind, word, at)
}

// describe notes what a name is, so that it can be referred to.
func (r *reader) describe(kind, word string, at hcl.Range) {
	if _, taken := r.names[key(kind, word)]; !taken {
		r.names[key(kind, word)] = name{kind, at}
	}
}

// claimName checks and claims the label of a block that others refer to. That of a space, a phone or a group is the
// user part of a SIP address.
func (r *reader) claimName(b *hclsyntax.Block) {
	word, at := b.Labels[0], b.LabelRanges[0]
	defer r.describe(b.Type, word, at) // even a bad one: what refers to it is not at fault
	switch {
	case slices.Contains(reserved, word):
		r.fail(at, fmt.Sprintf("%q is a word of the language", word), "choose another name")
	case username.Valid(word):
		r.claim(b.Type, word, at)
	case username.Valid(strings.ToLower(word)):
		do := "write " + strings.ToLower(word)
		if slices.Contains(blocks[b.Type], "name") {
			do = fmt.Sprintf(`write %q, and name = "%s" for people`, strings.ToLower(word), word)
		}
		r.fail(at, fmt.Sprintf("name %q has capital letters", word), do)
	default:
		do := "write " + username.Rule
		if slices.Contains(blocks[b.Type], "name") {
			do += `; people read what is set by name = "…"`
		}
		r.fail(at, fmt.Sprintf("name %q cannot stand in an address", word), do)
	}
}

// claimRule checks and claims the label of a link or a rotation: people read it, nothing refers to it.
func (r *reader) claimRule(b *hclsyntax.Block) {
	at := b.LabelRanges[0]
	if before, taken := r.ruleNames[b.Labels[0]]; taken {
		r.fail(at, fmt.Sprintf("%s %q: a %s of that name is at %s", b.Type, b.Labels[0], before.kind, place(before.at)), "give one of them another name")
	}
	r.ruleNames[b.Labels[0]] = name{b.Type, at}
	r.legible("the name of the "+b.Type, b.Labels[0], at)
}

// refer checks, when all is read, that a name is described as one of some kinds, which share a name space.
func (r *reader) refer(setting, word string, at hcl.Range, kinds ...string) {
	r.references = append(r.references, func() {
		found, ok := r.names[key(kinds[0], word)]
		if ok && slices.Contains(kinds, found.kind) {
			return
		}
		if !ok {
			found, ok = r.names[word] // of another name space
		}
		switch {
		case ok:
			r.fail(at, fmt.Sprintf("%s names %s, which is a %s", setting, word, found.kind), "name "+oneOf(kinds))
			return
		case word == Echo && !slices.Contains(kinds, "calendar"):
			r.fail(at, setting+" names the echo", "leave it out: everybody may call it")
			return
		}
		do := ""
		if len(r.errors) < manyErrors {
			do = diagnostic.Suggest(word, r.named(kinds))
		}
		if do == "" {
			do = fmt.Sprintf(`describe it: %s "%s" { … }`, kinds[0], word)
		}
		r.fail(at, fmt.Sprintf("unknown %s %q", strings.Join(kinds, " or "), word), do)
	})
}

// oneOf is "a space or a phone".
func oneOf(kinds []string) string { return "a " + strings.Join(kinds, " or a ") }

// manyErrors is when to stop looking for the names that were meant: it takes time in a large plan.
const manyErrors = 50

// named is the names of some kinds, sorted.
func (r *reader) named(kinds []string) []string {
	var out []string
	for n, what := range r.names {
		if slices.Contains(kinds, what.kind) {
			out = append(out, strings.TrimPrefix(n, what.kind+" "))
		}
	}
	slices.Sort(out)
	return out
}
