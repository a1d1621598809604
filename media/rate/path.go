package rate

import (
	"time"

	"github.com/pion/rtcp"
)

// path is what reports tell of the way to the other side.
type path struct {
	media  stream
	repair stream
	clock  reports

	heard     time.Time     // the last report
	sent      time.Time     // the last packet
	queue     time.Duration // that packets wait now
	trip      time.Duration // there and back
	base      lowest        // of delays
	delivered meter
	fastest   float64 // of what was delivered, kbit/s; half of it is forgotten in half a minute
	repaired  meter   // of what is sent again
	loss      lossMeter
	innocent  time.Time // what was sent before was lost in an outage, and says nothing
}

// send takes a packet that has just been sent.
func (p *path) send(now time.Time, again bool, seq uint16, size int) {
	if now.Sub(p.sent) > silence { // nothing went: nothing could be heard
		p.heard = now
	}
	p.sent = now
	s := &p.media
	if again {
		s = &p.repair
		p.repaired.add(now, size)
	}
	s.packets[seq%window] = packet{seq: seq, at: now, size: size}
}

// report takes what came of the packets of our two senders; ok is false if none of it is news.
func (p *path) report(now time.Time, r *rtcp.CCFeedbackReport, media, repair uint32) (ok bool) {
	at, jumped := p.clock.at(now, r.ReportTimestamp)
	if jumped {
		p.base, p.delivered = lowest{}, meter{}
	}
	var queue time.Duration
	var newest time.Time
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
				p.missing(now, sent)
			default:
				offset := time.Duration(m.ArrivalTimeOffset) * time.Second / offsetRate
				if sent.at.After(newest) {
					newest, p.trip = sent.at, now.Sub(sent.at)-offset
				}
				if q := p.arrived(now, at-offset, sent); !ok || q < queue {
					queue = q
				}
				ok = true
			}
		}
	}
	if ok {
		p.queue, p.heard = max(queue-p.serial(), 0), now
	}
	return ok
}

// arrived takes a packet that came at a time on the other side's clock, and gives how long it waited.
func (p *path) arrived(now time.Time, came time.Duration, sent *packet) (queue time.Duration) {
	sent.acked = true
	if sent.missed > 1 { // it was taken for lost
		p.loss.add(now, -1, 1)
	} else {
		p.loss.add(now, 0, 1)
	}
	p.delivered.addAt(came, sent.size)
	delay := came - sent.at.Sub(p.clock.epoch(sent.at))
	return delay - p.base.add(now, delay)
}

// missing counts a packet as lost when a second report still does not have it.
func (p *path) missing(now time.Time, sent *packet) {
	if sent.missed < 2 {
		sent.missed++
		if sent.missed == 2 && sent.at.After(p.innocent) {
			p.loss.add(now, 1, 0)
		}
	}
}

// serial is how long a packet of full size takes to leave, on a path that carries no more than what came at most.
func (p *path) serial() time.Duration {
	const full = 1250 * 8 // bits
	p.fastest = max(0.999*p.fastest, p.delivered.recent(), slowest)
	return time.Duration(full / p.fastest * float64(time.Millisecond))
}

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
	missed uint8 // times that a report did not have it
	size   int
	at     time.Time
}
