package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// table is what came of all cells, in Markdown.
func table(outcomes []outcome) string {
	var b strings.Builder
	b.WriteString("| cell | what | path (milano, munich) | first picture (milano, munich) | stands still | |\n|---|---|---|---|---|---|\n")
	for _, o := range outcomes {
		gap, verdict := "", "ok"
		if o.struck {
			gap = both(o.gap)
		}
		if len(o.missed) > 0 {
			verdict = "**missed**: " + strings.ReplaceAll(strings.Join(o.missed, "; "), "|", "\\|")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", o.name, what(o.cell), paths(o), both(o.first), gap, verdict)
	}
	return b.String()
}

// both are the two times of a pair; a dash is a picture that never came.
func both(d [2]time.Duration) string {
	var text [2]string
	for i := range d {
		if text[i] = "–"; d[i] != 0 {
			text[i] = fmt.Sprintf("%.1f", d[i].Seconds())
		}
	}
	return text[0] + ", " + text[1] + " s"
}

func paths(o outcome) string {
	if o.path == [2]string{} {
		return "not said"
	}
	return o.path[0] + ", " + o.path[1]
}

// what is a cell, for people.
func what(c cell) string {
	if c.fault == nil {
		return c.text
	}
	return c.text + "; " + c.fault.text
}

func verdict(o outcome) string {
	if len(o.missed) > 0 {
		return "missed: " + strings.Join(o.missed, "; ")
	}
	text := "first pictures after " + both(o.first) + ", path " + paths(o)
	if o.struck {
		text += ", pictures stood for " + both(o.gap)
	}
	return text
}

func write(out io.Writer, outcomes []outcome) error {
	_, err := io.WriteString(out, table(outcomes))
	return err
}
