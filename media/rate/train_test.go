package rate

import (
	"testing"
	"time"
)

// departs sends the first packets at once, and has the first report come when all have arrived.
func (p *run) departs(apart time.Duration) {
	for range trainLeast {
		p.send(300)
		until := p.now.Add(apart)
		p.step(until)
	}
	p.step(p.now.Add(250 * ms))
	p.report()
	p.step(p.now.Add(2 * p.delay))
}

// step lets time pass in which nothing is sent.
func (p *run) step(until time.Time) {
	for p.now.Before(until) {
		p.deliver()
		p.now = p.now.Add(ms)
	}
	p.deliver()
}

// How far apart the first packets come tells how fast the path is, as long as that is more than they were sent apart.
func TestTheFirstPacketsTellTheRate(t *testing.T) {
	for _, test := range []struct {
		kbps  float64
		apart time.Duration
		least float64 // of the guess
		most  float64
	}{
		{80, 0, 75, 85}, {150, 0, 140, 160}, {300, 0, 270, 330}, {1000, 0, 750, 1250},
		{5000, 0, 0, 0}, {0, 0, 0, 0}, {1000, 20 * ms, 0, 0},
	} {
		p := newRun(limits)
		p.kbps = test.kbps
		p.departs(test.apart)
		if got := p.c.capacity; got < test.least || got > test.most || p.c.guessed != (test.most > 0) {
			t.Errorf("%.0f kbit/s, sent %v apart: guessed %.0f, want %.0f to %.0f", test.kbps, test.apart, got, test.least, test.most)
		}
	}
}

// What was guessed keeps a narrow line from being filled at first, and holds nobody up where it was wrong.
func TestAGuess(t *testing.T) {
	p := newRun(limits)
	p.kbps = 300
	p.departs(0)
	for range 15 { // a second; pictures are 33 ms apart
		if p.goOn(66 * ms); p.c.path.queue > busy {
			t.Errorf("a queue of %v on a line of 300 kbit/s", p.c.path.queue)
			break
		}
	}
	p = newRun(limits)
	p.kbps = 100
	p.departs(0)
	p.kbps = 0
	if p.goOn(4 * time.Second); p.c.Kbps(p.now) < 1000 {
		t.Errorf("%d kbit/s four seconds after a guess of 100 that was wrong", p.c.Kbps(p.now))
	}
}

// Sound is known before the first picture is through: on a narrow path it is a good part of all.
func TestSoundIsKnownSoon(t *testing.T) {
	c, now := NewController(limits), time.Unix(1_700_000_000, 0)
	for range 6 {
		c.Beside(now, 160, 0, 0)
		now = now.Add(20 * ms)
	}
	if got := c.path.beside(); got < 55 || got > 85 {
		t.Errorf("%.0f kbit/s of sound after %v, want 64", got, 6*20*ms)
	}
}
