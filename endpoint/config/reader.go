package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/diagnostic"
)

// A reader puts what a file says into settings, and collects all that is wrong.
type reader struct{ wrong diagnostic.List }

func (r *reader) fail(at hcl.Range, what, do string) {
	r.wrong = append(r.wrong, diagnostic.At(diagnostic.Meaning, at, what, do))
}

// body reads a block, or the file itself, which is called where. Each of its own blocks has settings of its own, and may
// stand there once.
func (r *reader) body(where string, body *hclsyntax.Body, settings []setting, blocks map[string][]setting) {
	keys := make([]string, 0, len(settings)+len(blocks))
	for _, s := range settings {
		keys = append(keys, s.key)
	}
	for kind := range blocks {
		keys = append(keys, kind)
	}
	meant := map[string]bool{} // settings that are there under a name like theirs: nobody has to hear that they are missing
	for name, attr := range body.Attributes {
		switch known := slices.ContainsFunc(settings, func(s setting) bool { return s.key == name }); {
		case blocks[name] != nil:
			r.fail(attr.NameRange, fmt.Sprintf("%s is a block, not a setting", name), fmt.Sprintf("write %s { … }", name))
		case !known:
			r.fail(attr.NameRange, fmt.Sprintf("unknown setting %q in %s", name, where), diagnostic.Alternatives(name, keys))
			meant[diagnostic.Nearest(name, keys)] = true
		}
	}
	for _, s := range settings {
		if attr := body.Attributes[s.key]; attr != nil {
			r.setting(s, attr)
		} else if s.must != "" && !meant[s.key] {
			r.fail(body.MissingItemRange(), fmt.Sprintf("%s is missing in %s", s.key, where), "write "+s.must)
		}
	}
	seen := map[string]bool{}
	for _, b := range body.Blocks {
		inside := blocks[b.Type]
		switch {
		case inside == nil:
			r.fail(b.TypeRange, fmt.Sprintf("unknown block %q in %s", b.Type, where), diagnostic.Alternatives(b.Type, keys))
			continue
		case len(b.Labels) > 0:
			r.fail(b.LabelRanges[0], fmt.Sprintf("the block %s has no name", b.Type), fmt.Sprintf("write %s { … }", b.Type))
		case seen[b.Type]:
			r.fail(b.TypeRange, fmt.Sprintf("the block %s stands here twice", b.Type), "make one of the two")
		}
		seen[b.Type] = true
		r.body("the block "+b.Type, b.Body, inside, nil)
	}
}

func (r *reader) setting(s setting, attr *hclsyntax.Attribute) {
	at := attr.Expr.Range()
	if problems := gohcl.DecodeExpression(attr.Expr, nil, s.into); problems.HasErrors() {
		kind := "text, and text stands in quotes"
		if _, number := s.into.(*int); number {
			kind = "a whole number"
		}
		r.fail(at, fmt.Sprintf("%s has a value of another kind", s.key), "it is "+kind)
		return
	}
	if t := s.check(); t.what != "" {
		r.fail(at, s.key+": "+t.what, t.do)
	}
}
