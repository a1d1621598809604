package rate

import (
	"time"

	"github.com/pion/rtcp"
)

// Limits are what pictures take at least and at most, and what they begin with, in kbit/s with all that belongs to them on
// the wire.
type Limits struct {
	Least, Most, First int
}

const (
	// A queue on the path is told by how much longer packets take than the fastest of the last seconds, less what a packet
	// takes by itself. Up to calm nothing queues; from busy on it is ours, and we send less than comes out at the other end
	// until it has gone.
	calm = 12 * time.Millisecond
	busy = 40 * time.Millisecond

	// A queue has to be there in two reports, unless it is this long: a machine that is busy delays packets for a moment, too.
	obvious = 90 * time.Millisecond

	// full is a queue as home routers have at least: so much of it asks for the strongest brake.
	full = 200 * time.Millisecond

	gentle = 0.90 // of what comes out, when the queue is just noticed
	strong = 0.35 // of what comes out, when the queue is full: sound and reports have to pass as well

	collapse = 0.5 // of what was sent: see Fell

	settled = 0.92 // of what the path was seen to carry: where it goes on after the queue has gone

	// Growth each second: at first, until a queue shows; far below what the path was seen to carry; and near it.
	growFirst = 6.0
	growFar   = 0.25
	growNear  = 0.04

	// idle is how much more than what is really sent may be believed: nobody has seen the path carry it.
	idle = 1.5

	// lossy is the share of packets by which the loss has to grow before it counts as a queue that is full.
	lossy = 0.10

	// drowning is a loss that is no chance any more, on whatever path.
	drowning = 0.35

	momentary = 200 * time.Millisecond // besides a round trip: no queue drains so fast
	unusual   = 2 * time.Second        // between two such moments

	// A queue that stays for so long is not ours. Beside whoever fills it we begin with a share of what we had, and go on
	// as TCP does: so many kbit/s more each second, and a part of it when more than that is lost.
	undrained = 2 * time.Second
	share     = 0.5
	steadily  = 150.0
	overflow  = 0.02
	part      = 0.8

	forget = 5 * time.Second // at the most without a queue: the path carries all that we can send

	// Without feedback for so long the path may be full both ways, or gone; each time that it lasts as long again, less is sent.
	silence = 200 * time.Millisecond
	quieter = 0.7
	quiet   = 100 * time.Millisecond
	lowly   = 0.25 // of what was sent before, at least: whoever comes back is to see a picture at once
)

// Controller decides how much is sent. It looks at queues first: loss is not congestion unless it grows with what is sent.
type Controller struct {
	limits Limits
	media  stream
	repair stream
	clock  reports

	target    float64 // kbit/s
	capacity  float64 // what the path was last seen to carry at most, kbit/s; 0: no queue was ever seen
	queue     time.Duration
	trip      time.Duration
	base      lowest // of delays
	suspected int    // reports in a row that told of a queue
	braked    time.Time
	draining  bool
	fell      bool      // see Fell
	prior     float64   // what was sent before there was a queue
	began     time.Time // when that was noticed
	excused   time.Time // see stall
	grown     time.Time
	feedback  time.Time // the last
	sent      time.Time // the last packet
	stalled   float64   // target before the path fell silent; 0 if it did not
	hushed    time.Time // when less was sent for that, last
	innocent  time.Time // what was sent before was lost in an outage, and says nothing
	delivered meter
	fastest   float64 // of what was delivered, kbit/s; half of it is forgotten in half a minute
	repaired  meter   // of what is sent again
	loss      lossMeter
	crowded   time.Time // since when there is a queue that we cannot drain; zero while there is none
	own       float64   // what came out when it began, kbit/s
	contends  bool      // the queue is somebody else's: see contend
	emptied   time.Time // since when there is no queue, while contending
}

// NewController begins with the first of limits.
func NewController(l Limits) *Controller {
	return &Controller{limits: l, target: float64(l.First)}
}

// Limit changes the limits; what is known of the path stays.
func (c *Controller) Limit(l Limits) {
	c.limits = l
	c.set(c.target)
}

// Kbps is how much pictures may take now, without what is sent again: kbit/s on the wire.
func (c *Controller) Kbps(now time.Time) int {
	return int(max(c.target-c.repaired.kbps(now), c.target/2))
}

// Free says that the path was never seen to carry less than what is sent at most.
func (c *Controller) Free() bool { return c.capacity == 0 && int(c.target) == c.limits.Most }

// Fell says, once, that the path carries so much less than was sent that what is on its way is mostly lost, and a small
// keyframe is the shortest way to a picture.
func (c *Controller) Fell() bool {
	fell := c.fell
	c.fell = false
	return fell
}

// Drains says that less is sent than the path carries, until a queue has gone.
func (c *Controller) Drains() bool { return c.draining }

// Queue is how long packets wait on the path at present.
func (c *Controller) Queue() time.Duration { return c.queue }

// RoundTrip is what the last packet and the report of it took, 0 before the first.
func (c *Controller) RoundTrip() time.Duration { return c.trip }

// Loss is the share of packets that did not arrive lately.
func (c *Controller) Loss() float64 { return c.loss.share() }

// Sent takes a packet of size bytes that has just been sent: of the pictures, or of the stream of those that are sent again.
func (c *Controller) Sent(now time.Time, again bool, seq uint16, size int) {
	if c.sent.IsZero() {
		c.feedback, c.grown = now, now
	} else if now.Sub(c.sent) > silence { // nothing went: nothing could be heard
		c.feedback = now
	}
	c.sent = now
	s := &c.media
	if again {
		s = &c.repair
		c.repaired.add(now, size)
	}
	s.packets[seq%window] = packet{seq: seq, at: now, size: size}
}

// Feedback takes a report; media and repair are our two senders.
func (c *Controller) Feedback(now time.Time, r *rtcp.CCFeedbackReport, media, repair uint32) {
	at, jumped := c.clock.at(now, r.ReportTimestamp)
	if jumped {
		c.base, c.delivered = lowest{}, meter{}
	}
	queue, heard, newest := time.Duration(0), false, time.Time{}
	for i := range r.ReportBlocks {
		b := &r.ReportBlocks[i]
		s := &c.media
		switch b.MediaSSRC {
		case media:
		case repair:
			s = &c.repair
		default:
			continue
		}
		for k, m := range b.MetricBlocks {
			p := &s.packets[(b.BeginSequence+uint16(k))%window]
			if p.at.IsZero() || p.seq != b.BeginSequence+uint16(k) || p.acked {
				continue
			}
			if !m.Received {
				c.missing(now, p)
				continue
			}
			p.acked = true
			if p.missed > 1 {
				c.loss.add(now, -1, 1)
			} else {
				c.loss.add(now, 0, 1)
			}
			if p.at.After(newest) {
				newest, c.trip = p.at, now.Sub(p.at)-time.Duration(m.ArrivalTimeOffset)*time.Second/offsetRate
			}
			came := at - time.Duration(m.ArrivalTimeOffset)*time.Second/offsetRate
			delay := came - p.at.Sub(c.clock.epoch(p.at))
			q := delay - c.base.add(now, delay)
			if !heard || q < queue {
				queue = q
			}
			heard = true
			c.delivered.addAt(came, p.size)
		}
	}
	if !heard {
		return
	}
	c.queue = max(queue-c.serial(), 0)
	c.decide(now)
	c.feedback = now
}

// serial is how long a packet of full size takes to leave, on a path that carries no more than what came at most.
func (c *Controller) serial() time.Duration {
	const full = 1250 * 8 // bits
	c.fastest = max(0.999*c.fastest, c.delivered.recent(), float64(c.limits.Least))
	return time.Duration(full / c.fastest * float64(time.Millisecond))
}

// missing counts a packet as lost when a second report still does not have it.
func (c *Controller) missing(now time.Time, p *packet) {
	if p.missed++; p.missed == 2 && p.at.After(c.innocent) {
		c.loss.add(now, 1, 0)
	}
}

// decide sets the target after a report.
func (c *Controller) decide(now time.Time) {
	if c.stalled > 0 && c.queue < calm { // the path is back: it was not full, it was gone
		c.set(c.stalled)
		c.stalled, c.grown, c.innocent = 0, now, now
		c.loss.forget()
		return
	}
	c.stalled = 0
	if c.rivals(now) {
		c.contend(now)
		return
	}
	if c.draining && c.queue < calm { // on with what the path carries
		c.draining, c.grown = false, now
		c.loss.forget()
		c.set(max(c.target, settled*c.capacity, c.stall(now)))
		return
	}
	if c.suspected++; c.queue <= busy {
		c.suspected = 0
	}
	congested := c.suspected > 1 || c.queue > obvious || c.loss.grew(lossy)
	switch {
	case congested:
		c.brake(now)
	case c.queue > calm || c.loss.grew(lossy/2):
		c.grown = now // neither up nor down
	default:
		c.grow(now)
	}
}

// brake sends less than what comes out at the other end: the more, the longer the queue. It waits for the effect before it
// brakes again.
func (c *Controller) brake(now time.Time) {
	carried := c.delivered.recent()
	if now.Sub(c.braked) < c.queue+100*time.Millisecond && (c.queue <= busy || c.target < carried) {
		return
	}
	c.braked, c.grown = now, now
	if c.queue <= busy { // only loss: the path may be lossy, or have a queue too short to see
		c.set(gentle * c.target)
		if c.loss.share() > drowning {
			c.set(min(c.target, gentle*carried))
		} else {
			c.loss.accept()
		}
		return
	}
	if c.draining {
		c.capacity = (c.capacity + carried) / 2
	} else {
		c.capacity, c.prior, c.began = carried, c.target, now
	}
	slow := gentle - (gentle-strong)*min(1, max(0, float64(c.queue-busy))/float64(full-busy))
	c.draining = true
	before := c.target
	c.set(min(slow*carried, 0.95*c.target))
	c.fell = c.fell || c.target < collapse*before
}

// stall gives what was sent before if a queue was gone too soon for one: then something on the way stood still for a moment,
// such as a busy machine or a radio.
func (c *Controller) stall(now time.Time) float64 {
	if now.Sub(c.began) > c.trip+momentary || now.Sub(c.excused) < unusual {
		return 0
	}
	c.excused = now
	return settled * c.prior
}

// rivals notices a queue that does not go away although we send less than comes out: somebody else fills it, such as a
// download, who leaves nothing to those who give way. It says whether we contend with him.
func (c *Controller) rivals(now time.Time) bool {
	switch {
	case c.queue <= busy:
		c.crowded = time.Time{}
	case c.crowded.IsZero():
		c.crowded, c.own = now, c.delivered.recent()
	case !c.contends && now.Sub(c.crowded) > undrained:
		c.contends, c.draining = true, false
		c.set(max(c.target, share*c.own))
	}
	if c.queue >= calm {
		c.emptied = now
	}
	c.base.hold(now, !c.crowded.IsZero() || c.contends)
	c.contends = c.contends && now.Sub(c.emptied) < undrained/2
	return c.contends
}

// contend sends as TCP does (RFC 5681): steadily more until something is lost, then a part less. The queue is as long as he
// makes it.
func (c *Controller) contend(now time.Time) {
	passed := min(now.Sub(c.grown), 200*time.Millisecond).Seconds()
	c.grown = now
	switch {
	case !c.loss.grew(overflow):
		c.set(min(c.target+steadily*passed, max(c.target, idle*c.delivered.recent()+100)))
	case now.Sub(c.braked) > c.queue+100*time.Millisecond:
		c.braked, c.innocent = now, now
		c.set(part * c.target)
		c.loss.forget()
	}
}

// grow sends more, slower near what the path was seen to carry.
func (c *Controller) grow(now time.Time) {
	passed := min(now.Sub(c.grown), 200*time.Millisecond).Seconds()
	c.grown = now
	pace := growFirst
	if c.capacity > 0 {
		pace = growFar
		if c.target > 0.8*c.capacity && c.target < 1.2*c.capacity {
			pace = growNear
		}
	}
	if int(c.target) == c.limits.Most && now.Sub(c.braked) > forget {
		c.capacity = 0
	}
	next := c.target * (1 + pace*passed)
	if next > idle*c.delivered.recent()+100 {
		return
	}
	c.set(next)
}

// Awaits says that packets were sent of which nothing was heard.
func (c *Controller) Awaits() bool { return c.sent.After(c.feedback) }

// Tick notices that no feedback comes any more, and sends little until it does.
func (c *Controller) Tick(now time.Time) {
	if c.feedback.IsZero() || now.Sub(c.feedback) < silence || now.Sub(c.sent) > silence || now.Sub(c.hushed) < quiet {
		return
	}
	c.stalled, c.hushed = max(c.stalled, c.target), now
	c.set(max(quieter*c.target, lowly*c.stalled))
}

func (c *Controller) set(kbps float64) {
	c.target = min(max(kbps, float64(c.limits.Least)), float64(c.limits.Most))
}

// stream is what was sent of one SSRC.
type stream struct{ packets [window]packet }

type packet struct {
	seq    uint16
	acked  bool
	missed uint8 // times that a report did not have it
	size   int
	at     time.Time
}
