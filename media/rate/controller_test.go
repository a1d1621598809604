package rate

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

const ms = time.Millisecond

// run is a bottleneck with a queue, and what leads to it and away from it, stepped through in simulated time. Pictures are sent
// as the controller allows.
type run struct {
	c        *Controller
	arrivals Arrivals
	random   *rand.Rand

	kbps  float64 // of the bottleneck, 0 for none
	queue time.Duration
	delay time.Duration // one way
	loss  float64
	quiet int     // bytes that a picture takes at most, 0 for as many as it may
	ppm   float64 // by which the receiver's clock is fast
	clock uint32  // what its reports begin with
	still bool    // that clock stands still

	now     time.Time
	free    time.Time
	seq     uint16
	highest int64
	due     []due // packets and reports on their way
	carried int   // bytes that arrived
	reno    *reno // who else sends; nil for nobody
}

// reno is a download beside it: TCP as RFC 5681 has it, without slow start.
type reno struct {
	window, flying, carried float64 // packets
	halved                  time.Time
}

type due struct {
	at     time.Time
	tcp    bool // an acknowledgement, or if lost the news of that
	lost   bool
	seq    int64
	size   int
	report *rtcp.CCFeedbackReport
}

func newRun(l Limits) *run {
	return &run{c: NewController(l), random: rand.New(rand.NewPCG(1, 2)), queue: 200 * ms, delay: 10 * ms, now: time.Unix(1_700_000_000, 0)}
}

// goOn goes on for so long and gives what arrived in that time, in kbit/s.
func (p *run) goOn(d time.Duration) float64 {
	was, until := p.carried, p.now.Add(d)
	for n := 0; p.now.Before(until); n++ {
		if n%33 == 0 {
			left := p.c.Kbps(p.now) * 1000 / 8 / 30
			if p.quiet > 0 {
				left = min(left, p.quiet)
			}
			for ; left > 0; left -= 1200 {
				p.send(min(left, 1200))
			}
		}
		for p.reno != nil && p.reno.flying < p.reno.window {
			p.reno.flying++
			out, ok := p.pass(1500)
			p.due = append(p.due, due{at: out.Add(2 * p.delay), tcp: true, lost: !ok})
		}
		p.deliver()
		if n%50 == 0 {
			p.report()
			p.c.Tick(p.now, true)
		}
		p.now = p.now.Add(ms)
	}
	return float64(p.carried-was) * 8 / 1000 / d.Seconds()
}

func (p *run) send(size int) {
	p.seq++
	p.highest++
	p.c.Sent(p.now, false, p.seq, size)
	if out, ok := p.pass(size); ok && p.random.Float64() >= p.loss {
		p.due = append(p.due, due{at: out.Add(p.delay), seq: p.highest, size: size})
	}
}

// pass takes a packet through the bottleneck; ok is false if the queue is full, which is seen when the queue has passed.
func (p *run) pass(size int) (out time.Time, ok bool) {
	if p.kbps == 0 {
		return p.now, true
	}
	if p.free.Before(p.now) {
		p.free = p.now
	}
	if p.free.Sub(p.now) > p.queue {
		return p.free, false
	}
	p.free = p.free.Add(time.Duration(float64(size) * 8 / p.kbps * float64(ms)))
	return p.free, true
}

// acknowledged is what the sender of the download makes of what it hears.
func (r *reno) acknowledged(now time.Time, lost bool) {
	r.flying--
	switch {
	case !lost:
		r.carried++
		r.window += 1 / r.window
	case now.Sub(r.halved) > 250*ms:
		r.window, r.halved = max(r.window/2, 2), now
	}
}

func (p *run) deliver() {
	rest := p.due[:0]
	for _, d := range p.due {
		switch {
		case d.at.After(p.now):
			rest = append(rest, d)
		case d.tcp:
			p.reno.acknowledged(p.now, d.lost)
		case d.report != nil:
			p.c.Feedback(p.now, d.report, 1, 2)
		default:
			p.carried += d.size
			p.arrivals.Came(p.theirs(), d.seq)
		}
	}
	p.due = rest
}

// theirs is the receiver's clock.
func (p *run) theirs() time.Time {
	return p.now.Add(time.Duration(p.ppm * float64(p.now.Sub(time.Unix(1_700_000_000, 0))) / 1e6))
}

func (p *run) report() {
	b, ok := p.arrivals.Report(p.theirs(), 1)
	if !ok || p.random.Float64() < p.loss {
		return
	}
	stamp := p.clock + uint32(p.theirs().Sub(time.Unix(1_700_000_000, 0))*65536/time.Second)
	if p.still {
		stamp = p.clock
	}
	p.due = append(p.due, due{at: p.now.Add(p.delay), report: &rtcp.CCFeedbackReport{ReportTimestamp: stamp, ReportBlocks: []rtcp.CCFeedbackReportBlock{b}}})
}

var limits = Limits{Least: 80, First: 250, Most: 3200}

// A path is used, and not overfilled: whatever it carries, with clocks that drift, and with losses that are no congestion.
func TestControllerFindsWhatAPathCarries(t *testing.T) {
	for _, test := range []struct {
		name        string
		kbps        float64
		loss, ppm   float64
		least, most float64 // kbit/s
	}{
		{"300", 300, 0, 0, 180, 300}, {"500", 500, 0, 0, 350, 500}, {"1000", 1000, 0, 0, 750, 1000}, {"2000", 2000, 0, 0, 1600, 2000},
		{"free", 0, 0, 0, 3100, 3300}, {"free, 5 % lost", 0, 0.05, 0, 2700, 3300}, {"free, 20 % lost", 0, 0.20, 0, 2000, 3300},
		{"1000, 5 % lost", 1000, 0.05, 0, 650, 1000}, {"1000, clocks drift", 1000, 0, 200, 700, 1000}, {"1000, the other way", 1000, 0, -200, 700, 1000},
	} {
		p := newRun(limits)
		p.kbps, p.loss, p.ppm = test.kbps, test.loss, test.ppm
		p.goOn(20 * time.Second)
		kbps := p.goOn(40 * time.Second)
		if kbps < test.least || kbps > test.most {
			t.Errorf("%s: %.0f kbit/s, want %.0f to %.0f", test.name, kbps, test.least, test.most)
		}
	}
}

// A path that carries a tenth all of a sudden is not filled for longer than a second, and used again within 30 s.
func TestControllerFollowsAFall(t *testing.T) {
	p := newRun(limits)
	p.kbps = 5000
	if kbps := p.goOn(20 * time.Second); kbps < 2500 {
		t.Fatalf("%.0f kbit/s at first", kbps)
	}
	p.kbps = 500
	p.goOn(1500 * ms)
	if p.c.Kbps(p.now) > 500 || p.c.Queue() > 60*ms {
		t.Errorf("after 1.5 s: %d kbit/s, %v queued", p.c.Kbps(p.now), p.c.Queue())
	}
	if kbps := p.goOn(20 * time.Second); kbps < 350 || kbps > 500 {
		t.Errorf("%.0f kbit/s of 500", kbps)
	}
	p.kbps = 5000
	p.goOn(15 * time.Second)
	if p.c.Kbps(p.now) < 3000 {
		t.Errorf("%d kbit/s 15 s after the path is free again", p.c.Kbps(p.now))
	}
}

// A machine that stands still for a moment is no path that carries nothing: what came late came at once.
func TestControllerForgivesAMachineThatStoodStill(t *testing.T) {
	p := newRun(limits)
	p.kbps = 1000
	p.goOn(20 * time.Second)
	before := p.c.Kbps(p.now)
	for range 5 {
		p.goOn(time.Second)
		for i := range p.due { // whatever is on its way comes together
			p.due[i].at = p.now.Add(300 * ms)
		}
		p.goOn(700 * ms)
		if now := p.c.Kbps(p.now); now < before/3 {
			t.Errorf("%d kbit/s of %d after it stood still for 300 ms", now, before)
		}
	}
}

// Nor is a radio that stands still for a moment: a report may have one packet of what it held up, or some that came on its heels.
func TestControllerForgivesARadioThatStoodStill(t *testing.T) {
	for seed := range uint64(5) {
		p := newRun(limits)
		p.random = rand.New(rand.NewPCG(1, seed))
		p.kbps, p.queue, p.loss = 3000, 100*ms, 0.01
		p.goOn(20 * time.Second)
		least := p.c.Kbps(p.now)
		for range 15 {
			for left := 6; left > 0; left-- { // all of it comes within 50 ms
				p.delay = 10*ms + time.Duration(left)*50*ms
				p.goOn(50 * ms)
			}
			p.delay = 10 * ms
			p.goOn(3600*ms + time.Duration(p.random.IntN(200))*ms)
			least = min(least, p.c.Kbps(p.now))
		}
		if least < 1500 {
			t.Errorf("%d kbit/s of 3000 at the least, between moments of 300 ms", least)
		}
	}
}

// Beside a download each side has its part of the path.
func TestControllerBesideADownload(t *testing.T) {
	for _, kbps := range []float64{1000, 2000, 5000} {
		p := newRun(limits)
		p.kbps = kbps
		p.goOn(20 * time.Second)
		p.reno = &reno{window: 2}
		p.goOn(10 * time.Second)
		was := p.reno.carried
		ours := p.goOn(60*time.Second) / kbps
		theirs := (p.reno.carried - was) * 1500 * 8 / 1000 / 60 / kbps
		t.Logf("%.0f kbit/s: ours %.2f, the download %.2f", kbps, ours, theirs)
		if ours < 0.25 || theirs < 0.25 {
			t.Errorf("%.0f kbit/s: ours %.2f of it, the download %.2f", kbps, ours, theirs)
		}
	}
}

// Silence is not congestion: after an outage it goes on where it was.
func TestControllerSurvivesAnOutage(t *testing.T) {
	p := newRun(limits)
	p.goOn(20 * time.Second)
	before := p.c.Kbps(p.now)
	p.loss = 1
	p.goOn(10 * time.Second)
	if now := p.c.Kbps(p.now); now > before/3 {
		t.Errorf("%d kbit/s are sent to nobody", now)
	}
	p.loss = 0
	p.goOn(300 * ms)
	if now := p.c.Kbps(p.now); now < before*9/10 {
		t.Errorf("%d kbit/s after the outage, %d before", now, before)
	}
}

// What others write, or write again, moves nothing.
func TestControllerIgnoresNonsense(t *testing.T) {
	p := newRun(limits)
	p.goOn(5 * time.Second)
	before := p.c.Kbps(p.now)
	for i := range 1000 {
		b := rtcp.CCFeedbackReportBlock{MediaSSRC: uint32(i % 3), BeginSequence: uint16(i * 77), MetricBlocks: make([]rtcp.CCFeedbackMetricBlock, i%600)}
		p.c.Feedback(p.now, &rtcp.CCFeedbackReport{ReportTimestamp: uint32(i) << 22, ReportBlocks: []rtcp.CCFeedbackReportBlock{b}}, 1, 2)
	}
	p.goOn(5 * time.Second)
	if now := p.c.Kbps(p.now); now < before/2 {
		t.Errorf("%d kbit/s, before %d", now, before)
	}
}

// A receiver's clock that is set back or forth, or stands still, takes nothing from a free path.
func TestControllerWhateverTheClockOfReportsDoes(t *testing.T) {
	for _, test := range []struct {
		name  string
		step  uint32 // in units of 1/65536 s
		still bool
		twice bool
	}{
		{name: "an hour back", step: 1<<32 - 3600<<16}, {name: "an hour forth", step: 3600 << 16},
		{name: "an hour back, twice", step: 1<<32 - 3600<<16, twice: true}, {name: "stands still", still: true},
	} {
		p := newRun(limits)
		p.still, p.kbps = test.still, 500
		p.goOn(3 * time.Second)
		p.clock += test.step
		p.goOn(3 * time.Second)
		if test.twice {
			p.clock += test.step
		}
		p.kbps = 0
		p.goOn(30 * time.Second)
		if kbps := p.goOn(10 * time.Second); kbps < 3000 {
			t.Errorf("%s: %.0f kbit/s of %d", test.name, kbps, limits.Most)
		}
	}
}

// A report says what came, five times in all, and no more than it may.
func TestArrivals(t *testing.T) {
	var a Arrivals
	start := time.Unix(1_700_000_000, 0)
	if _, ok := a.Report(start, 7); ok {
		t.Error("a report of nothing")
	}
	for _, seq := range []int64{65530, 65531, 65533, 65540} {
		a.Came(start, seq)
	}
	for i := range repeats + 1 {
		a.Came(start, 65541+int64(i))
		b, ok := a.Report(start.Add(100*ms), 7)
		if !ok || b.MediaSSRC != 7 {
			t.Fatalf("no report %d", i)
		}
		from := map[bool]uint16{true: 65530, false: 6}[i < repeats]
		if b.BeginSequence != from {
			t.Errorf("report %d begins with %d, want %d", i, b.BeginSequence, from)
		}
		if i == 0 {
			for k, m := range b.MetricBlocks {
				came := k != 2 && (k < 4 || k > 9)
				if m.Received != came || came && m.ArrivalTimeOffset != 102 {
					t.Errorf("%d: %+v", k, m)
				}
			}
		}
	}
	for seq := range int64(5000) {
		a.Came(start, 70000+seq)
	}
	if b, _ := a.Report(start, 7); len(b.MetricBlocks) > maxReported {
		t.Errorf("a report of %d packets", len(b.MetricBlocks))
	}
}

// Sequence numbers and the time in reports go round without being noticed.
func TestNumbersGoRound(t *testing.T) {
	plain, wraps := newRun(Limits{Least: 80, Most: 3000, First: 250}), newRun(Limits{Least: 80, Most: 3000, First: 250})
	plain.kbps, wraps.kbps = 1500, 1500
	plain.loss, wraps.loss = 0.03, 0.03
	wraps.seq, wraps.highest = 1<<16-300, 3<<16-300
	wraps.clock = 1<<32 - 3<<16 // three seconds before its end
	for i := range 12 {
		a, b := plain.goOn(2*time.Second), wraps.goOn(2*time.Second)
		if a != b || plain.c.Queue() != wraps.c.Queue() || plain.c.RoundTrip() != wraps.c.RoundTrip() {
			t.Errorf("%d s: %.0f and %.0f kbit/s, queues of %v and %v", 2*i, a, b, plain.c.Queue(), wraps.c.Queue())
		}
	}
	if wraps.highest < 3<<16+1000 {
		t.Error("the numbers did not go round")
	}
}
