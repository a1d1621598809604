package rate

import "time"

// reports unwraps the time of reports: 32 bits of NTP, in units of 1/65536 s.
type reports struct {
	last  uint32
	heard time.Time
	since time.Duration
	began time.Time
}

// maxJump is by how much the time between two reports may differ on the two clocks.
const maxJump = 2 * time.Second

// at is the time of a report on the receiver's clock, since its first report. jumped: that clock is another one now. Whatever it
// does, as much time has passed as here: what came is counted by it. One that stands still tells nothing, and ours is taken.
func (r *reports) at(now time.Time, ts uint32) (since time.Duration, jumped bool) {
	if !r.heard.IsZero() {
		passed, here := time.Duration(int64(int32(ts-r.last))*int64(time.Second)>>16), now.Sub(r.heard)
		if passed == 0 {
			return r.since + here, false
		}
		if difference := passed - here; max(difference, -difference) > maxJump {
			passed, jumped = here, true
		}
		r.since += passed
	}
	r.last, r.heard = ts, now
	return r.since, jumped
}

// epoch is the first time that it was given: delays are differences of two clocks, and only their changes count.
func (r *reports) epoch(t time.Time) time.Time {
	if r.began.IsZero() {
		r.began = t
	}
	return r.began
}

// lowest is the least of the last five to ten seconds: long enough to have seen the path without a queue, short enough to
// follow clocks that drift and paths that change.
type lowest struct {
	now, before time.Duration
	since       time.Time
	held        time.Time // since when it is held; zero while it is not
}

const (
	lowestOver = 5 * time.Second
	lowestHeld = time.Minute // after which a queue that stays is taken for the path itself
)

// add takes a value and gives the least.
func (l *lowest) add(now time.Time, d time.Duration) time.Duration {
	switch age := now.Sub(l.since); {
	case l.since.IsZero() || age > 4*lowestOver:
		l.now, l.before, l.since = d, d, now
	case age > lowestOver:
		l.before, l.now, l.since = l.now, d, now
	}
	l.now = min(l.now, d)
	return min(l.now, l.before)
}

// least is the least so far, 0 before the first.
func (l *lowest) least() time.Duration { return min(l.now, l.before) }

// hold keeps what is known, since a queue that stays hides how the path is without.
func (l *lowest) hold(now time.Time, on bool) {
	switch {
	case !on:
		l.held = time.Time{}
	case l.held.IsZero():
		l.held = now
	}
	if on && now.Sub(l.held) < lowestHeld {
		l.since = now
	}
}

// meter is bytes over time, in slots.
type meter struct {
	slots  [16]int
	last   int64 // slot
	begun  time.Time
	latest time.Duration
}

const slot = 50 * time.Millisecond

func (m *meter) add(now time.Time, size int) {
	if m.begun.IsZero() {
		m.begun = now
	}
	m.addAt(now.Sub(m.begun), size)
}

// addAt takes bytes at a time since any fixed moment.
func (m *meter) addAt(at time.Duration, size int) {
	m.move(int64(at / slot))
	if i := int64(at / slot); m.last-i < int64(len(m.slots)) {
		m.slots[uint64(i)%uint64(len(m.slots))] += size
	}
	m.latest = max(m.latest, at)
}

// move makes a slot the last, and clears those on the way.
func (m *meter) move(to int64) {
	for n := 0; m.last < to && n < len(m.slots); n++ {
		m.last++
		if to-m.last >= int64(len(m.slots)) {
			m.last = to - int64(len(m.slots)) + 1
		}
		m.slots[uint64(m.last)%uint64(len(m.slots))] = 0
	}
}

// kbps is the rate of the last 750 ms.
func (m *meter) kbps(now time.Time) float64 {
	if m.begun.IsZero() {
		return 0
	}
	m.move(int64(now.Sub(m.begun) / slot))
	return m.over(len(m.slots) - 1)
}

// recent is the rate of the last 150 ms in which anything came.
func (m *meter) recent() float64 { return m.over(3) }

// rarely is over how many slots pictures are looked at that go seldom.
const rarely = 15

// over is the rate of the last n whole slots.
func (m *meter) over(n int) float64 {
	sum := 0
	for i := range int64(n) {
		sum += m.slots[uint64(m.last-1-i)%uint64(len(m.slots))]
	}
	return float64(sum) * 8 / 1000 / (time.Duration(n) * slot).Seconds()
}

// steady is the rate of what hardly changes, such as sound: of the last half of a second, as long as it is told how much was sent.
type steady struct {
	bytes int
	since time.Time
	kbps  float64
	known bool // for steadyOver
}

const (
	steadyOver  = 500 * time.Millisecond
	steadyFirst = 80 * time.Millisecond // until then nobody knows: on a narrow path sound is a good part of all
)

func (s *steady) add(now time.Time, bytes int) {
	s.bytes += bytes
	switch passed := now.Sub(s.since); {
	case s.since.IsZero():
		s.since = now
	case passed >= steadyOver:
		s.kbps, s.bytes, s.since, s.known = float64(s.bytes)*8/1000/passed.Seconds(), 0, now, true
	case passed >= steadyFirst && !s.known:
		s.kbps = float64(s.bytes) * 8 / 1000 / passed.Seconds()
	}
}

// lossMeter is the share of packets lost in about the last second, and what of it has turned out not to depend on us.
type lossMeter struct {
	lost, came float64
	at         time.Time
	usual      float64
}

func (l *lossMeter) add(now time.Time, lost, came float64) {
	if passed := now.Sub(l.at); passed > 0 && !l.at.IsZero() {
		keep := 1 - min(passed.Seconds(), 0.5)
		l.lost, l.came = l.lost*keep, l.came*keep
		if s := l.share(); s < l.usual {
			l.usual += (s - l.usual) * min(passed.Seconds()/10, 1)
		}
	}
	l.at = now
	l.lost, l.came = max(l.lost+lost, 0), l.came+came
}

func (l *lossMeter) share() float64 {
	if l.lost+l.came < 20 {
		return 0
	}
	return l.lost / (l.lost + l.came)
}

// grew says whether more is lost than usual, by so much.
func (l *lossMeter) grew(by float64) bool { return l.share() > l.usual+by }

// forget begins anew: what was lost in a queue that was full says nothing about what comes.
func (l *lossMeter) forget() { l.lost, l.came = 0, 0 }

// accept takes half of the loss for usual: if sending less does not lessen it, it is not ours.
func (l *lossMeter) accept() { l.usual += (l.share() - l.usual) / 2 }
