package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ewindow/scripts/bench/rig"
)

// The chart's places, in pixels.
const (
	chartWidth          = 900
	chartLeft           = 70
	chartRight          = chartWidth - 20
	rateTop, rateBottom = 60, 260
	ageTop, ageBottom   = 310, 440
	chartHeight         = 480
	ageMost             = 500.0                  // ms, at the top of the scale
	ageSpan             = 500 * time.Millisecond // over which an age is the median
)

// Colours that are told apart by people who see no red or green, too (Okabe and Ito).
const (
	lineColour, budgetColour, sentColour, ageColour, freezeColour = "#999999", "#e69f00", "#0072b2", "#009e73", "#d55e00"
)

// draw writes a chart of a run into the directory for charts: the line's rate, what we meant to send, what was sent; how old the
// pictures were, and when they stood still.
func (m measurement) draw(saw seen) error {
	if err := os.MkdirAll(m.charts, 0o755); err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%s.svg", m.name, strings.ToLower(m.system))
	return os.WriteFile(filepath.Join(m.charts, name), []byte(m.chart(saw)), 0o644)
}

func (m measurement) chart(saw seen) string {
	c := &chart{begin: saw.begin, total: saw.end.Sub(saw.begin), most: 2500}
	fmt.Fprintf(&c.svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n"+
		`<rect width="100%%" height="100%%" fill="#ffffff"/>`+"\n", chartWidth, chartHeight)
	c.text(chartLeft, 22, "start", "#000000", fmt.Sprintf("%s: %s", m.system, m.text))
	for _, r := range []float64{0, 500, 1000, 1500, 2000, 2500} {
		c.grid(c.rateY(r), fmt.Sprintf("%.0f", r))
	}
	c.text(chartLeft, rateTop-8, "start", "#000000", "kbit/s")
	c.text(chartLeft+90, rateTop-8, "start", lineColour, "the line")
	c.text(chartLeft+170, rateTop-8, "start", budgetColour, "the pictures' budget")
	c.text(chartLeft+330, rateTop-8, "start", sentColour, "sent, with all that is around it")
	for _, a := range []float64{0, 100, 200, 300, 400, 500} {
		c.grid(ageY(a), fmt.Sprintf("%.0f", a))
	}
	c.text(chartLeft, ageTop-8, "start", "#000000", "ms")
	c.text(chartLeft+90, ageTop-8, "start", ageColour, "age of the pictures, median of 0.5 s")
	c.text(chartLeft+360, ageTop-8, "start", freezeColour, fmt.Sprintf("a picture stands for more than %d ms", freeze.Milliseconds()))
	for s := time.Duration(0); s <= c.total; s += tickEvery(c.total) {
		c.text(c.x(saw.begin.Add(s)), ageBottom+20, "middle", "#000000", fmt.Sprintf("%.0f s", s.Seconds()))
	}
	c.freezes(saw.looks)
	c.rates(m.row, saw)
	c.ages(saw.looks)
	c.svg.WriteString("</svg>\n")
	return c.svg.String()
}

func tickEvery(total time.Duration) time.Duration {
	for _, t := range []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second} {
		if total/t <= 12 {
			return t
		}
	}
	return 30 * time.Second
}

// chart is an SVG being written.
type chart struct {
	svg   strings.Builder
	begin time.Time
	total time.Duration
	most  float64 // kbit/s at the top of the scale
}

func (c *chart) x(t time.Time) float64 {
	return chartLeft + (chartRight-chartLeft)*min(1, max(0, t.Sub(c.begin).Seconds()/c.total.Seconds()))
}

func (c *chart) rateY(kbps float64) float64 {
	return rateBottom - (rateBottom-rateTop)*min(1, kbps/c.most)
}

func ageY(ms float64) float64 { return ageBottom - (ageBottom-ageTop)*min(1, ms/ageMost) }

func (c *chart) text(x, y float64, anchor, colour, words string) {
	fmt.Fprintf(&c.svg, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, anchor, colour, words)
}

func (c *chart) grid(y float64, label string) {
	fmt.Fprintf(&c.svg, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e0e0e0"/>`+"\n", chartLeft, chartRight, y, y)
	c.text(chartLeft-8, y+4, "end", "#000000", label)
}

// curve draws points; each is a pair of x and y.
func (c *chart) curve(colour, more string, points [][2]float64) {
	var at []string
	for _, p := range points {
		at = append(at, fmt.Sprintf("%.1f,%.1f", p[0], p[1]))
	}
	fmt.Fprintf(&c.svg, `<polyline fill="none" stroke="%s" stroke-width="2" %s points="%s"/>`+"\n", colour, more, strings.Join(at, " "))
}

// rates draws the line's rate, the budget and what was sent, over 0.3 s.
func (c *chart) rates(r row, saw seen) {
	if r.line.Kbps > 0 {
		kbps := float64(r.line.Kbps)
		way := [][2]float64{{c.x(saw.begin), c.rateY(kbps)}}
		for i, e := range r.events(c.total) {
			if i < len(saw.at) {
				way = append(way, [2]float64{c.x(saw.at[i]), c.rateY(kbps)})
				kbps = float64(e.set.Kbps)
				way = append(way, [2]float64{c.x(saw.at[i]), c.rateY(kbps)})
			}
		}
		c.curve(lineColour, `stroke-dasharray="6 4"`, append(way, [2]float64{c.x(saw.end), c.rateY(kbps)}))
		if float64(r.line.Kbps) > c.most {
			c.text(chartRight, rateTop-8, "end", lineColour, fmt.Sprintf("(up to %d, above the scale)", r.line.Kbps))
		}
	}
	var budget, sent [][2]float64
	for i, s := range saw.samples {
		if s.at.Before(saw.begin) {
			continue
		}
		if s.budget > 0 {
			budget = append(budget, [2]float64{c.x(s.at), c.rateY(float64(s.budget))})
		}
		if i >= 3 {
			sent = append(sent, [2]float64{c.x(s.at), c.rateY(kbps(saw.samples[i-3], s))})
		}
	}
	c.curve(sentColour, "", sent)
	if len(budget) > 0 {
		c.curve(budgetColour, "", budget)
	}
}

// ages draws the median age of what came within each span.
func (c *chart) ages(looks []rig.Look) {
	var points [][2]float64
	for t := c.begin; t.Before(c.begin.Add(c.total)); t = t.Add(ageSpan) {
		var ages []float64
		for _, l := range looks {
			if l.Code != 0 && !l.At.Before(t) && l.At.Before(t.Add(ageSpan)) {
				ages = append(ages, millis(l.Age))
			}
		}
		if len(ages) > 0 {
			slices.Sort(ages)
			points = append(points, [2]float64{c.x(t.Add(ageSpan / 2)), ageY(ages[len(ages)/2])})
		}
	}
	c.curve(ageColour, "", points)
}

// freezes draws when a picture stood still.
func (c *chart) freezes(looks []rig.Look) {
	last := c.begin
	gap := func(until time.Time) {
		if until.Sub(last) > freeze {
			from := c.x(last)
			fmt.Fprintf(&c.svg, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" fill-opacity="0.35"/>`+"\n",
				from, ageTop, c.x(until)-from, ageBottom-ageTop, freezeColour)
		}
		last = until
	}
	for _, l := range looks {
		if l.Code != 0 && l.At.After(c.begin) && l.At.Before(c.begin.Add(c.total)) {
			gap(l.At)
		}
	}
	gap(c.begin.Add(c.total))
}
