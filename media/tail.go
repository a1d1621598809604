package media

import "time"

const (
	// What must follow on the newest packet is asked for when it is late by tailSlack and by what packets were late lately.
	tailSlack = 8 * time.Millisecond

	// So many packets are asked for at a time, since nobody knows how many there are: who sent none of them sends none again.
	tailReach = 4

	tailTries = 1 // until the next packet comes, which tells what is missing
	// Whoever notices so late that it is late did not run meanwhile, and has yet to read what came.
	tailStarved = 3 * time.Millisecond

	tailLoss = 0.004 // share of packets lost, from which on it is likely enough

	mostLate     = 50 * time.Millisecond
	mostInterval = 200 * time.Millisecond
	lateForgets  = 64 // pictures, in which most of a lateness is forgotten
)

// tail expects what must follow on the newest packet: the rest of its picture, until one has the marker, or else the next
// picture. The loss of the last packets of a picture would show only with the next one. Pure; the zero value is for a new sender.
type tail struct {
	known    bool
	at       time.Time // when the newest packet came
	ts       int64     // its timestamp
	ended    bool      // it has the marker
	began    time.Time // when its picture began
	interval time.Duration

	within, between time.Duration // how late packets were lately: inside of a picture, and the first of one

	held  time.Time // not before; zero
	tries int       // requests since the newest packet
	asked time.Time
}

// came takes the newest packet; its timestamp counts so many ticks a second. follows: the one before it was the newest.
func (t *tail) came(now time.Time, p packet, follows bool, ticks uint32) {
	learns := t.known && follows && !p.repair
	switch {
	case t.known && p.ts == t.ts:
		if learns {
			t.within = forget(t.within, now.Sub(t.at))
		}
	default:
		interval := time.Duration(p.ts-t.ts) * time.Second / time.Duration(ticks)
		if learns && interval > 0 && interval < mostInterval {
			t.between = forget(t.between, now.Sub(t.began)-interval)
			t.interval = interval
		} else if interval <= 0 || interval >= mostInterval {
			t.interval = 0
		}
		t.began = now
	}
	t.known, t.at, t.ts, t.ended, t.tries, t.held = true, now, p.ts, p.marker, 0, time.Time{}
}

// forget gives the larger of what was and what is, as far as the first is not forgotten.
func forget(was, is time.Duration) time.Duration {
	return min(max(was-was/lateForgets, is), mostLate)
}

// due is when what follows is asked for, zero for never.
func (t *tail) due(spacing time.Duration) time.Time {
	if at := t.late(spacing); at.IsZero() || at.After(t.held) {
		return at
	}
	return t.held
}

// late is when what follows is late.
func (t *tail) late(spacing time.Duration) time.Time {
	switch {
	case !t.known || t.tries >= tailTries || t.ended && t.interval == 0 || max(t.within, t.between) >= mostLate:
		return time.Time{}
	case t.tries > 0:
		return t.asked.Add(spacing)
	case t.ended:
		return t.began.Add(t.interval + t.between + t.between/2 + tailSlack)
	}
	return t.at.Add(t.within + t.within/2 + tailSlack)
}

// postpone gives what follows some more time.
func (t *tail) postpone(now time.Time) { t.held = now.Add(tailSlack) }

// ask notes that it is asked for.
func (t *tail) ask(now time.Time) { t.tries, t.asked = t.tries+1, now }
