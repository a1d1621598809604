package rate

import (
	"math"
	"time"
)

// A queue that is too short to be seen, as of a policer or a switch with hardly any buffer, loses what does not fit into it, and that
// looks like chance. It is told by trying, where loss lasts and packets that follow others are lost above all: first they leave evenly
// instead of a picture at once, and if that does not help, less is sent than came. Loss that falls with it is ours. One that does
// not is chance: all goes on as before, and the next trial waits twice as long.
//
//	loss lasts ─▶ evenly ─▶ less ─▶ chance: as before
//	                │         └───▶ ours: evenly, no more than the path carries
//	                └─────────────▶ bursts were too much: evenly
const (
	losingFrom  = 0.03 // share of packets lost that is tried
	losingLeast = 6.0  // packets, for that
	losingFor   = time.Second
	losingBlind = 3 * time.Second  // where all packets follow others, and nothing tells
	losingLong  = 30 * time.Second // where it does not look like bursts

	trialLeast  = 500 * time.Millisecond
	trialMost   = 3 * time.Second
	enoughLost  = 12               // packets that would have been lost as before: then a trial may have failed
	trialLess   = 0.7              // of what comes
	trialFirst  = 30 * time.Second // between two that told of chance; doubles
	trialSeldom = 10 * time.Minute

	// Packets that leave evenly are so much faster than the rate, and so short at the rate: sound that meets them has to fit as well.
	evenly     = 1.1
	evenPacket = 4 * time.Millisecond

	// On such a path so much of what it carries is sent: the rest is for what meets. More is tried after probeFirst, and after twice
	// that where it was too much again.
	belowShort = 0.85
	probeFirst = 10 * time.Second
	probeMost  = 80 * time.Second
	growShort  = 0.25 // each second at most
	grown      = 1.03 // of what was not too much, is more

	// Too much is seen by how much longer packets wait that leave evenly than at the rate that was not too much, in so many reports in
	// a row, or by what is lost beside chance. Where less does not help so many times it is chance.
	standing   = 5 * time.Millisecond
	unsteady   = 3  // times what that wait differs from its mean, on average: a jittery path is no queue
	waitsOver  = 32 // reports
	stands     = 4
	againFrom  = 0.01
	againLeast = 4.0 // packets
	vainly     = 3

	// That bursts are too much is believed for so long after the last loss; doubles.
	believeFirst = time.Minute
	believeMost  = time.Hour
)

type stage int

const (
	stageNone stage = iota
	stageEven
	stageLess
)

// shallow finds out whether what is lost is lost in a queue too short to be seen.
type shallow struct {
	on     bool    // it is: bursts are too much for the path
	chance float64 // share that is lost there whatever we do

	burst  burst
	late   fates     // of what was sent lately
	losing time.Time // since when much of it is lost; zero while it is not

	stage stage
	began time.Time
	base  fates // before the trial
	trial fates
	prior float64       // target before less was sent, kbit/s
	came  float64       // of it
	next  time.Time     // no trial before
	every time.Duration // between trials

	settled float64   // target that was not too much, kbit/s
	since   time.Time // when it became that
	waits   float64   // of packets there, mean, seconds
	varies  float64   // by how much they differ from it, mean
	vain    int       // times that less did not help
	hold    time.Time // until then nothing more is sent
	holds   time.Duration
	stood   int // reports in a row that told of a queue

	rested   bool      // too little was sent to tell
	lost     time.Time // when something was lost last, or was about to be, for that
	believes time.Duration
}

// fate takes what became of a packet.
func (s *shallow) fate(now time.Time, sent *packet, lost, came float64) {
	s.late.fade(now)
	s.late.add(sent, lost, came)
	s.trial.add(sent, lost, came)
}

// anew forgets what was lost so far.
func (s *shallow) anew(now time.Time) {
	s.stage, s.losing, s.stood = stageNone, time.Time{}, 0
	s.late = fates{from: now}
}

// tries says that a trial is on.
func (s *shallow) tries() bool { return s.stage != stageNone }

// judges says that loss is judged here alone.
func (s *shallow) judges() bool { return s.on || s.tries() }

// begin begins a stage.
func (s *shallow) begin(now time.Time, to stage) {
	s.stage, s.began = to, now
	s.trial = fates{from: now}
}

// lasts says that much is lost, and for long enough to try.
func (s *shallow) lasts(now time.Time) bool {
	if !s.late.exceeds(0, losingFrom, losingLeast) {
		s.losing = time.Time{}
		return false
	}
	if s.losing.IsZero() {
		s.losing = now
	}
	lost := now.Sub(s.losing)
	return now.After(s.next) && (lost >= losingFor && s.late.inBursts() || lost >= losingBlind && s.late.blind() || lost >= losingLong)
}

// believe takes bursts for too much, and a share of loss for chance.
func (s *shallow) believe(now time.Time, chance float64) {
	if !s.on {
		s.believes = min(max(2*s.believes, believeFirst), believeMost)
	}
	s.on, s.chance, s.lost, s.every, s.vain, s.holds = true, chance, now, 0, 0, 0
	s.settled, s.waits, s.varies = 0, 0, 0
}

// settle takes a target for one that is not too much.
func (s *shallow) settle(now time.Time, target float64) { s.settled, s.since = target, now }

// proves says that nothing was too much for long at the rate before more was tried.
func (s *shallow) proves(now time.Time, target float64) bool {
	return target > grown*s.settled && now.Sub(s.since) >= probeFirst
}

// wait takes what packets waited at the rate that is not too much.
func (s *shallow) wait(queue time.Duration) {
	off := queue.Seconds() - s.waits
	s.waits += off / waitsOver
	s.varies += (math.Abs(off) - s.varies) / waitsOver
}

// overflows looks for a queue too short to be seen. It says that nothing more may be sent at present.
func (c *Controller) overflows(now time.Time) bool {
	s := &c.path.shallow
	if s.on && now.Sub(s.lost) > s.believes {
		s.on = false
	}
	switch {
	case c.draining:
		s.anew(now)
		return false
	case c.rests(): // what a quiet room sends is not what the path carries, and to send less would be to send nothing
		c.breakOff(now)
		return false
	case s.rested: // what was lost of it was not too much
		s.rested = false
		s.anew(now)
		return false
	case s.tries():
		c.try(now)
		return true
	case !s.on:
		if s.lasts(now) {
			s.base, s.prior = s.late, c.target
			s.begin(now, stageEven)
		}
		return s.tries()
	case c.stood():
		c.carriesNoMore(now, c.outcome())
	case s.late.exceeds(s.chance, againFrom, againLeast):
		c.overflowed(now)
	}
	s.chance = min(s.chance, max(s.late.share(), s.chance*(1-1.0/unevenReports)))
	return now.Before(s.hold)
}

// try goes on with a trial.
func (c *Controller) try(now time.Time) {
	s := &c.path.shallow
	passed := now.Sub(s.began)
	if passed < trialLeast {
		return
	}
	switch v := s.trial.against(&s.base, passed > trialMost); {
	case v == open:
	case v == fell && s.stage == stageEven:
		s.believe(now, 0)
		s.settle(now, c.target)
		s.anew(now)
	case v == fell:
		s.believe(now, s.trial.share())
		c.carriesNoMore(now, s.came)
	case s.stage == stageEven && s.trial.share() >= losingFrom:
		s.base, s.came = s.trial, c.outcome()
		s.begin(now, stageLess)
		c.set(min(max(trialLess*s.came, c.least()), c.target))
	default:
		c.byChance(now)
	}
}

// breakOff ends a trial that tells nothing any more.
func (c *Controller) breakOff(now time.Time) {
	s := &c.path.shallow
	if s.stage == stageLess {
		c.set(max(c.target, s.prior))
	}
	s.stage, s.rested, s.losing = stageNone, s.on, time.Time{}
}

// stood says that there is a queue since more is sent than before, be it a short one.
func (c *Controller) stood() bool {
	s := &c.path.shallow
	if c.target < grown*s.settled {
		s.stood = 0
		s.wait(c.path.queue)
		return false
	}
	if s.stood++; c.path.queue.Seconds() < s.waits+max(standing.Seconds(), unsteady*s.varies) {
		s.stood = 0
	}
	return s.stood >= stands
}

// outcome is what comes out at the other end now, kbit/s.
func (c *Controller) outcome() float64 {
	return min(c.path.delivered.recent(), c.path.delivered.over(rarely)) + c.path.besideCame()
}

// carriesNoMore takes what came for all that the path carries; after more was tried, not less than what had done no harm for long.
func (c *Controller) carriesNoMore(now time.Time, came float64) {
	s := &c.path.shallow
	if s.proves(now, c.target) {
		came = max(came, s.settled/belowShort)
	}
	s.holds = min(max(2*s.holds, probeFirst), probeMost)
	if came > far*c.capacity || came < near*c.capacity {
		s.holds = probeFirst
	}
	s.hold, s.lost = now.Add(s.holds), now
	s.anew(now)
	c.capacity, c.careful = came, now
	c.path.forgive(now)
	c.set(belowShort * came)
	s.settle(now, c.target)
}

// overflowed takes what was lost on such a path for too much that was sent, and for chance where less did not help.
func (c *Controller) overflowed(now time.Time) {
	s := &c.path.shallow
	if s.vain == 0 || c.target > grown*s.settled {
		s.vain, s.prior, s.came = 0, c.target, c.outcome()
	}
	switch s.vain++; {
	case s.vain <= vainly:
		c.carriesNoMore(now, c.outcome())
	case s.late.share() < losingFrom:
		s.chance, s.vain = s.late.share(), 0
		c.carriesNoMore(now, s.came)
	default:
		c.byChance(now)
	}
}

// byChance goes on as before.
func (c *Controller) byChance(now time.Time) {
	s := &c.path.shallow
	s.on = false
	s.every = min(max(2*s.every, trialFirst), trialSeldom)
	s.next = now.Add(s.every)
	s.anew(now)
	c.set(max(c.target, s.prior))
}

// Overflows is the share lost of what was sent lately, where that is lost in a queue so short that sending less helps; 1 elsewhere.
func (c *Controller) Overflows() float64 {
	if !c.path.shallow.on {
		return 1
	}
	return c.path.shallow.late.share()
}

// Evenly says that packets are to leave one by one, how fast, in kbit/s with all that is sent beside them, and of how many bytes
// at most on the wire; 0 if they need not. A trial changes one thing at a time: what is too large for the path is lost as well.
func (c *Controller) Evenly() (kbps float64, bytes int) {
	if !c.path.shallow.judges() {
		return 0, 0
	}
	kbps, bytes = evenly*max(c.target, slowest), math.MaxInt32
	if c.path.shallow.on {
		bytes = int(kbps * 1000 / 8 * evenPacket.Seconds())
	}
	return kbps, bytes
}
