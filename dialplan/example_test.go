package dialplan_test

import (
	"fmt"
	"slices"
	"time"

	"ewindow/dialplan"
)

const network = `
space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Fr 09:00-12:30,13:30-19:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 08:30-18:00"
}
link "the long window" {
  between = [milano, munich]
  when    = open
}
`

// A file becomes a plan, and the plan answers what the registrar and the windows ask.
func Example() {
	plan, err := dialplan.Parse(dialplan.File{Name: "network.hcl", Data: []byte(network)})
	if err != nil {
		fmt.Println(err)
		return
	}
	monday := time.Date(2027, 3, 22, 12, 0, 0, 0, time.UTC) // 13:00 in both spaces: lunch in Milano

	// May this INVITE pass?
	d := plan.Route("munich", "milano", monday)
	fmt.Println(d.Status, d.Reason, "until", d.Next.Format("15:04 MST"))
	fmt.Println(plan.Route("munich", "milano", d.Next).Status)

	// What a window is told: UTC intervals.
	p, err := plan.Programme("milano", monday)
	if err != nil {
		fmt.Println(err)
		return
	}
	next := p.NextLink(monday)
	fmt.Println(next.Caller, "calls", next.Partner, next.From.Format("15:04"), "to", next.Until.Format("15:04"))
	// Output:
	// 480 munich and milano do not see each other now until 12:30 UTC
	// 0
	// milano calls munich 12:30 to 17:00
}

// All that is wrong is told at once, each mistake with its place and what to do. Nothing of such a plan is used.
func ExampleParse() {
	_, err := dialplan.Parse(dialplan.File{Name: "broken.hcl", Data: []byte(`
space "milano" {
  timezone = "Europe/Rom"
  open     = "Mo-Fr 09:00-1900"
}
`)})
	fmt.Println(err)
	// Output:
	// broken.hcl:3:14: unknown time zone "Europe/Rom"; did you mean "Europe/Rome"?
	// broken.hcl:4:27: "1900" is not a time; write 19:00
}

// Explain tells which rules decided, and which had no say: Milano has lunch.
func ExamplePlan_Explain() {
	plan, err := dialplan.Parse(dialplan.File{Name: "network.hcl", Data: []byte(network)})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := plan.Explain("milano", time.Date(2027, 3, 22, 12, 0, 0, 0, time.UTC))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("open:", e.Open, "until", e.OpenChanges.In(e.Local.Location()).Format("15:04"))
	for _, r := range slices.Concat(e.Opening, e.Rules) {
		fmt.Printf("%s: %s %q: %s\n", r.Place(), r.Kind, r.Name, r.Why)
	}
	// Output:
	// open: false until 13:30
	// network.hcl:4:15: hours "Mo-Fr 09:00-12:30,13:30-19:00": is about this day, and says nothing of this time
	// network.hcl:10:6: link "the long window": milano is closed
}
