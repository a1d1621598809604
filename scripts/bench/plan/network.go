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

// network is a plan such as many cities might have, of a multiple of twenty spaces. Edited, one space opens an hour
// later.
//
// Of each ten spaces nine are in pairs, one of them with another ten, and in the time that is left some meet in turn, and
// one of the next ten with them. Each has a phone and a number, and each ten expect something. Nothing in it is
// suspicious: for that, check would have to look at a whole year.
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
		rules(&b, first, spaces)
	}
	return dialplan.File{Name: "network.hcl", Data: []byte(b.String())}
}

func space(b *strings.Builder, i int, opens string) {
	c := cities[i%len(cities)]
	hours, calendar := fmt.Sprintf("Mo-Fr %s:00-12:00,13:00-19:00; Sa 14:00-23:00", opens), ""
	if c.calendar != "" {
		hours, calendar = hours+"; PH off", "  calendar = "+c.calendar+"\n"
	}
	fmt.Fprintf(b, "space \"s%d\" {\n  name     = \"City %d – Space – Room\"\n  timezone = %q\n%s  open     = %q\n"+
		"  closed \"summer\" { dates = \"2027-08-09..2027-08-22\" }\n}\n", i, i, c.zone, calendar, hours)
	fmt.Fprintf(b, "phone \"p%d\" {\n  at       = s%d\n  may_dial = [s%d]\n}\nnumber \"%06d\" { rings = s%d }\n", i, i, i, i, i)
}

// pairs are cities whose days overlap.
var pairs = [][2]int{{0, 1}, {2, 7}, {3, 4}, {5, 6}}

// touring are those that meet in turn: around the Atlantic.
var touring = []int{0, 1, 2, 3, 4, 7, 9}

// rules are those of the ten spaces from first on.
func rules(b *strings.Builder, first, spaces int) {
	link := func(i, j int) {
		fmt.Fprintf(b, "link \"%d and %d\" {\n  between = [s%d, s%d]\n  when    = open\n}\n", i, j, i, j)
	}
	for _, p := range pairs {
		link(first+p[0], first+p[1])
	}
	if first%20 == 0 {
		link(first+8, first+18)
	}
	names := []string{fmt.Sprintf("s%d", (first+19)%spaces)}
	for _, i := range touring {
		names = append(names, fmt.Sprintf("s%d", first+i))
	}
	fmt.Fprintf(b, "rotation \"round of %d\" {\n  among = [%s]\n  every = \"1d\"\n  from  = \"2027-01-04\"\n}\n", first, strings.Join(names, ", "))
	fmt.Fprintf(b, "expect \"%d is dark at night\" {\n  at    = \"2027-03-22 04:00\"\n  space = s%d\n  sees  = nobody\n}\n", first, first)
}
