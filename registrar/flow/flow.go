// Package flow accepts the registrar's connections and knows which of them are alive.
//
// A flow (RFC 5626 §3) is a connection, or for UDP a pair of addresses, over which a peer can be reached. The SIP
// stack neither limits connections nor says when one ends; this package stands in front of it as net.Listener,
// net.Conn and net.PacketConn and does both:
//
//	listener → limits → TLS handshake → Accept ⇢ SIP stack reads → Complete, Keep
//	                                             SIP stack writes → keys? → TLS alone
//	                                             close → Events.Closed → bindings dropped
//
// Every message that leaves the registrar passes Write or WriteTo here, each in one call: so this is where no path
// through the proxy can forget that keys travel encrypted or not at all.
package flow

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"ewindow/registrar/location"
	"ewindow/registrar/signal/keys"
)

// Transports, in the spelling of a Via header.
const (
	UDP = "UDP"
	TCP = "TCP"
	TLS = "TLS"
)

// ErrKeysInClear is why a message was not written.
var ErrKeysInClear = errors.New("the message carries keys of media, and this flow is not encrypted")

// safe says whether a message may be written to f as it is.
func (t *Table) safe(f Flow, message []byte) error {
	if f.Transport == TLS || !keys.Carried(message) {
		return nil
	}
	t.events.KeysRefused(f)
	return ErrKeysInClear
}

// A Flow names one way to a peer; ID is the number of the connection, so that a reused port is not the same flow.
type Flow = location.Flow

// Limits bound what peers can take. A zero field takes its value from DefaultLimits.
type Limits struct {
	Connections int           // in all
	PerAddress  int           // from one IPv4 address or IPv6 /64
	Handshake   time.Duration // for TLS to be set up
	Idle        time.Duration // for a whole message to arrive, and for a peer to make itself known
	Write       time.Duration // for one write
	Burst       int           // messages that a connection may send at once; then Rate a second are read
	Rate        float64       // messages a second and connection; more wait in the peer's socket
}

// DefaultLimits are for a registrar of a few hundred windows.
func DefaultLimits() Limits {
	return Limits{
		Connections: 4096, PerAddress: 256,
		Handshake: 5 * time.Second, Idle: 10 * time.Second, Write: 5 * time.Second,
		Burst: 100, Rate: 50,
	}
}

func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	if l.Connections == 0 {
		l.Connections = d.Connections
	}
	if l.PerAddress == 0 {
		l.PerAddress = d.PerAddress
	}
	if l.Handshake == 0 {
		l.Handshake = d.Handshake
	}
	if l.Idle == 0 {
		l.Idle = d.Idle
	}
	if l.Write == 0 {
		l.Write = d.Write
	}
	if l.Burst == 0 {
		l.Burst = d.Burst
	}
	if l.Rate == 0 {
		l.Rate = d.Rate
	}
	return l
}

// Events are what a Table tells its owner, from a goroutine of the SIP stack or of the caller of Drop. Fields may be nil.
type Events struct {
	Closed      func(Flow) // a connection that was handed to the SIP stack has ended; once for each
	KeysRefused func(Flow) // a message was not written: it carries keys, and this flow is not encrypted
}

// A Table holds the live connections.
type Table struct {
	limits  Limits
	events  Events
	closing sync.WaitGroup

	mu      sync.Mutex
	serial  uint64
	live    map[uint64]*conn   // every accepted connection, in its handshake or later
	byPeer  map[peer]*conn     // those handed to the SIP stack
	perAddr map[netip.Addr]int // of live
	order   []uint64           // serials of live, oldest first; closed ones are skipped
}

type peer struct{ transport, remote string }

// NewTable makes an empty table.
func NewTable(limits Limits, events Events) *Table {
	if events.Closed == nil {
		events.Closed = func(Flow) {}
	}
	if events.KeysRefused == nil {
		events.KeysRefused = func(Flow) {}
	}
	return &Table{
		limits: limits.orDefaults(), events: events,
		serial: uint64(time.Now().Unix()), // a flow of the process before this one is none of ours
		live:   map[uint64]*conn{}, byPeer: map[peer]*conn{}, perAddr: map[netip.Addr]int{},
	}
}

// Find is the flow of a live connection with that remote address.
func (t *Table) Find(transport, remote string) (Flow, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.byPeer[peer{transport, remote}]
	if c == nil {
		return Flow{}, false
	}
	return c.flow, true
}

// Alive says whether something sent to f would go over that very flow. UDP knows no better than yes.
func (t *Table) Alive(f Flow) bool {
	if f.Transport == UDP {
		return true
	}
	g, ok := t.Find(f.Transport, f.Remote)
	return ok && g == f
}

// Local is the address of our end of a connection; empty if it is not live.
func (t *Table) Local(f Flow) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.byPeer[peer{f.Transport, f.Remote}]; c != nil && c.flow == f {
		return c.LocalAddr().String()
	}
	return ""
}

// Wait returns when no connection is being closed any more.
func (t *Table) Wait() { t.closing.Wait() }

// Complete notes that a whole SIP message has come from remote.
func (t *Table) Complete(transport, remote string) {
	t.mu.Lock()
	c := t.byPeer[peer{transport, remote}]
	t.mu.Unlock()
	if c != nil {
		c.complete(time.Now())
	}
}

// Keep lets f stay open until then although it may be silent: its peer has proved who it is.
func (t *Table) Keep(f Flow, until time.Time) {
	t.mu.Lock()
	c := t.byPeer[peer{f.Transport, f.Remote}]
	t.mu.Unlock()
	if c != nil && c.flow == f {
		c.keep(until)
	}
}

// Drop closes f, if it is a live connection.
func (t *Table) Drop(f Flow) {
	t.mu.Lock()
	c := t.byPeer[peer{f.Transport, f.Remote}]
	t.mu.Unlock()
	if c != nil && c.flow == f {
		_ = c.Close()
	}
}

// Len is the number of connections, in their handshake or later.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.live)
}

// admit counts c in. When there are too many it makes room by closing the oldest connection whose peer is unknown
// (of the same address, if that is what is full): so somebody who opens thousands cannot keep a window out.
func (t *Table) admit(c *conn) bool {
	t.mu.Lock()
	victim, ok := t.makeRoom(c.addr)
	if ok {
		t.serial++
		c.serial, c.flow.ID = t.serial, strconv.FormatUint(t.serial, 36)
		t.live[t.serial] = c
		t.order = append(t.order, t.serial)
		t.perAddr[c.addr]++
	}
	t.mu.Unlock()
	if victim != nil {
		_ = victim.Close()
	}
	return ok
}

func (t *Table) makeRoom(from netip.Addr) (victim *conn, ok bool) {
	full, crowded := len(t.live) >= t.limits.Connections, t.perAddr[from] >= t.limits.PerAddress
	if !full && !crowded {
		return nil, true
	}
	t.compact()
	now := time.Now()
	for _, serial := range t.order {
		c := t.live[serial]
		if (!crowded || c.addr == from) && !c.known(now) {
			t.forget(c)
			return c, true
		}
	}
	return nil, false
}

// compact drops the closed connections from order.
func (t *Table) compact() {
	kept := t.order[:0]
	for _, serial := range t.order {
		if t.live[serial] != nil {
			kept = append(kept, serial)
		}
	}
	t.order = kept
}

// publish makes c findable: from now on the SIP stack reads it.
func (t *Table) publish(c *conn) {
	t.mu.Lock()
	key := peer{c.flow.Transport, c.flow.Remote}
	old := t.byPeer[key] // the peer came again from the same port: the old connection cannot be alive
	t.byPeer[key] = c
	c.published = true
	t.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
}

// forget takes c out of the books. t.mu is held.
func (t *Table) forget(c *conn) {
	if t.live[c.serial] != c {
		return
	}
	delete(t.live, c.serial)
	if t.perAddr[c.addr]--; t.perAddr[c.addr] == 0 {
		delete(t.perAddr, c.addr)
	}
	if len(t.order) > 64 && len(t.order) > 4*len(t.live) {
		t.compact()
	}
}

// closed is called by a connection exactly once.
func (t *Table) closed(c *conn) {
	t.mu.Lock()
	t.forget(c)
	key := peer{c.flow.Transport, c.flow.Remote}
	if t.byPeer[key] == c {
		delete(t.byPeer, key)
	}
	published := c.published
	t.mu.Unlock()
	if published {
		t.events.Closed(c.flow)
	}
}

// group is what PerAddress counts by: the address, or the /64 of an IPv6 address, which is one customer.
func group(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	addr := ap.Addr().WithZone("").Unmap()
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}
