package dialplan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ewindow/dialplan/programme"
)

func network10(t testing.TB) *Plan {
	t.Helper()
	p, err := Load("testdata/good/network.hcl")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// story is an Explanation as text.
func story(e *Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s open=%v until %s; sees %q by %q, %q calls, until %s\n", e.Local.Format("Mon 15:04"), e.Open, stamp(e.OpenChanges), e.Partner, e.Rule, e.Caller, stamp(e.Until))
	for _, r := range slices.Concat(e.Opening, e.Rules) {
		mark := "-"
		if r.Decided {
			mark = "+"
		}
		fmt.Fprintf(&b, "%s %s %s %d:%d %s\n", mark, r.Kind, r.Name, r.Line, r.Column, strings.ReplaceAll(r.Why, "testdata/good/", ""))
	}
	return b.String()
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Format("2006-01-02 15:04")
}

func TestExplain(t *testing.T) {
	p := network10(t)
	for _, c := range []struct{ space, at, want string }{
		{"milano", "2027-08-16 11:00", `
Mon 11:00 open=false until 2027-08-23 07:00; sees "" by "", "" calls, until 2027-08-23 07:00
- hours Mo-Fr 09:00-19:00 15:15 the day is closed
- hours Sa 10:00-14:00 15:34 is not about Mon 2027-08-16
- hours PH off 15:50 is not about Mon 2027-08-16
+ closed summer 17:10 closes Mon 2027-08-16
- link the long window 30:6 milano is closed
- rotation evening tour 34:10 it is their turn: milano and potsdam are closed
`},
		{"milano", "2027-12-07 11:00", `
Tue 11:00 open=false until 2027-12-09 08:00; sees "" by "", "" calls, until 2027-12-09 08:00
- hours Mo-Fr 09:00-19:00 15:15 a later rule overrides it
- hours Sa 10:00-14:00 15:34 is not about Tue 2027-12-07
+ hours PH off 15:50 closes it
- calendar italy 2:10 Tue 2027-12-07 is a public holiday: Sant'Ambrogio
- link the long window 30:6 milano is closed
- rotation evening tour 34:10 milano and potsdam are closed
`},
		{"potsdam", "2027-03-24 17:30", `
Wed 17:30 open=true until 2027-03-24 22:00; sees "" by "", "" calls, until 2027-03-24 17:00
+ hours We,Fr 16:00-23:00 26:15 opens it
- hours Sa[1] 14:00-24:00 26:34 is not about Wed 2027-03-24
- rotation evening tour 34:10 it is their turn: munich sees milano by link "the long window", which comes first: network.hcl:30:6
- rotation evening tour 34:10 milano sees munich by link "the long window", which comes first: network.hcl:30:6
`},
		{"potsdam", "2027-03-24 18:30", `
Wed 18:30 open=true until 2027-03-24 22:00; sees "milano" by "evening tour", "potsdam" calls, until 2027-03-24 18:00
+ hours We,Fr 16:00-23:00 26:15 opens it
- hours Sa[1] 14:00-24:00 26:34 is not about Wed 2027-03-24
- rotation evening tour 34:10 it is their turn: munich is closed
+ rotation evening tour 34:10 shows milano, and potsdam calls
`},
		{"milano", "2027-03-24 17:30", `
Wed 17:30 open=true until 2027-03-24 18:00; sees "munich" by "the long window", "milano" calls, until 2027-03-24 17:00
+ hours Mo-Fr 09:00-19:00 15:15 opens it
- hours Sa 10:00-14:00 15:34 is not about Wed 2027-03-24
- hours PH off 15:50 is not about Wed 2027-03-24
+ link the long window 30:6 shows munich, and milano calls
- rotation evening tour 34:10 milano sees munich by link "the long window", which comes first: network.hcl:30:6
`},
		{"munich", "2027-03-24 18:30", `
Wed 18:30 open=false until 2027-03-25 07:30; sees "" by "", "" calls, until 2027-03-25 08:00
- hours Mo-Fr 08:30-18:00 22:15 is about this day, and says nothing of this time
- hours PH off 22:34 is not about Wed 2027-03-24
- link the long window 30:6 munich is closed
- rotation evening tour 34:10 it is their turn: munich is closed
`},
		{"milano", "2026-06-01 11:00", `
Mon 11:00 open=true until 2026-06-01 17:00; sees "munich" by "the long window", "milano" calls, until 2026-06-01 16:00
+ hours Mo-Fr 09:00-19:00 15:15 opens it
- hours Sa 10:00-14:00 15:34 is not about Mon 2026-06-01
- hours PH off 15:50 is not about Mon 2026-06-01
+ link the long window 30:6 shows munich, and milano calls
- rotation evening tour 34:10 its first turn begins on 2027-01-04
`},
		{"munich", "2027-12-24 11:00", `
Fri 11:00 open=false until 2028-01-03 07:30; sees "" by "", "" calls, until 2028-01-03 08:00
- hours Mo-Fr 08:30-18:00 22:15 the day is closed
- hours PH off 22:34 is not about Fri 2027-12-24
+ closed the year's end 8:10 closes Fri 2027-12-24
- link the long window 30:6 munich is closed
- rotation evening tour 34:10 munich and potsdam are closed
`},
	} {
		s, _ := p.Space(c.space)
		when, err := ParseTime(c.at, s.Location)
		if err != nil {
			t.Fatal(err)
		}
		e, err := p.Explain(c.space, when)
		if err != nil {
			t.Fatal(err)
		}
		if got := "\n" + story(e); got != c.want {
			t.Errorf("%s at %s:%s\nwant:%s", c.space, c.at, got, c.want)
		}
	}
	if _, err := p.Explain("nowhere", time.Now()); err == nil || err.Error() != `explain "nowhere": the plan has no space of that name` {
		t.Errorf("an unknown space: %v", err)
	}
	never := plan(t, "space \"a\" {\n  timezone = \"UTC\"\n  open = \"24/7\"\n}\n")
	if e, err := never.Explain("a", at(t, "2027-03-22 10:00:00")); err != nil || !e.OpenChanges.IsZero() || !e.Until.IsZero() || !e.Open {
		t.Errorf("what never changes: %+v, %v", e, err)
	}
}

func TestParseTime(t *testing.T) {
	berlin, err := loadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, want string }{
		{"2027-08-16 11:00", "2027-08-16 09:00"},
		{"2027-08-16", "2027-08-15 22:00"},
		{"2027-08-16 11:00:00", "2027-08-16 09:00"},
		{"2027-08-16T11:00:00Z", "2027-08-16 11:00"},
		{"2027-03-28 02:30", "2027-03-28 01:00"}, // skipped: the jump
		{"2027-10-31 02:30", "2027-10-31 00:30"}, // twice: the first
	} {
		if got, err := ParseTime(c.text, berlin); err != nil || stamp(got) != c.want {
			t.Errorf("%s is %v, %v, want %s", c.text, got, err, c.want)
		}
	}
	if _, err := ParseTime("tomorrow", berlin); err == nil || err.Error() != `"tomorrow" is not a time; write "2027-08-16 11:00"` {
		t.Errorf("tomorrow: %v", err)
	}
}

func TestDiff(t *testing.T) {
	text := "space \"a\" {\n  timezone = \"UTC\"\n  open = \"Mo 09:00-12:00\"\n}\nspace \"b\" {\n  timezone = \"UTC\"\n  open = \"Mo 09:00-18:00\"\n}\n" +
		"space \"c\" {\n  timezone = \"UTC\"\n  open = \"Mo 10:00-11:00\"\n}\nlink \"ab\" {\n  between = [a, b]\n  when = open\n}\nlink \"bc\" {\n  between = [b, c]\n  when = open\n}\n"
	old := plan(t, text)
	from := at(t, "2027-03-22 00:00:00") // a Monday
	for _, c := range []struct{ name, from, to, want string }{
		{"nothing", "", "", ""},
		{"a link has another name", `"ab"`, `"x"`, ""},
		{"an hour more", "Mo 09:00-12:00", "Mo 09:00-13:00", `
a 22 12:00-13:00: closed nobody -> open b by a
a 29 12:00-13:00: closed nobody -> open b by a
b 22 12:00-13:00: open nobody -> open a by a
b 29 12:00-13:00: open nobody -> open a by a`},
		{"the other calls", "[a, b]", "[b, a]", `
a 22 09:00-12:00: open b by a -> open b by b
a 29 09:00-12:00: open b by a -> open b by b
b 22 09:00-12:00: open a by a -> open a by b
b 29 09:00-12:00: open a by a -> open a by b`},
		{"another comes first", "Mo 09:00-12:00\"", "Mo 09:00-12:00; 2027 Mar 22 off\"", `
a 22 09:00-12:00: open b by a -> closed nobody
b 22 09:00-10:00: open a by a -> open nobody
b 22 10:00-11:00: open a by a -> open c by b
b 22 11:00-12:00: open a by a -> open nobody
c 22 10:00-11:00: open nobody -> open b by b`},
		{"a new space", "space \"a\"", "space \"d\" {\n  timezone = \"UTC\"\n  open = \"2027 Mar 23 off\"\n}\nspace \"a\"", ""},
		{"a new space that opens", "space \"a\"", "space \"d\" {\n  timezone = \"UTC\"\n  open = \"2027 Mar 23 09:00-10:00\"\n}\nspace \"a\"", `
d 23 09:00-10:00: closed nobody -> open nobody, added`},
	} {
		new := old
		if c.from != "" {
			new = plan(t, strings.Replace(text, c.from, c.to, 1))
		}
		got := ""
		for _, ch := range Diff(old, new, from) {
			got += fmt.Sprintf("\n%s %s-%s: %s -> %s", ch.Space, ch.From.Format("02 15:04"), ch.Until.Format("15:04"), seen(ch.Was), seen(ch.Is))
			if ch.Added {
				got += ", added"
			}
		}
		if got != c.want {
			t.Errorf("%s:%s\nwant%s", c.name, got, c.want)
		}
		reverse := Diff(new, old, from)
		if len(reverse) != strings.Count(c.want, "\n") || len(reverse) > 0 && c.name == "a new space that opens" && !reverse[0].Removed {
			t.Errorf("%s, the other way round: %+v", c.name, reverse)
		}
	}
}

func seen(v View) string {
	out := map[bool]string{true: "open ", false: "closed "}[v.Open] + orNobody(v.Partner)
	if v.Caller != "" {
		out += " by " + v.Caller
	}
	return out
}

func TestResolve(t *testing.T) {
	p := network10(t)
	for _, c := range []struct{ dialled, want string }{
		{"milano", "space milano [milano] all=false knock= 11"},
		{"201", "space milano [milano munich] all=false knock=polite 55"},
		{"200", "group kitchens [milano munich] all=false knock=polite 60"},
		{"300", "group phones [reception workshop] all=true knock= 64"},
		{"100", "phone reception [reception workshop] all=false knock= 43"},
		{"reception", "phone reception [reception workshop] all=false knock= 41"},
		{"workshop", "phone workshop [workshop] all=false knock= 47"},
		{"kitchens", "group kitchens [milano munich] all=false knock= 50"},
		{"echo", "echo echo [echo] all=false knock= 0"},
		{"600", "echo echo [echo] all=false knock= 65"},
	} {
		r, ok := p.Resolve(c.dialled)
		if got := fmt.Sprintf("%s %s %v all=%v knock=%s %d", r.Kind, r.Name, r.Targets, r.All, r.Knock, r.Line); !ok || got != c.want {
			t.Errorf("%s is %s, want %s", c.dialled, got, c.want)
		}
	}
	for _, unknown := range []string{"", "999", "polite", "italy"} {
		if r, ok := p.Resolve(unknown); ok {
			t.Errorf("%s is %+v", unknown, r)
		}
	}
}

func TestRouteToGroups(t *testing.T) {
	p := network10(t)
	for _, c := range []struct{ from, to, at, want string }{
		{"reception", "200", "2027-03-22 10:00:00", "[milano munich] all=false polite"},
		{"reception", "kitchens", "2027-03-22 07:45:00", "[munich] all=false "}, // 08:45: milano is closed
		{"reception", "kitchens", "2027-03-22 17:30:00", "[milano] all=false "},
		{"reception", "kitchens", "2027-03-22 20:00:00", "480 all of kitchens are closed now 2027-03-23 07:30"},
		{"reception", "201", "2027-03-22 10:00:00", "[milano] all=false polite"}, // munich only as a member
		{"reception", "munich", "2027-03-22 10:00:00", "403 reception may not dial munich"},
		{"workshop", "100", "2027-03-22 10:00:00", "[reception] all=false "}, // not itself, when that is busy
		{"reception", "300", "2027-03-22 10:00:00", "[workshop] all=false "},
		{"workshop", "300", "2027-03-22 10:00:00", "[reception] all=false "},
		{"milano", "kitchens", "2027-03-22 10:00:00", "403 a window does not call a group"},
		{"milano", "300", "2027-03-22 10:00:00", "403 a window does not call a group"},
		{"munich", "201", "2027-03-22 10:00:00", "[milano] all=false polite"},
		{"milano", "echo", "2027-03-22 03:00:00", "[echo] all=false "},
		{"workshop", "600", "2027-03-22 03:00:00", "[echo] all=false "},
		{"stranger", "echo", "2027-03-22 03:00:00", "403 stranger is not in the plan"},
	} {
		d := p.Route(c.from, c.to, at(t, c.at))
		got := fmt.Sprintf("%v all=%v %s", d.Targets, d.All, d.Knock)
		if d.Status != 0 {
			got = fmt.Sprintf("%d %s", d.Status, d.Reason)
			if !d.Next.IsZero() {
				got += " " + stamp(d.Next)
			}
		} else if d.Target != d.Targets[0] {
			t.Errorf("%s calls %s: the target is %s of %v", c.from, c.to, d.Target, d.Targets)
		}
		if got != c.want {
			t.Errorf("%s calls %s at %s: %s, want %s", c.from, c.to, c.at, got, c.want)
		}
	}
	all := plan(t, "space \"a\" {\n  timezone = \"UTC\"\n  open = \"24/7\"\n}\nspace \"b\" {\n  timezone = \"UTC\"\n  open = \"24/7\"\n}\n"+
		"group \"g\" {\n  members = [b, p, a]\n  ring = all\n}\nphone \"p\" { may_dial = [g] }\n")
	if d := all.Route("p", "g", at(t, "2027-03-22 03:00:00")); !d.All || !slices.Equal(d.Targets, []string{"b", "a"}) {
		t.Errorf("all at once, but not itself: %+v", d)
	}
}

// A window lets a phone in that may call it as a member of a group, and knows by which numbers others knock.
func TestProgrammeOfGroupsAndKnocks(t *testing.T) {
	p := network10(t)
	made, err := p.Programme("munich", at(t, "2027-03-22 03:00:00"))
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Phones) != 2 || made.Phone("reception") == nil || made.Phone("workshop") == nil {
		t.Errorf("phones are %+v", made.Phones)
	}
	got, err := json.Marshal(made.Knocks)
	if want := `[{"number":"200","policy":"polite","from":["milano","munich","reception"],"ring":20,"until":"accepted"}]`; err != nil || string(got) != want {
		t.Errorf("knocks are %s, %v", got, err)
	}
	if made, err = p.Programme("milano", made.From); err != nil || made.Note != "Ring twice at the door." || len(made.Knocks) != 2 {
		t.Errorf("milano has %q and %+v, %v", made.Note, made.Knocks, err)
	}
	encoded, err := programme.Encode(made)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := programme.Decode(strings.NewReader(string(encoded))); err != nil || !programme.Same(made, again) {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestExpectations(t *testing.T) {
	es := network10(t).Expectations()
	if len(es) != 2 || es[0].Name != "Ferragosto is dark" || stamp(es[0].At) != "2027-08-16 09:00" || es[0].Sees != "" || es[1].Caller != "milano" {
		t.Errorf("%+v", es)
	}
}
