package rate

import "time"

const (
	tolerable = 0.02 // share of packets that may be lost before nothing more is tried
	harmful   = 0.10 // from which on less is sent
	regain    = 0.08 // each second while little is lost
)

// ByLoss decides how much is sent to somebody who tells no more than how much he lost (RFC 3550 §6.4.1), as phones do: he is
// given all at first, less when much is lost, and slowly more when little is.
type ByLoss struct {
	limits Limits
	target float64 // kbit/s
	last   time.Time
}

// NewByLoss begins with the most.
func NewByLoss(l Limits) *ByLoss { return &ByLoss{limits: l, target: float64(l.Most)} }

// Kbps is how much pictures may take now.
func (c *ByLoss) Kbps() int { return int(c.target) }

// Report takes the share of packets that was lost since the last report.
func (c *ByLoss) Report(now time.Time, lost float64) {
	passed := 0.0
	if !c.last.IsZero() {
		passed = min(now.Sub(c.last).Seconds(), 5)
	}
	c.last = now
	switch {
	case lost > harmful:
		c.target *= 1 - lost/2
	case lost < tolerable:
		c.target *= 1 + regain*passed
	}
	c.target = min(max(c.target, float64(c.limits.Least)), float64(c.limits.Most))
}
