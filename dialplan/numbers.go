package dialplan

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"ewindow/dialplan/programme"
)

func (r *reader) phone(b *hclsyntax.Block) {
	r.claimName(b)
	attrs, at := b.Body.Attributes, b.LabelRanges[0]
	ph := Phone{Name: b.Labels[0], Display: r.display(b), Picture: true, File: at.Filename, Line: at.Start.Line}
	ph.Security = programme.Security(r.words(attrs["security"], string(programme.SDES), string(programme.None)))
	if attr, ok := attrs["auth"]; ok {
		ph.Auth = r.words(attr, "md5", "sha256")
	}
	if attr, ok := attrs["picture"]; ok {
		ph.Picture, ph.Always = r.picture(attr)
	}
	if attr, ok := attrs["at"]; ok {
		if ph.At, ok = r.bare("at", attr.Expr); ok {
			r.refer("at", ph.At, attr.Expr.Range(), "space")
		}
	}
	if attr, ok := attrs["number"]; ok {
		if number, ok := r.text(attr); ok {
			ph.Number = number
			r.dialled(Number{Number: number, Rings: ph.Name}, attr.Expr.Range())
		}
	}
	ph.Busy = r.busy(b, ph.Name)
	if attr, ok := attrs["may_dial"]; ok {
		names, places, _ := r.bareList(attr)
		r.referAll("may_dial", names, places, "space", "phone", "group")
		ph.MayDial = names
	}
	r.phones = append(r.phones, ph)
}

// picture reads whether a phone and the windows that it calls see each other, and whether it always sees them.
func (r *reader) picture(attr *hclsyntax.Attribute) (picture, always bool) {
	switch string(attr.Expr.Range().SliceBytes(r.source)) {
	case "true":
		return true, false
	case "false":
		return false, false
	case `"always"`:
		return true, true
	}
	r.fail(attr.Expr.Range(), `picture is neither true, false nor "always"`,
		`write picture = true or picture = false, without quotes; picture = "always" shows it the window even while it shows nothing itself`)
	return false, false
}

// busy is who is called instead when target is busy, closed or away.
func (r *reader) busy(b *hclsyntax.Block, target string) string {
	attr, ok := b.Body.Attributes["busy"]
	if !ok {
		return ""
	}
	other, ok := r.bare("busy", attr.Expr)
	if ok && other == target {
		r.fail(attr.Expr.Range(), fmt.Sprintf("busy names %s itself", other), "name another space or phone")
	} else if ok {
		r.refer("busy", other, attr.Expr.Range(), "space", "phone")
	}
	return other
}

func (r *reader) number(b *hclsyntax.Block) {
	attr := r.attribute(b, "rings", "rings = name of a space, phone or group")
	if attr == nil {
		return
	}
	n := Number{Number: b.Labels[0]}
	var ok bool
	if n.Rings, ok = r.bare("rings", attr.Expr); !ok {
		return
	}
	if n.Rings != Echo {
		r.refer("rings", n.Rings, attr.Expr.Range(), "space", "phone", "group")
	}
	n.Busy = r.busy(b, n.Rings)
	if attr, ok := b.Body.Attributes["knock"]; ok {
		if n.Knock, ok = r.bare("knock", attr.Expr); ok {
			r.refer("knock", n.Knock, attr.Expr.Range(), "knock")
		}
	}
	r.dialled(n, b.LabelRanges[0])
	r.references = append(r.references, func() {
		if attr := b.Body.Attributes["busy"]; attr != nil && r.names[n.Rings].kind == "group" {
			r.fail(attr.NameRange, fmt.Sprintf("%s is a group, which has its own order", n.Rings), fmt.Sprintf("put %s at the end of its members", n.Busy))
		}
		if attr := b.Body.Attributes["knock"]; attr != nil && (r.names[n.Rings].kind == "phone" || n.Rings == Echo) {
			r.fail(attr.NameRange, fmt.Sprintf("nobody can knock at %s, which is no window", n.Rings), "remove this setting")
		}
	})
}

// dialled notes what a number leads to.
func (r *reader) dialled(n Number, at hcl.Range) {
	if !numberPattern.MatchString(n.Number) {
		r.fail(at, fmt.Sprintf("%q cannot be dialled as a number", n.Number), "write digits, * and #, 32 at most")
		return
	}
	r.claim("number", n.Number, at)
	n.File, n.Line, n.at = at.Filename, at.Start.Line, at
	r.numbers[n.Number] = &n
}

func (r *reader) group(b *hclsyntax.Block) {
	r.claimName(b)
	at := b.LabelRanges[0]
	g := Group{Name: b.Labels[0], Display: r.display(b), File: at.Filename, Line: at.Start.Line}
	g.All = r.oneWord("ring", b.Body.Attributes["ring"], "first", "all") == "all"
	if attr := r.attribute(b, "members", "members = [name, name]: spaces and phones, in the order in which they are tried"); attr != nil {
		names, places, ok := r.bareList(attr)
		if ok && len(names) == 0 {
			r.fail(attr.Expr.Range(), "the group has no members", "name spaces and phones")
		}
		r.referAll("members", names, places, "space", "phone")
		g.Members = names
	}
	r.groups = append(r.groups, g)
}

// Bounds of how long a knock rings.
const (
	shortestRing = time.Second
	longestRing  = 2 * time.Minute
)

func (r *reader) knock(b *hclsyntax.Block) {
	r.claimName(b)
	at := b.LabelRanges[0]
	k := Knock{Name: b.Labels[0], Ring: 20 * time.Second, File: at.Filename, Line: at.Start.Line, at: at}
	if attr := r.attribute(b, "from", "from = [members], or the names of phones, spaces and groups"); attr != nil {
		names, places, ok := r.bareList(attr)
		if ok && len(names) == 0 {
			r.fail(attr.Expr.Range(), "nobody may knock", "write from = [members], or the names of phones, spaces and groups")
		}
		for i, n := range names {
			if n != members {
				r.refer("from", n, places[i], "phone", "space", "group")
			}
		}
		k.From = names
	}
	if attr, ok := b.Body.Attributes["ring"]; ok {
		if text, ok := r.text(attr); ok {
			var err error
			if k.Ring, err = time.ParseDuration(text); err != nil || k.Ring < shortestRing || k.Ring > longestRing || k.Ring%time.Second != 0 {
				r.fail(attr.Expr.Range(), fmt.Sprintf("ring cannot be %q", text), `write whole seconds, for example "20s"; "2m" at most`)
			}
		}
	}
	k.Until = r.oneWord("until", b.Body.Attributes["until"], "accepted")
	r.knocks = append(r.knocks, k)
}

// everybody says whether all members of the network may knock.
func (k *Knock) everybody() bool { return slices.Contains(k.From, members) }
