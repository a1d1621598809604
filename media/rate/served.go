package rate

import "time"

const (
	servedLeast = 3                     // packets that have waited, for a judgement
	servedFor   = 15 * time.Millisecond // in which they came, at least: what stood still comes all at once
	drawnOut    = 4.0                   // times slower than they come they were sent at most, as far as it counts: a queue that drains has them nearer together

	// Where nothing came for so long, and then so much faster than before that, a radio or a machine stood still: packets of a slow
	// hop come one after the other.
	stoodStill  = 100 * time.Millisecond
	stoodFaster = 8.0
	stoodSlack  = 50 * time.Millisecond // more than that they waited may be a queue
)

// served is bytes in packets that waited for one another, and the time that they took to come, and to be sent.
type served struct {
	bytes, packets int
	passed, sent   time.Duration
}

func (s served) kbps() float64 { return float64(s.bytes) * 8 / 1000 / s.passed.Seconds() }

func (s served) plus(o served, times int) served {
	passed := time.Duration(times)
	return served{s.bytes + times*o.bytes, s.packets + times*o.packets, s.passed + passed*o.passed, s.sent + passed*o.sent}
}

// served is the rate at which packets came that were there before the one ahead of them was through: so fast is the slowest hop,
// whatever is sent. What was held up by a machine that was busy, or a radio, comes at once, and how long that took tells nothing.
func (p *path) served() (kbps float64, atOnce bool) {
	var all, longest served
	last := p.latest
	for _, c := range p.news {
		if d := c.at - last.at; last.sent != nil && d >= 0 && c.queue > max(calm, d) {
			one := served{c.sent.size, 1, d, max(c.sent.at.Sub(last.sent.at), 0)}
			if all = all.plus(one, 1); d > longest.passed {
				longest = one
			}
		}
		last = c
	}
	if all.packets < servedLeast {
		return 0, p.stood()
	}
	if rest := all.plus(longest, -1); longest.passed > stoodStill && rest.kbps() > stoodFaster*longest.kbps() {
		all = rest
	}
	if all.passed < servedFor {
		return 0, true
	}
	p.squeezed = min(all.sent.Seconds()/all.passed.Seconds(), drawnOut)
	return all.kbps(), false
}

// stood says that all that came waited for about as long as nothing came.
func (p *path) stood() bool {
	first := p.news[0]
	gap := first.at - p.latest.at
	return p.latest.sent != nil && gap > stoodStill && first.queue < gap+stoodSlack
}
