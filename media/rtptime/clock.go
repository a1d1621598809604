package rtptime

import "time"

// Clock maps a sender's RTP time to our own, as packets arrive: the fastest packets of the last seconds tell how the
// two clocks stand to each other, and a window that moves on follows their drift. It holds a fixed amount of memory.
//
//	transit = arrival − RTP time        smallest transit of the window = the offset between the clocks + fixed delay
type Clock struct {
	rate    uint32
	epoch   time.Time // local time of tick 0, any
	buckets [clockBuckets]bucket
	started bool
}

const (
	clockBuckets = 8
	bucketLength = 500 * time.Millisecond
)

type bucket struct {
	index    int64 // number of half seconds since the epoch
	min, max time.Duration
	used     bool
}

// NewClock is for timestamps of rate Hz.
func NewClock(rate uint32) *Clock { return &Clock{rate: rate} }

// Observe takes a packet with the (extended) timestamp ts that arrived at now. It gives the packet's transit,
// which means something only beside other transits of the same Clock.
func (c *Clock) Observe(now time.Time, ts int64) time.Duration {
	if !c.started {
		c.started = true
		c.epoch = now.Add(-ToDuration(ts, c.rate))
	}
	elapsed := now.Sub(c.epoch)
	transit := elapsed - ToDuration(ts, c.rate)
	i := int64(elapsed / bucketLength)
	b := &c.buckets[int(uint64(i)%clockBuckets)]
	if !b.used || b.index != i {
		*b = bucket{index: i, min: transit, max: transit, used: true}
		return transit
	}
	b.min = min(b.min, transit)
	b.max = max(b.max, transit)
	return transit
}

// Range is the smallest and the largest transit of the last four seconds; ok is false before the first packet.
func (c *Clock) Range(now time.Time) (least, most time.Duration, ok bool) {
	current := int64(now.Sub(c.epoch) / bucketLength)
	for _, b := range c.buckets {
		if !b.used || current-b.index >= clockBuckets {
			continue
		}
		if !ok || b.min < least {
			least = b.min
		}
		if !ok || b.max > most {
			most = b.max
		}
		ok = true
	}
	return least, most, ok
}

// Local is the local time of ts for a packet that had the given transit.
func (c *Clock) Local(ts int64, transit time.Duration) time.Time {
	return c.epoch.Add(ToDuration(ts, c.rate) + transit)
}

// Reset forgets all: the sender's clock has jumped, or it is another sender.
func (c *Clock) Reset() { *c = Clock{rate: c.rate} }

// SenderClock is the line through a sender's reports (RFC 3550 §6.4.1): its RTP time on its own wall clock.
// Two streams of one sender are compared on that wall clock.
type SenderClock struct {
	rate  uint32
	ntp   NTP
	ts    int64
	known bool
}

// NewSenderClock is for timestamps of rate Hz.
func NewSenderClock(rate uint32) *SenderClock { return &SenderClock{rate: rate} }

// Report takes the two times of a sender report, ts extended.
func (c *SenderClock) Report(ntp NTP, ts int64) { c.ntp, c.ts, c.known = ntp, ts, true }

// Wall is the sender's wall clock at ts as the time since an epoch of the caller's choice.
func (c *SenderClock) Wall(ts int64, epoch NTP) (d time.Duration, ok bool) {
	if !c.known {
		return 0, false
	}
	return c.ntp.Sub(epoch) + ToDuration(ts-c.ts, c.rate), true
}
