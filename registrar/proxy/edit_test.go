package proxy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// tour is a plan with all that changes programmes from afar: a calendar, a closed period, a rotation, a group.
// Simulated time begins on Saturday, the 1st of January 2000.
const tour = `
calendar "house" {
  holiday "inventory" { dates = "2000-05-05" }
}
space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Fr 09:00-18:00; PH off"
  calendar = house
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 09:00-18:00"
}
space "potsdam" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 10:00-17:00"
  closed "summer" { dates = "2000-07-01..2000-07-10" }
}
space "dresden" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 09:00-18:00"
}
space "leipzig" {
  timezone = "Europe/Berlin"
  open     = "Sa 09:00-18:00"
}
rotation "tour" {
  of    = potsdam
  with  = [milano, munich]
  every = "1d"
  from  = "2000-01-03"
}
link "evening" {
  between = [dresden, leipzig]
  when    = open
}
group "bars" { 
  members = [munich, dresden]
}
phone "reception" {
  may_dial = [bars]
}
`

var edits = []struct{ name, old, new, told string }{
	{"a comment", "", "# nothing\n", ""},
	{"an expectation", "", "expect \"closed on Sunday\" {\n  at    = \"2000-01-02 11:00\"\n  space = milano\n  sees  = nobody\n}\n", ""},
	{"a holiday after the two weeks", "2000-05-05", "2000-05-12", ""},
	{"a holiday when it would be the partner", "2000-05-05", "2000-01-07", "milano munich potsdam"}, // munich has the turn instead
	{"a holiday on a weekend", "2000-05-05", "2000-01-08", ""},
	{"a holiday when another is the partner", "2000-05-05", "2000-01-04", "milano"},
	{"closed after the two weeks", "2000-07-01..2000-07-10", "2000-07-01..2000-08-10", ""},
	{"closed while it would see milano", "2000-07-01..2000-07-10", "2000-01-03..2000-01-03", "milano potsdam"},
	{"the other order", "[milano, munich]", "[munich, milano]", "milano munich potsdam"},
	{"a day later", "from  = \"2000-01-03\"", "from  = \"2000-01-04\"", "milano munich potsdam"},
	{"two turns earlier, on a weekend", "from  = \"2000-01-03\"", "from  = \"2000-01-01\"", ""},
	{"one leaves the group", "[munich, dresden]", "[dresden]", "munich"},
	{"another rule's name", "\"evening\"", "\"night\"", ""}, // they are never open together
	{"a partner who is never free", "[milano, munich]", "[milano, munich, leipzig]", "milano munich potsdam"},
	{"a phone more", "", "phone \"office\" {\n  may_dial = [leipzig]\n}\n", "leipzig"},
}

// An edit is told to exactly the windows whose two weeks it changes, whatever it is that reaches so far.
func TestNotifiesExactly(t *testing.T) {
	for _, edit := range edits {
		t.Run(edit.name, func(t *testing.T) {
			simulate(t, tour, func(l *lab) {
				windows := map[string]*peer{}
				for _, name := range []string{"milano", "munich", "potsdam", "dresden", "leipzig"} {
					l.addAccount(name)
					p := l.join(name, "TLS")
					p.register()
					p.subscribe()
					windows[name] = p
				}
				next := tour + edit.new
				if edit.old != "" {
					if !strings.Contains(tour, edit.old) {
						t.Fatal("nothing to replace")
					}
					next = strings.Replace(tour, edit.old, edit.new, 1)
				}
				l.server.SetPlan(parsePlan(t, next))
				time.Sleep(time.Second)
				var told []string
				for name, p := range windows {
					for len(p.inbox) > 0 {
						req := p.request(sip.NOTIFY)
						p.answer(req, 200, "")
						told = append(told, name)
					}
				}
				slices.Sort(told)
				if got := strings.Join(told, " "); got != edit.told {
					t.Errorf("told %q, want %q", got, edit.told)
				}
			})
		})
	}
}
