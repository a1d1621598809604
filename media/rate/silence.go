package rate

import "time"

const (
	// Without feedback for so long the path may be full both ways, or gone; each time that it lasts as long again, less is sent.
	silence = 200 * time.Millisecond
	overdue = 120 * time.Millisecond // besides a round trip: reports come every 50 ms
	holding = 100 * time.Millisecond // for so long at most nothing is sent: whoever hears us and cannot tell sees no gap
	behind  = 250 * time.Millisecond // the same, while reports may stand in a queue
	quieter = 0.7
	quiet   = 100 * time.Millisecond
	lowly   = 0.25 // of what was sent before, at least: whoever comes back is to see a picture at once
)

// Unheard says that next to nothing was heard of yet: what is sent may be too much by any factor.
func (c *Controller) Unheard() bool { return c.path.known < leastKnown }

// Awaits says that packets were sent of which nothing was heard.
func (c *Controller) Awaits() bool { return c.path.sent.After(c.path.heard) }

// Holds says that nothing was heard for longer than a report can take, on a path that loses little: until silence explains
// itself, more would only make a queue longer. comes says that the other side's packets come: then its reports may stand in a queue
// behind them. Where reports are never in time that is no news, and it is waited for once.
func (c *Controller) Holds(now time.Time, comes bool) bool {
	if c.path.trip == 0 || c.capacity > 0 || c.contends || c.path.waiting.IsZero() || c.path.loss.share() > tolerable {
		return false
	}
	late := now.Sub(c.path.waiting) - c.path.nearest.least() - overdue - c.path.apart
	if late <= 0 {
		c.held = time.Time{}
		return false
	}
	if c.held.IsZero() {
		c.held = now
	}
	return late < holding || comes && !c.Unheard() && now.Sub(c.held) < behind
}

// Tick notices that no feedback comes any more, and sends little until it does: less and less if something else comes, since then
// the path may be full of what we send.
func (c *Controller) Tick(now time.Time, deaf bool) {
	late := silence + 2*c.path.apart
	if c.draining || c.contends { // little is sent: what is heard next may stand in the queue still
		late += c.path.queue
	}
	if now.Sub(c.path.heard) < late || now.Sub(c.path.sent) > silence || now.Sub(c.hushed) < quiet {
		return
	}
	c.before, c.hushed = max(c.before, c.target), now
	least := 0.0
	if deaf {
		least = min(c.target, c.least())
	}
	c.set(max(quieter*c.target, lowly*c.before, least))
}
