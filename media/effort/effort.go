// Package effort is how much of the pictures' work a machine does that has other work as well: less where it cannot keep up, and
// slowly more again. It is pure: time is a parameter.
//
// A machine that does not keep up drops pictures as they come, unevenly, and the rest is late. Half as many in even steps look better,
// and cost half.
package effort

import "time"

const (
	// Behind is who makes less than this share of the pictures that are wanted, if the encoder leaves out more than the next share
	// of what it is given. Else the camera gives no more: in the dark, or since nobody has time to look at it. Then half of them
	// would be fewer still, and as uneven.
	least, dropped = 0.85, 0.15

	patience = 3               // seconds behind, less those that were not, until less is done
	settling = 3 * time.Second // after a change: an encoder starts

	// Well is who makes this share, and whose threads wait no longer than that. Who has been so for a while tries more. If
	// that was too much, the next while is twice as long.
	most, calm = 0.95, 0.20
	while      = 20 * time.Second
	whileMost  = 10 * time.Minute
	proven     = time.Minute // after which more was not too much

	// Who is not heard of for so long is another one after that. On a machine without time nothing is heard for a while either.
	gone = time.Minute
)

// Report is what a camera has done in about a second.
type Report struct {
	Wanted float64 // pictures a second
	Given  float64 // of these, those that an encoder was given
	Made   float64 // and those that it made
	Waited float64 // share of the time that its thread that waited longest waited for a processor
}

// behind says that it does not keep up, and that this is the machine's fault.
func (r Report) behind() bool {
	return r.Made < least*r.Wanted && r.Given-r.Made > dropped*r.Given
}

func (r Report) well() bool { return r.Made >= most*r.Wanted && r.Waited < calm }

// Effort decides. Its zero value does all.
type Effort struct {
	step    int
	last    time.Time // report
	changed time.Time
	late    int       // reports that were behind, less those that were not
	since   time.Time // since when all is well; zero while it is not
	wait    time.Duration
	rose    bool // the last change was to more
}

// Step is by how many steps less is done than all: 0 for all.
func (e *Effort) Step() int { return e.step }

// Report takes what was done at the present step, of so many steps that there are, and says whether it is another one from now on.
func (e *Effort) Report(now time.Time, r Report, steps int) (changed bool) {
	was := e.step
	if now.Sub(e.last) > gone {
		*e = Effort{changed: now}
	}
	e.last = now
	if e.wait == 0 || e.rose && now.Sub(e.changed) > proven {
		e.wait = while
	}
	if now.Sub(e.changed) < settling {
		return e.step != was
	}
	if r.behind() {
		e.late = min(e.late+1, patience)
	} else {
		e.late = max(e.late-1, 0)
	}
	switch {
	case !r.well():
		e.since = time.Time{}
	case e.since.IsZero():
		e.since = now
	}
	switch {
	case e.late >= patience && e.step < steps-1:
		if e.rose && now.Sub(e.changed) < proven {
			e.wait = min(2*e.wait, whileMost)
		}
		e.to(now, e.step+1)
	case e.step > 0 && !e.since.IsZero() && now.Sub(e.since) >= e.wait:
		e.to(now, e.step-1)
	}
	return e.step != was
}

func (e *Effort) to(now time.Time, step int) {
	e.rose = step < e.step
	e.step, e.changed, e.late, e.since = step, now, 0, time.Time{}
}
