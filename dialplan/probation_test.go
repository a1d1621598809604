package dialplan

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ewindow/dialplan/programme"
)

// trial is a newcomer, its sponsor, a third, and phones at each and at none.
const trial = `
space "milano" {
  timezone = "UTC"
  open     = "24/7"
}
space "munich" {
  timezone = "UTC"
  open     = "24/7"
}
space "potsdam" {
  timezone = "UTC"
  open     = "24/7"
}
link "first" {
  between = [munich, potsdam]
  when    = always
}
rotation "tour" {
  of    = potsdam
  with  = [munich, milano]
  every = "1d"
  from  = "2027-01-04"
}
group "all" {
  members = [potsdam, munich]
}
phone "hall" {
  at       = potsdam
  may_dial = [potsdam, milano, munich, office, desk]
}
phone "office" {
  at       = milano
  may_dial = [potsdam, hall]
}
phone "desk" {
  at       = munich
  may_dial = [potsdam, hall, all]
}
phone "mobile" {
  may_dial = [potsdam, munich]
}
number "200" { rings = potsdam }
number "201" { rings = all }
number "202" {
  rings = potsdam
  busy  = munich
}
number "203" { rings = echo }
expect "first" {
  at    = "2027-03-02 12:00"
  space = munich
  sees  = potsdam
}
`

var monday = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// Who may call whom while potsdam is on probation, and what the refused are told.
func TestRouteOnProbation(t *testing.T) {
	const why = "potsdam is on probation until confirmed; its sponsor is milano"
	p := plan(t, trial)
	on := p.Under(Probations{"potsdam": {Sponsor: "milano"}})
	for _, c := range []struct {
		caller, dialled string
		to              string // targets; empty: refused
		why             string
	}{
		{"milano", "potsdam", "potsdam", ""},
		{"potsdam", "milano", "milano", ""},
		{"munich", "potsdam", "", why},
		{"potsdam", "munich", "", why},
		{"munich", "200", "", why},
		{"hall", "potsdam", "potsdam", ""}, // at the same space
		{"hall", "milano", "milano", ""},
		{"hall", "munich", "", why},
		{"hall", "office", "office", ""}, // of its sponsor's
		{"hall", "desk", "", why},
		{"office", "potsdam", "potsdam", ""},
		{"office", "hall", "hall", ""},
		{"desk", "potsdam", "", why},
		{"desk", "hall", "", why},
		{"desk", "201", "munich", ""}, // of a group, it is skipped
		{"mobile", "potsdam", "", why},
		{"mobile", "202", "munich", ""}, // and of those that are rung in its place
		{"mobile", "munich", "munich", ""},
		{"potsdam", "203", Echo, ""},
		{"hall", Echo, Echo, ""},
		{"office", "munich", "", "office may not dial munich"}, // as ever
	} {
		d := on.Route(c.caller, c.dialled, monday)
		if got := strings.Join(d.Targets, " "); got != c.to || d.Reason != c.why || (d.Status == 403) != (c.to == "") {
			t.Errorf("%s calls %s: %d %s, %q", c.caller, c.dialled, d.Status, got, d.Reason)
		}
		if c.why == why && (p.Route(c.caller, c.dialled, monday).Status != 0) != (c.caller+c.dialled == "munichmilano") {
			t.Errorf("%s calls %s: refused without probation too", c.caller, c.dialled)
		}
	}
}

// Its sponsor may be unknown, or be on probation itself: then it sees nobody, and that is said.
func TestOddSponsors(t *testing.T) {
	p := plan(t, trial)
	for name, c := range map[string]struct {
		on  Probations
		why string
	}{
		"none":        {Probations{"potsdam": {}}, "potsdam is on probation until confirmed, and no sponsor of it is known"},
		"not a space": {Probations{"potsdam": {Sponsor: "lisboa"}}, "potsdam is on probation until confirmed; its sponsor, lisboa, is no space of the plan"},
		"newcomer": {Probations{"potsdam": {Sponsor: "milano"}, "milano": {Sponsor: "munich"}},
			"milano is on probation until confirmed; its sponsor is munich"},
	} {
		on := p.Under(c.on)
		if d := on.Route("milano", "potsdam", monday); d.Status != 403 || d.Reason != c.why {
			t.Errorf("%s: %+v", name, d)
		}
		if l, linked := on.LinkAt("potsdam", monday); linked {
			t.Errorf("%s: it sees %+v", name, l)
		}
		if text := on.WarningsFrom(monday).Text(); !strings.Contains(text, "potsdam sees nobody: potsdam is on probation") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestExplainOnProbation(t *testing.T) {
	since := time.Date(2027, 2, 1, 9, 0, 0, 0, time.UTC)
	on := plan(t, trial).Under(Probations{"potsdam": {Sponsor: "milano", Since: since}})
	e, err := on.Explain("potsdam", monday)
	if err != nil {
		t.Fatal(err)
	}
	if e.Partner != "milano" || e.Probation == nil || e.Probation.Sponsor != "milano" || !e.Probation.Since.Equal(since) {
		t.Errorf("%+v", e)
	}
	for _, space := range []string{"potsdam", "munich"} {
		e, err := on.Explain(space, monday)
		if err != nil {
			t.Fatal(err)
		}
		r := e.Rules[0]
		if r.Name != "first" || r.Decided || r.Line != 14 || r.Why != "potsdam is on probation until confirmed; its sponsor is milano" {
			t.Errorf("%s: %+v", space, r)
		}
		if (e.Probation != nil) != (space == "potsdam") {
			t.Errorf("%s: %+v", space, e.Probation)
		}
	}
}

func TestWarningsOfProbation(t *testing.T) {
	p := plan(t, trial)
	was := p.WarningsFrom(monday)
	got := p.Under(Probations{"potsdam": {Sponsor: "milano"}, "lisboa": {Sponsor: "milano"}}).WarningsFrom(monday)
	if !reflect.DeepEqual(was, got[:len(was)]) {
		t.Errorf("without: %s\nwith: %s", was.Text(), got.Text())
	}
	var text []string
	for _, d := range got[len(was):] {
		text = append(text, d.Error())
	}
	const why = "potsdam is on probation until confirmed; its sponsor is milano"
	for i, want := range []string{
		"14:6: this link cannot show these to each other: munich and potsdam (" + why + ")",
		"18:10: this rotation cannot show these to each other: potsdam and munich (" + why + ")",
		"27:7: hall may not dial desk, munich: " + why,
		"35:7: desk may not dial hall, potsdam: " + why,
		"39:7: mobile may not dial potsdam: " + why,
		`52:11: expected "first" is not so while ` + why + ": munich sees nobody, not potsdam",
	} {
		if i >= len(text) || !strings.Contains(text[i], want) {
			t.Errorf("want %q in\n%s", want, strings.Join(text, "\n"))
		}
	}
}

// On random plans and probations: nobody on probation sees, is told of, or is called by anybody but its sponsor, in any answer;
// and a confirmation gives back the plan as it was.
func TestProbationIsOne(t *testing.T) {
	rnd := rand.New(rand.NewPCG(31, 32))
	kept := 0
	for range 100 {
		p := randomPlan(t, rnd)
		if len(p.probations) > 0 && (p.Under(nil) == p || p.Under(nil).probations != nil || p.Under(nil).Under(p.probations).written != p.written) {
			t.Fatal("a confirmation does not give back the plan")
		}
		now := someTime(p, rnd)
		accounts := []string{"p0", "p1"}
		for _, s := range p.spaces {
			accounts = append(accounts, s.Name)
			made, err := p.Programme(s.Name, now)
			if err != nil {
				t.Fatal(err)
			}
			told := slices.Concat(made.Partners(), names(made.Phones))
			for _, other := range told {
				if !mayMeet(p, s.Name, other) {
					t.Fatalf("%s is told of %s under %+v", s.Name, other, p.probations)
				}
			}
			e, err := p.Explain(s.Name, now)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range e.Rules {
				onProbation, future := strings.Contains(r.Why, "on probation"), strings.HasPrefix(r.Why, "its first turn")
				if may := mayMeet(p, s.Name, r.Partner); r.Decided && !may || !future && onProbation == may {
					t.Fatalf("%s: %+v under %+v", s.Name, r, p.probations)
				}
			}
		}
		for _, a := range accounts {
			for _, b := range accounts {
				d := p.Route(a, b, now)
				if may := mayMeet(p, a, b); a != b && (p.Apart(a, b) == "") != may || d.Status == 0 && !slices.ContainsFunc(d.Targets, func(to string) bool { return mayMeet(p, a, to) }) ||
					may && slices.Contains(accounts[2:], b) && strings.Contains(d.Reason, "on probation") {
					t.Fatalf("%s calls %s under %+v: %+v, apart: %q", a, b, p.probations, d, p.Apart(a, b))
				} else if !may && d.Status == 403 && strings.Contains(d.Reason, "on probation") {
					kept++
				}
			}
		}
	}
	if kept < 100 {
		t.Errorf("only %d calls were kept apart", kept)
	}
}

func names(phones []programme.Phone) (out []string) {
	for _, ph := range phones {
		out = append(out, ph.Account)
	}
	return out
}
