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
	Kind    string   `json:"kind"`            // one of the Kinds
	Name    string   `json:"name"`            // of the space, phone or group
	Targets []string `json:"targets"`         // accounts to be called, in order; Echo for the echo
	All     bool     `json:"all"`             // all of Targets at once; otherwise the first one that is free
	Knock   string   `json:"knock,omitempty"` // name of the policy by which the call asks to be let in
	File    string   `json:"file,omitempty"`  // where the number stands, or else the name; empty for the echo
	Line    int      `json:"line,omitempty"`
}

// Resolve finds what a name or a number leads to. It is false if nothing has that name or number.
func (p *Plan) Resolve(dialled string) (Resolution, bool) {
	r := Resolution{Dialled: dialled, Name: dialled}
	busy := ""
	number, dialledNumber := p.numbers[dialled]
	if dialledNumber {
		r.Name, r.Knock, busy = number.Rings, number.Knock, number.Busy
	}
	if r.Name == Echo {
		r.Kind, r.Targets = KindEcho, []string{Echo}
	} else if i, ok := p.spaceByName[r.Name]; ok {
		r.Kind, r.Targets, r.File, r.Line = KindSpace, []string{r.Name}, p.spaces[i].File, p.spaces[i].Line
	} else if ph, ok := p.phone(r.Name); ok {
		r.Kind, r.Targets, r.File, r.Line = KindPhone, []string{r.Name}, ph.File, ph.Line
		if busy == "" {
			busy = ph.Busy
		}
	} else if g, ok := p.group(r.Name); ok {
		r.Kind, r.Targets, r.All, r.File, r.Line = KindGroup, append([]string(nil), g.Members...), g.All, g.File, g.Line
	} else {
		return Resolution{}, false
	}
	if busy != "" {
		r.Targets = append(r.Targets, busy)
	}
	if dialledNumber {
		r.File, r.Line = number.File, number.Line
	}
	return r, true
}
