// Package block groups addresses by who answers for them, and gives each group a budget: a stranger has one address
// or a network full of them, and takes no more either way.
package block

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Of is the block of an address: the /24 of an IPv4 address, the /56 of an IPv6 one, which is what one customer is
// given (RFC 6177). The zero address has the zero block.
func Of(a netip.Addr) netip.Prefix { return prefix(a, 24, 56) }

// House is the part of a block that is most likely one household or office: an IPv4 address, or an IPv6 /64.
func House(a netip.Addr) netip.Prefix { return prefix(a, 32, 64) }

func prefix(a netip.Addr, bits4, bits6 int) netip.Prefix {
	a = a.WithZone("").Unmap()
	bits := bits6
	if a.Is4() {
		bits = bits4
	}
	p, _ := a.Prefix(bits) // fails for the zero address only
	return p
}

// Addr is the IP address in a; the zero address if there is none.
func Addr(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort().Addr()
	case *net.UDPAddr:
		return a.AddrPort().Addr()
	case nil:
		return netip.Addr{}
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return ap.Addr()
}

// maxBlocks bounds how many budgets are remembered. Beyond it newcomers share one: addresses of datagrams can be forged
// by the million.
const maxBlocks = 1 << 16

// Budgets are token buckets, one for each block. They may be used from several goroutines.
type Budgets struct {
	rate  rate.Limit
	burst int
	max   int
	whole time.Duration // for a budget to come back

	mu     sync.Mutex
	of     map[netip.Prefix]*rate.Limiter
	enough int           // of this size the map is looked through for budgets that are whole again
	looked time.Time     // when it was
	shared *rate.Limiter // of those for whom there is no room
}

// NewBudgets gives each block burst at once, and then perSecond.
func NewBudgets(perSecond float64, burst int) *Budgets {
	b := &Budgets{rate: rate.Limit(perSecond), burst: burst, max: maxBlocks, of: map[netip.Prefix]*rate.Limiter{}, enough: 64}
	b.whole = time.Duration(float64(burst) / perSecond * float64(time.Second))
	b.shared = rate.NewLimiter(b.rate, b.burst)
	return b
}

// Spend takes n from a block's budget, or nothing and returns false if less is left.
func (b *Budgets) Spend(of netip.Prefix, n int, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limiter(of, now).AllowN(now, n)
}

// Return gives n back to a block's budget, which is never more than whole.
func (b *Budgets) Return(of netip.Prefix, n int, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.of[of]; l != nil { // else it is whole, or shared by so many that nobody is owed anything
		l.AllowN(now, -n)
	}
}

func (b *Budgets) limiter(of netip.Prefix, now time.Time) *rate.Limiter {
	l := b.of[of]
	if l != nil {
		return l
	}
	b.forget(now)
	if len(b.of) >= b.max {
		return b.shared
	}
	l = rate.NewLimiter(b.rate, b.burst)
	b.of[of] = l
	return l
}

// forget drops the budgets that are whole again: they are as good as new ones. It looks when there are twice as many as
// the last time had to leave, and when there is no room, as often as a budget takes to become whole: so it costs each
// newcomer the same, however many there are.
func (b *Budgets) forget(now time.Time) {
	switch {
	case len(b.of) >= b.max && now.Sub(b.looked) >= b.whole:
	case len(b.of) < b.max && len(b.of) >= b.enough:
	default:
		return
	}
	for p, l := range b.of {
		if l.TokensAt(now) >= float64(b.burst) {
			delete(b.of, p)
		}
	}
	b.enough, b.looked = max(64, 2*len(b.of)), now
}
