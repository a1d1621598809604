package main

import (
	"fmt"
	"strings"

	"ewindow/dialplan"
)

// cities are where spaces stand: time zones of all continents, each with a calendar.
var cities = []struct{ zone, calendar string }{
	{"Europe/Rome", "it"}, {"Europe/Berlin", "de-by"}, {"Europe/Lisbon", ""}, {"America/New_York", "us"}, {"America/Sao_Paulo", "br"},
	{"Asia/Kathmandu", ""}, {"Asia/Tokyo", "jp"}, {"Africa/Johannesburg", "za"}, {"Pacific/Auckland", "nz"}, {"Europe/Dublin", "ie"},
}

// network is a plan such as many cities might have. Edited, one space opens an hour later.
//
// Each ten spaces are a circle: each has a link with the next one, of each city some spend the rest of the day with a
// space elsewhere, and all meet all in a rotation. Each has a phone and a number, and each ten expect something.
func network(spaces int, edited bool) dialplan.File {
	var b strings.Builder
	for _, c := range cities {
		if c.calendar != "" {
			fmt.Fprintf(&b, "calendar %q { days = %q }\n", c.calendar, c.calendar)
		}
	}
	for i := range spaces {
		opens := "09"
		if edited && i == spaces/2 {
			opens = "10"
		}
		space(&b, i, opens)
	}
	for first := 0; first < spaces; first += 10 {
		rules(&b, first, min(first+10, spaces), spaces)
	}
	return dialplan.File{Name: "network.hcl", Data: []byte(b.String())}
}

func space(b *strings.Builder, i int, opens string) {
	c := cities[i%len(cities)]
	hours, calendar := fmt.Sprintf("Mo-Fr %s:00-12:00,13:00-19:00; Sa 14:00-02:00", opens), ""
	if c.calendar != "" {
		hours, calendar = hours+"; PH off", "  calendar = "+c.calendar+"\n"
	}
	fmt.Fprintf(b, "space \"s%d\" {\n  name     = \"City %d – Space – Room\"\n  timezone = %q\n%s  open     = %q\n"+
		"  closed \"summer\" { dates = \"2027-08-09..2027-08-22\" }\n}\n", i, i, c.zone, calendar, hours)
	fmt.Fprintf(b, "phone \"p%d\" {\n  at       = s%d\n  may_dial = [s%d]\n}\nnumber \"%06d\" { rings = s%d }\n", i, i, i, i, i)
}

// rules are those of the spaces from first on, before last.
func rules(b *strings.Builder, first, last, spaces int) {
	var names []string
	for i := first; i < last; i++ {
		names = append(names, fmt.Sprintf("s%d", i))
		fmt.Fprintf(b, "link \"%d and the next\" {\n  between = [s%d, s%d]\n  when    = open\n}\n", i, i, (i+1)%spaces)
		if i%3 == 0 {
			fmt.Fprintf(b, "link \"%d and one far away\" {\n  between = [s%d, s%d]\n  when    = open\n}\n", i, i, (i+31)%spaces)
		}
	}
	fmt.Fprintf(b, "rotation \"round of %d\" {\n  among = [%s]\n  every = \"1d\"\n  from  = \"2027-01-04\"\n}\n", first, strings.Join(names, ", "))
	fmt.Fprintf(b, "expect \"%d is dark at night\" {\n  at    = \"2027-03-22 04:00\"\n  space = s%d\n  sees  = nobody\n}\n", first, first)
}
