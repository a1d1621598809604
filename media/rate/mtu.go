package rate

import "time"

// Packets that are larger than the path's MTU vanish where nobody is told (a router that sends no ICMP, or one whose ICMP is
// filtered): a black hole (RFC 4821 §7.7, RFC 8899 §4.3). It is seen by its own mark: of all that is larger than something nothing
// comes, while what is smaller does.
const (
	// So many packets that vanish, over so long, while so many smaller ones that were sent meanwhile came, are enough where no
	// packet so large ever came, and fewer where a hole is known; where one did come, the path has changed, which is rare, and
	// losses by chance are not.
	vanishedFirst, vanishedFor = 8, 300 * time.Millisecond
	vanishedNext, nextFor      = 4, 100 * time.Millisecond
	vanishedLater, changedFor  = 30, 2 * time.Second
	cameMeanwhile              = 4

	// What vanished earlier than this is forgotten, and so is all but so much.
	vanishedAge  = 10 * time.Second
	vanishedMost = 64

	// leastSize is the size below which no packet is made smaller, as on the wire: smaller ones would be headers above all, and
	// every path carries 576 (RFC 791).
	leastSize = 500

	smaller = 7.0 / 8 // at most, of what vanished
)

// sizes finds out how large packets may be, from what becomes of each. Its zero value knows nothing. Pure.
type sizes struct {
	vanished []fate        // those that are larger than all that came since, vanishedMost of them
	came     [64]time.Time // when the last packets that came were sent
	n        int           // of these, so far
	largest  int           // that ever came
	limit    int           // bytes; 0: none is known
}

// fate is a packet that was sent and did not come.
type fate struct {
	at   time.Time
	size int
}

// arrived takes a packet that was sent at a time and came.
func (s *sizes) arrived(at time.Time, size int) {
	s.came[s.n%len(s.came)] = at
	s.n++
	s.largest = max(s.largest, size)
	rest := s.vanished[:0]
	for _, f := range s.vanished {
		if f.size > size {
			rest = append(rest, f)
		}
	}
	s.vanished = rest
}

// lost takes a packet that was sent at a time and did not come. It says whether packets are to be smaller from now on.
func (s *sizes) lost(at time.Time, size int) (lower bool) {
	if s.limit > 0 && size > s.limit { // from before
		return false
	}
	for len(s.vanished) > 0 && at.Sub(s.vanished[0].at) > vanishedAge {
		s.vanished = append(s.vanished[:0], s.vanished[1:]...)
	}
	if len(s.vanished) == vanishedMost { // the first says since when
		s.vanished = append(s.vanished[:1], s.vanished[2:]...)
	}
	s.vanished = append(s.vanished, fate{at, size})
	enough, over := vanishedFirst, vanishedFor
	if s.limit > 0 {
		enough, over = vanishedNext, nextFor
	}
	least, hole := s.hole(s.largest, enough, over)
	if !hole {
		if least, hole = s.hole(0, vanishedLater, changedFor); !hole {
			return false
		}
		s.largest = 0
	}
	below := int(smaller * float64(least))
	if s.largest > 0 { // what came comes again; what is between the two would have to be tried
		below = min(below, max(s.largest, least/2))
	}
	below = max(below, leastSize)
	s.vanished = s.vanished[:0]
	if below >= least || s.limit > 0 && below >= s.limit {
		return false
	}
	s.limit = below
	return true
}

// hole says whether enough packets vanished that are larger than a size, and gives the smallest of them.
func (s *sizes) hole(above, enough int, over time.Duration) (least int, ok bool) {
	var first, last time.Time
	count := 0
	for _, f := range s.vanished {
		if f.size <= above {
			continue
		}
		if count++; count == 1 || f.at.Before(first) {
			first = f.at
		}
		if f.at.After(last) {
			last = f.at
		}
		if least == 0 || f.size < least {
			least = f.size
		}
	}
	if count < enough || last.Sub(first) < over {
		return 0, false
	}
	meanwhile := 0
	for _, at := range s.came[:min(s.n, len(s.came))] {
		if at.After(first) && at.Before(last) {
			meanwhile++
		}
	}
	return least, meanwhile >= cameMeanwhile
}
