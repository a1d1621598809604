package flow

import (
	"container/list"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"ewindow/registrar/block"
	"ewindow/registrar/status"
)

// A Table holds the live connections.
type Table struct {
	limits   Limits
	events   Events
	arrivals *block.Budgets // of blocks
	reserve  *block.Budgets // of houses, where their block has none left
	answers  *answers
	turns    chan struct{} // who computes a handshake holds one
	closing  sync.WaitGroup

	mu        sync.Mutex
	serial    uint64
	open      int                 // sockets, those that are being closed among them
	strangers *block.Crowd[*conn] // in their handshake or later
	homes     homes
	known     map[string]*list.List // *conn of each account that has authenticated, oldest first
	live      map[string]*conn      // those handed to the SIP stack, by Destination
}

// NewTable makes an empty table.
func NewTable(limits Limits, events Events) *Table {
	if events.Closed == nil {
		events.Closed = func(Flow) {}
	}
	if events.HandshakeFailed == nil {
		events.HandshakeFailed = func(Flow, HandshakeFailure) {}
	}
	if events.Silent == nil {
		events.Silent = func() {}
	}
	if events.KeysRefused == nil {
		events.KeysRefused = func(Flow) {}
	}
	limits = limits.orDefaults()
	return &Table{
		limits: limits, events: events,
		arrivals:  block.NewBudgets(limits.ArrivalRate, limits.Arrivals),
		reserve:   block.NewBudgets(reserveRate, reserve),
		answers:   newAnswers(),
		turns:     make(chan struct{}, turns()),
		serial:    uint64(time.Now().Unix()), // flows of an earlier process have other numbers
		strangers: block.NewCrowd[*conn](), homes: homes{of: map[netip.Prefix]*home{}}, known: map[string]*list.List{}, live: map[string]*conn{},
	}
}

// Find is the flow of the live connection that a message came on with that source, see Destination.
func (t *Table) Find(source string) (Flow, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.live[source]
	if c == nil {
		return Flow{}, false
	}
	return c.flow, true
}

// at is the live connection of f, or nil. t.mu is held.
func (t *Table) at(f Flow) *conn {
	if c := t.live[Destination(f)]; c != nil && c.flow == f {
		return c
	}
	return nil
}

// Alive says whether something sent to f would go over that very flow. UDP knows no better than yes.
func (t *Table) Alive(f Flow) bool {
	if f.Transport == UDP {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at(f) != nil
}

// Heard says whether a flow is alive as far as can be told now: one on which a peer pings every few seconds is not while
// nothing comes any more, though it may be back. UDP knows no better than yes.
func (t *Table) Heard(f Flow) bool {
	if f.Transport == UDP {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.at(f)
	return c != nil && !c.quiet(time.Now())
}

// Local is the address of our end of a connection; empty if it is not live.
func (t *Table) Local(f Flow) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.at(f); c != nil {
		return c.LocalAddr().String()
	}
	return ""
}

// Authenticated notes that a request which came on f has proved to be of an account: from now on nobody else's
// connections push f out, and over UDP all answers go there. Whoever opens more than PerAccount loses their oldest.
func (t *Table) Authenticated(f Flow, account string) {
	if f.Transport == UDP {
		if at, err := netip.ParseAddrPort(f.Remote); err == nil {
			t.answers.authenticated(at.Addr().WithZone("").Unmap(), time.Now())
		}
		return
	}
	t.mu.Lock()
	c := t.at(f)
	if c == nil || c.account == account {
		t.mu.Unlock()
		return
	}
	t.leave(c)
	c.account = account
	c.home = t.homes.known(block.House(c.addr), time.Now())
	of := t.known[account]
	if of == nil {
		of = list.New()
		t.known[account] = of
	}
	c.place = of.PushBack(c)
	c.proven.Store(true)
	var oldest *conn
	if of.Len() > t.limits.PerAccount {
		oldest = of.Front().Value.(*conn)
	}
	t.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close()
	}
}

// Keep lets f stay open until then although it may be silent.
func (t *Table) Keep(f Flow, until time.Time) {
	t.mu.Lock()
	c := t.at(f)
	t.mu.Unlock()
	if c != nil {
		c.keep(until)
	}
}

// Drop closes f, if it is a live connection.
func (t *Table) Drop(f Flow) {
	t.mu.Lock()
	c := t.at(f)
	t.mu.Unlock()
	if c != nil {
		_ = c.Close()
	}
}

// Of is the connections on which that account was the last to authenticate, or has shown its certificate.
func (t *Table) Of(account string) (flows []Flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if of := t.known[account]; of != nil {
		for e := of.Front(); e != nil; e = e.Next() {
			flows = append(flows, e.Value.(*conn).flow)
		}
	}
	for _, c := range t.live {
		if c.holder == account && c.account != account {
			flows = append(flows, c.flow)
		}
	}
	return flows
}

// Holder is the account whose certificate was shown on f, see Shown: it is the only one that may speak on it. Empty if none was.
func (t *Table) Holder(f Flow) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.at(f); c != nil {
		return c.holder
	}
	return ""
}

// List is the connections on which an account has authenticated, ordered by account, and how many others there are.
func (t *Table) List() (flows []status.Flow, strangers int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, account := range slices.Sorted(maps.Keys(t.known)) {
		for e := t.known[account].Front(); e != nil; e = e.Next() {
			c := e.Value.(*conn)
			flows = append(flows, status.Flow{Transport: c.flow.Transport, Peer: c.flow.Remote, Account: account, Since: c.accepted})
		}
	}
	return flows, t.strangers.Len()
}

// Len is the number of open sockets.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open
}

// Wait returns when no connection is being closed any more.
func (t *Table) Wait() { t.closing.Wait() }

// admit counts c in, as a guest or as a stranger. Where there is no room it makes some: so somebody who opens thousands
// cannot keep a window out.
func (t *Table) admit(c *conn, now time.Time) bool {
	t.mu.Lock()
	guest := t.homes.guest(block.House(c.addr))
	victim, ok := t.room(c.addr, guest != nil, now)
	switch {
	case !ok && guest != nil:
		guest.left(&guest.guests, now)
	case victim != nil:
		t.leave(victim)
		victim.replaced = true // its place is c's now
	case ok:
		t.open++
	}
	if ok {
		t.serial++
		c.flow.ID = strconv.FormatUint(t.serial, 36)
		if c.home = guest; guest == nil {
			c.stranger = t.strangers.Add(c.addr, c)
		}
	}
	t.mu.Unlock()
	if victim != nil {
		victim.evict()
	}
	return ok
}

// room says whether a connection from there may come in, and who has to go for it.
func (t *Table) room(from netip.Addr, guest bool, now time.Time) (victim *conn, ok bool) {
	of := t.strangers.Find(block.Of(from))
	switch {
	case !guest && !t.arrivals.Spend(block.Of(from), 1, now) && !t.reserve.Spend(block.House(from), 1, now):
		return nil, false
	case !guest && of.Len() >= t.limits.PerBlock:
		return of.First(), true
	case t.open >= t.limits.Connections:
		victim = t.strangers.First()
		return victim, victim != nil
	}
	return nil, true
}

// publish makes c findable: from now on the SIP stack reads it.
func (t *Table) publish(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live[Destination(c.flow)] = c
	c.published = true
}

// leave takes c from among the strangers, the guests, or those of its account. t.mu is held.
func (t *Table) leave(c *conn) {
	now := time.Now()
	switch {
	case c.stranger != nil:
		c.stranger.Leave()
		c.stranger = nil
	case c.place != nil:
		of := t.known[c.account]
		if of.Remove(c.place); of.Len() == 0 {
			delete(t.known, c.account)
		}
		c.place = nil
		if c.home != nil {
			c.home.left(&c.home.known, now)
		}
	case c.home != nil:
		c.home.left(&c.home.guests, now)
	}
	c.home = nil
}

// closed is called by a connection exactly once, before its socket is.
func (t *Table) closed(c *conn) {
	t.mu.Lock()
	t.leave(c)
	delete(t.live, Destination(c.flow))
	published := c.published
	t.mu.Unlock()
	if published {
		t.events.Closed(c.flow)
	}
}

// released is called when the socket of c is closed.
func (t *Table) released(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !c.replaced {
		t.open--
	}
}
