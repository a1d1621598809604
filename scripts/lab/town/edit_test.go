package town

import (
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/status"
)

const house = always + `
space "dresden" {
  timezone = "Europe/Berlin"
  open     = "24/7"
}
space "potsdam" {
  timezone = "Europe/Berlin"
  open     = "24/7"
}
`

// Edits that keep the link between milano and munich, in words that are in house.
var keeping = []struct{ name, old, new string }{
	{"another space and its link are added", "", "space \"lisboa\" {\n  timezone = \"Europe/Lisbon\"\n  open = \"24/7\"\n}\nlink \"new\" {\n  between = [lisboa, potsdam]\n  when = open\n}\n"},
	{"two others are linked", "", "link \"second\" {\n  between = [dresden, potsdam]\n  when = open\n}\n"},
	{"a rule that loses is added", "", "link \"also\" {\n  between = [munich, dresden]\n  when = open\n}\n"},
	{"another's hours change", "space \"dresden\" {\n  timezone = \"Europe/Berlin\"\n  open     = \"24/7\"", "space \"dresden\" {\n  timezone = \"Europe/Berlin\"\n  open     = \"Mo 10:00-11:00\""},
	{"another is removed", "space \"potsdam\" {\n  timezone = \"Europe/Berlin\"\n  open     = \"24/7\"\n}\n", ""},
	{"its own hours change", "timezone = \"Europe/Rome\"\n  open     = \"24/7\"", "timezone = \"Europe/Rome\"\n  open     = \"Mo-Fr 08:00-20:00\""},
	{"it gets a closed period later", "open     = \"24/7\"\n}\nspace \"munich\"", "open     = \"24/7\"\n  closed \"summer\" { dates = \"2027-03-29..2027-04-02\" }\n}\nspace \"munich\""},
	{"it gets a display name", "space \"milano\" {", "space \"milano\" {\n  name = \"Milano – Barra A\""},
	{"its rule gets another name", "\"the long window\"", "\"the short window\""},
	{"its rule is always", "when    = open", "when    = always"},
	{"the other side is to call", "when    = open", "when    = open\n  caller  = munich"},
	{"a rotation takes the rule's place", "link \"the long window\" {\n  between = [milano, munich]\n  when    = open\n}", "rotation \"tour\" {\n  of    = milano\n  with  = [munich, dresden]\n  every = \"7d\"\n  from  = \"2027-03-22\"\n}"},
	{"a phone may ring it", "", "phone \"reception\" {\n  may_dial = [milano]\n}\n"},
}

// A change never interrupts a link that the new plan keeps: the same call goes on, and its pictures come without a
// gap.
func TestEditKeepsCall(t *testing.T) {
	Simulate(t, 1, at(22, 12, 0), house, func(tw *Town) {
		a, b := tw.Window("milano"), tw.Window("munich")
		a.Start()
		b.Start()
		tw.Window("dresden").Start()
		tw.Window("potsdam").Start()
		time.Sleep(20 * time.Second)
		call := func() (both [2]string) {
			for i, c := range []*status.Call{a.With(b), b.With(a)} {
				if c != nil {
					both[i] = c.ID
				}
			}
			return both
		}
		if both := call(); both[0] == "" || both[0] != both[1] {
			t.Fatalf("the call is %q", both)
		}
		for _, edit := range keeping {
			// From the plan of the house each time, and back: both ways keep the link.
			if edit.old != "" && !strings.Contains(house, edit.old) {
				t.Fatalf("%s: nothing to replace", edit.name)
			}
			next := house + edit.new
			if edit.old != "" {
				next = strings.Replace(house, edit.old, edit.new, 1)
			}
			for _, plan := range []string{next, house} {
				before, since, shown := call(), time.Now(), a.Devices.Screen().Pictures
				tw.Edit(plan)
				worst := map[string]time.Duration{}
				for time.Since(since) < 8*time.Second {
					time.Sleep(33 * time.Millisecond)
					for _, w := range []*Window{a, b} {
						scr := w.Devices.Screen()
						worst[w.Space] = max(worst[w.Space], time.Since(scr.At))
						if !scr.Card.Picture {
							t.Fatalf("%s: %s shows the card %+v", edit.name, w.Space, scr.Card)
						}
					}
				}
				if n := a.Devices.Screen().Pictures - shown; n < 8*29 {
					t.Errorf("%s: milano saw %d pictures in 8 s", edit.name, n)
				}
				for space, gap := range worst {
					if gap > 150*time.Millisecond {
						t.Errorf("%s: no picture for %v in %s", edit.name, gap, space)
					}
				}
				if after := call(); after != before {
					t.Errorf("%s: the call was %q, and is %q", edit.name, before, after)
				}
			}
		}
		// One that does not keep it shows that the above could fail.
		tw.Edit(strings.Replace(house, "[milano, munich]", "[milano, dresden]", 1))
		time.Sleep(5 * time.Second)
		if scr := b.Devices.Screen(); scr.Card.Picture {
			t.Errorf("the link was taken away, and munich shows %+v", scr)
		}
	})
}
