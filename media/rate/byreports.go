package rate

import (
	"math"
	"time"
)

const (
	tolerable = 0.02 // share of packets that may be lost where more was once too much
	harmful   = 0.10 // from which on less is sent

	// A queue is told by how much longer the newest packet and its report took than the fastest of the last minute.
	reportCalm = 30 * time.Millisecond
	reportBusy = 60 * time.Millisecond // from which on less is sent

	// judged is the least time over which reports are judged: some phones send one with each request.
	judged = 800 * time.Millisecond

	// A rate that was too much: for a while half of what came out, so that the queue goes, then a little less than that.
	drained  = 0.5
	slack    = 0.85
	soundly  = 0.7             // of what was sent, at least, where sound is lost and nobody knows what came of pictures
	outage   = 0.5             // of what was sent, where much is lost for the first time and nothing queues: the path may have been gone for a while
	mostDrip = 3 * time.Second // for so long at most

	// Growth with each report: until a rate was too much, until a second was, and near one that was. There a queue grows by fills
	// until the next report tells.
	growWide  = 1.5
	growMore  = 1.2
	growTight = 1.05
	fills     = 100 * time.Millisecond
	tight     = 0.80 // of what came out: from here on
	tightest  = 0.90
	doubted   = 0.92 // is what is sent, of what was too much, where requests alone told
	below     = 0.93 // of what came out nothing gets lost because of us
	beyond    = 1.03
	outdone   = 1.15 // from here on it was not all that the line carries

	enoughSound = 40  // packets of it for a judgement
	deviations  = 2.0 // by which a loss is larger by chance

	// After a rate was too much it is not tried for so long, twice as long each time.
	holdLeast = 10 * time.Second
	holdMost  = 80 * time.Second

	spare = 2.5 // times what is sent may be believed at most: nobody has seen the path carry it

	unreported = 10 * time.Second // without a report of pictures: whoever sends none gets a moderate rate
	moderate   = 800.0            // kbit/s

	chanceFor  = 30 * time.Second // a request for pictures tells of no queue for so long after a loss that was none of ours
	patience   = time.Second      // of who asks for pictures at first: many do so as they start
	insistent  = 3                // requests in a row
	persuaded  = 0.7
	justRaised = 50 * time.Millisecond // what was lost then was sent before
	firstLeast = 250.0                 // kbit/s, that almost every line carries: requests lead no lower

	// Without repair so many pictures are to be whole, of so many a second, of what is lost beyond the tolerable; but no less than
	// that is sent for it, in kbit/s.
	wholly     = 0.93
	pictures   = 30
	wholeLeast = 150.0
	apartBy    = 8 // reports over which it is seen
)

// ByReports decides how much is sent to somebody who tells no more than receiver reports (RFC 3550 §6.4.1), as phones do. It looks for
// the queue that they tell of, of pictures and of sound, and for loss; and between two reports, which may be five seconds
// apart, for requests for pictures. Rates are in kbit/s on the wire.
type ByReports struct {
	limits   Limits
	target   float64
	capacity float64 // what came out when it was too much; 0: it never was
	growth   float64 // with each report, while it never was

	began   time.Time // the first packet
	queue   time.Duration
	fastest [2]minute // of pictures, of sound
	sound   sample    // the one before

	// The interval at hand:
	since           time.Time
	total           int64
	traced          bool // total is known
	lost, soundLost tally

	until   time.Time // a queue drains
	judging time.Time // what reports tell of the time before is no news
	braked  time.Duration
	remains int       // reports in a row that have a queue which does not drain
	held    time.Time // nothing more is tried until then
	hold    time.Duration

	// What was raised last and is not confirmed yet:
	safe    float64 // from here; 0: all is confirmed
	raised  time.Time
	asked   int // requests since
	doubt   bool
	known   bool      // a report was judged
	chanced time.Time // when something was lost last that was not ours
	usual   float64   // share of packets lost that does not depend on us
	before  losses    // of the last brake for loss
	apart   float64   // share of packets lost while nothing queues: what is lost by chance
}

type sample struct {
	at    time.Time
	queue time.Duration
}

type losses struct{ rate, share float64 }

// NewByReports begins with the first of limits.
func NewByReports(l Limits) *ByReports {
	return &ByReports{limits: l, target: float64(l.First), growth: growWide, hold: holdLeast}
}

// Limit changes the limits; what is known of the path stays.
func (c *ByReports) Limit(l Limits) {
	c.limits = l
	c.set(c.target)
}

func (c *ByReports) set(kbps float64) {
	c.target = min(max(kbps, float64(c.limits.Least)), float64(c.limits.Most), c.whole())
}

// whole is at what rate pictures are seldom broken where nothing that is lost is sent again: fewer packets are whole more often.
func (c *ByReports) whole() float64 {
	much := min(c.apart, 1) - tolerable
	if !c.limits.Unrepaired || much <= 0 {
		return math.Inf(1)
	}
	return max(math.Log(wholly)/math.Log1p(-much)*packetKbit*pictures, wholeLeast)
}

// Kbps is how much pictures may take now.
func (c *ByReports) Kbps(now time.Time) int {
	if c.Drains(now) {
		return int(max(c.target*drained/slack, float64(c.limits.Least)))
	}
	return int(c.target)
}

// LastingKbps is how much they may take once a queue has drained.
func (c *ByReports) LastingKbps() int { return int(c.target) }

// Drains says that a queue is draining.
func (c *ByReports) Drains(now time.Time) bool { return now.Before(c.until) }

// Free says that pictures may take all, and that this was never too much.
func (c *ByReports) Free() bool { return c.capacity == 0 && c.target >= float64(c.limits.Most) }

// Queue is how long packets waited, by the last report.
func (c *ByReports) Queue() time.Duration { return c.queue }

// Sent is told that pictures go.
func (c *ByReports) Sent(now time.Time) {
	if c.began.IsZero() {
		c.began = now
	}
}

// Tick does what is due, and says when to come again; zero for never.
func (c *ByReports) Tick(now time.Time) (next time.Time) {
	if c.Drains(now) {
		return c.until
	}
	if c.began.IsZero() || c.known {
		return time.Time{}
	}
	if late := c.began.Add(unreported); now.Before(late) {
		return late
	}
	if c.capacity == 0 && c.target < moderate && now.Sub(c.until) > unreported { // nor a request lately
		c.set(moderate)
	}
	return time.Time{}
}

// Report is what a receiver report tells of one of our two streams.
type Report struct {
	Sound       bool
	Lost        float64 // share of packets since the report before
	Highest     uint32  // number that came, extended
	Known       bool    // the rest is known: see Trail.Passed
	Total       int64   // bytes sent until that
	Least, Most time.Duration
	Back        time.Duration // that what comes from there waits, and so the report
}

// Heard takes a report.
func (c *ByReports) Heard(now time.Time, r Report) {
	of := &c.lost
	if r.Sound {
		of = &c.soundLost
	}
	r.Known = r.Known && r.Highest != of.highest // nothing came: that is no queue
	queue := c.waits(now, r)
	if r.Known {
		c.queue = queue
	}
	of.add(r)
	if r.Sound {
		c.heardSound(now, queue, r)
		return
	}
	if c.since.IsZero() { // its interval began some time before we knew
		c.since, c.traced = c.began, true
	}
	interval := now.Sub(c.since)
	if interval < judged {
		return
	}
	lost, sent := c.lost, c.target
	if r.Known && c.traced {
		sent = float64(r.Total-c.total) * 8 / 1000 / interval.Seconds()
	}
	c.since, c.total, c.traced = now, r.Total, r.Known
	if lost.share() <= c.usual+harmful || lost.exceed(c.usual+harmful) { // else more packets are to tell
		c.lost.forget()
	}
	if lost.out <= 0 || now.Sub(c.judging) < interval/2 { // the most of it was before we braked
		return
	}
	c.judge(now, queue, &lost, sent, interval)
}

// waits is how long packets wait on the way there, as far as a report tells.
func (c *ByReports) waits(now time.Time, r Report) time.Duration {
	if !r.Known {
		return 0
	}
	f := &c.fastest[0]
	if r.Sound {
		f = &c.fastest[1]
	}
	return max(r.Least-f.add(now, r.Most)-r.Back, 0)
}

// heardSound takes what a report of sound tells: how fast a queue grew says what comes out, and what is lost besides.
func (c *ByReports) heardSound(now time.Time, queue time.Duration, r Report) {
	before, passed := c.sound, now.Sub(c.sound.at)
	if passed < judged/8 { // too soon to see anything grow
		return
	}
	c.sound = sample{now, queue}
	if !r.Known || before.at.IsZero() || now.Sub(c.judging) < passed/2 {
		c.soundLost.forget()
		return
	}
	if lost := c.soundLost; lost.exceed(c.usual + harmful) {
		c.soundLost.forget()
		c.loses(now, lost.share(), c.target, c.target*max(1-lost.share(), soundly))
		return
	} else if lost.out >= enoughSound {
		c.soundLost.forget()
	}
	if grown := (queue - before.queue).Seconds() / passed.Seconds(); queue >= reportBusy && grown > 0 && !c.stays(queue, r.Lost) {
		c.brake(now, queue, c.target/(1+grown))
	}
}

// judge takes what came out of pictures that were sent at a rate, over the time between two reports.
func (c *ByReports) judge(now time.Time, queue time.Duration, lost *tally, sent float64, interval time.Duration) {
	doubt, asked, share := c.doubt, c.asked, lost.share()
	c.safe, c.asked, c.doubt, c.known = 0, 0, false, true
	if share < c.usual || share < harmful && queue < reportCalm && c.target < below*c.capacity { // it is lost though less is sent than was seen to come out
		c.usual += (share - c.usual) / 4
	}
	if queue < reportCalm {
		c.apart += (share - c.apart) / apartBy
		c.set(c.target)
	}
	switch {
	case queue >= reportBusy && c.stays(queue, share):
	case queue >= reportBusy:
		c.brake(now, queue, sent*(1-share))
	case lost.exceed(c.usual + harmful):
		was, first := c.target, c.before.share == 0
		if c.loses(now, share, sent, sent*(1-share)); first {
			c.set(max(c.target, outage*was))
		}
	case doubt && (share > 0 || queue > reportCalm): // we went back ourselves
		if asked == 0 { // and that helped
			c.tooMuch(c.target / doubted)
		}
	default:
		if c.remains = 0; share < c.usual+harmful {
			c.before = losses{}
		}
		if (share > 0 || asked > 0) && queue < reportCalm { // or somebody asks without need
			c.chanced = now
		}
		if queue < reportCalm && (share < c.usual+tolerable || c.capacity == 0) && !now.Before(c.held) {
			c.grow(now, sent, interval)
		}
	}
}

// stays says that a queue is somebody else's, or none: it has not become shorter although we have braked for it twice. Then it
// belongs to the path.
func (c *ByReports) stays(queue time.Duration, share float64) bool {
	if c.braked == 0 || queue < c.braked*3/4 || share > tolerable {
		c.remains = 0
		return false
	}
	if c.remains++; c.remains <= 2 {
		return false
	}
	c.fastest, c.remains = [2]minute{}, 0
	return true
}

// brake sends less than came out until the queue has gone.
func (c *ByReports) brake(now time.Time, queue time.Duration, came float64) {
	c.tooMuch(min(came, c.target))
	c.braked = queue
	c.drain(now, queue)
	c.judging = c.until
	c.set(slack * c.capacity)
	if !c.held.IsZero() && now.After(c.held) {
		c.hold = min(2*c.hold, holdMost)
	}
	c.held = now.Add(c.hold)
}

// drain sends less until a queue of such a length has gone.
func (c *ByReports) drain(now time.Time, queue time.Duration) {
	c.until, c.asked = now.Add(min(time.Duration(float64(queue)/(1-drained)), mostDrip)), 0
}

// loses sends less where much is lost and nothing queues, unless that has not helped before.
func (c *ByReports) loses(now time.Time, share, sent, came float64) {
	last := c.before
	c.before = losses{sent, share}
	if share < drowning && last.share > 0 && sent < 0.8*last.rate && share > 0.8*last.share {
		c.usual, c.before = share, losses{}
		c.capacity, c.growth = 0, growMore
		c.set(last.rate)
		return
	}
	c.brake(now, full, came) // of which the queue says nothing: it may have been there from the beginning
}

// tooMuch is told what came out of a rate that was too much.
func (c *ByReports) tooMuch(came float64) {
	c.capacity, c.safe = max(came, float64(c.limits.Least)), 0
}

// grow tries more, after a report that tells of nothing.
func (c *ByReports) grow(now time.Time, sent float64, interval time.Duration) {
	by := c.growth
	switch {
	case c.capacity == 0:
		c.growth = min(c.growth*growMore, growWide)
	case c.target > outdone*c.capacity:
		c.capacity, c.growth, c.hold = 0, growMore, holdLeast
		by = growMore
	case c.target > beyond*c.capacity:
		by = min(growTight, 1+1.5*fills.Seconds()/interval.Seconds())
	case c.target > tightest*c.capacity:
		by = min(growTight, 1+fills.Seconds()/interval.Seconds())
	case c.target > tight*c.capacity:
		by = growTight
	default:
		by = growMore
	}
	from := c.target
	c.set(max(c.target, min(c.target*by, max(spare*sent, float64(c.limits.First)))))
	if c.target > from {
		c.safe, c.raised = from, now
	}
}

// Asked takes a request for a picture: something was lost. Reports may be seconds away, and each keyframe makes a
// queue longer: what was tried last is taken back, and of what is known to be narrow less is used, unless things get lost all the time.
func (c *ByReports) Asked(now time.Time) {
	if c.began.IsZero() || now.Sub(c.began) < patience || c.Drains(now) || now.Sub(c.chanced) < chanceFor {
		return
	}
	c.asked++
	switch {
	case c.safe > 0 && now.Sub(c.raised) > justRaised:
		c.set(c.safe)
		c.safe, c.doubt, c.growth = 0, true, growMore
		c.drain(now, full)
	case c.known && c.capacity == 0: // by our last report it is not narrow
	case c.asked >= insistent && c.target > firstLeast:
		c.set(max(persuaded*c.target, firstLeast))
		c.doubt = true
		c.drain(now, full)
	}
}
