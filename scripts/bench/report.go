package main

import (
	"fmt"
	"strings"

	"ewindow/scripts/bench/rig"
)

// figures is what was measured of one system in one run.
type figures struct {
	rig.Picture
	rig.Load
	others float64 // percent of a core that all else on the machine took meanwhile
	codec  string  // of the picture, of a system that chooses one, else empty
}

// part is the share of a core, in percent, that processes of a name take in one window of two.
func (f figures) part(name string) (cpu float64) {
	for _, p := range f.Parts {
		if p.Name == name {
			cpu += p.CPU / 2
		}
	}
	return cpu
}

// quiet is how much of a core all else may take before the figures say little, in percent.
const quiet = 15

// goal is what ours may have at most: so many times what another has, and so much more.
type goal struct {
	of          string // a system; empty: of nobody, more is the limit
	times, more float64
}

// rows are what is printed.
var rows = []struct {
	text  string
	value func(figures) float64
	goals []goal
	alone bool // only ours has it
}{
	{text: "latency p50, ms", value: func(f figures) float64 { return f.P50 }, goals: []goal{{chromium, 0.4, 0}, {gstreamer, 1, 3}}},
	{text: "latency p95, ms", value: func(f figures) float64 { return f.P95 }, goals: []goal{{chromium, 0.4, 0}, {gstreamer, 1, 3}}},
	{text: "latency p99, ms", value: func(f figures) float64 { return f.P99 }},
	{text: "pictures a second", value: func(f figures) float64 { return f.FPS }},
	{text: "frozen, % of the time", value: func(f figures) float64 { return f.Frozen }},
	{text: "broken, % of pictures", value: func(f figures) float64 { return f.Broken }},
	{text: "CPU a window, % of a core", value: func(f figures) float64 { return f.CPU }, goals: []goal{{chromium, 0.6, 0}, {gstreamer, 1.1, 0}}},
	{text: "of that: in Go", value: func(f figures) float64 { return f.part("ewindow") }, goals: []goal{{more: 4}}, alone: true},
	{text: "of that: sound", value: func(f figures) float64 { return f.part("ewindow-media: sound") }, goals: []goal{{more: 4}}, alone: true},
	{text: "PSS a window, MB", value: func(f figures) float64 { return f.PSS }},
}

// report is a table in Markdown: medians, and the least and the most; goals where both sides of them were measured.
func report(o options, chosen []string, all map[string][]figures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%dx%d, %d fps, %d kbit/s, %d × %d s, in turn: median (least … most)\n\n| |", rig.Width, rig.Height, rig.FPS, rig.Kbps, o.runs, o.seconds)
	for _, name := range chosen {
		fmt.Fprintf(&b, " %s |", name)
	}
	b.WriteString(" goal |\n|---|" + strings.Repeat("---|", len(chosen)+1) + "\n")
	for _, r := range rows {
		middle := map[string]float64{}
		fmt.Fprintf(&b, "| %s |", r.text)
		for _, name := range chosen {
			var values []float64
			for _, f := range all[name] {
				values = append(values, r.value(f))
			}
			if len(values) == 0 || r.alone && name != ours {
				b.WriteString(" – |")
				continue
			}
			middle[name] = rig.Median(values)
			fmt.Fprintf(&b, " %s |", rig.Spread("%.1f", values))
		}
		var verdicts []string
		for _, g := range r.goals {
			if v := g.judge(middle); v != "" {
				verdicts = append(verdicts, v)
			}
		}
		fmt.Fprintf(&b, " %s |\n", strings.Join(verdicts, "; "))
	}
	b.WriteString(remarks(chosen, all))
	return b.String()
}

// judge says whether ours has reached a goal; nothing where one of the two was not measured.
func (g goal) judge(middle map[string]float64) string {
	mine, ok := middle[ours]
	if !ok {
		return ""
	}
	limit, what := g.more, fmt.Sprintf("≤ %.1f", g.more)
	if g.of != "" {
		theirs, ok := middle[g.of]
		if !ok {
			return ""
		}
		limit = g.times*theirs + g.more
		what = fmt.Sprintf("≤ %.1f (%.1f × %s's", limit, g.times, g.of)
		if g.more > 0 {
			what = fmt.Sprintf("≤ %.1f (%s's + %.0f", limit, g.of, g.more)
		}
		if theirs > 0 {
			what += fmt.Sprintf("; ours is %.2f ×", mine/theirs)
		}
		what += ")"
	}
	if mine <= limit {
		return what + " met"
	}
	return what + " **missed**"
}

// remarks say what the figures are to be taken with.
func remarks(chosen []string, all map[string][]figures) string {
	var b strings.Builder
	busy := ""
	for _, name := range chosen {
		var others []float64
		for _, f := range all[name] {
			others = append(others, f.others)
		}
		if len(others) == 0 {
			continue
		}
		if rig.Median(others) > quiet {
			busy += fmt.Sprintf(" %s %% of a core while %s was measured;", rig.Spread("%.0f", others), name)
		}
		if codec := all[name][0].codec; codec != "" {
			fmt.Fprintf(&b, "\n%s sent %s.\n", name, codec)
		}
	}
	if busy != "" {
		fmt.Fprintf(&b, "\nThe machine was busy with other things:%s measure again when it is quiet.\n", busy)
	}
	return b.String()
}

// details is the share of each process, of both windows.
func details(f figures) string {
	var b strings.Builder
	for _, p := range f.Parts {
		fmt.Fprintf(&b, "%-27s%9.1f %%%7.1f MB\n", p.Name, p.CPU, p.PSS)
	}
	return b.String()
}
