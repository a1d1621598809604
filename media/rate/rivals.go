package rate

import (
	"math"
	"time"
)

const (
	// A queue that stays for so long, besides the time that it takes itself, is not ours. Beside whoever fills it we begin with a
	// share of what we had, and go on as TCP does.
	undrained = 2 * time.Second
	share     = 0.5
	// Where no more ever came than hardly more than sound, the queue may be that of our own sound.
	worthwhile = 1.5

	// So many kbit/s more each second, and a part of it when more than so much is lost.
	steadily = 150.0
	overflow = 0.02
	part     = 0.8

	// In a queue that is longer than deep all of that takes longer: we do as CUBIC does (RFC 9438 §4.1, §4.6), whose packets have
	// so many kbit.
	deep       = 500 * time.Millisecond
	cubicC     = 0.4
	cubicPart  = 0.7
	packetKbit = 12.0

	// Who fills a deep queue alone would take it for a rival's for ever: he looks after each such time.
	alone = time.Minute

	// A queue of ours that is deep drains by more than half of such a time in it.
	ebbOver = 500 * time.Millisecond
)

// rivalry is what is known of somebody else's queue.
type rivalry struct {
	crowded  time.Time     // since when there is a queue that we cannot drain; zero while there is none
	own      float64       // what came out when it began, kbit/s
	deepest  time.Duration // that queue
	shortest time.Duration // the same, once it would have drained
	longest  time.Duration
	gauged   time.Duration // the queue at a time: see ebbs
	gaugedAt time.Time
	contends bool
	filled   time.Time // when the queue was last seen not to be empty
	top      float64   // what was sent when something was lost last, kbit/s
	aside    time.Time // until when we stood aside last
}

// rivals notices a queue that does not go away although we send less than comes out: somebody else fills it, such as a
// download, who leaves nothing to those who give way. It says whether we contend with him. Nobody fills a queue so evenly that
// its length does not change: then the path itself has become longer.
func (c *Controller) rivals(now time.Time) bool {
	if c.ebbs(now) && !c.contends {
		c.crowded = now
	}
	c.deepest = max(c.deepest, c.path.queue)
	stood := now.Sub(c.crowded)
	switch {
	case c.path.queue <= calm || c.crowded.IsZero() && c.path.queue <= busy:
		c.crowded, c.deepest = time.Time{}, 0
	case c.crowded.IsZero():
		c.crowded, c.own = now, c.path.delivered.recent()+c.path.beside()
	case stood <= undrained/2+c.deepest:
		c.shortest, c.longest = c.path.queue, c.path.queue
	default:
		c.shortest, c.longest = min(c.shortest, c.path.queue), max(c.longest, c.path.queue)
		if c.contends || stood <= undrained+c.deepest {
			break
		}
		if c.longest-c.shortest < calm {
			c.lengthened(now)
		} else if c.path.fastest > worthwhile*c.path.beside() {
			c.contends, c.draining = true, false
			c.aside, c.top = now, c.own
			c.set(max(c.target, share*c.own, worthwhile*c.path.beside()))
		}
	}
	if c.path.queue >= calm {
		c.filled = now
	}
	c.path.base.hold(now, !c.crowded.IsZero() || c.contends)
	drained := c.deepest > deep && c.path.queue < c.deepest/3
	c.contends = c.contends && now.Sub(c.filled) < undrained/2 && !drained
	return c.contends
}

// ebbs says that the queue has become shorter as fast as a deep one of ours does. Somebody else's does so for a moment alone.
func (c *Controller) ebbs(now time.Time) bool {
	passed := now.Sub(c.gaugedAt)
	if passed < ebbOver {
		return false
	}
	ebbs := passed < 2*ebbOver && c.gauged-c.path.queue > ebbOver/2
	c.gauged, c.gaugedAt = c.path.queue, now
	return ebbs
}

// lengthened begins anew on a path that takes longer than it did.
func (c *Controller) lengthened(now time.Time) {
	c.path.base, c.path.queue, c.path.tail = lowest{}, 0, 0
	c.path.forgive(now)
	c.crowded, c.draining, c.suspected = time.Time{}, false, 0
	c.capacity = max(c.capacity, c.prior)
	c.set(max(c.target, settled*c.prior))
}

// contend sends as TCP does: more until something is lost, then a part less. The queue is as long as he makes it. Is it deep, and
// nobody else's, then it drains when we stand aside.
func (c *Controller) contend(now time.Time, passed float64) {
	came := c.path.delivered.recent() + c.path.beside()
	switch {
	case now.Before(c.aside):
	case !c.path.loss.grew(overflow):
		c.set(min(c.regrown(now, passed), max(c.target, idle*came+100)))
	case now.Sub(c.braked) > c.path.queue+100*time.Millisecond:
		c.braked, c.top = now, c.target
		c.path.forgive(now)
		switch {
		case c.path.queue <= deep:
			c.set(part * c.target)
		case now.Sub(c.aside) > alone:
			c.aside = now.Add(2 * c.path.trip)
			c.set(strong * c.target)
		default:
			c.set(cubicPart * c.target)
		}
	}
}

// regrown is what is sent next while nothing is lost: steadily more, the less so the longer the queue is, or as CUBIC has it, a
// function of the time since something was lost (RFC 9438 §4.2).
func (c *Controller) regrown(now time.Time, passed float64) float64 {
	trip := max(c.path.trip, full).Seconds()
	since := now.Sub(c.braked)
	if now.Sub(c.aside) < since {
		since = now.Sub(c.aside)
	}
	k := math.Cbrt(c.top * trip / packetKbit * (1 - cubicPart) / cubicC)
	cubic := c.top + cubicC*math.Pow(since.Seconds()-k, 3)*packetKbit/trip
	return max(c.target+steadily*full.Seconds()/trip*passed, min(cubic, c.target+2*steadily*passed))
}
