// Package span is arithmetic with sets of half-open intervals of whole numbers: seconds of Unix time, or minutes of a day.
package span

import (
	"cmp"
	"slices"
)

// A Span is the half-open interval [From, Until).
type Span struct{ From, Until int64 }

// Contains says whether x lies in the span.
func (s Span) Contains(x int64) bool { return s.From <= x && x < s.Until }

// A Set is sorted, its spans are not empty and do not touch each other. The zero Set is empty.
// No operation changes its operands; a result may share memory with them.
type Set []Span

// Of makes a Set of spans in any order. Empty spans are dropped, spans that touch or overlap become one.
func Of(spans ...Span) Set {
	sorted := slices.Clone(spans)
	slices.SortFunc(sorted, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	var set Set
	for _, s := range sorted {
		set = set.Append(s)
	}
	return set
}

// Append adds a span that begins no earlier than the last one of the set begins. It uses the memory of s, as append does.
func (s Set) Append(x Span) Set {
	if x.From >= x.Until {
		return s
	}
	if n := len(s); n > 0 && x.From <= s[n-1].Until {
		s[n-1].Until = max(s[n-1].Until, x.Until)
		return s
	}
	return append(s, x)
}

// Find is the span that x lies in.
func (s Set) Find(x int64) (Span, bool) {
	if i := s.after(x); i < len(s) && s[i].From <= x {
		return s[i], true
	}
	return Span{}, false
}

// Next is the first border of a span after x: where the set begins or ends. It is false if there is none.
func (s Set) Next(x int64) (int64, bool) {
	i := s.after(x)
	switch {
	case i == len(s):
		return 0, false
	case s[i].From > x:
		return s[i].From, true
	}
	return s[i].Until, true
}

// after is the index of the first span that ends after x.
func (s Set) after(x int64) int {
	i, _ := slices.BinarySearchFunc(s, x, func(e Span, x int64) int {
		if e.Until <= x {
			return -1
		}
		return 1
	})
	return i
}

// Clip is the part of s that lies in w. It looks at no other part.
func (s Set) Clip(w Span) Set {
	if w.From >= w.Until {
		return nil
	}
	first, end := s.after(w.From), s.after(w.Until)
	if end < len(s) && s[end].From < w.Until {
		end++
	}
	part := s[first:end]
	n := len(part)
	if n == 0 || part[0].From >= w.From && part[n-1].Until <= w.Until {
		return part[:n:n]
	}
	part = slices.Clone(part)
	part[0].From = max(part[0].From, w.From)
	part[n-1].Until = min(part[n-1].Until, w.Until)
	return part
}

// Union is what lies in s or in o.
func (s Set) Union(o Set) Set {
	switch {
	case len(s) == 0:
		return o
	case len(o) == 0:
		return s
	}
	out := make(Set, 0, len(s)+len(o))
	for len(s) > 0 && len(o) > 0 {
		if s[0].From <= o[0].From {
			out, s = out.Append(s[0]), s[1:]
		} else {
			out, o = out.Append(o[0]), o[1:]
		}
	}
	for _, x := range s {
		out = out.Append(x)
	}
	for _, x := range o {
		out = out.Append(x)
	}
	return out
}

// Intersect is what lies in s and in o.
func (s Set) Intersect(o Set) Set {
	var out Set
	for len(s) > 0 && len(o) > 0 {
		out = out.Append(Span{max(s[0].From, o[0].From), min(s[0].Until, o[0].Until)})
		if s[0].Until < o[0].Until {
			s = s[1:]
		} else {
			o = o[1:]
		}
	}
	return out
}

// Subtract is what lies in s and not in o.
func (s Set) Subtract(o Set) Set {
	if len(o) == 0 || len(s) == 0 {
		return s
	}
	var out Set
	for _, x := range s {
		for len(o) > 0 && o[0].Until <= x.From {
			o = o[1:]
		}
		for _, y := range o {
			if y.From >= x.Until {
				break
			}
			if y.From > x.From {
				out = append(out, Span{x.From, y.From})
			}
			x.From = y.Until
		}
		if x.From < x.Until {
			out = append(out, x)
		}
	}
	return out
}

// Shift is s moved by d.
func (s Set) Shift(d int64) Set {
	out := make(Set, len(s))
	for i, x := range s {
		out[i] = Span{x.From + d, x.Until + d}
	}
	return out
}
