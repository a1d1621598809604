package relay

import (
	"net"
	"net/netip"
	"sync"
)

// An allocation has so many permissions and channels: a window's partner has a handful of addresses, and each packet is
// looked up among the channels one by one.
const (
	maxPeers    = 64
	maxChannels = 64
)

// A source is where a client comes from, and over TCP by which address of ours: its five-tuple. Two windows behind one router
// may come from one port of it, to two of ours.
type source struct {
	tcp bool
	at  netip.AddrPort
	to  string // over TCP
}

// sourceOf is the source that an address means, such as marked gives it.
func sourceOf(a net.Addr) source {
	switch a := a.(type) {
	case *net.UDPAddr:
		return source{at: plain(a.AddrPort())}
	case *net.TCPAddr:
		return source{tcp: true, at: netip.AddrPortFrom(address(a.IP).Unmap(), uint16(a.Port)), to: a.Zone}
	}
	return source{}
}

// marked is the address of a client over TCP as pion/turn is to have it: by that alone it asks for permissions. The zone, which it
// never looks at, says by which of our addresses the client came.
func marked(client, ours net.Addr) net.Addr {
	if tcp, ok := client.(*net.TCPAddr); ok {
		return &net.TCPAddr{IP: tcp.IP, Port: tcp.Port, Zone: ours.String()}
	}
	return client
}

// plain is an address in one spelling.
func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// clients are those who have an allocation.
type clients struct {
	mu sync.RWMutex
	by map[source]*client
}

type client struct {
	account  string
	live     int // allocations: a new one may have begun before the end of the old one is told
	peers    map[netip.Addr]struct{}
	channels map[uint16]struct{}
}

func newClients() *clients { return &clients{by: map[source]*client{}} }

func (c *clients) began(from source, account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.by[from]
	if k == nil {
		k = &client{peers: map[netip.Addr]struct{}{}, channels: map[uint16]struct{}{}}
		c.by[from] = k
	}
	k.account = account
	k.live++
}

func (c *clients) ended(from source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.by[from]; k != nil {
		if k.live--; k.live <= 0 {
			delete(c.by, from)
		}
	}
}

func (c *clients) permitted(from source, peer net.IP, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.by[from]; k != nil {
		note(k.peers, address(peer), on)
	}
}

func (c *clients) bound(from source, channel uint16, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.by[from]; k != nil {
		note(k.channels, channel, on)
	}
}

func note[K comparable](set map[K]struct{}, k K, on bool) {
	if on {
		set[k] = struct{}{}
	} else {
		delete(set, k)
	}
}

// account is whose allocation a source has.
func (c *clients) account(from source) (string, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k := c.by[from]
	if k == nil {
		return "", false
	}
	return k.account, true
}

// permits says whether there is room for a permission, or it is there already.
func (c *clients) permits(from source, peer netip.Addr) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k := c.by[from]
	return k != nil && has(k.peers, peer, maxPeers)
}

// binds says the same of a channel.
func (c *clients) binds(from source, channel uint16) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k := c.by[from]
	return k != nil && has(k.channels, channel, maxChannels)
}

func has[K comparable](set map[K]struct{}, k K, most int) bool {
	_, there := set[k]
	return there || len(set) < most
}

// address is ip as it came: an IPv4 address that was sent as one of IPv6 stays that.
func address(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a
}
