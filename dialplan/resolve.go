package dialplan

// Kinds of what can be called.
const (
	KindSpace = "space"
	KindPhone = "phone"
	KindGroup = "group"
	KindEcho  = "echo"
)

// Echo is the name, and the number, of the registrar's own answering end that plays back what it hears.
const Echo = "echo"

// A Resolution is what a dialled name or number leads to. It does not say who may call it, and when: Route does.
type Resolution struct {
	Dialled string   `json:"dialled"`
	Kind    string   `json:"kind"`    // one of the Kinds
	Name    string   `json:"name"`    // of the space, phone or group
	Targets []string `json:"targets"` // accounts to be called, in order; Echo for the echo
	All     bool     `json:"all"`     // all of Targets at once; otherwise the first one that is free
	Knock   string   `json:"knock,omitempty"`
	File    string   `json:"file,omitempty"` // where it stands; empty for the echo
	Line    int      `json:"line,omitempty"`
}

// Resolve finds what a name or a number leads to. It is false if nothing has that name or number.
func (p *Plan) Resolve(dialled string) (Resolution, bool) {
	target := dialled
	if t, ok := p.numbers[dialled]; ok {
		target = t
	}
	r := Resolution{Dialled: dialled, Name: target, Targets: []string{target}}
	if target == Echo {
		r.Kind = KindEcho
		return r, true
	}
	if _, ok := p.spaceByName[target]; ok {
		r.Kind = KindSpace
		return r, true
	}
	if _, ok := p.phone(target); ok {
		r.Kind = KindPhone
		return r, true
	}
	return Resolution{}, false
}
