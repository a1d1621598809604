package rate

import (
	"testing"
	"time"
)

// Trials that told of chance are made seldom, and one of bursts is believed for twice as long each time.
func TestTrialsBecomeSeldom(t *testing.T) {
	c := NewController(Limits{First: 250, Most: 3000})
	s, now := &c.path.shallow, time.Unix(1_700_000_000, 0)
	want := trialFirst
	for range 8 {
		s.begin(now, stageEven)
		s.prior = 1000
		c.byChance(now)
		if wait := s.next.Sub(now); wait != want || s.judges() || c.target != 1000 {
			t.Errorf("the next trial after %v, want %v; target %.0f", wait, want, c.target)
		}
		want = min(2*want, trialSeldom)
	}
	lasts := believeFirst
	for range 8 {
		s.believe(now, 0)
		if s.believes != lasts {
			t.Errorf("believed for %v, want %v", s.believes, lasts)
		}
		now = now.Add(s.believes)
		if c.overflows(now); !s.on {
			t.Error("given up too soon")
		}
		now = now.Add(time.Second)
		if c.overflows(now); s.on {
			t.Error("believed for ever")
		}
		lasts = min(2*lasts, believeMost)
	}
}

// A controller whose packets all leave at once behind a short queue finds it out: they are to leave evenly, and no more than the path carries.
func TestShallowQueueIsFound(t *testing.T) {
	p := newRun(Limits{First: 250, Most: 3000})
	p.kbps, p.queue = 1000, 10*ms
	p.goOn(10 * time.Second)
	if kbps, bytes := p.c.Evenly(); kbps == 0 || kbps > 1000 || bytes > 550 || p.c.Overflows() > 0.2 {
		t.Errorf("evenly %.0f kbit/s, %d bytes; %.3f lost", kbps, bytes, p.c.Overflows())
	}
	chance := newRun(Limits{First: 250, Most: 3000})
	chance.loss = 0.1
	chance.goOn(20 * time.Second)
	if kbps, _ := chance.c.Evenly(); kbps != 0 || chance.c.Overflows() != 1 {
		t.Errorf("chance: evenly %.0f kbit/s", kbps)
	}
}

// What a quiet room sends is not what the path carries: no trial takes the room from its pictures, however much is lost.
func TestAQuietRoomIsNotTried(t *testing.T) {
	p := newRun(Limits{First: 250, Most: 3000})
	p.goOn(5 * time.Second)
	p.loss, p.quiet = 0.1, 1000
	for range 5 * 60 * 20 {
		p.goOn(50 * ms)
		if p.c.path.shallow.tries() && p.c.rests() {
			t.Fatalf("tried at %d kbit/s, of which %.0f are sent", p.c.Kbps(p.now), p.c.path.going.over(rarely))
		}
	}
	p.quiet = 0
	p.goOn(35 * time.Second)
	if p.c.path.shallow.next.IsZero() {
		t.Error("and nothing is tried once it moves")
	}
}

// A trial that has begun before the room became quiet ends, and leaves what was before.
func TestATrialEndsInAQuietRoom(t *testing.T) {
	c := NewController(Limits{First: 250, Most: 3000})
	s, now := &c.path.shallow, time.Unix(1_700_000_000, 0)
	s.prior, c.target = 2000, 1000
	s.begin(now, stageLess)
	if c.overflows(now); s.tries() || c.target != 2000 {
		t.Errorf("it goes on: %v; %.0f kbit/s", s.tries(), c.target)
	}
}

// A trial leaves pictures what they have at least, though next to nothing came.
func TestATrialLeavesPicturesSomething(t *testing.T) {
	c := NewController(Limits{First: 250, Most: 3000})
	s, now := &c.path.shallow, time.Unix(1_700_000_000, 0)
	s.begin(now, stageEven)
	s.base = fates{came: 100, lost: 20, rows: 20}
	s.trial, c.target = s.base, 500
	if c.try(now.Add(trialMost + ms)); s.stage != stageLess || c.target != lossLeast {
		t.Errorf("stage %v, %.0f kbit/s, want %.0f", s.stage, c.target, lossLeast)
	}
}

// What packets wait on a jittery path, whatever is sent, is no queue that stands since more is tried; what comes beside it is.
func TestJitterDoesNotStand(t *testing.T) {
	c := NewController(Limits{First: 250, Most: 3000})
	s := &c.path.shallow
	stands := func(target float64, waits ...time.Duration) (stood bool) {
		c.target = target
		for i := range 200 {
			c.path.queue = waits[i%len(waits)]
			stood = c.stood() || stood
		}
		return stood
	}
	s.on, s.settled = true, 1000
	if stands(1000, 15*ms, 25*ms, 20*ms) || stands(1100, 15*ms, 25*ms, 20*ms) {
		t.Errorf("jitter stands: %.3f, %.3f s", s.waits, s.varies)
	}
	if !stands(1100, 40*ms) {
		t.Error("a queue does not")
	}
}

// More that was too much leaves what did no harm for long; where that does harm, too, it is given up.
func TestWhatDidNoHarmIsKept(t *testing.T) {
	c := NewController(Limits{First: 250, Most: 3000})
	s, now := &c.path.shallow, time.Unix(1_700_000_000, 0)
	s.on = true
	s.settle(now, 1000)
	c.target = 1100
	if c.carriesNoMore(now.Add(probeFirst/2), 900); c.target > 900 {
		t.Errorf("%.0f kbit/s, though nobody knows that it does no harm", c.target)
	}
	s.settle(now, 1000)
	c.target = 1100
	if c.carriesNoMore(now.Add(probeFirst), 900); c.target != 1000 {
		t.Errorf("%.0f kbit/s after more was tried in vain, want 1000", c.target)
	}
	if c.carriesNoMore(now.Add(2*probeFirst), 900); c.target > 900 {
		t.Errorf("%.0f kbit/s stay where they do harm", c.target)
	}
}
