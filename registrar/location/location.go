// Package location knows where accounts can be reached now: address-of-record → bindings, each with the flow it
// was registered over (RFC 3261 §10, RFC 5626). It lives in memory, opens nothing, and the time is a parameter.
package location

import (
	"errors"
	"fmt"
	"time"
)

// A Flow is the way a request came, and the only way anything is sent back. Its values are compared as a whole.
type Flow struct {
	Transport string // "UDP", "TCP", "TLS"
	Remote    string // the peer's "ip:port"
	ID        string // tells connections from the same ip:port apart; empty for UDP
}

// A Binding says that an address-of-record can be reached at a contact, over a flow.
type Binding struct {
	AOR      string    // user part of the address-of-record: the account's name
	Contact  string    // URI as it was registered, without <>
	Params   string    // the Contact header's other parameters to be echoed, such as `;q=0.5`; may be empty
	Instance string    // +sip.instance without quotes, such as "<urn:uuid:…>"; may be empty (RFC 5626)
	RegID    int       // reg-id; 0 is none
	Flow     Flow      // that the last REGISTER came on
	Lost     bool      // the flow broke: 430 until a REGISTER brings a new one (RFC 5626 §5.3)
	CallID   string    // of the last REGISTER, with CSeq: an older one changes nothing any more
	CSeq     uint32    //
	Created  time.Time // first registered; kept over refreshes
	Updated  time.Time // last registered
	Expires  time.Time
}

// Key tells a binding from all others of its address-of-record, and stays the same over its refreshes.
func (b *Binding) Key() string { return "" }

// A Contact is one Contact header of a REGISTER.
type Contact struct {
	URI      string
	Params   string
	Instance string
	RegID    int
	Expires  time.Duration // from the contact's parameter or the Expires header; 0 removes; Unsaid if neither is there
}

// Unsaid as a Contact's Expires leaves the time to the registrar.
const Unsaid time.Duration = -1

// A Registration is a REGISTER whose sender has been proved to be AOR. Without contacts it is a question.
type Registration struct {
	AOR      string
	CallID   string
	CSeq     uint32
	Flow     Flow
	Contacts []Contact
	All      bool // "Contact: *" with "Expires: 0": remove every binding
}

// Why a registration is refused, as a whole; nothing has changed then.
var (
	ErrOutOfOrder = errors.New("an older REGISTER came after a newer one") // RFC 3261 §10.3 step 7: 500
	ErrTooMany    = errors.New("too many contacts")                        // 403
	ErrMalformed  = errors.New("malformed contact")                        // 400
)

// TooBriefError says that a contact wanted to expire sooner than allowed: 423 with Min-Expires (RFC 3261 §10.3).
type TooBriefError struct{ Min time.Duration }

func (e *TooBriefError) Error() string {
	return fmt.Sprintf("registration too brief; the shortest is %d s", int(e.Min/time.Second))
}

// A Change is a binding that came, changed or went.
type Change struct {
	Binding Binding
	Removed bool
}

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
type Table struct{}

// New makes an empty table.
func New(c Config) *Table { return &Table{} }

// Register carries out a REGISTER, all of it or nothing (RFC 3261 §10.3), and returns the account's bindings after it.
// Errors: ErrOutOfOrder, ErrTooMany, ErrMalformed, *TooBriefError.
func (t *Table) Register(r Registration, now time.Time) ([]Binding, error) { panic("skeleton") }

// Lookup returns the bindings of an account that hold at now, the last registered first; lost ones are at the end.
func (t *Table) Lookup(aor string, now time.Time) []Binding { panic("skeleton") }

// ByContact returns the bindings with this contact URI (RFC 3261 §19.1.4) that hold at now. Two accounts may have
// registered the same one: the first that did comes first, so that nobody takes over another's contact.
func (t *Table) ByContact(uri string, now time.Time) []Binding { panic("skeleton") }

// DropFlow marks all bindings of a broken flow as lost and returns them.
func (t *Table) DropFlow(f Flow) []Binding { panic("skeleton") }

// DropAccount removes all bindings of an account that is no more, and returns them.
func (t *Table) DropAccount(aor string) []Binding { panic("skeleton") }

// Expire removes what has expired, returns it, and says when the next binding will (zero: none).
func (t *Table) Expire(now time.Time) (gone []Binding, next time.Time) { panic("skeleton") }

// Restore puts back bindings from before a restart. Those that are not UDP come back lost: their flows are gone.
func (t *Table) Restore(bs []Binding, now time.Time) { panic("skeleton") }

// All returns every binding that holds at now, in no order.
func (t *Table) All(now time.Time) []Binding { panic("skeleton") }
