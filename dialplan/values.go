package dialplan

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/diagnostic"
)

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
		r.fail(attr.Expr.Range(), fmt.Sprintf("%s cannot be %q", attr.Name, value), diagnostic.Alternatives(value, known))
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
	return r.bareWord(setting, e, "write a name as it stands in quotes after space or phone")
}

// bareWord is one word without quotes. What to do is for whatever is no word, even in quotes.
func (r *reader) bareWord(setting string, e hcl.Expression, do string) (string, bool) {
	word := hcl.ExprAsKeyword(e)
	if word != "" {
		return word, true
	}
	switch t := e.(type) {
	case *hclsyntax.TemplateExpr:
		if v, diags := t.Value(nil); len(t.Variables()) == 0 && !diags.HasErrors() && v.IsWhollyKnown() && !v.IsNull() && hclsyntax.ValidIdentifier(v.AsString()) {
			do = "write it without quotes: " + v.AsString()
		}
	case *hclsyntax.TupleConsExpr:
		do = "write one name, without brackets"
		if setting == "rings" {
			do = `describe several as one: group "name" { members = [one, other] }, and write rings = name`
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
