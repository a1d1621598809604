package echo

// An index gives each packet that is sent a number of its own, with the gaps of what came in. None is given twice:
// under one key that would undo the encryption (RFC 3711 §9.1, RFC 7714 §5.2).
type index struct {
	highest int64  // given so far
	given   uint64 // bit n: highest-n was given
	first   int64  // of this source; lower ones belong to the source before
	shift   int64  // from the source's number to ours
	known   bool   // a packet of this source has come
	last    int64  // the source's highest number, counted on over its wraps
}

// restart expects another source.
func (x *index) restart() { x.known = false }

func (x *index) next(seq uint16) (ours uint16, fresh bool) {
	if !x.known {
		x.known, x.last = true, int64(seq)
		x.first = x.highest + 1
		x.shift = x.first - x.last
	}
	at := x.last + int64(int16(seq-uint16(x.last)))
	x.last = max(x.last, at)
	n := at + x.shift
	switch ahead := n - x.highest; {
	case n < x.first || ahead <= -64:
		return 0, false
	case ahead > 0:
		x.given = x.given<<min(ahead, 64) | 1
		x.highest = n
	case x.given>>-ahead&1 == 1:
		return 0, false
	default:
		x.given |= 1 << -ahead
	}
	return uint16(n), true
}
