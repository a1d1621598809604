package flow

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"time"

	"ewindow/registrar/block"
)

// Bounds of what is answered over UDP to an address where nobody has proved to be: the source of a datagram is whatever
// its sender writes there, so the answer may hit somebody who never asked.
const (
	answerRoom  = 200       // bytes by which an answer may be longer than its request
	unanswered  = 64        // datagrams of one address that wait for their answer
	addresses   = 8192      // that are remembered, of each kind and generation
	provenFor   = time.Hour // longer than any phone rings
	houseBurst  = 4 << 10   // bytes for each house at once, eight challenges; then houseRate a second
	houseRate   = 256
	answerBurst = 256 << 10 // bytes for each block beyond what its houses, 256 at most, have; then answerRate a second
	answerRate  = 16 << 10
)

// answers decides which answers leave over UDP. Where an account has authenticated all do. Elsewhere each datagram has
// one, little longer than itself, and each block a budget of bytes: 80 KB a second. A part of it is for each house alone,
// so that a phone there still gets its challenge while somebody forges the addresses of its block. Whoever authenticates
// gets back what that cost, so that the phones of one house do not use up each other's budget.
type answers struct {
	houses, blocks *block.Budgets

	mu     sync.Mutex
	proven generations[time.Time] // until when
	askers generations[*asker]
}

// An asker is an address from which datagrams came.
type asker struct {
	sizes []uint16 // of those without an answer, the oldest first
	house int      // bytes of the answers, from the budget of its house
	block int      // and of its block
}

func newAnswers() *answers {
	return &answers{houses: block.NewBudgets(houseRate, houseBurst), blocks: block.NewBudgets(answerRate, answerBurst),
		proven: newGenerations[time.Time](addresses), askers: newGenerations[*asker](addresses)}
}

// arrived notes a datagram of n bytes.
func (a *answers) arrived(from netip.Addr, n int, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.isProven(from, now) {
		return
	}
	k, _ := a.askers.get(from)
	if k == nil {
		k = &asker{}
		a.askers.put(from, k)
	}
	if len(k.sizes) == unanswered {
		k.sizes = k.sizes[:copy(k.sizes, k.sizes[1:])]
	}
	k.sizes = append(k.sizes, uint16(n)) // no datagram is larger
}

// may says whether an answer of n bytes may be sent, and books it.
func (a *answers) may(to netip.Addr, n int, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.isProven(to, now) {
		return true
	}
	k, _ := a.askers.get(to)
	if k == nil {
		return false
	}
	fits := -1 // the smallest that is large enough: the larger ones may be needed for longer answers
	for i, size := range k.sizes {
		if n <= int(size)+answerRoom && (fits < 0 || size < k.sizes[fits]) {
			fits = i
		}
	}
	switch {
	case fits < 0:
		return false
	case a.houses.Spend(block.House(to), n, now):
		k.house += n
	case a.blocks.Spend(block.Of(to), n, now):
		k.block += n
	default:
		return false
	}
	k.sizes = append(k.sizes[:fits], k.sizes[fits+1:]...)
	return true
}

// authenticated notes that whoever is at an address has proved to be there.
func (a *answers) authenticated(at netip.Addr, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.proven.put(at, now.Add(provenFor))
	if k, ok := a.askers.get(at); ok {
		a.houses.Return(block.House(at), k.house, now)
		a.blocks.Return(block.Of(at), k.block, now)
		a.askers.remove(at)
	}
}

func (a *answers) isProven(at netip.Addr, now time.Time) bool {
	until, ok := a.proven.get(at)
	return ok && now.Before(until)
}

// isAnswer tells a response, of whatever version its request had, from a request: no method has a slash in it. Requests
// are not bounded here: they go to registered flows alone.
func isAnswer(b []byte) bool { return len(b) > 4 && bytes.EqualFold(b[:4], []byte("SIP/")) }

// ip is the address in a, in one spelling.
func ip(a net.Addr) netip.Addr { return block.Addr(a).WithZone("").Unmap() }

// generations is a map by address that forgets what has not been looked at for longest: when the young generation is
// full it becomes the old one, and what was old and never asked for is gone.
type generations[V any] struct {
	max        int // of one generation
	young, old map[netip.Addr]V
}

func newGenerations[V any](max int) generations[V] {
	return generations[V]{max: max, young: map[netip.Addr]V{}}
}

func (g *generations[V]) get(k netip.Addr) (V, bool) {
	v, ok := g.young[k]
	if ok {
		return v, true
	}
	if v, ok = g.old[k]; ok {
		g.put(k, v)
	}
	return v, ok
}

func (g *generations[V]) put(k netip.Addr, v V) {
	if _, ok := g.young[k]; !ok && len(g.young) >= g.max {
		g.old, g.young = g.young, map[netip.Addr]V{}
	}
	g.young[k] = v
}

func (g *generations[V]) remove(k netip.Addr) {
	delete(g.young, k)
	delete(g.old, k)
}
