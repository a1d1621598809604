package span

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// bits is a set the slow way.
type bits [64]bool

func random(rnd *rand.Rand) (Set, bits) {
	var b bits
	spans := make([]Span, rnd.IntN(6))
	for i := range spans {
		from := rnd.Int64N(64)
		spans[i] = Span{from, from + rnd.Int64N(64-from)}
		for x := spans[i].From; x < spans[i].Until; x++ {
			b[x] = true
		}
	}
	return Of(spans...), b
}

func (b bits) set() Set {
	var s Set
	for x, in := range b {
		if in {
			s = s.Append(Span{int64(x), int64(x) + 1})
		}
	}
	return s
}

func TestSetAgainstBits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		a, x := random(rnd)
		b, y := random(rnd)
		keepA, keepB := slices.Clone(a), slices.Clone(b)
		var union, both, without, clipped bits
		for i := range x {
			union[i], both[i], without[i] = x[i] || y[i], x[i] && y[i], x[i] && !y[i]
			clipped[i] = x[i] && 10 <= i && i < 50
		}
		for _, c := range []struct {
			name      string
			got, want Set
		}{
			{"Of", a, x.set()},
			{"Union", a.Union(b), union.set()},
			{"Intersect", a.Intersect(b), both.set()},
			{"Subtract", a.Subtract(b), without.set()},
			{"Clip", a.Clip(Span{10, 50}), clipped.set()},
			{"Clip to nothing", a.Clip(Span{20, 20}), nil},
			{"Shift", a.Shift(100).Shift(-100), x.set()},
		} {
			if !slices.Equal(c.got, c.want) {
				t.Fatalf("%s of %v and %v is %v, want %v", c.name, keepA, keepB, c.got, c.want)
			}
		}
		if !slices.Equal(a, keepA) || !slices.Equal(b, keepB) {
			t.Fatalf("operands changed: %v to %v, %v to %v", keepA, a, keepB, b)
		}
	}
}

func TestFindAndNext(t *testing.T) {
	s := Set{{10, 20}, {30, 40}}
	for _, c := range []struct {
		x    int64
		in   bool
		next int64 // 0: none
	}{{0, false, 10}, {9, false, 10}, {10, true, 20}, {19, true, 20}, {20, false, 30}, {30, true, 40}, {39, true, 40}, {40, false, 0}} {
		if found, in := s.Find(c.x); in != c.in || in && !found.Contains(c.x) {
			t.Errorf("Find(%d) = %v, %v", c.x, found, in)
		}
		if next, ok := s.Next(c.x); next != c.next || ok != (c.next != 0) {
			t.Errorf("Next(%d) = %d, %v, want %d", c.x, next, ok, c.next)
		}
	}
}
