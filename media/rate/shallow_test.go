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
