package main

import (
	"fmt"
	"strings"

	"ewindow/scripts/bench/rig"
)

// figures is what was measured of one system.
type figures struct {
	name string
	rig.Picture
	rig.Load
	others float64 // percent of a core that all else on the machine took meanwhile
}

// quiet is how much of a core all else may take before the figures say little, in percent.
const quiet = 15

// rows are what is printed; goal is the share of baresip's figure that ours may have, 0 for none.
var rows = []struct {
	text  string
	value func(*figures) float64
	goal  float64
}{
	{"latency p50, ms", func(f *figures) float64 { return f.P50 }, 0.4},
	{"latency p95, ms", func(f *figures) float64 { return f.P95 }, 0.4},
	{"latency p99, ms", func(f *figures) float64 { return f.P99 }, 0},
	{"pictures a second", func(f *figures) float64 { return f.FPS }, 0},
	{"frozen, % of the time", func(f *figures) float64 { return f.Frozen }, 0},
	{"broken, % of pictures", func(f *figures) float64 { return f.Broken }, 0},
	{"CPU a window, % of a core", func(f *figures) float64 { return f.CPU }, 0.5},
	{"PSS a window, MB", func(f *figures) float64 { return f.PSS }, 2},
}

// report is the table, with goals where both were measured.
func report(them, us *figures) string {
	var b strings.Builder
	var systems []*figures
	for _, f := range []*figures{them, us} {
		if f != nil {
			systems = append(systems, f)
		}
	}
	fmt.Fprintf(&b, "\n%-33s", fmt.Sprintf("%dx%d, %d fps, %d kbit/s", rig.Width, rig.Height, rig.FPS, rig.Kbps))
	for _, f := range systems {
		fmt.Fprintf(&b, "%10s", f.name)
	}
	if len(systems) == 2 {
		fmt.Fprintf(&b, "%10s", "goal")
	}
	b.WriteByte('\n')
	for _, r := range rows {
		fmt.Fprintf(&b, "%-33s", r.text)
		for _, f := range systems {
			fmt.Fprintf(&b, "%10.1f", r.value(f))
		}
		if len(systems) == 2 && r.goal > 0 {
			limit, verdict := r.goal*r.value(them), "missed"
			if r.value(us) <= limit {
				verdict = "met"
			}
			fmt.Fprintf(&b, "%10s  %s", fmt.Sprintf("≤ %.1f", limit), verdict)
		}
		b.WriteByte('\n')
	}
	for _, f := range systems {
		if f.others > quiet {
			fmt.Fprintf(&b, "The machine was busy with other things: %.0f %% of a core while %s was measured. Measure again when it is quiet.\n", f.others, f.name)
		}
	}
	return b.String()
}

// details is the share of each process, of both windows.
func details(systems ...*figures) string {
	var b strings.Builder
	for _, f := range systems {
		if f == nil {
			continue
		}
		for _, p := range f.Parts {
			fmt.Fprintf(&b, "%-27s%9.1f %%%7.1f MB\n", p.Name, p.CPU, p.PSS)
		}
	}
	return b.String()
}
