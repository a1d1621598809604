package media

import (
	"math"
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/media/rate"
)

const (
	tellIdle  = time.Second           // while nothing comes and goes
	tellEvery = 50 * time.Millisecond // how often the other side hears what came (RFC 8888 §3.2 has it at every frame or so)

	firstTold = 3 // packets: all that comes until the first report, which tells how far apart they came

	// Rates are of coded pictures where people and encoders use them, and of packets on the wire where the path does: packets
	// have headers of RTP, SRTP, UDP and IPv6, a sixteenth of them.
	wireShare = 1.07
	perPacket = 28 // UDP and IPv4, bytes

	// Without knowledge of the path a window begins with what almost every line carries, and finds out.
	firstKbps = 250
	leastKbps = 80   // to whoever does not say what came: he gets no stills
	mostKbps  = 8000 // where nobody names a limit

	deafAfter = 300 * time.Millisecond
	paused    = 100 * time.Millisecond // longer than between two packets of any sound
)

// limits are those of a stream: half as much as its pictures take goes to what is sent again. There is no least: see stills.
func limits(d *negotiate.Stream) rate.Limits {
	most := mostKbps
	if d.MaxKbps > 0 {
		most = int(float64(d.MaxKbps) * wireShare)
	}
	return rate.Limits{First: min(firstKbps, most), Most: most + most/2}
}

// reportShare is how much of what a narrow path carries goes to reports of each kind at most, each of about so many bytes.
const (
	reportShare = 0.06
	reportBytes = 150
	mostFrugal  = 3 * time.Second
	tellLatest  = 150 * time.Millisecond
)

// telling is how often the other side hears what came.
func (st *stream) telling() time.Duration {
	return min(max(st.s.frugal(reportBytes), tellEvery), tellLatest)
}

// balance tells the other side what came, and our encoder what the path carries. It says when to come again.
func (st *stream) balance(now time.Time) time.Time {
	if st.unsaid && st.tellDue.Sub(now) > tellLatest {
		st.tellDue = now.Add(tellEvery)
		if st.src != nil && st.src.count < firstTold {
			st.tellDue = now.Add(tellLatest)
		}
	}
	if now.Before(st.tellDue) {
		return st.tellDue
	}
	st.tellDue = now.Add(tellIdle)
	if st.unsaid {
		st.sayArrivals(now)
		st.unsaid, st.tellDue = false, now.Add(st.telling())
	}
	if st.allot(now) {
		st.tellDue = now.Add(st.telling())
	}
	return st.tellDue
}

// allot tells our encoder what it may make now. It says whether packets are on their way of which nothing was heard.
func (st *stream) allot(now time.Time) (awaits bool) {
	lost, jitter := st.s.sendAudio.fared()
	starves := st.s.sendVideo.starves(now)
	st.t.mu.Lock()
	c, kbps, lasting, carries, congested := st.t.rate, 0, 0, 0.0, false
	if c != nil {
		awaits = c.Awaits()
		st.t.othersLost, st.t.uneven = lost, jitter
		st.t.account(now)
		carries, congested = c.Carries(), c.Congested()
		if c.Contends() { // what is lost in his queue does not come back for fewer of our bytes: sound goes first, with all it needs
			carries, congested = math.MaxInt32, false
		}
		if c.Wary() {
			awaits = true
			st.t.probe(now, max(probeEvery, st.s.frugal(3*reportBytes)), starves)
		}
		c.Tick(now, st.s.unheard(now) > deafAfter)
		st.progress.queue = c.Queue()
		kbps, lasting = st.pictures(c.Kbps(now)), st.pictures(c.LastingKbps(now))
	}
	st.t.mu.Unlock()
	if c != nil {
		st.s.carries.Store(int64(min(carries, math.MaxInt32) * 1000))
		st.s.sendAudio.bound(now, carries, congested)
		kbps, lasting = max(kbps, stillBelow), max(lasting, stillBelow)
		kbps, lasting = st.ceiling.kbps(now, kbps), st.ceiling.kbps(now, lasting)
	}
	st.progress.budget = kbps
	st.tellBudget(now, kbps, lasting)
	return awaits
}

// unheard is for how long nothing has come from the other side. Missing reports tell less of what we send then.
func (s *Session) unheard(now time.Time) time.Duration {
	last := int64(0)
	for _, st := range s.streams() {
		last = max(last, st.counters.lastRTP.Load())
	}
	return now.Sub(s.epoch) - time.Duration(last)
}

// pictures is what coded pictures may take of what the wire carries.
func (st *stream) pictures(wire int) (kbps int) {
	kbps = int(float64(wire) / wireShare)
	if most := st.d.MaxKbps; most > 0 {
		kbps = min(kbps, most)
	}
	return kbps
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

// hearArrivals takes what the other side says of our packets.
func (st *stream) hearArrivals(now time.Time, r *rtcp.CCFeedbackReport) {
	rtt, fell := st.t.heard(now, r)
	if rtt > 0 {
		st.s.rtt.Store(int64(rtt))
	}
	if fell { // first the rate, so that the keyframe is a small one
		st.allot(now)
		st.logSize()
		st.s.restartVideo(st)
	}
}

// logSize says once how large packets may be, where the path does not carry all.
func (st *stream) logSize() {
	st.t.mu.Lock()
	bytes := 0
	if st.t.rate != nil && st.t.rate.Largest() > 0 {
		bytes = st.t.largest()
	}
	st.t.mu.Unlock()
	if bytes != st.progress.largest {
		st.progress.largest = bytes
		st.log.Info("path loses large packets", "packet_bytes", bytes)
	}
}

// heard gives the round trip, 0 while it is unknown. fell: a keyframe takes the place of all that was lost.
func (t *transmitter) heard(now time.Time, r *rtcp.CCFeedbackReport) (rtt time.Duration, fell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rate == nil {
		return 0, false
	}
	t.rate.Feedback(now, r, t.ssrc, t.repairSSRC)
	if fell = t.rate.Fell(); fell {
		t.history.begin(t.seq)
		t.generation++ // a picture that is half sent is not finished
	}
	return t.rate.RoundTrip(), fell
}

// tellBudget passes on what our pictures may take, when it has changed by more than anybody would see, and once a second.
func (st *stream) tellBudget(now time.Time, kbps, lasting int) {
	b := &st.budget
	change, lastingly := kbps-b.kbps, lasting-b.lasting
	slight := max(change, -change)*20 < b.kbps && max(lastingly, -lastingly)*20 < b.lasting
	if kbps == 0 || st.s.cfg.Budget == nil || slight && now.Sub(b.at) < time.Second {
		return
	}
	b.kbps, b.lasting, b.at = kbps, lasting, now
	st.s.cfg.Budget(kbps, lasting)
}

// budget is what our pictures may take, as it was told last.
type budget struct {
	kbps, lasting int
	at            time.Time
}
