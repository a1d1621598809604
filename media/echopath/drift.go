package echopath

import "math"

const (
	drifts     = 160    // ways that count: forty seconds of speech
	unlike     = 0.0006 // s: a way that is off by more has jumped
	most       = 500e-6 // clocks are no further apart
	unsure     = 20e-6  // by so much a rate that is known may be wrong
	trembles   = 20e-6  // s: no way is found better than that
	overlap    = 3      // each is found from what the ones before it were found from too
	wellEnough = 8e-6   // a rate that is as sure as this is of use
)

// drift is how fast the echo's way grows, since speaker and microphone have clocks of their own. It is the slope of the straight lines
// that fit the ways found lately (least squares, one slope for all of them): the way jumps where a device loses sound, or follows its
// clock by steps, but clocks stay. Pauses leave a hole and no more.
type drift struct {
	at, way [drifts]float64 // s
	line    [drifts]int     // on which of the lines it is
	n       int
	rate    float64
	known   bool
}

// add takes a way that was found at a time, both in s.
func (d *drift) add(at, way float64) {
	if d.n > 0 {
		last := (d.n - 1) % drifts
		since, rate, wrong := at-d.at[last], 0.0, most
		if d.known {
			rate, wrong = d.rate, unsure
		}
		line := d.line[last]
		if off := math.Abs(way - d.way[last] - rate*since); since <= 0 || off > unlike+min(wrong*since, 3*unlike) {
			line++
		}
		d.line[d.n%drifts] = line
	}
	d.at[d.n%drifts], d.way[d.n%drifts] = at, way
	d.n++
	d.fit()
}

// fit makes the rate anew.
func (d *drift) fit() {
	var xx, xy, yy float64
	from, n, lines := max(0, d.n-drifts), 0, 0
	for i := from; i < d.n; {
		end, x, y := i, 0.0, 0.0
		for ; end < d.n && d.line[end%drifts] == d.line[i%drifts]; end++ {
			x += d.at[end%drifts]
			y += d.way[end%drifts]
		}
		k := float64(end - i)
		for ; i < end; i++ {
			dx, dy := d.at[i%drifts]-x/k, d.way[i%drifts]-y/k
			xx, xy, yy = xx+dx*dx, xy+dx*dy, yy+dy*dy
		}
		n, lines = n+int(k), lines+1
	}
	if free := n - lines - 1; xx > 0 && free > 0 {
		rate := xy / xx
		wrong := overlap * math.Sqrt(max(trembles*trembles, (yy-rate*xy)/float64(free))/xx)
		switch {
		case wrong >= wellEnough: // what is known stays, since clocks do
		case math.Abs(rate) <= most:
			d.rate, d.known = rate, true
		default:
			d.rate, d.known = 0, false
		}
	}
}
