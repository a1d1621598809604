package dialplan

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ewindow/dialplan/programme"
)

func house(t testing.TB) *Plan {
	t.Helper()
	p, err := Load("testdata/good/house.hcl")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPlan(t *testing.T) {
	p := house(t)
	var names []string
	for _, s := range p.Spaces() {
		names = append(names, fmt.Sprintf("%s %q %s", s.Name, s.Display, s.Location))
	}
	if want := []string{`lisboa "lisboa" Europe/Lisbon`, `milano "Milano – Barra A – Kitchen" Europe/Rome`,
		`munich "munich" Europe/Berlin`, `potsdam "potsdam" Europe/Berlin`}; !slices.Equal(names, want) {
		t.Errorf("spaces are %q, want %q", names, want)
	}
	phones := fmt.Sprintf("%+v", p.Phones())
	if want := "[{Name:reception Display:Reception Milano At: Number:100 Security:none Auth:md5 Picture:false Always:false Busy: MayDial:[milano munich workshop] File:testdata/good/house.hcl Line:39} " +
		"{Name:workshop Display:workshop At: Number: Security:sdes Auth: Picture:true Always:false Busy: MayDial:[] File:testdata/good/house.hcl Line:48}]"; phones != want {
		t.Errorf("phones are\n     %s\nwant %s", phones, want)
	}
	links := fmt.Sprintf("%+v", p.Links()[1])
	if want := "{Name:evening Between:[milano potsdam] Caller:potsdam Always:false Rotating:false File:testdata/good/house.hcl Line:28 Column:6 spaces:[1 3]}"; links != want {
		t.Errorf("link is\n     %s\nwant %s", links, want)
	}
	if _, ok := p.Space("reception"); ok {
		t.Error("a phone is no space")
	}
	if ph, ok := p.Phone("reception"); !ok || ph.Number != "100" {
		t.Errorf("Phone is %v, %v", ph, ok)
	}
	if _, ok := p.Phone("milano"); ok {
		t.Error("a space is no phone")
	}
	if len(p.Warnings()) != 0 {
		t.Errorf("warnings: %v", p.Warnings())
	}
}

func TestRevisionFollowsTheContent(t *testing.T) {
	a, err := os.ReadFile("testdata/good/house.hcl")
	if err != nil {
		t.Fatal(err)
	}
	parse := func(files ...File) string {
		p, err := Parse(files...)
		if err != nil {
			t.Fatal(err)
		}
		return p.Revision()
	}
	one := parse(File{Name: "x.hcl", Data: a})
	if other := parse(File{Name: "y.hcl", Data: slices.Clone(a)}); other != one || len(one) != 12 {
		t.Errorf("revisions of the same content are %q and %q", one, other)
	}
	if other := parse(File{Name: "x.hcl", Data: append(slices.Clone(a), '\n')}); other == one {
		t.Error("another content has the same revision")
	}
}

// Monday 2027-03-22. Rome and Berlin are at UTC+1, Lisbon at UTC.
func TestRoute(t *testing.T) {
	p := house(t)
	for _, c := range []struct{ from, to, at, want string }{
		{"milano", "munich", "2027-03-22 10:00:00", "munich"},
		{"munich", "milano", "2027-03-22 10:00:00", "milano"},
		{"munich", "201", "2027-03-22 10:00:00", "milano"},
		{"milano", "munich", "2027-03-22 11:30:00", "480 milano and munich do not see each other now, next 2027-03-22 12:00:00"}, // lunch
		{"milano", "munich", "2027-03-22 07:58:59", "480 milano and munich do not see each other now, next 2027-03-22 08:00:00"},
		{"milano", "munich", "2027-03-22 07:59:00", "munich"}, // a minute early
		{"milano", "munich", "2027-03-22 16:59:59", "munich"},
		{"milano", "munich", "2027-03-22 17:00:00", "480 milano and munich do not see each other now, next 2027-03-23 08:00:00"},
		{"milano", "munich", "2027-03-26 20:00:00", "480 milano and munich do not see each other now, next 2027-03-29 07:00:00"}, // summer time
		{"milano", "potsdam", "2027-03-22 16:30:00", "480 milano and potsdam do not see each other now, next 2027-03-22 17:00:00"},
		{"milano", "potsdam", "2027-03-22 17:30:00", "potsdam"},
		{"lisboa", "potsdam", "2027-03-22 17:30:00", "480 lisboa and potsdam do not see each other now, next 2027-03-22 18:00:00"},
		{"lisboa", "potsdam", "2027-03-22 17:59:10", "potsdam"},
		{"lisboa", "potsdam", "2027-03-22 03:00:00", "potsdam"},
		{"munich", "potsdam", "2027-03-22 10:00:00", "403 no link is between munich and potsdam"},
		{"milano", "milano", "2027-03-22 10:00:00", "403 milano would call itself"},
		{"milano", "201", "2027-03-22 10:00:00", "403 milano would call itself"},
		{"milano", "reception", "2027-03-22 10:00:00", "403 a window does not call a phone"},
		{"milano", "100", "2027-03-22 10:00:00", "403 a window does not call a phone"},
		{"milano", "nobody", "2027-03-22 10:00:00", "404 nothing has the name or number nobody"},
		{"reception", "", "2027-03-22 10:00:00", "404 nothing has the name or number "},
		{"stranger", "milano", "2027-03-22 10:00:00", "403 stranger is not in the plan"},
		{"", "nobody", "2027-03-22 10:00:00", "403  is not in the plan"},
		{"201", "munich", "2027-03-22 10:00:00", "403 201 is not in the plan"},
		{"reception", "milano", "2027-03-22 10:00:00", "milano"},
		{"reception", "201", "2027-03-22 10:00:00", "milano"},
		{"reception", "milano", "2027-03-22 11:30:00", "480 milano is closed now, next 2027-03-22 12:00:00"},
		{"reception", "milano", "2027-03-22 07:59:30", "480 milano is closed now, next 2027-03-22 08:00:00"},
		{"reception", "potsdam", "2027-03-22 17:30:00", "403 reception may not dial potsdam"},
		{"reception", "workshop", "2027-03-22 03:00:00", "workshop"},
		{"workshop", "reception", "2027-03-22 10:00:00", "403 workshop may not dial reception"},
		{"workshop", "milano", "2027-03-22 10:00:00", "403 workshop may not dial milano"},
	} {
		d := p.Route(c.from, c.to, at(t, c.at))
		got := d.Target
		if d.Status != 0 {
			got += fmt.Sprintf("%d %s", d.Status, d.Reason)
		}
		if !d.Next.IsZero() {
			got += ", next " + d.Next.Format("2006-01-02 15:04:05")
		}
		if got != c.want {
			t.Errorf("%s calls %s at %s: %s, want %s", c.from, c.to, c.at, got, c.want)
		}
	}
}

func TestRouteToOneThatNeverOpens(t *testing.T) {
	p := plan(t, `
space "a" {
  timezone = "UTC"
  open     = "off"
}
space "b" {
  timezone = "UTC"
  open     = "24/7"
}
link "x" {
  between = [a, b]
  when    = open
}
phone "p" { may_dial = [a] }
`)
	now := at(t, "2027-03-22 10:00:00")
	for _, caller := range []string{"b", "p"} {
		if d := p.Route(caller, "a", now); d.Status != 480 || !d.Next.IsZero() {
			t.Errorf("%s: %+v", caller, d)
		}
	}
	if next := p.NextChange("a", now); !next.IsZero() {
		t.Errorf("it changes at %v", next)
	}
	if next := p.NextChange("nobody", now); !next.IsZero() {
		t.Errorf("an unknown space changes at %v", next)
	}
}

func TestProgramme(t *testing.T) {
	p := house(t)
	from := at(t, "2027-03-26 10:30:00").Add(300 * time.Millisecond) // a Friday
	got, err := p.Programme("milano", from)
	if err != nil {
		t.Fatal(err)
	}
	const layout = "02 15:04:05"
	var open, links []string
	for _, s := range got.Open[:4] {
		open = append(open, s.From.Format(layout)+" – "+s.Until.Format(layout))
	}
	for _, l := range got.Links[:4] {
		links = append(links, fmt.Sprintf("%s – %s %s (%s), %s calls: %s", l.From.Format(layout), l.Until.Format(layout), l.Partner, l.PartnerName, l.Caller, l.Link))
	}
	// In the night of Sunday clocks are put forward: from then on 09:00 is 07:00 UTC.
	if want := []string{"26 10:30:00 – 26 11:00:00", "26 12:00:00 – 26 18:00:00", "27 09:00:00 – 27 13:00:00", "29 07:00:00 – 29 10:00:00"}; !slices.Equal(open, want) {
		t.Errorf("open is %q, want %q", open, want)
	}
	if want := []string{"26 10:30:00 – 26 11:00:00 munich (munich), milano calls: the long window",
		"26 12:00:00 – 26 17:00:00 munich (munich), milano calls: the long window",
		"26 17:00:00 – 26 18:00:00 potsdam (potsdam), potsdam calls: evening",
		"29 07:00:00 – 29 10:00:00 munich (munich), milano calls: the long window"}; !slices.Equal(links, want) {
		t.Errorf("links are %q, want %q", links, want)
	}
	if !got.From.Equal(at(t, "2027-03-26 10:30:00")) || !got.Until.Equal(at(t, "2027-04-09 10:30:00")) {
		t.Errorf("it is for %v to %v", got.From, got.Until)
	}
	if got.Space != "milano" || got.Name != "Milano – Barra A – Kitchen" || got.Timezone != "Europe/Rome" || got.Revision != p.Revision() {
		t.Errorf("it is of %q %q %q %q", got.Space, got.Name, got.Timezone, got.Revision)
	}
	if want := []programme.Phone{{Account: "reception", Name: "Reception Milano", Security: "none"}}; !slices.Equal(got.Phones, want) {
		t.Errorf("phones are %+v", got.Phones)
	}
	always, err := p.Programme("lisboa", from)
	if want := (programme.Span{From: always.From, Until: always.Until}); err != nil || !slices.Equal(always.Open, []programme.Span{want}) {
		t.Errorf("what is always open is cut to %v, %v", always.Open, err)
	}
	if _, err := p.Programme("reception", from); err == nil || err.Error() != `programme of "reception": the plan has no space of that name` {
		t.Errorf("for a phone: %v", err)
	}
}

func plan(t testing.TB, text string) *Plan {
	t.Helper()
	p, err := Parse(File{Name: "plan.hcl", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A window with very many links knows fewer days, rather than nothing.
func TestProgrammeFitsAMessage(t *testing.T) {
	var b strings.Builder
	label := strings.Repeat("<", maxDisplay-1)
	fmt.Fprintf(&b, "space \"a\" {\n  timezone = \"UTC\"\n  open = \"24/7\"\n}\n")
	for i := range 24 {
		fmt.Fprintf(&b, "space \"s%d\" {\n  timezone = \"UTC\"\n  name = \"%s\"\n  open = \"%02d:00-%02d:00\"\n}\n", i, label, i, i+1)
		fmt.Fprintf(&b, "link \"%s%c\" {\n  between = [a, s%d]\n  when = open\n}\n", label, 'a'+i, i)
	}
	p := plan(t, b.String())
	got, err := p.Programme("a", at(t, "2027-03-22 10:30:00"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := programme.Encode(got); err != nil {
		t.Error(err)
	}
	if days := got.Until.Sub(got.From).Hours() / 24; days != 1 || len(got.Links) != 25 {
		t.Errorf("%v days with %d links", days, len(got.Links))
	}
}
