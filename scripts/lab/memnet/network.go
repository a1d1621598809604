// Package memnet is a network in memory, for tests of whole systems in simulated time (testing/synctest).
//
//	host 10.0.0.1 ──link──▶ host 10.0.0.2      latency, jitter, loss, duplication, reordering, cut: each way by itself
//	              ◀──link──
//
// It has streams like TCP's and datagrams like UDP's, with addresses of the types that package net uses. Every wait is on a
// channel, so a bubble's clock moves on; every chance is drawn from a seed, so a run can be repeated as far as the order in
// which goroutines send is the same. Make the Network inside the bubble, and let the bubble's first goroutine wait for the
// others before it returns: its clock stops with it, and what is still on a link never arrives.
//
// What it leaves out of TCP: fast retransmission (a lost segment costs a time-out of 200 ms), keep-alives, and the effect of
// losing acknowledgements alone.
package memnet

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Conditions of one way between two hosts.
type Conditions struct {
	Latency   time.Duration
	Jitter    time.Duration // at most so much is added to Latency; it keeps the order
	Loss      float64       // share of datagrams that do not arrive, 0 to 1; streams wait and send again
	Burst     float64       // datagrams that are lost in a row, on average (Gilbert's model); 0 and 1: each by itself
	Duplicate float64       // share of datagrams that arrive twice
	Reorder   float64       // share of datagrams that come Jitter and 10 ms late, so that others overtake them
	Kbps      int           // a bottleneck that datagrams pass one after the other; 0 for none
	Queue     time.Duration // what waits before the bottleneck at most, at its rate; the rest is lost
	MTU       int           // bytes of a datagram, with headers of UDP and IPv4; larger ones are lost, and nobody is told. 0: any
}

// reorderBy is the least time that a datagram is held back for others to overtake it.
const reorderBy = 10 * time.Millisecond

// Network is a set of hosts, each an IP address. All of them exist, are on, and reach one another until told otherwise.
type Network struct {
	mu       sync.Mutex // guards everything in the package
	seed     uint64
	defaults Conditions
	links    map[[2]netip.Addr]*link
	hosts    map[netip.Addr]*host
}

// New makes a network in which everything arrives at once.
func New(seed uint64) *Network {
	return &Network{seed: seed, links: map[[2]netip.Addr]*link{}, hosts: map[netip.Addr]*host{}}
}

// Default sets the conditions of the links that are not set by themselves. A host's way to itself stays perfect.
func (n *Network) Default(c Conditions) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.defaults = c
}

// OneWay sets the conditions of what goes from one host to another.
func (n *Network) OneWay(from, to netip.Addr, c Conditions) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.link(from, to).own = &c
}

// Between sets the conditions of both ways.
func (n *Network) Between(a, b netip.Addr, c Conditions) {
	n.OneWay(a, b, c)
	n.OneWay(b, a, c)
}

// Cut stops all that goes from one host to another, until Restore. What is under way still arrives. Streams hold what they
// have, try again at growing intervals of up to 120 s, and break after 924 s, as on Linux.
func (n *Network) Cut(from, to netip.Addr) { n.setCut(from, to, true) }

// CutBoth cuts both ways.
func (n *Network) CutBoth(a, b netip.Addr) { n.Cut(a, b); n.Cut(b, a) }

// Restore ends a Cut.
func (n *Network) Restore(from, to netip.Addr) { n.setCut(from, to, false) }

// RestoreBoth ends both.
func (n *Network) RestoreBoth(a, b netip.Addr) { n.Restore(a, b); n.Restore(b, a) }

func (n *Network) setCut(from, to netip.Addr, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.link(from, to).cut = cut
}

// Kill closes a host's sockets as the death of its processes does: those at the other end of its streams are told.
func (n *Network) Kill(a netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.host(a).closeAll(true)
}

// PowerOff takes a host from the network without a word: its sockets are closed, nobody is told, and nothing that is sent to
// it arrives, until PowerOn.
func (n *Network) PowerOff(a netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.host(a)
	h.off = true
	h.closeAll(false)
}

// PowerOn brings a host back, without sockets.
func (n *Network) PowerOn(a netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.host(a).off = false
}

// host is an IP address and its sockets. All fields are under Network.mu.
type host struct {
	off       bool
	listeners map[uint16]*listener
	packets   map[uint16]*packetConn
	conns     map[*conn]struct{}
	port      uint16 // last one that was given out
}

func (n *Network) host(a netip.Addr) *host {
	a = a.Unmap()
	h := n.hosts[a]
	if h == nil {
		h = &host{
			listeners: map[uint16]*listener{}, packets: map[uint16]*packetConn{}, conns: map[*conn]struct{}{}, port: firstPort,
		}
		n.hosts[a] = h
	}
	return h
}

func (h *host) closeAll(tell bool) {
	for _, l := range h.listeners {
		l.close()
	}
	for _, p := range h.packets {
		p.close()
	}
	for c := range h.conns {
		c.die(tell)
	}
}

// firstPort of those that are given out for port 0, as on Linux.
const firstPort = 32768

// freePort gives out the next port that is not in use, also by the other kind of socket.
func (h *host) freePort() uint16 {
	for {
		if h.port++; h.port < firstPort {
			h.port = firstPort
		}
		if h.listeners[h.port] == nil && h.packets[h.port] == nil {
			return h.port
		}
	}
}

// place reads the address of a socket to be. It must name a host: there is no wildcard here.
func (n *Network) place(address string) (netip.AddrPort, *host, error) {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return a, nil, err
	}
	if a.Addr().IsUnspecified() {
		return a, nil, fmt.Errorf("memnet: %s names no host", address)
	}
	h := n.host(a.Addr())
	if h.off {
		return a, nil, syscall.ENETDOWN
	}
	port := cmp.Or(a.Port(), h.freePort())
	return netip.AddrPortFrom(a.Addr().Unmap(), port), h, nil
}

// link finds or makes the way from one host to another. Its chances do not depend on other links.
func (n *Network) link(from, to netip.Addr) *link {
	key := [2]netip.Addr{from.Unmap(), to.Unmap()}
	l := n.links[key]
	if l == nil {
		sum := fnv.New64a()
		fmt.Fprint(sum, key[0], key[1])
		l = &link{network: n, loop: key[0] == key[1], rand: rand.New(rand.NewPCG(n.seed, sum.Sum64()))}
		n.links[key] = l
	}
	return l
}

// gate is what goroutines wait at for a change of something under Network.mu.
type gate struct{ wait chan struct{} }

// open lets all through that wait now. The caller holds the mutex.
func (g *gate) open() {
	if g.wait != nil {
		close(g.wait)
		g.wait = nil
	}
}

// pass gives up the mutex until the gate opens.
func (g *gate) pass(mu *sync.Mutex) {
	if g.wait == nil {
		g.wait = make(chan struct{})
	}
	wait := g.wait
	mu.Unlock()
	<-wait
	mu.Lock()
}

// deadline opens a gate when its time comes.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) set(n *Network, g *gate, t time.Time) {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = t
	g.open()
	if t.IsZero() {
		return
	}
	d.timer = time.AfterFunc(time.Until(t), func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		g.open()
	})
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func opError(op, network string, local, remote net.Addr, err error) error {
	return &net.OpError{Op: op, Net: network, Source: local, Addr: remote, Err: err}
}
