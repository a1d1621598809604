package rate

import (
	"math"
	"time"

	"github.com/pion/rtcp"
)

// Limits are what pictures take at least and at most, and what all of a call begins with, in kbit/s with all that belongs to
// them on the wire.
type Limits struct {
	Least, Most, First int
	Unrepaired         bool // what is lost is not asked for again
}

const (
	// A queue on the path is told by how much longer packets take than the fastest of the last seconds, less what a packet
	// takes by itself. Up to calm nothing queues; from busy on it is ours, and we send less than comes out at the other end
	// until it has gone.
	calm = 12 * time.Millisecond
	busy = 40 * time.Millisecond

	// Packets that come this much slower than we send, and wait for one another, leave no doubt.
	slower = 0.8

	// A queue has to be there in two reports, unless it is this long: a machine that is busy delays packets for a moment, too.
	obvious = 90 * time.Millisecond

	// full is a queue as home routers have at least: so much of it asks for the strongest brake. Many have far longer ones.
	full = 200 * time.Millisecond

	gentle = 0.90 // of what comes out, when the queue is just noticed
	strong = 0.35 // of what comes out, when the queue is full: sound and reports have to pass as well

	collapse = 0.5 // of what was sent: see Fell

	settled = 0.92 // of what the path was seen to carry: where it goes on after the queue has gone

	// Where packets get lost besides, each round of repair waits in that queue, there and back; on a scarce path sound does. It
	// is kept shorter there.
	busyLossy    = 25 * time.Millisecond
	settledLossy = 0.85
	slowlyLossy  = 0.5 // of growNear

	// Growth each second: at first, until a queue shows; far below what the path was seen to carry; and near it.
	growFirst = 6.0
	growFar   = 0.25
	growNear  = 0.04
	growMost  = 0.60 // far from it, once no queue was seen for long
	growLeast = 3.0  // kbit/s: the path may carry no more than sound
	near, far = 0.8, 1.1
	farScarce = 1.25
	longer    = 2 * time.Second // in which the growth doubles

	// idle is how much more than what is really sent may be believed at once: nobody has seen the path carry it. An encoder
	// in a quiet room makes less than it may: up to unused times what it makes is believed slowly, else it would never get more.
	idle   = 1.5
	unused = 4.0

	// lossy is the share of packets by which the loss has to grow before it counts as a queue that is full.
	lossy = 0.10

	lossLeast = 80.0 // kbit/s that pictures keep for all that is lost, as long as no queue says that there is not so much

	// drowning is a loss that is no chance any more, on whatever path.
	drowning = 0.35

	scarce = 400.0 // kbit/s, below which sound notices each queue of pictures

	slowest = 50.0 // kbit/s that a path carries at all events

	forget = 5 * time.Second // at the most without a queue: the path carries all that we can send
)

// Controller decides how much is sent. It looks at queues first: loss is not congestion unless it grows with what is sent.
type Controller struct {
	limits   Limits
	path     path
	target   float64 // kbit/s, of all that is sent: first sound and reports, then what is sent again, then pictures
	capacity float64 // what the path was last seen to carry at most, kbit/s; 0: no queue was ever seen

	// Braking: see brake.
	suspected int // reports in a row that told of a queue
	braked    time.Time
	draining  bool
	prior     float64   // what was sent before there was a queue
	began     time.Time // when that was noticed
	fell      bool      // see Fell
	guessed   bool      // capacity is what the first packets tell
	careful   time.Time // when it was last near what the path was seen to carry

	// What is no queue: see uneven.go.
	excused time.Time
	peak    time.Duration // how long packets waited when braking began
	soon    time.Time     // when that was last gone too soon for a queue

	// Silence: see silence.go.
	before float64 // target before the path fell silent; 0 if it did not
	hushed time.Time
	held   time.Time // see Holds; zero while it is not needed

	rivalry
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

// Kbps is how much pictures may take now, once sound and what is sent again are paid for: kbit/s on the wire.
func (c *Controller) Kbps(now time.Time) int { return c.left(now, c.target) }

// left is what of a total is left for pictures. What is sent again takes half of that at most.
func (c *Controller) left(now time.Time, total float64) int {
	total -= c.path.beside()
	return int(max(total-c.path.repaired.kbps(now), total/2, 0))
}

// Free says that the path was never seen to carry less than what is sent at most.
func (c *Controller) Free() bool { return c.capacity == 0 && c.full() }

// full says that pictures take what they may at most.
func (c *Controller) full() bool { return c.target >= float64(c.limits.Most)+c.path.beside() }

// Narrow says that the path was seen to carry less than was sent.
func (c *Controller) Narrow() bool { return c.capacity > 0 }

// Wary says that less may be sent for what the path was seen to do, be it long ago: it has to be tried to know better.
func (c *Controller) Wary() bool { return c.capacity > 0 || c.before > 0 || c.Congested() }

// Largest is how many bytes a packet may have with which the path loses no more than others, as they are given to Sent; 0 while
// it was seen to carry all that was sent.
func (c *Controller) Largest() int { return c.path.sizes.limit }

// Congested says that there is a queue of ours, in which packets may get lost.
func (c *Controller) Congested() bool { return c.draining || c.path.queue > busy }

// Carries is what the path was seen to carry of all that is sent, in kbit/s, and as much as there is while it was not seen to
// carry less.
func (c *Controller) Carries() float64 {
	if c.capacity == 0 {
		return math.Inf(1)
	}
	return min(max(c.capacity, c.target), c.capacity*far)
}

// Scarce says that the path carries so little that sound notices each queue.
func (c *Controller) Scarce() bool { return c.capacity > 0 && c.capacity < scarce }

// Fell says, once, that the path carries so much less than was sent, or only so much smaller packets, that what is on its way is
// mostly lost, and a small keyframe is the shortest way to a picture.
func (c *Controller) Fell() bool {
	fell := c.fell
	c.fell = false
	return fell
}

// LastingKbps is how much pictures may take once a queue has gone that is only draining now: whoever chooses a size for them
// need not follow every brake.
func (c *Controller) LastingKbps(now time.Time) int {
	lasting := max(c.target, c.before)
	if c.draining {
		lasting = max(c.target, c.settles()*c.capacity)
	}
	if c.path.shallow.tries() {
		lasting = max(lasting, c.path.shallow.prior)
	}
	return c.left(now, min(lasting, float64(c.limits.Most)+c.path.beside()))
}

// Contends says that somebody else fills the queue on the path, and what is lost there is not ours alone.
func (c *Controller) Contends() bool { return c.contends }

// Drains says that less is sent than the path carries, until a queue has gone.
func (c *Controller) Drains() bool { return c.draining }

// Queue is how long packets wait on the path at present.
func (c *Controller) Queue() time.Duration { return c.path.queue }

// RoundTrip is what the last packet and the report of it took, 0 before the first.
func (c *Controller) RoundTrip() time.Duration { return c.path.trip }

// Within is how soon nobody can have missed a packet that was just sent: a round trip, of whose queues half may be gone until then.
func (c *Controller) Within() time.Duration {
	return (c.path.trip + c.path.nearest.least()) / 2 * 7 / 8
}

// Sent takes a packet of size bytes that has just been sent: of the pictures, or of the stream of those that are sent again.
func (c *Controller) Sent(now time.Time, again bool, seq uint16, size int) {
	c.path.send(now, again, seq, size)
}

// Beside takes so many bytes on the wire that were sent since it was told last, beside pictures and their repair: sound, and
// reports, of which a share was lost lately, and the rest came as unevenly as jitter says (RFC 3550 §6.4.1). They are paid for
// before anything else.
func (c *Controller) Beside(now time.Time, bytes int, lost float64, jitter time.Duration) {
	c.path.sound.add(now, bytes)
	c.path.soundLost, c.path.jitter = lost, jitter
	if c.capacity > 0 && lost > c.path.loss.usual+lossy { // not even all of that comes
		c.capacity = min(c.capacity, c.path.comes(now))
	}
}

// Feedback takes a report; media and repair are our two senders.
func (c *Controller) Feedback(now time.Time, r *rtcp.CCFeedbackReport, media, repair uint32) {
	passed := now.Sub(c.path.heard)
	if c.path.report(now, r, media, repair) {
		c.path.spaced(passed)
		c.decide(now, min(passed, 200*time.Millisecond).Seconds())
	}
	if c.path.shrunk { // what was lost was too large, and not too much
		c.path.shrunk, c.fell = false, true
		c.path.shallow = shallow{}
		c.path.forgive(now)
		c.set(max(c.target, float64(c.limits.First)))
	}
}

// decide sets the target after a report, so many seconds after the one before.
func (c *Controller) decide(now time.Time, passed float64) {
	if c.before > 0 && c.path.queue < calm { // the path is back: it was not full, it was gone
		c.set(c.before)
		c.before = 0
		c.path.forgive(now)
		return
	}
	c.before = 0
	c.guess()
	if c.rivals(now) {
		c.contend(now, passed)
		return
	}
	c.remains(now)
	if c.draining && c.path.queue < calm && c.path.tail < obvious { // on with what the path carries
		c.draining = false
		c.path.loss.forget()
		c.learn(now)
		c.set(max(c.target, c.settles()*c.capacity, c.stall(now)))
		return
	}
	if c.suspected++; c.path.queue <= c.mostQueue() {
		c.suspected = 0
	}
	congested := c.slow() || c.suspected > 1 || c.path.queue > obvious && !c.path.atOnce || c.path.loss.grew(lossy) && !c.path.shallow.judges()
	switch {
	case congested:
		c.brake(now)
	case c.overflows(now): // see shallow.go
	case c.path.queue > calm || c.path.loss.grew(lossy/2): // neither up nor down
	default:
		c.grow(now, passed)
	}
}

// slow says that what we send comes out so much slower that there is no need to see it twice.
func (c *Controller) slow() bool {
	return c.path.tail > busy && c.path.service > 0 && c.path.carries() < slower*c.target &&
		c.path.service < slower*max(c.path.going.recent(), c.path.going.over(rarely))
}

// brake sends less than what comes out at the other end: the more, the longer the queue. It waits for the effect before it
// brakes again. Where much less is sent than may be, as of a room in which nothing moves, and all of it comes, it takes back what
// nobody has seen the path carry.
func (c *Controller) brake(now time.Time) {
	carried := c.path.carries()
	queue := c.path.queue
	if c.slow() {
		c.excused = now // it did not stand still: it is slow
		queue = max(c.path.tail, c.path.load())
	}
	slow := gentle - (gentle-strong)*min(1, max(0, float64(queue-busy))/float64(full-busy))
	most := carried
	if c.draining && c.path.queue > full { // that takes so long that what has shown to be too much is not waited for
		most = 1.25 * slow * carried
	}
	if now.Sub(c.braked) < queue+100*time.Millisecond && (queue <= c.mostQueue() || c.target < most) {
		return
	}
	c.braked = now
	if proven := idle*carried + 100; !c.slow() && c.path.passes() && (c.target > proven || c.rests() && !c.Scarce()) {
		c.set(min(c.target, proven))
		return
	}
	if queue <= c.mostQueue() { // only loss: the path may be lossy, or have a queue too short to see
		least := c.least()
		c.set(max(gentle*c.target, min(c.target, least)))
		if c.path.loss.share() > drowning {
			c.set(max(min(c.target, gentle*carried), min(c.target, least)))
		} else {
			c.path.loss.accept()
		}
		return
	}
	switch {
	case c.draining && c.path.queue > full && c.path.service > 0: // packets that wait for one another tell
		c.capacity = carried
	case c.draining:
		c.capacity = (c.capacity + carried) / 2
	default:
		c.capacity, c.guessed, c.prior, c.began = carried, false, c.target, now
		c.peak = max(c.path.queue, c.path.tail)
	}
	c.draining = true
	before := c.target
	c.set(min(slow*carried, 0.95*c.target))
	sound := c.path.beside()
	c.fell = c.fell || queue > obvious && c.target-sound < collapse*(before-sound)
}

// rests says that pictures are less than half of what they may be: no queue is made of those.
func (c *Controller) rests() bool { return 2*c.path.going.over(rarely) < c.target-c.path.beside() }

// least is what is sent at least whatever is lost, or not heard of, unless a queue has shown that the path carries less.
func (c *Controller) least() float64 {
	if c.Scarce() {
		return 0
	}
	return c.path.beside() + lossLeast
}

// mostQueue is how long a queue may be that nothing is done about.
func (c *Controller) mostQueue() time.Duration {
	if c.path.loses() || c.Scarce() {
		return busyLossy
	}
	return busy
}

// settles is how much of what the path was seen to carry is sent after a queue has gone.
func (c *Controller) settles() float64 {
	if c.path.loses() || c.Scarce() {
		return settledLossy
	}
	return settled
}

// grow sends more, slower near what the path was seen to carry.
func (c *Controller) grow(now time.Time, passed float64) {
	pace := growFirst
	switch {
	case c.capacity == 0:
	case c.guessed:
		pace = c.guessing()
	case c.target > near*c.capacity && c.target < c.far()*c.capacity:
		pace, c.careful = growNear, now
		if c.path.loses() || c.Scarce() {
			pace *= slowlyLossy
		}
	default: // who has just come past what was seen begins slowly: it may still be all
		free := min(now.Sub(c.braked), now.Sub(c.careful))
		pace = min(growFar*(1+free.Seconds()/longer.Seconds()), growMost)
	}
	if c.path.shallow.on {
		pace = min(pace, growShort)
	}
	if c.full() && now.Sub(c.braked) > forget {
		c.capacity = 0
	}
	next := c.target + max(c.target*pace, growLeast)*passed
	if proven := max(c.path.delivered.recent(), c.path.delivered.over(rarely)) + c.path.beside(); next > idle*proven+100 {
		next = min(c.target*(1+growFar*passed), unused*proven)
	}
	c.set(max(next, c.target))
}

// far is how much more than what was seen is not tried carefully any more.
func (c *Controller) far() float64 {
	if c.Scarce() {
		return farScarce
	}
	return far
}

func (c *Controller) set(kbps float64) {
	sound := c.path.beside()
	c.target = min(max(kbps, float64(c.limits.Least)+sound), float64(c.limits.Most)+sound)
}
