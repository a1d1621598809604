package dialplan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/programme"
)

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	numberPattern = regexp.MustCompile(`^[0-9*#+][0-9*#]{0,31}$`)
)

// reserved are words that mean something else where a name could stand, now or in what the language will grow to.
var reserved = []string{"true", "false", "null", "for", "if", "open", "always", "echo", "nobody", "members"}

// claim notes that a name is taken; there is one name space for all that can be called.
func (r *reader) claim(kind, word string, at hcl.Range) {
	if before, taken := r.names[word]; taken {
		r.fail(at, fmt.Sprintf("%s %q: a %s of that name is at %s", kind, word, before.kind, place(before.at)), "give one of them another name")
	}
	r.describe(kind, word, at)
}

// describe notes what a name is, so that it can be referred to.
func (r *reader) describe(kind, word string, at hcl.Range) {
	if _, taken := r.names[word]; !taken {
		r.names[word] = name{kind, at}
	}
}

// claimName checks and claims the label of a space or a phone: it is the user part of a SIP address.
func (r *reader) claimName(b *hclsyntax.Block) {
	word, at := b.Labels[0], b.LabelRanges[0]
	defer r.describe(b.Type, word, at) // even a bad one: what refers to it is not at fault
	switch {
	case slices.Contains(reserved, word):
		r.fail(at, fmt.Sprintf("%q is a word of the language", word), "choose another name")
	case namePattern.MatchString(word):
		r.claim(b.Type, word, at)
	case namePattern.MatchString(strings.ToLower(word)):
		r.fail(at, fmt.Sprintf("name %q has capital letters", word), fmt.Sprintf(`write %q, and name = "%s" for people`, strings.ToLower(word), word))
	default:
		r.fail(at, fmt.Sprintf("name %q cannot stand in an address", word),
			`write small letters, digits, - and _, a letter first, 63 at most; people read what is set by name = "…"`)
	}
}

func (r *reader) space(b *hclsyntax.Block) {
	r.claimName(b)
	s := space{Space: Space{Name: b.Labels[0], Display: r.display(b), Location: time.UTC}}
	if attr := r.attribute(b, "timezone", `for example timezone = "Europe/Rome"`); attr != nil {
		s.Location = r.timezone(attr)
	}
	s.hours = r.hours(r.attribute(b, "open", `for example open = "Mo-Fr 09:00-19:00", or open = "24/7"`))
	r.spaces = append(r.spaces, s)
}

func (r *reader) link(b *hclsyntax.Block) {
	at := b.LabelRanges[0]
	l := Link{Name: b.Labels[0], File: at.Filename, Line: at.Start.Line}
	if before, taken := r.linkNames[l.Name]; taken {
		r.fail(at, fmt.Sprintf("link %q: a link of that name is at %s", l.Name, place(before)), "give one of them another name")
	}
	r.linkNames[l.Name] = at
	r.legible("the name of the link", l.Name, at)
	if attr := r.attribute(b, "when", "when = open (while both are open) or when = always"); attr != nil {
		l.Always = r.when(attr)
	}
	if attr := r.attribute(b, "between", "between = [one, other]"); attr != nil {
		names, places, ok := r.bareList(attr)
		if ok && len(names) != 2 {
			r.fail(attr.Expr.Range(), fmt.Sprintf("between names %d spaces", len(names)), "a link is between two")
			ok = false
		}
		for i := range names {
			r.refer("between", names[i], places[i], "space")
		}
		if ok {
			l.Between = [2]string(names)
			l.Caller = r.caller(b, l)
		}
	}
	r.links = append(r.links, l)
}

func (r *reader) when(attr *hclsyntax.Attribute) (always bool) {
	word, ok := r.bare("when", attr.Expr)
	if ok && word != "open" && word != "always" {
		r.fail(attr.Expr.Range(), fmt.Sprintf("when cannot be %s", word), alternatives(word, []string{"open", "always"}))
	}
	return word == "always"
}

// caller is the first of the two unless the block says otherwise.
func (r *reader) caller(b *hclsyntax.Block, l Link) string {
	attr, ok := b.Body.Attributes["caller"]
	if !ok {
		return l.Between[0]
	}
	word, ok := r.bare("caller", attr.Expr)
	if ok && !slices.Contains(l.Between[:], word) {
		r.fail(attr.Expr.Range(), fmt.Sprintf("caller %s is not in between", word), fmt.Sprintf("write %s or %s", l.Between[0], l.Between[1]))
	}
	return word
}

func (r *reader) phone(b *hclsyntax.Block) {
	r.claimName(b)
	attrs := b.Body.Attributes
	ph := Phone{Name: b.Labels[0], Display: r.display(b), Picture: true}
	ph.Security = programme.Security(r.words(attrs["security"], string(programme.SDES), string(programme.None)))
	if attr, ok := attrs["auth"]; ok {
		ph.Auth = r.words(attr, "md5", "sha256")
	}
	if attr, ok := attrs["picture"]; ok {
		ph.Picture = r.yes(attr)
	}
	if attr, ok := attrs["number"]; ok {
		if number, ok := r.text(attr); ok {
			ph.Number = number
			r.dialled(number, ph.Name, attr.Expr.Range())
		}
	}
	if attr, ok := attrs["may_dial"]; ok {
		names, places, _ := r.bareList(attr)
		for i := range names {
			r.refer("may_dial", names[i], places[i], "space", "phone")
		}
		ph.MayDial = names
	}
	r.phones = append(r.phones, ph)
}

func (r *reader) yes(attr *hclsyntax.Attribute) bool {
	switch string(attr.Expr.Range().SliceBytes(r.source)) {
	case "true":
		return true
	case "false":
		return false
	}
	r.fail(attr.Expr.Range(), attr.Name+" is neither true nor false", fmt.Sprintf("write %s = true or %s = false, without quotes", attr.Name, attr.Name))
	return false
}

func (r *reader) number(b *hclsyntax.Block) {
	attr := r.attribute(b, "rings", "rings = name of a space or phone")
	if attr == nil {
		return
	}
	if target, ok := r.bare("rings", attr.Expr); ok {
		r.dialled(b.Labels[0], target, b.LabelRanges[0])
		r.refer("rings", target, attr.Expr.Range(), "space", "phone")
	}
}

// dialled notes that a number leads to an account.
func (r *reader) dialled(number, account string, at hcl.Range) {
	if !numberPattern.MatchString(number) {
		r.fail(at, fmt.Sprintf("%q cannot be dialled as a number", number), "write digits, * and #, 32 at most")
		return
	}
	r.claim("number", number, at)
	r.numbers[number] = account
}

// refer checks, when all is read, that a name is described as one of some kinds.
func (r *reader) refer(setting, word string, at hcl.Range, kinds ...string) {
	r.references = append(r.references, func() {
		found, ok := r.names[word]
		if ok && slices.Contains(kinds, found.kind) {
			return
		}
		if ok {
			r.fail(at, fmt.Sprintf("%s names %s, which is a %s", setting, word, found.kind), "name a "+strings.Join(kinds, " or a "))
			return
		}
		do := ""
		if len(r.errors) < manyErrors {
			do = suggest(word, r.named(kinds))
		}
		if do == "" {
			do = fmt.Sprintf(`describe it: %s "%s" { … }`, kinds[0], word)
		}
		r.fail(at, fmt.Sprintf("unknown %s %q", strings.Join(kinds, " or "), word), do)
	})
}

// manyErrors is when to stop looking for the names that were meant: it takes time in a large plan.
const manyErrors = 50

// named is the names of some kinds, sorted.
func (r *reader) named(kinds []string) []string {
	var out []string
	for n, what := range r.names {
		if slices.Contains(kinds, what.kind) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}
