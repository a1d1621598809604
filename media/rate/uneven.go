package rate

import "time"

// Packets also wait where nothing queues: at a radio, or a machine that is busy. That does not depend on how much is sent, so it is
// told from a queue by what braking does: a queue of ours shrinks as fast as we leave room for it to, and then all of it is gone.
const (
	momentary = 200 * time.Millisecond // besides a round trip: no queue drains so fast
	unusual   = 2 * time.Second        // between two such moments

	// Two within so long are no moments: the path is uneven.
	often = 10 * time.Second

	// unevenMost is how much of what packets wait is taken for that at most, and of it a part is forgotten with each report: half in 20 s.
	unevenMost    = 150 * time.Millisecond
	unevenReports = 600

	// Where no picture was sent for so long, only sound goes, and tells: packets wait for up to so many times its mean jitter.
	pictureless = 3 * time.Second
	unevenSound = 2
)

// stall gives what was sent before if a queue was gone too soon for one: then something on the way stood still for a moment,
// such as a busy machine or a radio.
func (c *Controller) stall(now time.Time) float64 {
	if now.Sub(c.began) > c.path.trip+momentary || now.Sub(c.excused) < unusual {
		return 0
	}
	c.excused = now
	return settled * c.prior
}

// learn is told that there is no queue any more. What was gone too soon for one, and not for the first time, is how uneven the
// path is.
func (c *Controller) learn(now time.Time) {
	if now.Sub(c.began) > c.path.trip+momentary {
		return
	}
	if now.Sub(c.soon) < often {
		c.path.waits(c.peak)
	}
	c.soon = now
}

// remains takes what is left long after a queue of ours has drained, if it is no more than what we would let stand, for how
// uneven the path is.
func (c *Controller) remains(now time.Time) {
	if c.draining && !c.ownSound() && c.path.queue <= busy && now.Sub(c.began) > undrained/2+c.path.trip {
		c.path.waits(c.path.queue)
		c.path.queue = 0
	}
}

// ownSound says that the path carries little more than sound, whose queue we cannot make room for.
func (c *Controller) ownSound() bool { return c.capacity < worthwhile*c.path.beside() }

// waits is told that packets waited so much longer than was known for reasons of the path's own.
func (p *path) waits(d time.Duration) { p.uneven = min(p.uneven+d, unevenMost) }

// even takes off the queue what is none.
func (p *path) even(now time.Time) {
	p.uneven -= p.uneven / unevenReports
	if now.Sub(p.pictured) > pictureless {
		p.uneven = max(p.uneven, min(unevenSound*p.jitter, unevenMost))
	}
	p.queue, p.tail = max(p.queue-p.uneven, 0), max(p.tail-p.uneven, 0)
}
