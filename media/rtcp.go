package media

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/rtptime"
)

// remoteReport is what the other side's last receiver report says of our sending.
type remoteReport struct {
	lost     uint64
	fraction uint8
	jitter   time.Duration
}

const (
	videoReportInterval = 1 * time.Second // reduced minimum of RFC 3550 §6.2, 360/kbps seconds, and no more often
	audioReportInterval = 2500 * time.Millisecond
)

// reportInterval is the time to the next report: half to one and a half of the minimum, so that reports of many calls
// do not fall together, and the compensation of RFC 3550 §6.3.1.
func reportInterval(often bool) time.Duration {
	least := audioReportInterval
	if often {
		least = videoReportInterval
	}
	return time.Duration(float64(least) * (0.5 + rand.Float64()) / 1.21828)
}

// report sends SR or RR with SDES (RFC 3550 §6.1), and what follows it.
func (st *stream) report(now time.Time, more rtcp.Packet) {
	var blocks []rtcp.ReceptionReport
	for _, src := range []*source{st.src, st.repair} {
		if src != nil && src.count > 0 {
			blocks = append(blocks, src.report(now))
		}
	}
	sr, sending := st.t.senderReport(now)
	var packets []rtcp.Packet
	if sending {
		sr.Reports = blocks
		packets = append(packets, &sr)
	} else {
		packets = append(packets, &rtcp.ReceiverReport{SSRC: sr.SSRC, Reports: blocks})
	}
	packets = append(packets, rtcp.NewCNAMESourceDescription(sr.SSRC, st.s.cfg.CNAME))
	if more != nil {
		packets = append(packets, more)
	}
	if err := st.t.sendRTCP(packets); err != nil {
		st.t.writeErrors.Add(1)
	}
}

// goodbye says that an SSRC of ours is not used any more (RFC 3550 §6.6).
func (st *stream) goodbye(now time.Time, ssrc uint32) {
	st.report(now, &rtcp.Goodbye{Sources: []uint32{ssrc}})
}

// askKeyframe sends PLI (RFC 4585 §6.3.1) or FIR (RFC 5104 §4.3.1). number distinguishes one FIR from the next.
func (st *stream) askKeyframe(now time.Time, a ask, number uint8) {
	if st.src == nil || a == askNothing {
		return
	}
	own := st.t.currentSSRC()
	if a == askFIR {
		st.report(now, &rtcp.FullIntraRequest{SenderSSRC: own, FIR: []rtcp.FIREntry{{SSRC: st.src.ssrc, SequenceNumber: number}}})
		return
	}
	st.report(now, &rtcp.PictureLossIndication{SenderSSRC: own, MediaSSRC: st.src.ssrc})
}

// askAgain asks for packets that are missing (generic NACK, RFC 4585 §6.2.1).
func (st *stream) askAgain(missing []rtcp.NackPair) {
	own := st.t.currentSSRC()
	st.feedback(&rtcp.TransportLayerNack{SenderSSRC: own, MediaSSRC: st.src.ssrc, Nacks: missing})
	st.s.nacked.Add(1)
}

// feedback sends a message that can't wait for the next report, in the least compound that carries one (RFC 4585 §3.1). Its
// report has no blocks, and so begins no interval.
func (st *stream) feedback(p rtcp.Packet) {
	own := st.t.currentSSRC()
	err := st.t.sendRTCP([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: own}, rtcp.NewCNAMESourceDescription(own, st.s.cfg.CNAME), p})
	if err != nil {
		st.t.writeErrors.Add(1)
	}
}

// receiveRTCP authenticates a compound packet and reads as much of it as is well-formed.
func (st *stream) receiveRTCP(d *arrival) {
	plain, err := st.unprotect.rtcp(nil, d.Data, d.at)
	if err != nil {
		st.refused(d, err)
		return
	}
	if st.unprotect.previous == nil { // else nobody knows by which keys it came
		st.heardFrom()
	}
	if st.d.Plain && !compound(plain) {
		st.counters.garbage.Add(1)
		return
	}
	if d.Control || st.d.Mux {
		d.authentic()
	}
	st.counters.lastRTCP.Store(int64(d.at.Sub(st.s.epoch)))
	for len(plain) > 0 {
		var h rtcp.Header
		if err := h.Unmarshal(plain); err != nil || (int(h.Length)+1)*4 > len(plain) {
			st.counters.garbage.Add(1)
			return
		}
		n := (int(h.Length) + 1) * 4
		if !st.control(d.at, d.Came, h, plain[:n]) {
			st.counters.garbage.Add(1)
		}
		plain = plain[n:]
	}
}

// compound says whether a datagram is what RFC 3550 §A.2 takes for RTCP: it begins with a report that has no padding, and
// the lengths of its packets add up. Without SRTP that is all that can be asked of it.
func compound(b []byte) bool {
	for first := true; len(b) > 0; first = false {
		var h rtcp.Header
		if h.Unmarshal(b) != nil || first && (h.Padding || h.Type != rtcp.TypeSenderReport && h.Type != rtcp.TypeReceiverReport) {
			return false
		}
		n := (int(h.Length) + 1) * 4
		if n > len(b) {
			return false
		}
		b = b[n:]
	}
	return true
}

// control takes one packet of a compound. Other kinds have no effect. BYE means that another sender may follow at
// once; a call ends by SIP. came is when it came to this machine, which is what round trips are measured by.
func (st *stream) control(now, came time.Time, h rtcp.Header, b []byte) (wellFormed bool) {
	switch {
	case h.Type == rtcp.TypeSenderReport:
		var sr rtcp.SenderReport
		if sr.Unmarshal(b) != nil {
			return false
		}
		if st.src != nil && st.src.ssrc == sr.SSRC {
			st.src.senderReport(came, &sr)
		}
		st.heardReports(now, came, sr.Reports)
	case h.Type == rtcp.TypeReceiverReport:
		var rr rtcp.ReceiverReport
		if rr.Unmarshal(b) != nil {
			return false
		}
		st.heardReports(now, came, rr.Reports)
	case h.Type == rtcp.TypeTransportSpecificFeedback && h.Count == rtcp.FormatTLN:
		var nack rtcp.TransportLayerNack
		if nack.Unmarshal(b) != nil {
			return false
		}
		st.t.resend(now, &nack)
	case h.Type == rtcp.TypeTransportSpecificFeedback && h.Count == rtcp.FormatCCFB:
		var report rtcp.CCFeedbackReport
		if report.Unmarshal(b) != nil {
			return false
		}
		st.hearArrivals(now, &report)
	case h.Type == rtcp.TypeTransportSpecificFeedback && h.Count == formatTMMBR:
		return st.hearTMMBR(now, b)
	case h.Type == rtcp.TypePayloadSpecificFeedback && h.Count == rtcp.FormatREMB:
		return st.hearREMB(now, b)
	case h.Type == rtcp.TypeGoodbye:
		var bye rtcp.Goodbye
		if bye.Unmarshal(b) != nil {
			return false
		}
		for _, ssrc := range bye.Sources {
			st.ceiling.left(ssrc)
		}
		if st.src != nil && slices.Contains(bye.Sources, st.src.ssrc) {
			st.src.left = true
		}
	case h.Type == rtcp.TypePayloadSpecificFeedback && (h.Count == rtcp.FormatPLI || h.Count == rtcp.FormatFIR):
		st.asked(now)
		st.s.keyframeWanted(st)
	}
	return true
}

func (st *stream) heardReports(now, came time.Time, blocks []rtcp.ReceptionReport) {
	own := st.t.currentSSRC()
	for _, b := range blocks {
		if b.SSRC != own {
			continue
		}
		st.remote = remoteReport{
			lost: uint64(max(int32(b.TotalLost<<8)>>8, 0)), fraction: b.FractionLost,
			jitter: rtptime.ToDuration(int64(b.Jitter), st.d.ClockRate),
		}
		if st == st.s.audio {
			st.s.sendAudio.heard(now, b)
		}
		st.hearReport(came, b)
		if rtt, ok := rtptime.RoundTrip(st.t.ntp(came), b.LastSenderReport, b.Delay); ok {
			st.s.rtt.Store(int64(st.trips.add(rtt)))
		}
		st.t.heardLoss(now, b, st.s.roundTrip())
	}
}

// trips are the last round trips that receiver reports told. There are phones that leave out how long they held our report
// (DLSR): the least is the nearest to the truth.
type trips struct {
	last [24]time.Duration
	n    int
}

func (t *trips) add(d time.Duration) (least time.Duration) {
	t.last[t.n%len(t.last)] = d
	t.n++
	return slices.Min(t.last[:min(t.n, len(t.last))])
}
