package media

import (
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/media/rate"
)

const (
	tellEvery = 50 * time.Millisecond // how often the other side hears what came (RFC 8888 §3.2 has it at every frame or so)

	// Rates are of coded pictures where people and encoders use them, and of packets on the wire where the path does: packets
	// have headers of RTP, SRTP, UDP and IPv6, a sixteenth of them.
	wireShare = 1.07
	perPacket = 28 // UDP and IPv4, bytes

	// Without knowledge of the path a window begins with what almost every line carries, and finds out.
	firstKbps = 250
	leastKbps = 80
	mostKbps  = 8000 // where nobody names a limit
)

// limits are those of a stream.
func limits(d *negotiate.Stream) rate.Limits {
	most := mostKbps
	if d.MaxKbps > 0 {
		most = int(float64(d.MaxKbps) * wireShare)
	}
	return rate.Limits{Least: min(leastKbps, most), First: min(firstKbps, most), Most: most}
}

// balance tells the other side what came, and our encoder what the path carries. It says when to come again.
func (st *stream) balance(now time.Time) time.Time {
	if now.Before(st.tellDue) {
		return st.tellDue
	}
	st.tellDue = now.Add(tellEvery)
	st.sayArrivals(now)
	st.t.mu.Lock()
	kbps := 0
	if c := st.t.rate; c != nil {
		c.Tick(now)
		kbps = int(float64(c.Kbps(now)) / wireShare)
	}
	st.t.mu.Unlock()
	st.s.tellBudget(kbps)
	return st.tellDue
}

// sayArrivals sends what came since the last time (RFC 8888).
func (st *stream) sayArrivals(now time.Time) {
	report := rtcp.CCFeedbackReport{SenderSSRC: st.t.currentSSRC(), ReportTimestamp: st.t.ntp(now).Middle()}
	for i, src := range []*source{st.src, st.repair} {
		if src == nil {
			continue
		}
		if b, ok := st.arrivals[i].Report(now, src.ssrc); ok {
			report.ReportBlocks = append(report.ReportBlocks, b)
		}
	}
	if report.ReportBlocks != nil {
		st.feedback(&report)
	}
}

// heard takes what the other side says of our packets.
func (t *transmitter) heard(now time.Time, r *rtcp.CCFeedbackReport) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rate != nil {
		t.rate.Feedback(now, r, t.ssrc, t.repairSSRC)
	}
}

// tellBudget passes on what our pictures may take, when it has changed by more than anybody would see.
func (s *Session) tellBudget(kbps int) {
	last := s.budget.Load()
	change := int64(kbps) - last
	if kbps == 0 || s.cfg.Budget == nil || last != 0 && max(change, -change)*20 < last {
		return
	}
	s.budget.Store(int64(kbps))
	s.cfg.Budget(kbps)
}
