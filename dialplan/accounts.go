package dialplan

import (
	"fmt"
	"maps"
	"slices"

	"ewindow/dialplan/diagnostic"
)

// HasAccount is true for what may register: the label of a space or a phone.
func (p *Plan) HasAccount(name string) bool {
	_, ok := p.accountAt[name]
	return ok
}

// SuggestAccount says which space or phone was meant, or which there are.
func (p *Plan) SuggestAccount(written string) string {
	return diagnostic.Alternatives(written, slices.Sorted(maps.Keys(p.accountAt)))
}

// CompareAccounts warns of each space and phone that has no account and so cannot register, and of each account, kept
// where, that the plan knows nothing of.
func (p *Plan) CompareAccounts(have []string, where string) Diagnostics {
	var missing Diagnostics
	for name, at := range p.accountAt {
		if !slices.Contains(have, name) {
			missing = append(missing, diagnostic.At(Meaning, at, fmt.Sprintf("%s has no account in %s", name, where),
				fmt.Sprintf("ewindow-registrar account add %s makes one", name)))
		}
	}
	out := missing.Finish(p.files, Warning)
	for _, name := range have {
		if !p.HasAccount(name) {
			d := diagnostic.Whole(where, fmt.Sprintf("the account %s is no space and no phone of the plan", name),
				fmt.Sprintf("describe it in the plan, or ewindow-registrar account remove %s", name))[0]
			d.Severity, d.Kind = Warning, Meaning
			out = append(out, d)
		}
	}
	return out
}
