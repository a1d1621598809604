package rtptime

import (
	"slices"
	"time"
)

const (
	driftEvery  = 10 * time.Second      // the fastest of so long is one point
	driftPoints = 30                    // so many are compared: five minutes
	driftLeast  = 6                     // fewer tell nothing
	driftJump   = 30 * time.Millisecond // from one point to the next: no drift, the path or the clock is another
)

// Drift is how much faster another clock runs than ours, from when its ticks come: packets of a sender, or sound of a
// microphone. What comes late is told apart from what comes slowly by the fastest of each ten seconds. It knows after a
// minute, and looks back over five. Its zero value is ready; it holds a fixed amount of memory.
type Drift struct {
	points [driftPoints]driftPoint // the oldest is overwritten
	n      int                     // how many there ever were since the last jump
	now    driftPoint              // the fastest of the window that began at since
	since  time.Duration
	begun  bool
	ppm    float64
}

// driftPoint is when something came, and by how much more than its own clock says.
type driftPoint struct{ at, transit time.Duration }

// Observe takes something that came at a time since any fixed moment, stamped with ticks of the other clock since any
// other: both go on evenly, or Reset is called.
func (d *Drift) Observe(at, ticks time.Duration) {
	p := driftPoint{at, at - ticks}
	switch {
	case !d.begun:
		d.now, d.since, d.begun = p, at, true
	case at-d.since < driftEvery:
		if p.transit <= d.now.transit {
			d.now = p
		}
	default:
		d.add()
		d.now, d.since = p, at
	}
}

// Reset forgets all.
func (d *Drift) Reset() { *d = Drift{} }

// PPM is by how many millionths the other clock is faster than ours; negative where it is slower.
func (d *Drift) PPM() (ppm float64, known bool) { return d.ppm, d.n >= driftLeast }

func (d *Drift) add() {
	if d.n > 0 && (d.now.transit-d.points[(d.n-1)%driftPoints].transit).Abs() > driftJump {
		d.n = 0
	}
	d.points[d.n%driftPoints] = d.now
	if d.n++; d.n < driftLeast {
		return
	}
	// Of points a minute apart: a way that became another within five minutes is in few of these slopes, not in their median.
	var slopes []float64
	for i := max(d.n-driftPoints, 0); i+driftLeast-1 < d.n; i++ {
		a, b := d.points[i%driftPoints], d.points[(i+driftLeast-1)%driftPoints]
		slopes = append(slopes, float64(b.transit-a.transit)/float64(b.at-a.at))
	}
	slices.Sort(slopes)
	d.ppm = -1e6 * slopes[len(slopes)/2]
}
