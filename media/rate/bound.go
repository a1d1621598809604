package rate

import "time"

const (
	boundLeast = 100.0 // kbit/s that a sender is asked for at least
	boundGrows = 1.05  // each second, once nothing queues
	boundFalls = 0.92  // each second, while it does
	boundHolds = 10    // seconds after a queue
)

// Bound is what a sender is asked to send at most (TMMBR, REMB), by what comes from him. The zero value asks for nothing.
type Bound struct {
	kbps      float64 // 0: none
	suspected int     // seconds in a row with a queue
	holds     int
}

// Second takes what came in the last second: kbit/s on the wire, the share that was lost, and for how long the newest packet waited.
// It gives the bound in kbit/s, 0 for none; most is what the sender sends at most anyway.
func (b *Bound) Second(came, lost float64, waited time.Duration, most float64) float64 {
	if b.suspected++; waited < reportBusy {
		b.suspected = 0
	}
	switch {
	case came == 0:
	case b.suspected > 1 || b.suspected > 0 && lost > tolerable || lost > harmful:
		less := slack * came
		if b.kbps > 0 { // and it is still too much, with the keyframes that we ask for
			less = min(less, boundFalls*b.kbps)
		}
		b.kbps, b.holds = max(less, boundLeast), boundHolds
	case b.kbps == 0:
	case b.holds > 0:
		b.holds--
	case waited < reportCalm && lost < tolerable:
		if b.kbps = max(b.kbps, min(b.kbps*boundGrows, spare*came)); b.kbps > most {
			b.kbps = 0
		}
	}
	return b.kbps
}
