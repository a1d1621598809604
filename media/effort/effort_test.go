package effort

import (
	"testing"
	"time"
)

const steps = 6

// machine has so much time for pictures, in pictures of the full format a second: each step needs half as much as the one before.
type machine struct {
	Effort
	now     time.Time
	power   float64
	changes int
}

// run goes on for so many seconds, each with a report.
func (m *machine) run(seconds int) {
	for range seconds {
		m.now = m.now.Add(time.Second)
		wanted := 30.0
		if m.Step()%2 == 1 {
			wanted = 15
		}
		share := m.power / (30 / float64(int(1)<<m.Step())) // of the work that there is time for
		r := Report{Wanted: wanted, Given: wanted, Made: wanted * min(share, 1), Waited: 0.5 - min(share, 5)/10}
		if share > 2 {
			r.Waited = 0.05
		}
		if m.Report(m.now, r, steps) {
			m.changes++
		}
	}
}

func newMachine(power float64) *machine {
	return &machine{now: time.Unix(1_700_000_000, 0), power: power}
}

func TestEffort(t *testing.T) {
	m := newMachine(90)
	m.run(60)
	if m.Step() != 0 {
		t.Errorf("a machine that does nothing else: step %d", m.Step())
	}
	m.power = 20 // of 30
	m.run(5)
	if m.Step() != 1 {
		t.Errorf("5 s after two thirds are left: step %d, want half of the pictures", m.Step())
	}
	m.power = 5
	m.run(20)
	if m.Step() != 3 {
		t.Errorf("a sixth is left: step %d, want 3", m.Step())
	}
	m.power = 90
	m.run(120)
	if m.Step() != 0 {
		t.Errorf("two minutes after the other work has ended: step %d", m.Step())
	}
}

// Where half is well done and all is not, all is tried more and more seldom.
func TestTriedSeldom(t *testing.T) {
	m := newMachine(90)
	m.run(10)
	m.power = 25
	m.run(10)
	m.changes = 0
	for range 3600 {
		m.power = 25
		if m.Step() == 1 {
			m.power = 60 // looks idle
		}
		m.run(1)
	}
	if m.changes > 2*11 || m.changes < 4 {
		t.Errorf("the format changed %d times in an hour", m.changes)
	}
}

// A camera that gives few pictures in the dark, and an encoder that holds one back, are no busy machine.
func TestNotTheMachine(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, r := range []Report{
		{Wanted: 30, Given: 10, Made: 10, Waited: 0.1},
		{Wanted: 30, Given: 10, Made: 9.5},
		{Wanted: 30, Given: 16, Made: 15, Waited: 0.6}, // the capture is what comes late
		{Wanted: 30, Given: 30, Made: 27, Waited: 0.5}, // late, and nobody sees it
		{},
	} {
		var e Effort
		for i := range 60 {
			e.Report(now.Add(time.Duration(i)*time.Second), r, steps)
		}
		if e.Step() != 0 {
			t.Errorf("%+v: step %d", r, e.Step())
		}
	}
	var e Effort
	for i := range 60 { // nothing is less than the last step
		e.Report(now.Add(time.Duration(i)*time.Second), Report{Wanted: 30, Given: 30, Made: 1}, steps)
	}
	if e.Step() != steps-1 {
		t.Errorf("step %d of %d", e.Step(), steps)
	}
	if !e.Report(now.Add(2*time.Minute), Report{Wanted: 30, Given: 30, Made: 30}, steps) || e.Step() != 0 {
		t.Errorf("another call begins with step %d", e.Step())
	}
}
