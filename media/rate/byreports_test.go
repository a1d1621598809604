package rate

import (
	"testing"
	"time"
)

// tap is a line that carries so much, with a queue before it, and a phone behind that tells how it fares.
type tap struct {
	c     *ByReports
	now   time.Time
	trail Trail
	queue float64 // kbit
	seq   uint32
	bits  float64 // of the packet at hand

	kbps, most float64       // what it carries, what its queue holds
	chance     int           // one in so many packets is lost besides
	every      time.Duration // between two reports
	rival      time.Duration // that somebody else's queue takes
	jumpy      time.Duration // that every other report takes longer
	asks       bool          // for pictures, when one is lost

	due, asked time.Time
	said       uint32
	lost       int
	total      int // lost
	way        []arriving
}

type arriving struct {
	seq uint32
	at  time.Time
}

const quantum = 10 * time.Millisecond

func newTap(kbps float64, every time.Duration) *tap {
	return &tap{c: NewByReports(Limits{Least: 80, First: 600, Most: 2000}), now: time.Unix(1_700_000_000, 0), kbps: kbps, most: kbps * 0.2,
		every: every, asks: true}
}

// run sends what may be sent for so long, and gives what it was on average.
func (p *tap) run(d time.Duration) (kbps float64) {
	steps := 0.0
	for until := p.now.Add(d); p.now.Before(until); p.now = p.now.Add(quantum) {
		p.c.Tick(p.now)
		kbps, steps = kbps+float64(p.c.Kbps(p.now)), steps+1
		p.queue = max(p.queue-p.kbps*quantum.Seconds(), 0)
		for p.bits += float64(p.c.Kbps(p.now)) * quantum.Seconds(); p.bits > 9.6; p.bits -= 9.6 {
			p.send()
		}
		if p.due.IsZero() || !p.now.Before(p.due) {
			p.report()
		}
	}
	return kbps / steps
}

func (p *tap) send() {
	p.seq++
	p.c.Sent(p.now)
	p.trail.Sent(p.now, uint16(p.seq), 1200)
	if p.queue+9.6 > p.most || p.chance > 0 && p.seq%uint32(p.chance) == 0 {
		p.lost++
		p.total++
		if p.asks && p.now.Sub(p.asked) > 300*time.Millisecond {
			p.asked = p.now
			p.c.Asked(p.now)
		}
		return
	}
	p.queue += 9.6
	p.way = append(p.way, arriving{p.seq, p.now.Add(20*time.Millisecond + p.rival + time.Duration(p.queue/p.kbps*float64(time.Second)))})
}

func (p *tap) report() {
	if p.due.IsZero() {
		p.due = p.now
	}
	p.due = p.due.Add(p.every)
	came := p.said
	late := p.jumpy * time.Duration(p.seq%2)
	for len(p.way) > 0 && !p.way[0].at.Add(late).After(p.now) {
		came, p.way = p.way[0].seq, p.way[1:]
	}
	if came == p.said {
		return
	}
	r := Report{Highest: came, Lost: min(float64(p.lost)/float64(came-p.said), 1)}
	r.Total, r.Least, r.Most, r.Known = p.trail.Passed(p.now, uint16(came))
	p.said, p.lost = came, 0
	p.c.Heard(p.now, r)
}

// A phone behind a line gets nearly what that carries, and next to nothing of it is lost once the line is known; all again when the
// line is wide.
func TestByReports(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 5 * time.Second} {
		for _, kbps := range []float64{150, 300, 700, 1500} {
			p := newTap(kbps, every)
			p.run(20 * time.Second)
			lost, sent := p.total, p.seq
			got := p.run(2 * time.Minute)
			share := float64(p.total-lost) / float64(p.seq-sent)
			if got < 0.7*kbps || got > kbps || share > 0.01 {
				t.Errorf("%v: %.0f kbit/s on a line of %.0f, %.3f lost", every, got, kbps, share)
			}
			p.kbps, p.most = 5000, 1000
			p.run(3 * time.Minute)
			if got := p.run(time.Second); got < 1990 {
				t.Errorf("%v: %.0f kbit/s of 2000 three minutes after a line of %.0f is wide", every, got, kbps)
			}
		}
	}
}

// What is lost at random, or waits for what is none of ours, takes nothing from pictures for long.
func TestByReportsOfWhatIsNoQueue(t *testing.T) {
	for name, change := range map[string]func(*tap){
		"one in 100 is lost":                func(p *tap) { p.chance = 100 },
		"one in 50 is lost":                 func(p *tap) { p.chance = 50 },
		"one in 12 is lost":                 func(p *tap) { p.chance = 12 },
		"every other report is 50 ms later": func(p *tap) { p.jumpy = 50 * time.Millisecond },
		"somebody else's queue, of 0.15 s":  func(p *tap) { p.rival = 150 * time.Millisecond },
		"one in seven is lost, nobody asks": func(p *tap) { p.chance, p.asks = 7, false },
	} {
		for _, every := range []time.Duration{time.Second, 5 * time.Second} {
			p := newTap(10_000, every)
			p.run(20 * time.Second)
			change(p)
			p.run(150 * time.Second)
			if got := p.run(20 * time.Second); got < 1900 {
				t.Errorf("%s, reports every %v: %.0f kbit/s of 2000", name, every, got)
			}
			p = newTap(10_000, every)
			change(p)
			p.run(150 * time.Second)
			if got := p.run(20 * time.Second); got < 1900 {
				t.Errorf("%s from the beginning, reports every %v: %.0f kbit/s of 2000", name, every, got)
			}
		}
	}
}

// Where nothing that is lost is sent again, few packets are whole more often: the more is lost, the fewer are sent. What hardly loses gets
// all, and so does one that lost much before.
func TestByReportsWithoutRepair(t *testing.T) {
	for chance, want := range map[int][2]float64{100: {1900, 2000}, 50: {1900, 2000}, 12: {150, 700}, 7: {150, 300}} {
		p := newTap(10_000, time.Second)
		p.c.Limit(Limits{Least: 80, First: 600, Most: 2000, Unrepaired: true})
		p.chance = chance
		p.run(60 * time.Second)
		if got := p.run(20 * time.Second); got < want[0] || got > want[1] {
			t.Errorf("one in %d is lost: %.0f kbit/s", chance, got)
		}
		p.chance = 0
		p.run(60 * time.Second)
		if got := p.run(time.Second); got < 1990 {
			t.Errorf("%.0f kbit/s a minute after one in %d was lost", got, chance)
		}
	}
}

// Where nothing is ever reported a moderate rate goes, and a phone that asks for one picture after the other gets less at first.
func TestByReportsWithoutReports(t *testing.T) {
	p := newTap(10_000, time.Hour)
	p.due = p.now.Add(time.Hour)
	p.run(9 * time.Second)
	if got := p.run(500 * time.Millisecond); got != 600 {
		t.Errorf("%.0f kbit/s at first", got)
	}
	p.run(5 * time.Second)
	if got := p.run(time.Second); got != moderate {
		t.Errorf("%.0f kbit/s when no report has come for 15 s", got)
	}
	p = newTap(250, time.Hour)
	p.due = p.now.Add(time.Hour)
	p.run(6 * time.Second)
	if got := p.run(time.Second); got > 255 {
		t.Errorf("%.0f kbit/s to a phone that asks for pictures all the time", got)
	}
	p.kbps, p.most = 5000, 1000
	p.run(20 * time.Second)
	if got := p.run(time.Second); got != moderate {
		t.Errorf("%.0f kbit/s to one that has not asked for long", got)
	}
}

// Sound's reports tell of a queue, and of what is lost, as well.
func TestByReportsOfSound(t *testing.T) {
	for name, r := range map[string]Report{
		"a queue":           {Sound: true, Known: true, Least: 150 * time.Millisecond, Most: 170 * time.Millisecond},
		"a quarter is lost": {Sound: true, Known: true, Least: 0, Most: 20 * time.Millisecond, Lost: 0.25},
	} {
		p := newTap(10_000, time.Second)
		p.run(20 * time.Second)
		for n := range uint32(10) {
			p.c.Heard(p.now, Report{Sound: true, Known: true, Most: 20 * time.Millisecond, Highest: n * 50})
			p.run(time.Second)
		}
		r.Highest = 500
		back := r
		back.Lost, back.Back = 0, 150*time.Millisecond
		if p.c.Heard(p.now, back); p.c.Kbps(p.now) != 2000 {
			t.Errorf("%s on the way back: %d kbit/s", name, p.c.Kbps(p.now))
		}
		p.run(time.Second)
		r.Highest = 550
		if p.c.Heard(p.now, r); p.c.Kbps(p.now) > 1500 {
			t.Errorf("%s: %d kbit/s", name, p.c.Kbps(p.now))
		}
	}
}
