package rate

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
)

// path is what reports tell of the way to the other side.
type path struct {
	media  stream
	repair stream
	clock  reports

	heard     time.Time     // the last report
	known     int           // packets that came, up to leastKnown
	apart     time.Duration // by how much more than usual reports are apart: they are a part of what a narrow path carries
	sent      time.Time     // the last packet
	pictured  time.Time     // the last of a picture
	going     meter         // what is sent
	queue     time.Duration // that packets wait now
	tail      time.Duration // the same, of the newest packet: part of it may be its own picture
	guess     float64       // kbit/s at which the very first packets came; 0 if they do not tell
	service   float64       // kbit/s at which packets came that waited for one another; 0 if too few did
	uneven    time.Duration // that packets wait though nothing queues
	squeezed  float64       // how long they were sent of how long they came, and what was sent beside them: below 1 where a queue grows
	atOnce    bool          // what waited came all at once
	trip      time.Duration // there and back
	nearest   lowest        // of trips
	waiting   time.Time     // when the first was sent that nothing was heard of, but for losses; zero: all is heard of
	base      lowest        // of delays
	news      []came        // of the report at hand
	latest    came          // of the one before
	total     int64         // bytes sent
	flying    int64         // of these, after the newest packet that came
	delivered meter
	fastest   float64       // of what was delivered, kbit/s; half of it is forgotten in half a minute
	repaired  meter         // of what is sent again
	sound     steady        // with reports
	soundLost float64       // share of it
	jitter    time.Duration // of it
	loss      lossMeter
	innocent  time.Time // what was sent before was lost in an outage, and says nothing
	sizes     sizes
	shrunk    bool // sizes has a new limit
	shallow   shallow
}

// send takes a packet that has just been sent.
func (p *path) send(now time.Time, again bool, seq uint16, size int) {
	if now.Sub(p.sent) > silence { // nothing went: nothing could be heard
		p.heard = now
	}
	p.sent = now
	if p.waiting.IsZero() {
		p.waiting = now
	}
	s := &p.media
	if again {
		s = &p.repair
		p.repaired.add(now, size)
	} else {
		p.pictured = now
	}
	p.going.add(now, size)
	p.total += int64(size)
	ahead := p.shallow.burst.add(now, size, p.going.over(rarely))
	s.packets[seq%window] = packet{seq: seq, at: now, size: size, total: p.total, ahead: ahead}
}

// report takes what came of the packets of our two senders; ok is false if none of it is news.
func (p *path) report(now time.Time, r *rtcp.CCFeedbackReport, media, repair uint32) (ok bool) {
	at, jumped := p.clock.at(now, r.ReportTimestamp)
	if jumped {
		p.base, p.delivered, p.latest = lowest{}, meter{}, came{}
	}
	p.news = p.news[:0]
	for i := range r.ReportBlocks {
		b := &r.ReportBlocks[i]
		s := &p.media
		switch b.MediaSSRC {
		case media:
		case repair:
			s = &p.repair
		default:
			continue
		}
		for k, m := range b.MetricBlocks {
			sent := s.find(b.BeginSequence + uint16(k))
			switch {
			case sent == nil || sent.acked:
			case !m.Received:
				p.missing(now, sent, s == &p.repair)
			default:
				offset := time.Duration(m.ArrivalTimeOffset) * time.Second / offsetRate
				p.news = append(p.news, came{at - offset, p.arrived(now, at-offset, sent), sent, s == &p.repair})
			}
		}
	}
	if len(p.news) == 0 {
		return false
	}
	p.learn(now, at)
	return true
}

const (
	leastKnown = 3
	usually    = 50 * time.Millisecond
	mostApart  = 150 * time.Millisecond
)

// spaced is told of the time since the report before.
func (p *path) spaced(passed time.Duration) {
	more := min(max(passed-usually, 0), mostApart)
	p.apart += (more - p.apart) / 8
}

// beside is what sound and reports take, kbit/s.
func (p *path) beside() float64 { return p.sound.kbps }

// besideCame is how much of that came.
func (p *path) besideCame() float64 { return p.sound.kbps * (1 - p.soundLost) }

// comes is what comes out at the other end of all that is sent, as far as it was heard of lately.
func (p *path) comes(now time.Time) float64 {
	if now.Sub(p.heard) > time.Second {
		return p.besideCame()
	}
	return p.besideCame() + max(p.delivered.recent(), p.delivered.over(rarely))
}

// came is a packet that a report has for the first time.
type came struct {
	at    time.Duration // on the receiver's clock, since its first report
	queue time.Duration // that it waited
	sent  *packet

	repair bool
}

// learn makes of the news of a report, written at a time on the receiver's clock, how the path is.
func (p *path) learn(now time.Time, at time.Duration) {
	slices.SortStableFunc(p.news, func(a, b came) int { return int(a.at - b.at) })
	newest := p.news[len(p.news)-1]
	p.quicken()
	p.tail = max(newest.queue-p.serial(newest.sent.size), 0)
	p.queue = p.tail
	for _, c := range p.news {
		p.queue = min(p.queue, max(c.queue-p.serial(c.sent.size), 0))
	}
	p.even(now)
	p.trip = now.Sub(newest.sent.at) - (at - newest.at)
	p.nearest.add(now, p.trip)
	p.service, p.atOnce = p.served()
	p.flying, p.guess = p.total-newest.sent.total, p.train()
	p.known = min(p.known+len(p.news), leastKnown)
	p.latest, p.heard, p.waiting = newest, now, time.Time{}
	if next := p.media.find(newest.sent.seq + 1); newest.repair {
		p.waiting = p.sent
	} else if next != nil && !next.at.Before(newest.sent.at) {
		p.waiting = next.at
	}
}

// load is how long all takes to come out that is on its way, besides what a round trip takes by itself; full at most, since
// what does not fit into a queue is gone.
func (p *path) load() time.Duration {
	d := time.Duration(float64(p.flying) * 8 / max(p.carries(), slowest) * float64(time.Millisecond))
	return min(d-p.nearest.least(), full)
}

// carries is what comes out at the other end now, with the sound beside it, of which nothing else is known: kbit/s.
func (p *path) carries() float64 {
	if p.service > 0 {
		return p.service + p.beside()*p.squeezed
	}
	return p.besideCame() + max(p.delivered.recent(), p.delivered.over(rarely)/2) // whatever stood still for a moment is no path that carries nothing
}

// passes says that what comes is all but what is sent, so far as chance loses none of it.
func (p *path) passes() bool {
	return max(p.delivered.recent(), p.delivered.over(rarely)) > slower*(1-p.loss.share())*p.going.over(rarely)
}

// arrived takes a packet that came at a time on the other side's clock, and gives how long it waited.
func (p *path) arrived(now time.Time, came time.Duration, sent *packet) (queue time.Duration) {
	sent.acked = true
	if sent.missed > 1 { // it was taken for lost
		p.loss.add(now, -1, 1)
		p.shallow.fate(now, sent, -1, 1)
	} else {
		p.loss.add(now, 0, 1)
		p.shallow.fate(now, sent, 0, 1)
	}
	p.delivered.addAt(came, sent.size)
	p.sizes.arrived(sent.at, sent.size)
	delay := came - sent.at.Sub(p.clock.epoch(sent.at))
	return delay - p.base.add(now, delay)
}

// missing counts a packet as lost when a second report still does not have it. Repair packets are larger than all others, and the
// first that do not fit into a short queue: that they vanish says nothing of how large packets may be.
func (p *path) missing(now time.Time, sent *packet, repair bool) {
	if sent.missed < 2 {
		sent.missed++
		if sent.missed == 2 && sent.at.After(p.innocent) {
			p.loss.add(now, 1, 0)
			p.shallow.fate(now, sent, 1, 0)
			p.shrunk = !repair && p.sizes.lost(sent.at, sent.size) || p.shrunk
		}
	}
}

// quicken keeps the most that came of all that is sent.
func (p *path) quicken() {
	p.fastest = max(0.999*p.fastest, p.delivered.recent()+p.besideCame(), slowest)
}

// serial is how long a packet takes to leave, behind one of sound, on a path that carries no more than what came at most.
func (p *path) serial(size int) time.Duration {
	const sound = 140 // bytes
	return time.Duration(float64(size+sound) * 8 / p.fastest * float64(time.Millisecond))
}

// loses says that packets get lost that no queue of ours explains.
func (p *path) loses() bool { return max(p.loss.usual, p.loss.share()) > tolerable }

// forgive takes all losses so far for what they are no sign of.
func (p *path) forgive(now time.Time) {
	p.innocent = now
	p.loss.forget()
}

// stream is what was sent of one SSRC.
type stream struct{ packets [window]packet }

// find is the packet with this number, nil if it was not sent lately.
func (s *stream) find(seq uint16) *packet {
	if p := &s.packets[seq%window]; !p.at.IsZero() && p.seq == seq {
		return p
	}
	return nil
}

type packet struct {
	seq    uint16
	acked  bool
	ahead  bool  // see burst
	missed uint8 // times that a report did not have it
	size   int
	total  int64 // bytes sent so far, with this one
	at     time.Time
}
