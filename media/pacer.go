package media

import "time"

const (
	// burst is what may leave at once, in bytes: any ordinary picture. Only a keyframe is larger.
	burst = 20_000

	paceFactor  = 4         // of the stream's bitrate
	minPaceRate = 6_000_000 // bit/s: below it a keyframe of 30 kB would take longer than a picture

	followFactor = 2.5                    // of what the path carries
	scarceFactor = 1.2                    // where it is so little that sound would notice
	mostAside    = 0.8                    // of what may leave is taken by what goes beside pictures: they don't wait for ever
	asideTime    = 200 * time.Millisecond // of the rate at once
	burstTime    = 25 * time.Millisecond  // of what the path carries may leave at once
)

// pacer is a token bucket: it lets ordinary pictures pass at once, and spreads a keyframe so that it does not fill the
// queue of the slowest hop. Pure.
type pacer struct {
	rate   float64 // bytes/s
	burst  float64 // bytes
	tokens float64 // bytes; below zero: sent on credit
	last   time.Time
	spare  float64 // bytes that may be taken off for what goes beside pictures
	avg    float64 // bit/s, of what is being sent
}

// limit tells the agreed bitrate, 0 for unknown.
func (p *pacer) limit(kbps int) {
	p.rate, p.burst = max(float64(kbps)*1000, p.avg, minPaceRate/paceFactor)*paceFactor/8, burst
}

// follow tells what the path carries: then a picture is spread over a good part of the time until the next one, since what
// leaves at once waits in the queue of the slowest hop, or does not fit into it. While a queue drains nothing leaves faster.
func (p *pacer) follow(kbps int, drains, scarce bool) {
	carried := float64(kbps) * 1000 / 8
	p.rate, p.burst = carried*followFactor, min(burst, carried*burstTime.Seconds())
	if scarce {
		p.rate = carried * scarceFactor
	}
	if drains {
		p.rate = carried
	}
}

// even has packets leave one by one, where what leaves at once is lost. A timer that is late is made up for.
func (p *pacer) even(kbps float64) {
	p.rate = kbps * 1000 / 8
	p.burst = p.rate * time.Millisecond.Seconds()
}

// aside takes off bytes that were sent beside pictures since the last wait: as far as a part of the rate pays for them, in the long run.
func (p *pacer) aside(now time.Time, bytes int) {
	if !p.last.IsZero() {
		p.spare = min(p.spare+mostAside*p.rate*now.Sub(p.last).Seconds(), p.rate*asideTime.Seconds())
	}
	took := min(float64(bytes), p.spare)
	p.spare -= took
	p.tokens -= took
}

// wait is how long the next packet has to wait, 0 for not at all.
func (p *pacer) wait(now time.Time) time.Duration {
	if p.last.IsZero() {
		p.tokens = p.burst
	} else if d := now.Sub(p.last); d > 0 {
		p.tokens = min(p.burst, p.tokens+p.rate*d.Seconds())
	}
	p.last = now
	if p.tokens > 0 {
		return 0
	}
	// Timers are late by a part of a millisecond: waking for less than that is not worth it.
	return max(time.Duration(-p.tokens/p.rate*float64(time.Second)), time.Millisecond)
}

// sent takes off the bytes of a packet.
func (p *pacer) sent(bytes int) { p.tokens -= float64(bytes) }

// measure follows the bitrate of a stream whose limit nobody named; after is the time since the last access unit.
func (p *pacer) measure(bytes int, after time.Duration) {
	if after <= 0 || after > time.Second {
		return
	}
	p.avg += (float64(bytes)*8/after.Seconds() - p.avg) / 32
}
