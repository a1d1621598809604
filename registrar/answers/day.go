package answers

import (
	"time"

	"ewindow/dialplan/programme"
)

const (
	cellLength = 30 * time.Minute
	cellsADay  = int(24 * time.Hour / cellLength)
)

// A state is what a window shows in one cell of the table.
type state int

const (
	skipped state = iota // clocks are put forward over it
	closed
	alone // open, and sees nobody
	sees
)

// A cell is half an hour of a civil day.
type cell struct {
	state   state
	partner string // whom it sees
}

// day is a civil day of the space (given at midnight UTC) by its own clock. What a window shows for most of a cell
// stands for all of it. A half hour that clocks show twice is one cell, and one that they skip is marked.
func (a *agenda) day(date time.Time) (cells [cellsADay]cell) {
	for i, spans := range cellSpans(date, a.space.Location) {
		cells[i] = a.mostly(spans)
	}
	return cells
}

// cellSpans is when the clocks of a place show each half hour of a civil day: once, twice or never.
func cellSpans(date time.Time, place *time.Location) (out [cellsADay][]programme.Span) {
	day := 24 * time.Hour
	for _, p := range periods(date.Add(-day), date.Add(2*day), place) {
		for i := range out {
			from := date.Add(time.Duration(i)*cellLength - p.offset)
			until := from.Add(cellLength)
			if from.Before(p.from) {
				from = p.from
			}
			if until.After(p.until) {
				until = p.until
			}
			if from.Before(until) {
				out[i] = append(out[i], programme.Span{From: from, Until: until})
			}
		}
	}
	return out
}

// mostly is what the window shows for the longest part of some spans; of equally long ones the first.
func (a *agenda) mostly(spans []programme.Span) cell {
	best, longest := cell{}, time.Duration(0)
	for _, s := range spans {
		rest := s.Until.Sub(s.From)
		var seen time.Duration
		for _, l := range a.links {
			if d := overlap(l.Span, s); d > 0 {
				seen += d
				if d > longest {
					best, longest = cell{sees, l.Partner}, d
				}
			}
		}
		var open time.Duration
		for _, o := range a.open {
			open += overlap(o, s)
		}
		// An "always" link holds while the space is closed, too: then open says nothing.
		if d := min(open, rest-seen); d > longest {
			best, longest = cell{state: alone}, d
		}
		if d := rest - max(open, seen); d > longest {
			best, longest = cell{state: closed}, d
		}
	}
	return best
}

func overlap(a, b programme.Span) time.Duration {
	from, until := a.From, a.Until
	if b.From.After(from) {
		from = b.From
	}
	if b.Until.Before(until) {
		until = b.Until
	}
	return max(0, until.Sub(from))
}
