package rate

import (
	"math"
	"time"
)

// fates is what became of packets that were sent from a moment on. Pure.
type fates struct {
	from             time.Time
	came, lost, rows float64 // packets; rows of them that were lost
	ahead, aheadLost float64 // of these, packets that left with less before them than most: see burst
	seq              uint16  // the last that was lost
	at               time.Time
}

const (
	lateOver = 2 * time.Second

	fallen     = 0.5 // of what was lost: what is less is no chance, if there is no doubt, that is by so many standard deviations
	doubtless  = 3.0
	likely     = 1.5 // the same, when there is no more time
	suspicious = 2.0 // the same, for a trial
)

// add takes what became of a packet.
func (f *fates) add(sent *packet, lost, came float64) {
	if sent.at.Before(f.from) {
		return
	}
	f.came, f.lost = f.came+came, max(f.lost+lost, 0)
	if sent.ahead {
		f.ahead, f.aheadLost = f.ahead+came+lost, max(f.aheadLost+lost, 0)
	}
	if lost > 0 {
		if sent.seq != f.seq+1 {
			f.rows++
		}
		f.seq = sent.seq
	}
}

// fade forgets what is older than lateOver or so.
func (f *fates) fade(now time.Time) {
	if passed := now.Sub(f.at); !f.at.IsZero() && passed > 0 {
		keep := max(1-passed.Seconds()/lateOver.Seconds(), 0)
		for _, n := range []*float64{&f.came, &f.lost, &f.rows, &f.ahead, &f.aheadLost} {
			*n *= keep
		}
	}
	f.at = now
}

func (f *fates) packets() float64 { return f.came + f.lost }

func (f *fates) share() float64 { return f.lost / max(f.packets(), 1) }

// spread is by how much losses vary more than single ones do, since they come in rows (Gilbert's model).
func (f *fates) spread() float64 { return max(2*f.lost/max(f.rows, 1)-1, 1) }

// exceeds says that more is lost than a share, by another and by so many packets, beyond doubt.
func (f *fates) exceeds(share, by, least float64) bool {
	expected := share * f.packets()
	return f.share() >= share+by && f.lost-expected >= max(least, doubtless*math.Sqrt(expected*f.spread()))
}

// inBursts says that packets are lost behind others above all, as by a queue that is short.
func (f *fates) inBursts() bool {
	expected := f.ahead * (f.lost - f.aheadLost) / max(f.packets()-f.ahead, 1)
	return !f.blind() && f.aheadLost <= fallen*expected && expected-f.aheadLost >= suspicious*math.Sqrt(expected*max(f.spread()/2, 1))
}

// blind says that all packets followed others, as while more is sent than the burst goes by: nothing tells where they are lost.
func (f *fates) blind() bool { return f.ahead < 1 }

type verdict int

const (
	open verdict = iota
	fell
	stayed
)

// against says whether less is lost than before. Nothing is left open when there is no more time.
func (f *fates) against(before *fates, last bool) verdict {
	expected := f.packets() * before.share()
	deviation := math.Sqrt(expected * before.spread() * (1 + f.packets()/max(before.packets(), 1)))
	less := expected - f.lost
	switch {
	case f.lost > fallen*expected:
		if expected >= enoughLost*before.spread() || last {
			return stayed
		}
	case less >= doubtless*deviation || last && less >= likely*deviation:
		return fell
	case last:
		return stayed
	}
	return open
}

// burst is how much would wait before each packet, were the path a bit faster than what is sent: it tells a picture's first packets
// from those that follow them.
type burst struct {
	bytes, mean float64
	at          time.Time
}

// add takes a packet while so much is sent, and says whether little is before it, as it goes.
func (b *burst) add(now time.Time, size int, kbps float64) (ahead bool) {
	b.bytes = max(b.bytes-evenly*kbps*1000/8*now.Sub(b.at).Seconds(), 0)
	b.mean += (b.bytes - b.mean) / 64
	ahead = b.bytes <= b.mean/2
	b.bytes, b.at = b.bytes+float64(size), now
	return ahead
}
