package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ewindow/scripts/bench/rig"
)

// table is what is printed.
type table struct {
	lines    []string
	notes    []string
	failures []string
	clean    []outcome     // ours without loss, on the first way, if it was measured before
	told     bool          // what codec the peer has chosen
	busy     float64       // percent of a core that all else took, at most
	late     time.Duration // by how much packets were passed on too late in the worst run, on average
}

// quiet is how much of a core all else may take before the figures say little, in percent.
const quiet = 15

func newTable(o options, now time.Time) *table {
	t := &table{}
	t.lines = append(t.lines,
		fmt.Sprintf("%s, 720p30, 2 Mbit/s, %d × %d s a row, in turn: median (least … most)\n", now.Format("2 January 2006"), o.runs, o.seconds),
		"| line | | frozen, % | fps | p50, ms | p95, ms | broken, % | longest still, ms | first picture, ms | | goal |",
		"|---|---|---|---|---|---|---|---|---|---|---|")
	return t
}

// add adds a row of a system; without outcomes there was no picture in any run.
func (t *table) add(r row, system string, got []outcome) {
	if len(got) == 0 {
		t.lines = append(t.lines, fmt.Sprintf("| %s | %s | no picture | | | | | | | | |", r.text, system))
		return
	}
	cell := func(format string, value func(outcome) float64) string {
		var all []float64
		for _, o := range got {
			all = append(all, value(o))
		}
		return rig.Spread(format, all)
	}
	cells := []string{
		cell("%.1f", func(o outcome) float64 { return o.frozen }),
		cell("%.1f", func(o outcome) float64 { return o.fps }),
		cell("%.0f", func(o outcome) float64 { return o.p50 }),
		cell("%.0f", func(o outcome) float64 { return o.p95 }),
		cell("%.2f", func(o outcome) float64 { return o.broken }),
		cell("%.0f", func(o outcome) float64 { return millis(o.longest) }),
		cell("%.0f", func(o outcome) float64 { return millis(o.first) }),
		r.note(cell), "",
	}
	if system == ours || system == relayed {
		if r.name == "clean" && t.clean == nil {
			t.clean = got
		}
		cells[len(cells)-1] = goals[r.name].judge(got, t.clean)
	}
	t.lines = append(t.lines, fmt.Sprintf("| %s | %s | %s |", r.text, system, strings.Join(cells, " | ")))
	if codec := got[0].codec; codec != "" && !t.told {
		t.notes, t.told = append(t.notes, fmt.Sprintf("%s sent %s.", system, codec)), true
	}
	if r.name == "drop" {
		t.notes = append(t.notes, fmt.Sprintf("What %s sent into the line of %s, kbit/s, second by second (run 1): `%s`.", system, r.text, plot(got[0].rates)))
	}
}

// plot draws rates as columns, the highest full.
func plot(rates []float64) string {
	const columns = "▁▂▃▄▅▆▇█"
	full := slices.Max(append(slices.Clone(rates), 1))
	var b strings.Builder
	for _, r := range rates {
		steps := []rune(columns)
		b.WriteRune(steps[min(len(steps)-1, int(r/full*float64(len(steps))))])
	}
	return fmt.Sprintf("%s ≤ %.0f", b.String(), full)
}

func (t *table) String() string {
	var b strings.Builder
	for _, l := range t.lines {
		b.WriteString(l + "\n")
	}
	if t.busy > quiet {
		t.notes = append(t.notes, fmt.Sprintf("The machine was busy with other things, with up to %.0f %% of a core, and the line's packets were %.1f ms late on average in the worst run. Measure again when it is quiet.", t.busy, millis(t.late)))
	}
	if len(t.failures) > 0 {
		t.notes = append(t.notes, "Runs that count for nothing: "+strings.Join(t.failures, "; ")+".")
	}
	t.notes = append([]string{fmt.Sprintf("Frozen: the time in which a picture stood for more than %d ms. Broken: pictures older than one before, or unlike a clean "+
		"decode of what the encoder made (a notice over the picture counts, too); of others than E-Window, below %.0f dB beside what was drawn.", freeze.Milliseconds(), unlikePSNR)}, t.notes...)
	for _, n := range t.notes {
		b.WriteString("\n" + n + "\n")
	}
	return b.String()
}
