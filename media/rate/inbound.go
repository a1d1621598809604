package rate

import "time"

// Inbound is how long the packets of a sender wait on their way to us: by how much longer they take than the fastest of the last
// minute, by the sender's timestamps. The zero value is ready.
type Inbound struct {
	fastest minute
	queue   time.Duration
}

// Came takes a packet that is the newest, with its time on the sender's clock since any fixed moment.
func (i *Inbound) Came(now, epoch time.Time, at time.Duration) {
	transit := now.Sub(epoch) - at
	i.queue = transit - i.fastest.add(now, transit)
}

// Queue is how long the newest packet has waited.
func (i *Inbound) Queue() time.Duration { return i.queue }

// minute is the least of the last minute.
type minute struct {
	parts [6]time.Duration
	last  int64
	begun time.Time
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
