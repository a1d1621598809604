// Package rate finds out how much a path carries, from when packets were sent and when they came (RFC 8888), and says how
// much of it pictures may take.
//
//	sending    Controller.Sent ─▶ ⋯ path ⋯ ─▶ Arrivals.Came    receiving
//	           Controller.Feedback ◀─ RTCP ◀─ Arrivals.Report
//	           Controller.Kbps
//
// All of it is pure: time is a parameter, and memory is fixed.
package rate

import (
	"time"

	"github.com/pion/rtcp"
)

// window is how many packets are remembered, in either direction; a power of two. It is four seconds at 4 Mbit/s.
const window = 2048

// repeats is how often a packet is reported: a path that is full loses reports too.
const repeats = 5

// maxReported bounds a report: what is older was reported often enough, or is lost.
const maxReported = 512

// Arrivals is when the packets of one sender came. The zero value is ready.
type Arrivals struct {
	at       [window]arrival
	begins   [repeats]int64 // where the last reports and the next one would begin by themselves
	end      int64          // behind the highest that came
	reported bool           // nothing came since
	begun    bool
}

type arrival struct {
	seq int64
	at  time.Time
}

// Came takes a packet with its extended sequence number.
func (a *Arrivals) Came(now time.Time, seq int64) {
	if !a.begun || seq >= a.end+window {
		a.begun = true
		for i := range a.begins {
			a.begins[i] = seq
		}
	}
	a.end = max(a.end, seq+1)
	a.at[uint64(seq)%window] = arrival{seq: seq, at: now}
	a.reported = false
}

// Report says what came since the last report, and once more what those before it said. ok is false when nothing came.
func (a *Arrivals) Report(now time.Time, ssrc uint32) (b rtcp.CCFeedbackReportBlock, ok bool) {
	if !a.begun || a.reported {
		return b, false
	}
	from := max(a.begins[0], a.end-maxReported)
	if from >= a.end { // only what came too late to tell
		a.reported = true
		return b, false
	}
	b = rtcp.CCFeedbackReportBlock{MediaSSRC: ssrc, BeginSequence: uint16(from)}
	for seq := from; seq < a.end; seq++ {
		m := rtcp.CCFeedbackMetricBlock{}
		if came := a.at[uint64(seq)%window]; came.seq == seq && !came.at.IsZero() {
			m.Received = true
			m.ArrivalTimeOffset = uint16(min(now.Sub(came.at)*offsetRate/time.Second, maxOffset))
		}
		b.MetricBlocks = append(b.MetricBlocks, m)
	}
	copy(a.begins[:], a.begins[1:])
	a.begins[repeats-1], a.reported = a.end, true
	return b, true
}

// An arrival is told as its distance from the report, in units of 1/1024 s, 13 bits of them; the two highest values mean
// something else (RFC 8888 §3.1).
const (
	offsetRate = 1024
	maxOffset  = 0x1ffd
)
