package rate

import "time"

const (
	// A sender's sound that stood still while his clock did not count it comes later from then on, all by the same. Behind a queue that came
	// as fast (a keyframe) each packet would come sooner than the last, or the queue would grow.
	stepLeast   = 40 * time.Millisecond  // from one packet to the next
	stepFor     = 700 * time.Millisecond // and for so long
	stepPackets = 12                     // at least
	stepSteady  = 15 * time.Millisecond  // no more apart than that
)

// Inbound is how long the packets of a sender wait on their way to us: by how much longer they take than the fastest of the last
// minute, by the sender's timestamps. The zero value is ready.
type Inbound struct {
	fastest minute
	queue   time.Duration
	last    time.Duration // what the last packet took
	came    bool
	risen   rise
}

// Came takes a packet that is the newest, with its time on the sender's clock since any fixed moment.
func (i *Inbound) Came(now, epoch time.Time, at time.Duration) {
	transit := now.Sub(epoch) - at
	if i.came && i.risen.add(now, i.last, transit) {
		i.fastest.shift(i.risen.least - i.risen.from)
		i.risen = rise{}
	}
	i.last, i.came = transit, true
	i.queue = transit - i.fastest.add(now, transit)
}

// Queue is how long the newest packet has waited.
func (i *Inbound) Queue() time.Duration { return i.queue }

// Anew forgets what packets took: what they wait has shown to be no queue.
func (i *Inbound) Anew() { *i = Inbound{} }

// rise is the time that packets take when it has become longer from one to the next.
type rise struct {
	since       time.Time // zero: it has not
	from        time.Duration
	least, most time.Duration // since
	packets     int
}

// add takes what two packets took that came one after the other. It says that this has lasted.
func (s *rise) add(now time.Time, last, transit time.Duration) bool {
	switch {
	case transit-last > stepLeast:
		*s = rise{now, last, transit, transit, 1}
		return false
	case s.since.IsZero():
		return false
	}
	s.least, s.most, s.packets = min(s.least, transit), max(s.most, transit), s.packets+1
	if s.most-s.least > stepSteady {
		*s = rise{}
		return false
	}
	return now.Sub(s.since) >= stepFor && s.packets >= stepPackets
}

// minute is the least of the last minute.
type minute struct {
	parts [6]time.Duration
	last  int64
	begun time.Time
}

// shift makes all that was seen longer.
func (m *minute) shift(by time.Duration) {
	for i := range m.parts {
		m.parts[i] += by
	}
}

// add takes a value and gives the least.
func (m *minute) add(now time.Time, d time.Duration) time.Duration {
	const part = 10 * time.Second
	if m.begun.IsZero() {
		m.begun = now
		for i := range m.parts {
			m.parts[i] = d
		}
	}
	at := int64(now.Sub(m.begun) / part)
	for ; m.last < at; m.last++ {
		if at-m.last > int64(len(m.parts)) {
			m.last = at - int64(len(m.parts))
		}
		m.parts[(m.last+1)%int64(len(m.parts))] = d
	}
	i := at % int64(len(m.parts))
	m.parts[i] = min(m.parts[i], d)
	least := d
	for _, p := range m.parts {
		least = min(least, p)
	}
	return least
}
