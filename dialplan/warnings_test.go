package dialplan

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWarningsFrom(t *testing.T) {
	link := func(name, between string) string {
		return "link \"" + name + "\" {\n  between = [" + between + "]\n  when = open\n}\n"
	}
	rotation := "rotation \"r\" {\n  of = a\n  with = [b, c]\n  every = \"1d\"\n  from = \"2027-01-04\"\n}\n"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", spacesOf("24/7", "24/7") + link("x", "a, b"), ""},
		{"one space alone", spacesOf("24/7"), ""},
		{"a space that is off on purpose", spacesOf("24/7", "24/7", "off") + link("x", "a, b") + link("y", "a, c"),
			`plan.hcl:17:6: a and c are never open together in the 365 days from 2027-03-22; change the hours of one of them, at plan.hcl:3:10 or plan.hcl:11:10, or write when = always`},
		{"a zone whose sign is not what it seems", strings.Replace(spacesOf("24/7"), `"UTC"`, `"Etc/GMT+1"`, 1),
			`plan.hcl:2:14: "Etc/GMT+1" is UTC-1: it counts to the west, and knows no summer time; write a continent and a large city, as Europe/Berlin`},
		{"a zone whose sign is none", strings.Replace(spacesOf("24/7"), `"UTC"`, `"Etc/GMT"`, 1), ""},
		{"in no link", spacesOf("24/7", "24/7", "24/7") + link("x", "a, b"),
			`plan.hcl:9:7: no link and no rotation names c: its window never shows anybody`},
		{"never together", spacesOf("Mo-Fr 09:00-12:00", "Sa 09:00-12:00") + link("x", "a, b"),
			`plan.hcl:9:6: a and b are never open together in the 365 days from 2027-03-22; change the hours of one of them, at plan.hcl:3:10 or plan.hcl:7:10, or write when = always`},
		{"together in December only", spacesOf("Dec 09:00-12:00", "09:00-12:00") + link("x", "a, b"), ""},
		{"together in the past only", spacesOf("2026 Dec 09:00-12:00", "09:00-12:00") + link("x", "a, b"), // two places, two warnings
			"plan.hcl:3:10: a is never open in the 365 days from 2027-03-22; change its hours; if that is meant, write open = \"off\"\n" +
				`plan.hcl:9:6: a and b are never open together in the 365 days from 2027-03-22; change the hours of one of them, at plan.hcl:3:10 or plan.hcl:7:10, or write when = always`},
		{"never wins", spacesOf("24/7", "24/7", "Mo 09:00-11:00") + link("x", "a, b") + link("y", "a, c"),
			`plan.hcl:17:6: this link can hardly ever win: in the 365 days from 2027-03-22 earlier rules leave it 0 h of the 104 h it wants, and most go to link "x" at plan.hcl:13:6; move it above that one, or remove it`},
		{"hardly wins", spacesOf("00:00-23:55", "24/7", "24/7") + link("x", "a, b") + link("y", "b, c"),
			`plan.hcl:17:6: this link can hardly ever win: in the 365 days from 2027-03-22 earlier rules leave it 30 h of the 8760 h it wants, and most go to link "x" at plan.hcl:13:6; move it above that one, or remove it`},
		{"wins at times", spacesOf("Mo-Fr 09:00-18:00", "24/7", "24/7") + link("x", "a, b") + link("y", "b, c"), ""},
		{"a rotation that never wins", spacesOf("24/7", "24/7", "24/7") + link("x", "a, b") + rotation,
			`plan.hcl:17:10: this rotation can hardly ever win: in the 365 days from 2027-03-22 earlier rules leave it 0 h of the 17520 h it wants, and most go to link "x" at plan.hcl:13:6; move it above that one, or remove it`},
		{"a turn that never comes", spacesOf("Mo-Fr 09:00-18:00", "Mo-Fr 09:00-18:00", "Sa 10:00-12:00") + rotation,
			`plan.hcl:13:10: a and c are never open together in the 365 days from 2027-03-22; their turn always goes to others; change the hours of one of them, at plan.hcl:3:10 or plan.hcl:11:10`},
		{"a rotation whose turns go with the days", spacesOf("We 09:00-18:00", "24/7", "24/7", "24/7", "24/7", "24/7", "24/7", "24/7") +
			"rotation \"r\" {\n  of = a\n  with = [b, c, d, e, f, g, h]\n  every = \"1d\"\n  from = \"2027-01-04\"\n}\n",
			"plan.hcl:33:10: in the 365 days from 2027-03-22 these never get a turn: a and b; a and c; a and e; and 3 more; " +
				"their turns fall on days when one of them is closed or taken; choose another every, or a number of partners that does not go with the days they are open"},
		{"a rotation whose turns take longer than two weeks", spacesOf("We 09:00-18:00", "24/7", "24/7", "24/7", "24/7") +
			"rotation \"r\" {\n  of = a\n  with = [b, c, d, e]\n  every = \"1w\"\n  from = \"2027-01-04\"\n}\n", ""},
		{"a rotation later on", spacesOf("24/7", "24/7", "24/7") + strings.Replace(rotation, "2027", "2032", 1), ""},
		{"shadows", spacesOf("24/7", "24/7") + link("x", "a, b") + "number \"20\" { rings = a }\nnumber \"201\" { rings = b }\nnumber \"21\" { rings = b }\nnumber \"2010\" { rings = b }\n",
			"plan.hcl:14:8: number \"201\" begins with number \"20\", which is at plan.hcl:13:8: some phones dial that one first; give all numbers the same length\n" +
				`plan.hcl:16:8: number "2010" begins with number "201", which is at plan.hcl:14:8: some phones dial that one first; give all numbers the same length`},
		{"a calendar for nothing", "calendar \"it\" { days = \"it\" }\ncalendar \"de\" { days = \"de\" }\nspace \"a\" {\n  timezone = \"UTC\"\n  calendar = it\n  open = \"24/7\"\n}\n",
			"plan.hcl:2:10: no space has the calendar de; write calendar = de in those it is for\n" +
				`plan.hcl:5:14: calendar it changes nothing: open says nothing of public holidays (PH); add "; PH off" at the end of open, or remove the calendar`},
		{"a knock for nothing", spacesOf("24/7") + "knock \"polite\" { from = [members] }\n",
			`plan.hcl:5:7: no number has the knock policy polite; write knock = polite in those it is for`},
		{"a knock", spacesOf("24/7") + "knock \"polite\" { from = [members] }\nnumber \"20\" {\n  rings = a\n  knock = polite\n}\n",
			`plan.hcl:5:7: windows do not ask yet: they answer a call that knocks by polite as any other; until then let nobody dial whom you would not let in`},
	} {
		ds := plan(t, c.text).WarningsFrom(at(t, "2027-03-22 10:30:00"))
		if got := ds.Error(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		for _, d := range ds {
			if d.Severity != Warning || d.Source == "" || d.EndColumn <= d.Column {
				t.Errorf("%s: %+v", c.name, d)
			}
		}
	}
}

func TestExcerpt(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a setting", "space \"a\" {\n  timezone = \"Europe/Rom\"\n  open = \"24/7\"\n}\n", "  timezone = \"Europe/Rom\"\n             ^^^^^^^^^^^^"},
		{"a tab", "space \"a\" {\n\ttimezone = \"Europe/Rom\"\n\topen = \"24/7\"\n}\n", "\ttimezone = \"Europe/Rom\"\n\t           ^^^^^^^^^^^^"},
		{"inside of hours", "space \"a\" {\n  timezone = \"UTC\"\n  open = \"Mo 9:00-10:00\"\n}\n", "  open = \"Mo 9:00-10:00\"\n             ^"},
		{"a carriage return", "space \"a\" {\r\n  timezone = \"x\"\r\n  open = \"24/7\"\r\n}\r\n", "  timezone = \"x\"\n             ^^^"},
		{"letters of two bytes", "space \"a\" {\n  name = \"Zürich\" ü\n}\n", "  name = \"Zürich\" ü\n                  ^"},
		{"the end of a line", "space \"a\" {\n  timezone = \"UTC\n}\n", "  timezone = \"UTC\n                 ^"},
		{"nothing", "", ""},
	} {
		_, err := Parse(File{Name: "plan.hcl", Data: []byte(c.text)})
		ds, _ := err.(Diagnostics)
		if len(ds) == 0 || ds[0].Excerpt() != c.want {
			t.Errorf("%s: %v:\n%s\nwant\n%s", c.name, err, ds[0].Excerpt(), c.want)
		}
	}
}

func TestDiagnosticAsJSON(t *testing.T) {
	_, err := Parse(File{Name: "plan.hcl", Data: []byte("space \"a\" {\n  timezone = \"Europe/Rom\"\n  open = \"24/7\"\n}\n")})
	got, _ := json.Marshal(err)
	want := `[{"file":"plan.hcl","line":2,"column":14,"end_column":26,"severity":"error","kind":"meaning","what":"unknown time zone \"Europe/Rom\"",` +
		`"do":"did you mean \"Europe/Rome\"?","source":"  timezone = \"Europe/Rom\""}]`
	if string(got) != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}
