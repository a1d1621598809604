package media

import (
	"slices"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/media/red"
)

const (
	// mostCopied is how many earlier frames go with a frame of sound. At 10 % of random loss one frame in a thousand is lost
	// with both of its copies.
	mostCopied = 2

	// From so much loss on there are one and two copies.
	oneCopyFrom   = 0.0075
	twoCopiesFrom = 0.08

	lossOver   = 2 * time.Second  // loss is of about the last
	leastHeard = 100              // packets for a judgement: one lost of the first few is no tenth
	fewHeard   = 10               // packets of the first report, which does not say of how many it is
	keptFor    = 20 * time.Second // copies go on so long after they were necessary last

	// So many lost of one report, if that is of a second at most, are a burst.
	burstLost = 4
	burstOf   = 75

	// spared is what copies leave of a narrow path, kbit/s: where they lengthen its queue they do more harm than good.
	spared = 10.0

	// On a path that carries less than this, in kbit/s, losses while there is a queue of ours are taken for its own.
	copiedAbove = 300

	mostHeard = 1000 // packets of one report that count; more are a jump

	// sayLoss is how soon sound that was lost is reported after the last report: the other side begins with copies. While
	// nothing is lost, reports come as seldom as ever.
	sayLoss = 100 * time.Millisecond

	// sureLoss is how long something has to be missing to be reported before its time: it may only be late.
	sureLoss = 30 * time.Millisecond
)

// need is how many copies of earlier frames the path asks for, by the reports of the other side. Pure.
type need struct {
	copies  int
	until   time.Time // not fewer before
	excused time.Time // what was lost until then was lost in a queue of ours

	losses losses
}

// losses is how much the other side has lost in about lossOver, by its reports. Pure.
type losses struct {
	highest    uint32 // of the last report
	total      uint32 // lost in all, by that
	begun      bool
	at         time.Time
	lost, sent float64
}

// heard takes a block of a report: so many packets of so many since the one before.
func (l *losses) heard(now time.Time, r rtcp.ReceptionReport) (lost float64, count int32) {
	count = int32(r.LastSequenceNumber - l.highest)
	known := l.begun && count >= 0 && count <= mostHeard
	l.highest, l.begun = r.LastSequenceNumber, true
	if !known {
		count = fewHeard
	}
	// A reported share is rounded down to a part of 256.
	if r.FractionLost > 0 {
		lost = (float64(r.FractionLost) + 0.5) / 256 * float64(count)
	}
	late := 0.0 // what was reported as lost, and came
	if known && r.TotalLost < l.total {
		late = float64(l.total - r.TotalLost)
	}
	l.total = r.TotalLost
	l.add(now, lost-late, float64(count))
	return lost, count
}

// share is the part of the packets that is lost.
func (l *losses) share() float64 { return l.lost / max(l.sent, leastHeard) }

// heard takes a block of a report.
func (n *need) heard(now time.Time, r rtcp.ReceptionReport) {
	lost, count := n.losses.heard(now, r)
	want := 0
	if now.Before(n.excused) {
		return
	}
	switch loss := n.losses.share(); {
	case loss >= twoCopiesFrom, lost >= burstLost-0.5 && count <= burstOf:
		want = 2
	case loss >= oneCopyFrom:
		want = 1
	}
	if want >= n.copies || !now.Before(n.until) {
		n.copies = want
		n.until = now.Add(keptFor)
	}
}

// excuse is told of a queue of ours on a narrow path: copies would only make it longer, and cure nothing.
func (n *need) excuse(now time.Time) {
	n.copies, n.until, n.excused = 0, now, now.Add(lossOver)
}

// add forgets a share of what was heard before.
func (l *losses) add(now time.Time, lost, sent float64) {
	if !l.at.IsZero() {
		keep := 1 - min(now.Sub(l.at).Seconds()/lossOver.Seconds(), 1)
		l.lost, l.sent = l.lost*keep, l.sent*keep
	}
	l.at = now
	l.lost, l.sent = max(l.lost+lost, 0), l.sent+sent
}

// copies keeps the last frames of sound that were sent, to send them once more beside later ones (RFC 2198).
type copies struct {
	need   need
	room   float64               // kbit/s that the path carries; 0 for unknown
	frames [mostCopied]sentFrame // the newest first
	kept   int
	blocks [mostCopied]red.Block
}

type sentFrame struct {
	ts   uint32
	data []byte
}

// interrupt is told that the next frame does not follow on the last.
func (c *copies) interrupt() { c.kept = 0 }

// of gives the frames that go with the one at ts, as many as are needed and fit; nil for none.
func (c *copies) of(d *negotiate.Stream, ts uint32, size int, every time.Duration) []red.Block {
	n := 0
	if d.SendRED == 0 {
		return nil
	}
	left := maxPacket - rtpHeader - 1 - size
	if c.room > 0 {
		left = min(left, int((c.room-spared)*1000/8*every.Seconds())-perPacket-srtpOverhead-rtpHeader-1-size)
	}
	for _, f := range c.frames[:min(c.need.copies, c.kept)] {
		left -= red.Size(len(f.data))
		offset := ts - f.ts
		if left < 0 || len(f.data) > red.MaxLength || offset == 0 || offset > red.MaxOffset {
			break
		}
		c.blocks[n] = red.Block{Type: d.SendType, Offset: offset, Data: f.data}
		n++
	}
	if n == 0 {
		return nil
	}
	slices.Reverse(c.blocks[:n])
	return c.blocks[:n]
}

// keep takes a frame that was sent, in memory of its own.
func (c *copies) keep(d *negotiate.Stream, ts uint32, data []byte) {
	if d.SendRED == 0 {
		c.kept = 0
		return
	}
	oldest := c.frames[mostCopied-1].data
	copy(c.frames[1:], c.frames[:])
	c.frames[0] = sentFrame{ts: ts, data: append(oldest[:0], data...)}
	c.kept = min(c.kept+1, mostCopied)
}
