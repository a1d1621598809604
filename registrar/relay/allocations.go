package relay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/pion/turn/v5"
)

// tries is how many ports are tried for one allocation before there is none.
const tries = 128

// allocations are the relayed addresses (RFC 8656 §7): pion/turn asks for a socket for each.
type allocations struct {
	peers  *peers
	limits Limits
	listen func(netip.AddrPort) (net.PacketConn, error)
	count  func(reason)
	open   sync.WaitGroup

	sent, received atomic.Uint64 // bytes of those that have ended
	total          *rate.Limiter // bytes of all, both ways

	mu   sync.Mutex
	live map[netip.AddrPort]*allocation // by relayed address
	each map[string]*tally              // by account
}

func newAllocations(p *peers, limits Limits, listen func(netip.AddrPort) (net.PacketConn, error), count func(reason)) *allocations {
	return &allocations{
		peers: p, limits: limits, listen: listen, count: count, total: bucket(limits.Total),
		live: map[netip.AddrPort]*allocation{}, each: map[string]*tally{},
	}
}

// An allocation is the socket behind a relayed address.
type allocation struct {
	net.PacketConn
	of      *allocations
	account string
	at      netip.AddrPort // as peers see it
	inside  netip.AddrPort // as the other allocations of this machine reach it
	once    sync.Once

	sent, received atomic.Uint64 // bytes to peers, and from them
	out, in        *rate.Limiter // the same, so far as they may be relayed
}

// burst is for how long an allocation that was quiet may relay as much as it likes: pictures come in bursts.
const burst = 250 * time.Millisecond

// bucket bounds what is relayed, to kbit/s.
func bucket(kbps int) *rate.Limiter {
	bytes := float64(kbps) * 1000 / 8
	return rate.NewLimiter(rate.Limit(bytes), max(64<<10, int(bytes*burst.Seconds())))
}

// affords says whether so many bytes more may be relayed one way. What goes on to another allocation here counts there among all.
func (k *allocation) affords(way *rate.Limiter, bytes int, here bool) bool {
	now := time.Now()
	if way.AllowN(now, bytes) && (here || k.of.total.AllowN(now, bytes)) {
		return true
	}
	k.of.count(excess)
	return false
}

// A tally is what an account has and had. It is kept as long as the account.
type tally struct {
	live   int
	budget *rate.Limiter
}

// tally is that of an account. a.mu is held.
func (a *allocations) tally(account string) *tally {
	t := a.each[account]
	if t == nil {
		t = &tally{budget: rate.NewLimiter(1, 4*a.limits.Each)}
		a.each[account] = t
	}
	return t
}

// room says whether an account may have another one now.
func (a *allocations) room(account string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tally(account).live < a.limits.Each && len(a.live) < a.limits.Allocations
}

// spend takes one from those that an account may begin: a burst, and then one a second.
func (a *allocations) spend(account string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tally(account).budget.AllowN(time.Now(), 1)
}

// Validate is part of turn.RelayAddressGenerator.
func (a *allocations) Validate() error { return nil }

var (
	errNoAddress = errors.New("there is no relayed address of that family")
	errNoPort    = errors.New("no port is free")
	errStreams   = errors.New("media is relayed over UDP alone")
)

// AllocatePacketConn is part of turn.RelayAddressGenerator: it opens the socket of a relayed address.
func (a *allocations) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	i := slices.IndexFunc(a.peers.relay, func(at netip.Addr) bool { return at.Is6() == (c.Network == "udp6") })
	if i < 0 {
		return nil, nil, errNoAddress
	}
	at := a.peers.relay[i]
	if c.UserID == "" { // pion/turn looks for an even port that is free, closes it, and asks for it (EVEN-PORT)
		return a.even(at)
	}
	if !a.room(c.UserID) { // asked for by two at once
		return nil, nil, fmt.Errorf("%s has its allocations", c.UserID)
	}
	var k *allocation
	err := a.try(func(port uint16) (err error) {
		if c.RequestedPort != 0 {
			port = uint16(c.RequestedPort)
		}
		if !a.peers.ports.contain(port) {
			return errNoPort
		}
		k, err = a.begin(c.UserID, netip.AddrPortFrom(at, port))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return k, net.UDPAddrFromAddrPort(k.at), nil
}

// try has open take a port, until one is free.
func (a *allocations) try(open func(port uint16) error) error {
	ports := int(a.peers.ports.High) - int(a.peers.ports.Low) + 1
	first := rand.IntN(ports)
	for n := range min(tries, ports) {
		if open(a.peers.ports.Low+uint16((first+n)%ports)) == nil {
			return nil
		}
	}
	return errNoPort
}

// even finds an even port that is free.
func (a *allocations) even(at netip.Addr) (socket net.PacketConn, addr net.Addr, err error) {
	err = a.try(func(port uint16) (err error) {
		if port%2 != 0 {
			return errNoPort
		}
		bind, _ := a.where(netip.AddrPortFrom(at, port))
		socket, err = a.listen(bind)
		addr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, port))
		return err
	})
	return socket, addr, err
}

// where is where the socket of a relayed address listens, and where the other allocations reach it. Where the address is a
// router's the socket takes every address of the machine.
func (a *allocations) where(at netip.AddrPort) (bind, inside netip.AddrPort) {
	if at.Addr().IsLoopback() || slices.Contains(a.peers.machine(), at.Addr()) {
		return at, at
	}
	host, loopback := netip.IPv4Unspecified(), netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if at.Addr().Is6() {
		host, loopback = netip.IPv6Unspecified(), netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(host, at.Port()), netip.AddrPortFrom(loopback, at.Port())
}

// begin opens a socket for a relayed address.
func (a *allocations) begin(account string, at netip.AddrPort) (*allocation, error) {
	bind, inside := a.where(at)
	socket, err := a.listen(bind)
	if err != nil {
		return nil, err
	}
	k := &allocation{
		PacketConn: socket, of: a, account: account, at: at, inside: inside, out: bucket(a.limits.Rate), in: bucket(a.limits.Rate),
	}
	a.open.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.live[at] = k
	a.tally(account).live++
	return k, nil
}

// AllocateListener is part of turn.RelayAddressGenerator: nothing is relayed over TCP (RFC 6062).
func (a *allocations) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errStreams
}

// AllocateConn is part of turn.RelayAddressGenerator: this server never dials.
func (a *allocations) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errStreams }

// find is the allocation with that relayed address, or nil.
func (a *allocations) find(at netip.AddrPort) *allocation {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.live[at]
}

// drop ends the allocations of an account.
func (a *allocations) drop(account string) {
	for _, k := range a.all() {
		if k.account == account {
			_ = k.Close()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.each[account]; t != nil && t.live == 0 {
		delete(a.each, account)
	}
}

// end ends all, and waits for that.
func (a *allocations) end() {
	for _, k := range a.all() {
		_ = k.Close()
	}
	a.open.Wait()
}

func (a *allocations) all() (out []*allocation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.live {
		out = append(out, k)
	}
	return out
}

func (a *allocations) state() (live int, sent, received uint64) {
	sent, received = a.sent.Load(), a.received.Load()
	for _, k := range a.all() {
		live++
		sent += k.sent.Load()
		received += k.received.Load()
	}
	return live, sent, received
}

// WriteTo sends to a peer. Whether that is allowed was asked when the permission was given, for its address; here it is asked
// for its port too. Another allocation is reached within the machine: few routers send back what is for themselves.
func (k *allocation) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("%v is no address over UDP", to)
	}
	dst := plain(udp.AddrPort())
	err, here := k.of.peers.at(dst), slices.Contains(k.of.peers.relay, dst.Addr())
	if err == nil && here {
		other := k.of.find(dst)
		if other == nil {
			err = errOurs
		} else {
			dst = other.inside
		}
	}
	if err != nil {
		k.of.count(peer)
		return len(b), nil // to the client it looks lost on the way
	}
	if !k.affords(k.out, len(b), here) {
		return len(b), nil
	}
	k.sent.Add(uint64(len(b)))
	return k.PacketConn.WriteTo(b, net.UDPAddrFromAddrPort(dst))
}

// ReadFrom reads what a peer sends.
func (k *allocation) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := k.PacketConn.ReadFrom(b)
	for err == nil && !k.affords(k.in, n, false) {
		n, from, err = k.PacketConn.ReadFrom(b)
	}
	if err != nil {
		return n, from, err
	}
	k.received.Add(uint64(n))
	if udp, ok := from.(*net.UDPAddr); ok && k.inside != k.at && udp.IP.IsLoopback() {
		if other := k.of.find(netip.AddrPortFrom(k.at.Addr(), udp.AddrPort().Port())); other != nil {
			from = net.UDPAddrFromAddrPort(other.at)
		}
	}
	return n, from, nil
}

// Close ends the allocation; it may be called more than once. pion/turn notices by its next reading.
func (k *allocation) Close() error {
	err := error(nil)
	k.once.Do(func() {
		a := k.of
		a.mu.Lock()
		delete(a.live, k.at)
		a.tally(k.account).live--
		a.mu.Unlock()
		a.sent.Add(k.sent.Load())
		a.received.Add(k.received.Load())
		err = k.PacketConn.Close()
		a.open.Done()
	})
	return err
}
