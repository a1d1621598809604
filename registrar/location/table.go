package location

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Config is what a Table is made from. Zero values mean what is written beside them.
type Config struct {
	MinExpires     time.Duration // 60 s
	MaxExpires     time.Duration // 3600 s; longer wishes are cut
	DefaultExpires time.Duration // 3600 s; for Unsaid
	MaxBindings    int           // 10 for each address-of-record

	// Changed is told of every change, in order, while the table is locked: it must not call the table or block.
	Changed func(Change)
}

// A Table holds all bindings. It may be used from several goroutines.
type Table struct {
	cfg Config

	mu       sync.Mutex
	bindings map[string]map[string]*Binding // address-of-record → Key
	flows    map[Flow]map[*Binding]struct{} // of bindings that are not lost
}

// New makes an empty table.
func New(c Config) *Table {
	c.MinExpires = cmp.Or(c.MinExpires, time.Minute)
	c.MaxExpires = cmp.Or(c.MaxExpires, time.Hour)
	c.DefaultExpires = cmp.Or(c.DefaultExpires, time.Hour)
	c.MaxBindings = cmp.Or(c.MaxBindings, 10)
	if c.Changed == nil {
		c.Changed = func(Change) {}
	}
	return &Table{
		cfg:      c,
		bindings: make(map[string]map[string]*Binding),
		flows:    make(map[Flow]map[*Binding]struct{}),
	}
}

// Register carries out a REGISTER, all of it or nothing (RFC 3261 §10.3), and returns the account's bindings after it.
// Errors: ErrOutOfOrder, ErrTooMany, ErrMalformed, *TooBriefError.
func (t *Table) Register(r Registration, now time.Time) ([]Binding, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range t.bindings[r.AOR] {
		if !b.holds(now) {
			t.remove(b)
		}
	}
	set, gone, err := t.plan(r, now)
	if err != nil {
		return nil, err
	}
	for _, b := range gone {
		t.remove(b)
	}
	for _, b := range set {
		t.put(b)
	}
	return t.lookup(r.AOR, now), nil
}

// plan works out what a registration would change and touches nothing.
func (t *Table) plan(r Registration, now time.Time) (set []*Binding, gone []*Binding, err error) {
	have := t.bindings[r.AOR]
	if r.All {
		if len(r.Contacts) > 0 {
			return nil, nil, fmt.Errorf("%w: \"*\" stands beside others", ErrMalformed)
		}
		for _, b := range have {
			if b.newerThan(r) {
				return nil, nil, ErrOutOfOrder
			}
			gone = append(gone, b)
		}
		return nil, gone, nil
	}
	named := make(map[string]bool, len(r.Contacts))
	for _, c := range r.Contacts {
		b, err := t.bind(r, c, now)
		if err != nil {
			return nil, nil, err
		}
		key := b.Key()
		if named[key] {
			return nil, nil, fmt.Errorf("%w: %.100q comes twice", ErrMalformed, c.URI)
		}
		named[key] = true
		old := have[key]
		if old != nil {
			if old.newerThan(r) {
				return nil, nil, ErrOutOfOrder
			}
			b.Created = old.Created
		}
		if b.holds(now) {
			set = append(set, b)
		} else if old != nil {
			gone = append(gone, old)
		}
	}
	gone = append(gone, superseded(have, set, named)...)
	room := t.cfg.MaxBindings - len(set)
	rest := others(have, named, gone)
	if room < 0 {
		return nil, nil, fmt.Errorf("%w: %d, at most %d", ErrTooMany, len(set), t.cfg.MaxBindings)
	}
	if len(set) > 0 && len(rest) > room { // whoever registers is there; of the others that is less sure
		gone = append(gone, rest[room:]...)
	}
	return set, gone, nil
}

// bind makes a binding of one contact. One that is to be removed has expired already.
func (t *Table) bind(r Registration, c Contact, now time.Time) (*Binding, error) {
	uri := stripHeaders(c.URI)
	switch {
	case !usable(uri):
		return nil, fmt.Errorf("%w: %.100q is no SIP URI", ErrMalformed, c.URI)
	case c.RegID < 0 || len(c.Instance) > MaxURI || len(c.Params) > MaxURI || len(r.CallID) > MaxURI:
		return nil, fmt.Errorf("%w: parameters of %.100q", ErrMalformed, c.URI)
	}
	expires := c.Expires
	switch {
	case expires < 0:
		expires = t.cfg.DefaultExpires
	case expires > 0 && expires < t.cfg.MinExpires:
		return nil, &TooBriefError{Min: t.cfg.MinExpires}
	}
	return &Binding{
		AOR: r.AOR, Contact: uri, Params: c.Params, Instance: c.Instance, RegID: c.RegID, Flow: r.Flow,
		CallID: r.CallID, CSeq: r.CSeq, Created: now, Updated: now, Expires: now.Add(min(expires, t.cfg.MaxExpires)),
	}, nil
}

// superseded are bindings of a device that names itself but not its flows, and has come back with another Call-ID
// and another contact: it was started anew, and will never take its old binding back.
func superseded(have map[string]*Binding, set []*Binding, named map[string]bool) (gone []*Binding) {
	for key, old := range have {
		if old.Instance == "" || old.RegID > 0 || named[key] {
			continue
		}
		if slices.ContainsFunc(set, func(b *Binding) bool {
			return b.Instance == old.Instance && b.RegID == 0 && b.CallID != old.CallID
		}) {
			gone = append(gone, old)
		}
	}
	return gone
}

// others are the bindings that a registration neither names nor removes, the surest first: a phone that is started anew
// leaves its old ones, and for a datagram's flow nobody knows whether it is still there.
func others(have map[string]*Binding, named map[string]bool, gone []*Binding) (rest []*Binding) {
	for key, b := range have {
		if !named[key] && !slices.Contains(gone, b) {
			rest = append(rest, b)
		}
	}
	slices.SortFunc(rest, func(a, b *Binding) int {
		if a.Lost == b.Lost && a.Datagram() != b.Datagram() {
			if a.Datagram() {
				return 1
			}
			return -1
		}
		return newestFirst(a, b)
	})
	return rest
}

func newestFirst(a, b *Binding) int {
	if a.Lost != b.Lost {
		if a.Lost {
			return 1
		}
		return -1
	}
	return cmp.Or(b.Updated.Compare(a.Updated), cmp.Compare(a.Key(), b.Key()))
}

func (b *Binding) holds(now time.Time) bool { return b.Expires.After(now) }

// newerThan says that a registration came too late to change b (RFC 3261 §10.3 step 7).
func (b *Binding) newerThan(r Registration) bool { return b.CallID == r.CallID && b.CSeq >= r.CSeq }

// Lookup returns the bindings of an account that hold at now, the last registered first; lost ones are at the end.
func (t *Table) Lookup(aor string, now time.Time) []Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lookup(aor, now)
}

func (t *Table) lookup(aor string, now time.Time) []Binding {
	var found []*Binding
	for _, b := range t.bindings[aor] {
		found = append(found, b)
	}
	slices.SortFunc(found, newestFirst)
	return copies(found, now)
}

// At is Lookup for one contact (see Canonical), be it called by sip: or by sips:. Another account may have registered the same: it takes nothing over by it.
func (t *Table) At(aor, contact string, now time.Time) []Binding {
	contact = secured(contact)
	return slices.DeleteFunc(t.Lookup(aor, now), func(b Binding) bool { return secured(b.Contact) != contact })
}

// All returns every binding that holds at now, by address-of-record.
func (t *Table) All(now time.Time) []Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []*Binding
	for _, bs := range t.bindings {
		for _, b := range bs {
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b *Binding) int { return cmp.Or(cmp.Compare(a.AOR, b.AOR), newestFirst(a, b)) })
	return copies(found, now)
}

func copies(bs []*Binding, now time.Time) []Binding {
	out := make([]Binding, 0, len(bs))
	for _, b := range bs {
		if b.holds(now) {
			out = append(out, *b)
		}
	}
	return out
}

// DropFlow marks all bindings of a broken flow as lost and returns them.
func (t *Table) DropFlow(f Flow) []Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lost []Binding
	for b := range t.flows[f] {
		b.Lost = true
		lost = append(lost, *b)
		t.cfg.Changed(Change{Binding: *b})
	}
	delete(t.flows, f)
	return lost
}

// DropAccount removes all bindings of an account that is no more, and returns them.
func (t *Table) DropAccount(aor string) []Binding {
	t.mu.Lock()
	defer t.mu.Unlock()
	var gone []Binding
	for _, b := range t.bindings[aor] {
		gone = append(gone, *b)
		t.remove(b)
	}
	return gone
}

// Expire removes what has expired, returns it, and says when the next binding will (zero: none).
func (t *Table) Expire(now time.Time) (gone []Binding, next time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, bs := range t.bindings {
		for _, b := range bs {
			if !b.holds(now) {
				gone = append(gone, *b)
				t.remove(b)
			} else if next.IsZero() || b.Expires.Before(next) {
				next = b.Expires
			}
		}
	}
	return gone, next
}

// Restore puts back bindings from before a restart, unless there is a newer one already. Those that are not UDP come
// back lost: their flows are gone. Changed is not told.
func (t *Table) Restore(bs []Binding, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range bs {
		if !b.holds(now) || !usable(b.Contact) || t.bindings[b.AOR][b.Key()] != nil {
			continue
		}
		b.Lost = b.Lost || !b.Datagram()
		t.index(&b)
	}
}

// Tell tells Changed of every binding once more, for whoever keeps them and has lost what it had.
func (t *Table) Tell() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, bs := range t.bindings {
		for _, b := range bs {
			t.cfg.Changed(Change{Binding: *b})
		}
	}
}

// put adds a binding or replaces the one with its key.
func (t *Table) put(b *Binding) {
	if old := t.bindings[b.AOR][b.Key()]; old != nil {
		t.unindex(old)
	}
	t.index(b)
	t.cfg.Changed(Change{Binding: *b})
}

func (t *Table) remove(b *Binding) {
	t.unindex(b)
	t.cfg.Changed(Change{Binding: *b, Removed: true})
}

func (t *Table) index(b *Binding) {
	if !b.Lost {
		add(t.flows, b.Flow, b)
	}
	m := t.bindings[b.AOR]
	if m == nil {
		m = make(map[string]*Binding)
		t.bindings[b.AOR] = m
	}
	m[b.Key()] = b
}

func (t *Table) unindex(b *Binding) {
	drop(t.flows, b.Flow, b)
	delete(t.bindings[b.AOR], b.Key())
	if len(t.bindings[b.AOR]) == 0 {
		delete(t.bindings, b.AOR)
	}
}

func add[K comparable](m map[K]map[*Binding]struct{}, k K, b *Binding) {
	if m[k] == nil {
		m[k] = make(map[*Binding]struct{})
	}
	m[k][b] = struct{}{}
}

func drop[K comparable](m map[K]map[*Binding]struct{}, k K, b *Binding) {
	delete(m[k], b)
	if len(m[k]) == 0 {
		delete(m, k)
	}
}
