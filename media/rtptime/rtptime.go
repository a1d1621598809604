// Package rtptime is the arithmetic of RTP's clocks and counters: extended sequence numbers, unwrapped timestamps,
// NTP time (RFC 3550 §4, appendix A) and the way from a sender's clock to ours. All of it is pure.
package rtptime

import "time"

// Sequence extends 16-bit sequence numbers. The zero value is ready; the first number is given as it is, plus one
// cycle, so that packets that were sent just before it still have a positive number.
type Sequence struct {
	last    int64
	started bool
}

// Extend gives the number nearest to the highest seen so far, which it moves on when the packet is newer.
func (s *Sequence) Extend(seq uint16) int64 {
	if !s.started {
		s.started = true
		s.last = 1<<16 + int64(seq)
		return s.last
	}
	ext := s.last + int64(int16(seq-uint16(s.last)))
	s.last = max(s.last, ext)
	return ext
}

// Peek is Extend without moving on.
func (s *Sequence) Peek(seq uint16) int64 {
	c := *s
	return c.Extend(seq)
}

// Timestamp extends 32-bit RTP timestamps likewise. They may go back (reordering) by up to 2³¹.
type Timestamp struct {
	last    int64
	started bool
}

// Extend gives the timestamp nearest to the latest seen so far.
func (t *Timestamp) Extend(ts uint32) int64 {
	if !t.started {
		t.started = true
		t.last = 1<<32 + int64(ts)
		return t.last
	}
	ext := t.last + int64(int32(ts-uint32(t.last)))
	t.last = max(t.last, ext)
	return ext
}

// Peek is Extend without moving on.
func (t *Timestamp) Peek(ts uint32) int64 {
	c := *t
	return c.Extend(ts)
}

// ToDuration turns ticks of a clock of rate Hz into time, without overflow over centuries.
func ToDuration(ticks int64, rate uint32) time.Duration {
	r := int64(rate)
	return time.Duration(ticks/r)*time.Second + time.Duration(ticks%r*int64(time.Second)/r)
}

// FromDuration turns time into ticks, rounded to the nearest.
func FromDuration(d time.Duration, rate uint32) int64 {
	r := int64(rate)
	rest := int64(d%time.Second) * r
	half := int64(time.Second / 2)
	if rest < 0 {
		half = -half
	}
	return int64(d/time.Second)*r + (rest+half)/int64(time.Second)
}

// NTP is a time as RTCP carries it: seconds since 1900 and their fraction, 32 bits each.
type NTP uint64

const ntpEpoch = 2208988800 // seconds from 1900 to 1970

// ToNTP wraps in 2036, as NTP does.
func ToNTP(t time.Time) NTP {
	fraction := (uint64(t.Nanosecond())<<32 + uint64(time.Second)/2) / uint64(time.Second)
	return NTP(uint64(t.Unix()+ntpEpoch)<<32 + fraction)
}

// Middle is the 32 bits that receiver reports carry (RFC 3550 §4): units of 1/65536 s.
func (n NTP) Middle() uint32 { return uint32(n >> 16) }

// Sub is n−m, also over the wrap of 2036 and for a peer whose clock is wrong by up to 68 years.
func (n NTP) Sub(m NTP) time.Duration {
	d := int64(n - m)
	seconds, fraction := d>>32, d&0xffffffff
	return time.Duration(seconds)*time.Second + time.Duration((fraction*int64(time.Second)+1<<31)>>32)
}

// Compact turns time into units of 1/65536 s, as in DLSR; too long is the longest that fits.
func Compact(d time.Duration) uint32 {
	if d < 0 {
		return 0
	}
	if d >= 65536*time.Second {
		return 1<<32 - 1
	}
	return uint32((int64(d)<<16 + int64(time.Second)/2) / int64(time.Second))
}

// RoundTrip is the round trip told by a receiver report that arrives at now (RFC 3550 §6.4.1): A − LSR − DLSR.
// ok is false when the report echoes no sender report of ours, or one that makes no sense.
func RoundTrip(now NTP, lsr, dlsr uint32) (rtt time.Duration, ok bool) {
	if lsr == 0 {
		return 0, false
	}
	units := int32(now.Middle() - lsr - dlsr)
	if units < 0 {
		units = 0 // the units are coarse: a round trip of nothing may come out as −1
		if int32(now.Middle()-lsr-dlsr) < -66 {
			return 0, false
		}
	}
	rtt = time.Duration(int64(units) * int64(time.Second) >> 16)
	return rtt, rtt < 60*time.Second
}
