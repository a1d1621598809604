package main

import (
	"fmt"
	"strings"
	"time"

	"ewindow/scripts/bench/rig"
)

// goal is what a row asks of ours. Zero figures ask nothing, but for frozen.
type goal struct {
	frozen  float64       // percent of the time, at most; 0: no more than without loss, beside it
	p50     float64       // ms, at most
	added   float64       // ms, at most, of p50 above that without loss, beside it
	fps     float64       // at least
	longest time.Duration // no picture stands longer
	down    time.Duration // at the line's new rate, at most
	up      time.Duration // back at the old rate, at most
	back    time.Duration // picture after a cut, at most
}

// noFrozen is the goal of a row that is judged by something else.
const noFrozen = 100

var goals = map[string]goal{
	"clean":       {frozen: noFrozen},
	"loss1":       {},
	"loss5":       {},
	"loss10":      {},
	"loss20":      {frozen: 1, fps: 28},
	"loss5rtt20":  {frozen: noFrozen, added: 25},
	"burst5rtt20": {frozen: 0.5, p50: 90},
	"loss5rtt80":  {frozen: 1, p50: 160},
	"loss5rtt200": {frozen: 3},
	"1mbit":       {frozen: 0.5, p50: 120},
	"300kbit":     {frozen: 0.5, p50: 120},
	"drop":        {frozen: noFrozen, longest: 300 * ms, down: 1500 * ms, up: 30 * time.Second},
	"cut":         {frozen: noFrozen, back: 300 * ms},
}

// rounded is what a table shows as 0.0.
const rounded = 0.05

// judge says which goals a row has missed, by medians; none is "met". clean are the runs without loss, if there are any.
func (g goal) judge(got, clean []outcome) string {
	middle := func(of []outcome, value func(outcome) float64) float64 {
		values := make([]float64, 0, len(of))
		for _, o := range of {
			values = append(values, value(o))
		}
		return rig.Median(values)
	}
	frozen := func(o outcome) float64 { return o.frozen }
	p50 := func(o outcome) float64 { return o.p50 }
	var missed []string
	most := func(what, format string, value, limit float64) {
		if limit > 0 && (value < 0 || value > limit) {
			missed = append(missed, fmt.Sprintf(what+" ≤ "+format, limit))
		}
	}
	limit, reference := max(g.frozen, rounded), 0.0
	if len(clean) > 0 {
		reference = middle(clean, p50)
		if g.frozen == 0 {
			limit = max(rounded, middle(clean, frozen))
		}
	}
	most("frozen", "%.1f %%", middle(got, frozen), limit)
	most("p50", "%.0f ms", middle(got, p50), g.p50)
	if reference > 0 && g.added > 0 {
		most("p50", "%.0f ms", middle(got, p50), reference+g.added)
	}
	if fps := middle(got, func(o outcome) float64 { return o.fps }); fps < g.fps {
		missed = append(missed, fmt.Sprintf("%.0f fps", g.fps))
	}
	most("a still", "%.0f ms", middle(got, func(o outcome) float64 { return millis(o.longest) }), millis(g.longest))
	most("down", "%.0f ms", middle(got, func(o outcome) float64 { return millis(o.down) }), millis(g.down))
	most("up", "%.0f ms", middle(got, func(o outcome) float64 { return millis(o.up) }), millis(g.up))
	most("back", "%.0f ms", middle(got, func(o outcome) float64 { return millis(o.back) }), millis(g.back))
	for _, o := range got { // in any run; after a cut there may still be a notice over the picture, or a card in its place
		if o.broken > 0 && g.back == 0 {
			missed = append(missed, "nothing broken")
			break
		}
	}
	if len(missed) == 0 {
		return "met"
	}
	return "**missed**: " + strings.Join(missed, ", ")
}
