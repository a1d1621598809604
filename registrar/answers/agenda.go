package answers

import (
	"time"

	"ewindow/dialplan"
	"ewindow/dialplan/programme"
)

// An agenda is what one window shows during some time, as long as it takes: a programme has an end.
type agenda struct {
	space dialplan.Space
	open  []programme.Span
	links []programme.Interval
}

// agendas puts programmes together, of some spaces from a time on. All spaces are asked about the same time before
// the next one is: the plan works out a time for all at once, and does not keep many.
func agendas(plan *dialplan.Plan, spaces []dialplan.Space, from, until time.Time) ([]agenda, error) {
	out := make([]agenda, len(spaces))
	known := make([]time.Time, len(spaces))
	for i, s := range spaces {
		out[i].space, known[i] = s, from
	}
	const step = dialplan.ProgrammeDays * 24 * time.Hour
	for end := from; end.Before(until); {
		end = end.Add(step)
		for i := range out {
			for known[i].Before(end) && known[i].Before(until) {
				p, err := plan.Programme(out[i].space.Name, known[i])
				if err != nil {
					return nil, err
				}
				out[i].add(p, until)
				known[i] = p.Until
			}
		}
	}
	return out, nil
}

// add puts what a programme says before until behind what is known. A link that goes on over the border becomes one.
func (a *agenda) add(p *programme.Programme, until time.Time) {
	for _, s := range p.Open {
		if s, ok := before(s, until); ok {
			a.open = append(a.open, s)
		}
	}
	for _, l := range p.Links {
		cut, ok := before(l.Span, until)
		if !ok {
			continue
		}
		l.Span = cut
		if n := len(a.links); n > 0 && a.links[n-1].Until.Equal(l.From) && sameMeeting(a.links[n-1], l) {
			a.links[n-1].Until = l.Until
			continue
		}
		a.links = append(a.links, l)
	}
}

// before cuts a span off at a time; it is false if nothing is left.
func before(s programme.Span, until time.Time) (programme.Span, bool) {
	if s.Until.After(until) {
		s.Until = until
	}
	return s, s.From.Before(s.Until)
}

func sameMeeting(a, b programme.Interval) bool {
	a.Span, b.Span = programme.Span{}, programme.Span{}
	return a == b
}
