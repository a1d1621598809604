package media

import (
	"time"

	"github.com/pion/rtcp"

	"ewindow/media/negotiate"
	"ewindow/media/rate"
)

const (
	// phoneKbps is what pictures to a phone begin with, on the wire: its first reports may be five seconds away. It is what 720p30
	// needs to look like something (see endpoint/window/scale.go).
	phoneKbps = 600

	// scarceKbps is where sound notices each picture that leaves faster than the line takes it.
	scarceKbps = 500
)

// phoneLimits are those of a stream to somebody who tells no more than receiver reports.
func phoneLimits(d *negotiate.Stream) rate.Limits {
	most := mostKbps
	if d.MaxKbps > 0 {
		most = onWire(d.MaxKbps)
	}
	return rate.Limits{Least: min(onWire(leastKbps), most), First: min(phoneKbps, most), Most: most, Unrepaired: !d.NACK}
}

// onWire is what coded pictures of a rate take on the wire.
func onWire(kbps int) int { return int(float64(kbps)*wireShare) + 1 }

// hearReport takes what a receiver report tells of one of our streams that nothing better is told of.
func (st *stream) hearReport(came time.Time, b rtcp.ReceptionReport) {
	video := st.s.video
	if video == nil {
		return
	}
	r := rate.Report{Sound: st != video, Highest: b.LastSequenceNumber, Back: st.s.back(came)}
	since := 0
	st.t.mu.Lock()
	if st.t.trail != nil {
		since = st.t.trail.Since(uint16(b.LastSequenceNumber))
		r.Total, r.Least, r.Most, r.Known = st.t.trail.Passed(came, uint16(b.LastSequenceNumber))
	}
	st.t.mu.Unlock()
	var ok bool
	if r.Lost, ok = st.doubt.Heard(came, b.FractionLost, b.TotalLost, b.LastSequenceNumber, since); !ok {
		return
	}
	video.t.mu.Lock()
	c := video.t.byReports
	if c != nil {
		c.Heard(came, r)
	}
	video.t.mu.Unlock()
	if c != nil && r.Sound {
		video.poke()
	}
}

// back is how long what comes waits at present, as far as sound tells.
func (s *Session) back(now time.Time) time.Duration {
	if last := s.epoch.Add(time.Duration(s.audio.counters.lastRTP.Load())); now.Sub(last) > paused {
		return 0
	}
	return time.Duration(s.waits.Load())
}

// asked is told that the other side misses something of our pictures.
func (st *stream) asked(now time.Time) {
	st.t.mu.Lock()
	defer st.t.mu.Unlock()
	if c := st.t.byReports; c != nil {
		c.Asked(now)
	}
}

// steer tells our encoder what reports allow. It says when to come again, zero for not before the next.
func (st *stream) steer(now time.Time) (next time.Time) {
	st.t.mu.Lock()
	c, kbps, lasting := st.t.byReports, 0, 0
	if c != nil {
		next = c.Tick(now)
		st.progress.queue = c.Queue()
		kbps, lasting = st.pictures(c.Kbps(now)), st.pictures(c.LastingKbps())
	}
	st.t.mu.Unlock()
	if c == nil {
		return time.Time{}
	}
	kbps, lasting = st.ceiling.kbps(now, kbps), st.ceiling.kbps(now, lasting)
	st.progress.budget = kbps
	st.tellBudget(now, kbps, lasting)
	return next
}
