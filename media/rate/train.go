package rate

import "time"

// The first packets leave at once, so how far apart they come tells how fast the slowest hop is, before anything large is sent: so many
// packets at least, in so much time, which is more than arrivals are rounded to, and so much longer than they were sent in.
const (
	trainLeast = 3
	trainFor   = 3 * time.Millisecond
	trainMore  = 2
)

// train is the rate in kbit/s at which the packets of the first report came; 0 if that tells nothing.
func (p *path) train() float64 {
	if p.known > 0 || len(p.news) < trainLeast {
		return 0
	}
	first, last, bytes := p.news[0], p.news[len(p.news)-1], 0
	for _, c := range p.news[1:] {
		bytes += c.sent.size
	}
	if passed := last.at - first.at; passed >= max(trainFor, trainMore*last.sent.at.Sub(first.sent.at)) {
		return float64(bytes) * 8 / 1000 / passed.Seconds()
	}
	return 0
}

// guess takes what the first packets tell for what the path carries, until something better is known.
func (c *Controller) guess() {
	if c.path.guess == 0 || c.capacity > 0 {
		return
	}
	c.capacity, c.guessed = c.path.guess, true
	c.set(min(c.target, c.settles()*c.capacity))
}

// guessing is how fast more is sent while the capacity is only guessed: carefully near it, since a queue is to show before it is long;
// and where none shows beyond it, the guess was wrong.
func (c *Controller) guessing() (pace float64) {
	if c.target < near*c.capacity {
		return growFirst
	}
	if c.target > farScarce*c.capacity {
		c.capacity, c.guessed = 0, false
	}
	return growFar
}
