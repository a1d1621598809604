package rate

import "time"

const (
	// A queue that stays for so long is not ours. Beside whoever fills it we begin with a share of what we had, and go on
	// as TCP does: so many kbit/s more each second, and a part of it when more than that is lost.
	undrained = 2 * time.Second
	share     = 0.5
	// Where no more ever came than hardly more than sound, the queue may be that of our own sound.
	worthwhile = 1.5
	steadily   = 150.0
	overflow   = 0.02
	part       = 0.8
)

// rivals notices a queue that does not go away although we send less than comes out: somebody else fills it, such as a
// download, who leaves nothing to those who give way. It says whether we contend with him. Nobody fills a queue so evenly that
// its length does not change: then the path itself has become longer.
func (c *Controller) rivals(now time.Time) bool {
	stood := now.Sub(c.crowded)
	switch {
	case c.path.queue <= busy:
		c.crowded = time.Time{}
	case c.crowded.IsZero():
		c.crowded, c.own = now, c.path.delivered.recent()+c.path.beside()
	case stood <= undrained/2:
		c.shortest, c.longest = c.path.queue, c.path.queue
	default:
		c.shortest, c.longest = min(c.shortest, c.path.queue), max(c.longest, c.path.queue)
		if c.contends || stood <= undrained {
			break
		}
		if c.longest-c.shortest < calm {
			c.lengthened(now)
		} else if c.path.fastest > worthwhile*c.path.beside() {
			c.contends, c.draining = true, false
			c.set(max(c.target, share*c.own, worthwhile*c.path.beside()))
		}
	}
	if c.path.queue >= calm {
		c.filled = now
	}
	c.path.base.hold(now, !c.crowded.IsZero() || c.contends)
	c.contends = c.contends && now.Sub(c.filled) < undrained/2
	return c.contends
}

// lengthened begins anew on a path that takes longer than it did.
func (c *Controller) lengthened(now time.Time) {
	c.path.base, c.path.queue, c.path.tail = lowest{}, 0, 0
	c.path.forgive(now)
	c.crowded, c.draining, c.suspected = time.Time{}, false, 0
	c.capacity = max(c.capacity, c.prior)
	c.set(max(c.target, settled*c.prior))
}

// contend sends as TCP does (RFC 5681): steadily more until something is lost, then a part less. The queue is as long as he
// makes it.
func (c *Controller) contend(now time.Time, passed float64) {
	switch {
	case !c.path.loss.grew(overflow):
		c.set(min(c.target+steadily*passed, max(c.target, idle*(c.path.delivered.recent()+c.path.beside())+100)))
	case now.Sub(c.braked) > c.path.queue+100*time.Millisecond:
		c.braked = now
		c.set(part * c.target)
		c.path.forgive(now)
	}
}
