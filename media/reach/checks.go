package reach

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// Checks go to addresses that the other side has named, and nothing says that these are its own: it could name others' and have us send
// there (RFC 8445 §19.5.1). So what is checked is bounded, and whoever does not answer is asked ever more seldom.
const (
	mostAddresses = 16 // of them, for one search; a machine with IPv6 and several networks has half as many

	// One machine has a port of its own for a stream, and some at a server that relays for it. More of them at one address only have
	// us send checks to whoever is there.
	mostAtOne = 6

	checksMost = 100 // rounds for a pair before it is given up: the other side may begin seconds later than we

	hurried  = time.Second             // that an address is asked with each round, from the first one on, or since it was heard from
	slowest  = 1600 * time.Millisecond // between two rounds; the pause doubles until then
	oneRound = 30 * time.Millisecond   // in which the checks of a round go out
)

// lane is by what checks go where.
type lane struct {
	by carrier
	to netip.AddrPort
}

// turns are when an address is asked. Pure but for its lock: it is told the time.
type turns struct {
	mu    sync.Mutex
	lanes map[lane]*rhythm
}

// rhythm is how often an address is asked.
type rhythm struct {
	begun time.Time
	round time.Time // that was last
	pause time.Duration
}

// may says whether a check may go out now.
func (t *turns) may(l lane, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lanes == nil {
		t.lanes = map[lane]*rhythm{}
	}
	x := t.lanes[l]
	switch {
	case x == nil:
		t.lanes[l] = &rhythm{begun: now, round: now, pause: checkEvery}
		return true
	case now.Sub(x.round) < oneRound:
		return true
	case now.Sub(x.begun) < hurried:
	case now.Sub(x.round) < min(2*x.pause, slowest)-oneRound: // rounds are not on the dot
		return false
	default:
		x.pause = min(2*x.pause, slowest)
	}
	x.round = now
	return true
}

// heard begins anew: there is somebody who speaks STUN.
func (t *turns) heard(l lane, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x := t.lanes[l]; x != nil {
		x.begun, x.pause = now, checkEvery
	}
}

// check says whether what pion sends is a check.
func check(b []byte) bool {
	return len(b) >= 20 && binary.BigEndian.Uint16(b) == stun.BindingRequest.Value()
}
