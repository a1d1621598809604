package answers

import (
	"slices"
	"strings"
	"unicode"

	"ewindow/dialplan"
)

// A pen draws days, and remembers which abbreviations it has used.
type pen struct {
	names []string          // of all spaces, sorted
	codes map[string]string // by name: two characters that no other space has
	used  map[string]bool   // names that were abbreviated
	shown map[state]bool
	ink   Ink
}

// Ink says whether to use the colours of a terminal.
type Ink bool

const (
	Plain  Ink = false
	Colour Ink = true
)

const (
	faint = "2"
	bold  = "1"
)

// hues are for partners: neighbours in the list of spaces have different ones.
var hues = [6]string{"36", "33", "32", "35", "34", "31"}

func (ink Ink) paint(code, text string) string {
	if ink == Plain || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func newPen(plan *dialplan.Plan, ink Ink) *pen {
	p := &pen{used: map[string]bool{}, shown: map[state]bool{}, ink: ink}
	for _, s := range plan.Spaces() {
		p.names = append(p.names, s.Name)
	}
	p.codes = codes(p.names)
	return p
}

// codes gives each name two characters: its first letter as a capital, and one of the others that is still free. When
// there are none left with that letter, it is two that have nothing to do with the name; and of more than 900, "??".
func codes(names []string) map[string]string {
	out, taken := make(map[string]string, len(names)), map[string]bool{}
	const capitals, spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789abcdefghijklmnopqrstuvwxyz"
	free := func(first, others string) string {
		for _, r := range others {
			if code := first + string(r); !taken[code] && r != '-' && r != '_' {
				return code
			}
		}
		return ""
	}
	for _, name := range names {
		runes := []rune(name)
		code := free(string(unicode.ToUpper(runes[0])), string(runes[1:])+spare)
		for i := 0; code == "" && i < len(capitals); i++ {
			code = free(capitals[i:i+1], spare)
		}
		if code == "" {
			code = "??"
		}
		out[name], taken[code] = code, true
	}
	return out
}

// draw is a day in one line: a heavy line from the partner's name on while it is seen, a thin line while the window is
// open alone, and every three hours a point where it is closed.
func (p *pen) draw(cells [cellsADay]cell) string {
	var b strings.Builder
	for i := 0; i < len(cells); {
		n := 1
		for i+n < len(cells) && cells[i+n] == cells[i] {
			n++
		}
		p.shown[cells[i].state] = true
		switch cells[i].state {
		case sees:
			at, _ := slices.BinarySearch(p.names, cells[i].partner)
			b.WriteString(p.ink.paint(hues[at%len(hues)], p.bar(cells[i].partner, n)))
		case alone:
			b.WriteString(p.ink.paint(faint, strings.Repeat("─", n)))
		case skipped:
			b.WriteString(p.ink.paint(faint, strings.Repeat("×", n)))
		case closed:
			points := []rune(strings.Repeat("·     ", len(cells)/6))
			b.WriteString(p.ink.paint(faint, string(points[i:i+n])))
		}
		i += n
	}
	return b.String()
}

// bar is n characters that begin with a name: whole, or so much of it that it can be no other, or its code.
func (p *pen) bar(name string, n int) string {
	const legible = 6
	label := name
	if runes := []rune(name); len(runes) >= n { // one is for the line, so that bars end somewhere
		if short := string(runes[:max(0, n-2)]); len(runes) == n && n > 1 {
			label = string(unicode.ToUpper(runes[0])) + string(runes[1:]) // here a capital says that another one begins
		} else if n >= legible && p.only(short) {
			label = short + "…"
		} else {
			p.used[name] = true
			label = clipTo(p.codes[name], n)
		}
	}
	return label + strings.Repeat("━", n-len([]rune(label)))
}

func clipTo(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

// only says whether just one space's name begins like this.
func (p *pen) only(prefix string) bool {
	i, _ := slices.BinarySearch(p.names, prefix)
	return i+1 >= len(p.names) || !strings.HasPrefix(p.names[i+1], prefix)
}

// legend explains what was drawn.
func (p *pen) legend() string {
	var words []string
	for _, sign := range []struct {
		state state
		text  string
	}{{sees, "name━━ sees it"}, {alone, "── open, sees nobody"}, {closed, "· closed"}, {skipped, "×× skipped by the clock"}} {
		if p.shown[sign.state] {
			words = append(words, sign.text)
		}
	}
	for _, name := range p.names {
		if p.used[name] {
			words = append(words, p.codes[name]+" "+name)
		}
	}
	var b strings.Builder
	column := 0
	for i, w := range words {
		n := len([]rune(w))
		switch {
		case i == 0:
		case column+3+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteString("   ")
			column += 3
		}
		b.WriteString(w)
		column += n
	}
	return b.String() + "\n"
}
