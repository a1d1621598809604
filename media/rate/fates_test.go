package rate

import (
	"math/rand/v2"
	"testing"
	"time"
)

// falls is what becomes of so many packets, of which a share is lost, in rows of so many on average.
func falls(r *rand.Rand, packets int, loss, row float64) (f fates) {
	losing := false
	for i := range packets {
		switch {
		case losing:
			losing = r.Float64() >= 1/row
		default:
			losing = r.Float64() < loss/(1-loss)/row
		}
		p := &packet{seq: uint16(i), ahead: i%7 < 2, at: time.Unix(1, 0)}
		if losing {
			f.add(p, 1, 0)
		} else {
			f.add(p, 0, 1)
		}
	}
	return f
}

// Loss that stays is never taken for one that fell, in rows or not, and one that has gone is seen within a few hundred packets.
func TestVerdicts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, loss := range []float64{0.03, 0.05, 0.20} {
		for _, row := range []float64{1, 4} {
			wrong, found := 0, 0
			for range 1000 {
				before := falls(r, 400, loss, row)
				same, less := falls(r, 400, loss, row), falls(r, 600, loss/10, row)
				if same.against(&before, false) == fell {
					wrong++
				}
				if less.against(&before, true) == fell {
					found++
				}
			}
			t.Logf("%.2f in rows of %.0f: %d of 1000 wrong, %d found", loss, row, wrong, found)
			if wrong > 5 || found < 900 && (row == 1 || loss > 0.1) { // few rows tell little
				t.Errorf("%.2f in rows of %.0f: %d of 1000 wrong, at most 5; %d found, at least 900", loss, row, wrong, found)
			}
		}
	}
}

// What is lost at the end of bursts looks like a short queue, and chance does not.
func TestInBursts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	wrong := 0
	for range 1000 {
		if f := falls(r, 400, 0.10, 1); f.inBursts() {
			wrong++
		}
	}
	if wrong > 20 {
		t.Errorf("chance looks like bursts %d times of 1000", wrong)
	}
	if f := (fates{came: 220, lost: 14, rows: 14}); f.inBursts() || !f.blind() {
		t.Errorf("where all packets follow others, that some are lost looks like bursts")
	}
	var f fates
	var b burst
	now := time.Unix(1, 0)
	for i := range 60 * 7 { // pictures of seven packets at once, of which the last two are lost
		if i%7 == 0 {
			now = now.Add(33 * ms)
		}
		p := &packet{seq: uint16(i), at: now, ahead: b.add(now, 1200, 2000)}
		if i%7 >= 5 {
			f.add(p, 1, 0)
		} else {
			f.add(p, 0, 1)
		}
	}
	if !f.inBursts() {
		t.Errorf("the ends of bursts do not: %+v", f)
	}
}

func TestFatesFade(t *testing.T) {
	f := falls(rand.New(rand.NewPCG(1, 2)), 1000, 0.1, 1)
	now := time.Unix(2, 0)
	f.fade(now)
	lost, share := f.lost, f.share()
	for range 40 {
		now = now.Add(50 * ms)
		f.fade(now)
	}
	if f.lost > 0.4*lost || f.lost < 0.3*lost || f.share() < 0.9*share || f.share() > 1.1*share {
		t.Errorf("after two seconds %.1f of %.1f lost, share %.3f of %.3f", f.lost, lost, f.share(), share)
	}
}
