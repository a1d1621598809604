package dialplan

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Explain says what LinkAt and OpenAt say, with one rule that decided, for both ends alike; and nothing changes before
// the times it names.
func TestExplainAgrees(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 22))
	for range 60 {
		p := randomPlan(t, rnd)
		for range 5 {
			now := someTime(p, rnd)
			name := p.spaces[rnd.IntN(len(p.spaces))].Name
			e, err := p.Explain(name, now)
			if err != nil {
				t.Fatal(err)
			}
			l, linked := p.LinkAt(name, now)
			if e.Open != p.OpenAt(name, now) || linked != (e.Partner != "") || linked && (e.Partner != l.Partner(name) || e.Caller != l.Caller || e.Rule != l.Name) {
				t.Fatalf("%s at %v: %+v, but %v %+v", name, now, e, linked, l)
			}
			decided := 0
			for _, r := range e.Rules {
				if r.Why == "" || r.File == "" || r.Line == 0 {
					t.Fatalf("%s at %v: a reason is %+v", name, now, r)
				}
				if r.Decided {
					decided++
					if r.Partner != e.Partner || r.Name != e.Rule {
						t.Fatalf("%s at %v: %+v decided, but it sees %s", name, now, r, e.Partner)
					}
				}
			}
			if linked != (decided == 1) {
				t.Fatalf("%s at %v: %d rules decided: %+v", name, now, decided, e.Rules)
			}
			opening(t, e)
			if linked {
				other, err := p.Explain(e.Partner, now)
				if err != nil || other.Partner != name || other.Caller != e.Caller || other.Rule != e.Rule || !other.Until.Equal(e.Until) {
					t.Fatalf("at %v %s sees %s by %s until %v, which sees %s by %s until %v", now, name, e.Partner, e.Rule, e.Until, other.Partner, other.Rule, other.Until)
				}
			}
			for _, next := range []time.Time{e.Until, e.OpenChanges} {
				if !next.IsZero() && (!next.After(now) || p.NextChange(name, now).After(next)) {
					t.Fatalf("%s at %v: changes at %v, %v; next change is %v", name, now, e.Until, e.OpenChanges, p.NextChange(name, now))
				}
			}
			between(t, p, e, rnd)
		}
	}
}

// opening checks that the reasons for being open or closed say so.
func opening(t *testing.T, e *Explanation) {
	t.Helper()
	decided := 0
	for _, r := range e.Opening {
		if !r.Decided {
			continue
		}
		decided++
		if opens := r.Kind == "hours" && r.Why == "opens it"; opens != e.Open {
			t.Fatalf("%s at %v: open is %v, but %+v", e.Space, e.At, e.Open, e.Opening)
		}
	}
	if decided > 1 || e.Open && decided == 0 {
		t.Fatalf("%s at %v: %d reasons decided: %+v", e.Space, e.At, decided, e.Opening)
	}
}

// between looks at times before those at which something is said to change.
func between(t *testing.T, p *Plan, e *Explanation, rnd *rand.Rand) {
	t.Helper()
	for range 10 {
		if left := min(e.Until.Sub(e.At), 40*24*time.Hour); left > 0 {
			at := e.At.Add(time.Duration(rnd.Int64N(int64(left))))
			if l, _ := p.LinkAt(e.Space, at); l.Name != e.Rule || l.Name != "" && l.Partner(e.Space) != e.Partner {
				t.Fatalf("%s sees %q at %v until %v, but %+v at %v", e.Space, e.Partner, e.At, e.Until, l, at)
			}
		}
		if left := min(e.OpenChanges.Sub(e.At), 40*24*time.Hour); left > 0 {
			at := e.At.Add(time.Duration(rnd.Int64N(int64(left))))
			if p.OpenAt(e.Space, at) != e.Open {
				t.Fatalf("%s: open is %v at %v until %v, but not at %v", e.Space, e.Open, e.At, e.OpenChanges, at)
			}
		}
	}
}

// At each moment, Diff names the spaces for which two plans say something else, and no others.
func TestDiffAgrees(t *testing.T) {
	rnd := rand.New(rand.NewPCG(23, 24))
	for range 60 {
		old, new := randomPlan(t, rnd), randomPlan(t, rnd)
		from := someTime(old, rnd)
		if changes := Diff(old, old, from); len(changes) != 0 {
			t.Fatalf("a plan differs from itself: %+v", changes)
		}
		changes := Diff(old, new, from)
		for range 30 {
			at := from.Truncate(time.Second).Add(time.Duration(rnd.Int64N(int64(ProgrammeDays * 24 * time.Hour))))
			for _, p := range []*Plan{old, new} {
				for _, s := range p.spaces {
					var found *Change
					for i := range changes {
						if c := &changes[i]; c.Space == s.Name && !at.Before(c.From) && at.Before(c.Until) {
							found = c
						}
					}
					was, is := shows(old, s.Name, at), shows(new, s.Name, at)
					if (found != nil) == was.same(is) || found != nil && (!found.Was.same(was) || !found.Is.same(is)) {
						t.Fatalf("%s at %v: was %+v, is %+v, change is %+v", s.Name, at, was, is, found)
					}
				}
			}
		}
	}
}

func shows(p *Plan, space string, at time.Time) View {
	v := View{Open: p.OpenAt(space, at)}
	if l, ok := p.LinkAt(space, at); ok {
		v.Partner, v.Caller, v.Rule = l.Partner(space), l.Caller, l.Name
	}
	return v
}
