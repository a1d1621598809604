package media

import (
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/rtptime"
)

// source is what we know of the sender of a stream: the counters of RFC 3550 appendix A, and its clock. It begins anew
// with every SSRC.
type source struct {
	ssrc uint32
	rate uint32
	key  int // the newest by which its packets were authentic

	seq     rtptime.Sequence
	ts      rtptime.Timestamp
	base    int64 // first sequence number, extended; the numbers that a jump has left out do not count
	highest int64
	gap     int64 // numbers that the last packet has left out, if that may be a loss and may be a jump
	count   int64 // packets received

	last    time.Time // when the last one came
	left    bool      // it said goodbye, and nothing newer came
	transit int64     // of the last packet, in ticks
	arrived bool
	jitter  float64 // ticks

	expectedPrior, receivedPrior int64
	fraction                     uint8 // lost, of the last interval

	lastSR   uint32 // middle of NTP
	lastSRAt time.Time
	clock    *rtptime.SenderClock

	epoch time.Time
}

func newSource(ssrc, rate uint32, epoch time.Time) *source {
	return &source{ssrc: ssrc, rate: rate, epoch: epoch, clock: rtptime.NewSenderClock(rate)}
}

// receive takes a packet's numbers and gives them extended.
func (s *source) receive(now time.Time, seq uint16, ts uint32) (eseq, ets int64) {
	eseq, ets = s.seq.Extend(seq), s.ts.Extend(ts)
	if s.count == 0 {
		s.base, s.highest = eseq, eseq
	}
	s.count++
	s.left = s.left && eseq <= s.highest
	s.advance(now, eseq)
	s.last = now
	if s.highest-eseq <= fewLost {
		s.base = min(s.base, eseq) // packets from before the first to come
	}
	transit := rtptime.FromDuration(now.Sub(s.epoch), s.rate) - ets
	if s.arrived { // appendix A.8
		d := transit - s.transit
		if d < 0 {
			d = -d
		}
		if d < int64(s.rate)*10 { // a jump of the sender's clock is no jitter
			s.jitter += (float64(d) - s.jitter) / 16
		}
	}
	s.transit, s.arrived = transit, true
	return eseq, ets
}

// What a sender's numbers leave out is lost if the next packet follows on, and if it is no more than maxDropout (RFC 3550
// appendix A.1) for each second without a packet; a few need no proof. Otherwise they jump: some senders begin again
// anywhere, or number at random.
const (
	maxDropout = 3000
	fewLost    = 16
)

// advance takes a packet's number for what is expected.
func (s *source) advance(now time.Time, eseq int64) {
	left := eseq - s.highest - 1
	if left < 0 {
		return
	}
	s.highest = eseq
	if left <= fewLost {
		s.base -= s.gap
		s.gap = 0
		return
	}
	s.base += left
	s.gap = 0
	if !jumps(left, now.Sub(s.last)) {
		s.gap = left
	}
}

// jumps says whether so many numbers that are left out, after such a time without a packet, are none that were lost.
func jumps(left int64, passed time.Duration) bool {
	return left > maxDropout*max(1, int64(passed/time.Second))
}

// silent says whether somebody else may take its place.
func (s *source) silent(now time.Time) bool { return s.left || now.Sub(s.last) >= silence }

func (s *source) expected() int64 {
	if s.count == 0 {
		return 0
	}
	return s.highest - s.base + 1
}

// lost may be negative with duplicates.
func (s *source) lost() int64 { return s.expected() - s.count }

// unreported is what was lost since the last report.
func (s *source) unreported() int64 { return s.lost() - (s.expectedPrior - s.receivedPrior) }

// report is the block for a receiver report; it begins a new interval (appendix A.3).
func (s *source) report(now time.Time) rtcp.ReceptionReport {
	expected, received := s.expected()-s.expectedPrior, s.count-s.receivedPrior
	s.expectedPrior, s.receivedPrior = s.expected(), s.count
	s.fraction = 0
	if lost := expected - received; expected > 0 && lost > 0 {
		s.fraction = uint8(min(lost<<8/expected, 255))
	}
	r := rtcp.ReceptionReport{
		SSRC: s.ssrc, FractionLost: s.fraction, Jitter: uint32(s.jitter),
		TotalLost:          uint32(min(max(s.lost(), 0), 1<<23-1)),
		LastSequenceNumber: uint32(s.highest - 1<<16), // cycles begin at 0 on the wire
		LastSenderReport:   s.lastSR,
	}
	if s.lastSR != 0 {
		r.Delay = rtptime.Compact(now.Sub(s.lastSRAt))
	}
	return r
}

// senderReport takes the other side's clock.
func (s *source) senderReport(now time.Time, sr *rtcp.SenderReport) {
	s.lastSR, s.lastSRAt = rtptime.NTP(sr.NTPTime).Middle(), now
	if s.count > 0 {
		s.clock.Report(rtptime.NTP(sr.NTPTime), s.ts.Peek(sr.RTPTime))
	}
}
