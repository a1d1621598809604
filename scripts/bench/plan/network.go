package main

import (
	"fmt"
	"strings"

	"ewindow/dialplan"
)

var zones = []string{"Europe/Rome", "Europe/Berlin", "Europe/Lisbon", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu",
	"Asia/Tokyo", "Africa/Nairobi", "Pacific/Auckland", "Australia/Adelaide"}

// network is a plan such as many cities might have: spaces in ten time zones, each in three links. Edited, one space
// opens an hour later.
func network(spaces int, edited bool) dialplan.File {
	var b strings.Builder
	for i := range spaces {
		opens := "09"
		if edited && i == spaces/2 {
			opens = "10"
		}
		fmt.Fprintf(&b, "space \"s%d\" {\n  name     = \"City %d – Space – Room\"\n  timezone = %q\n"+
			"  open     = \"Mo-Fr %s:00-12:00,13:00-19:00; Sa 14:00-02:00\"\n}\n", i, i, zones[i%len(zones)], opens)
	}
	for i := range spaces {
		for _, far := range []int{1, 7, 31} {
			fmt.Fprintf(&b, "link \"%d and %d\" {\n  between = [s%d, s%d]\n  when    = open\n}\n", i, (i+far)%spaces, i, (i+far)%spaces)
		}
	}
	return dialplan.File{Name: "network.hcl", Data: []byte(b.String())}
}
