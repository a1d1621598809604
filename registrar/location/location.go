// Package location knows where accounts can be reached now: address-of-record → bindings, each with the flow it
// was registered over (RFC 3261 §10, RFC 5626). It lives in memory, opens nothing, and the time is a parameter.
package location

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// A Flow is the way a request came, and the only way anything is sent back. Its values are compared as a whole.
type Flow struct {
	Transport string // "UDP", "TCP", "TLS"
	Remote    string // the peer's "ip:port"
	ID        string // tells connections from the same ip:port apart; empty for UDP
}

// Addr is the peer's address, or invalid if Remote has none.
func (f Flow) Addr() netip.Addr {
	at, _ := netip.ParseAddrPort(f.Remote)
	return at.Addr().Unmap().WithZone("")
}

// A Binding says that an address-of-record can be reached at a contact, over a flow.
type Binding struct {
	AOR      string // user part of the address-of-record: the account's name
	Contact  string // URI as it was registered, without <> and without ?headers: fit for a Request-URI
	Params   string // the Contact header's other parameters to be echoed, such as `;q=0.5`; may be empty
	Instance string // +sip.instance without quotes, such as "<urn:uuid:…>"; may be empty (RFC 5626)
	RegID    int    // reg-id; 0 is none
	Flow     Flow   // that the last REGISTER came on
	Lost     bool   // the flow broke: 430 until a REGISTER brings a new one (RFC 5626 §5.3)
	CallID   string // this and CSeq are of the last REGISTER: an older one changes nothing any more
	CSeq     uint32
	Created  time.Time // first registered; kept over refreshes
	Updated  time.Time // last registered
	Expires  time.Time
}

// Key tells a binding from all others of its address-of-record, and stays the same over its refreshes: the device
// and its flow where it names them (RFC 5626 §6), else the contact's URI.
func (b *Binding) Key() string {
	if b.Instance != "" && b.RegID > 0 {
		return fmt.Sprintf("%d %s", b.RegID, b.Instance)
	}
	return Canonical(b.Contact)
}

// Datagram says that the binding's flow is no connection: it outlives a restart of the registrar.
func (b *Binding) Datagram() bool { return strings.EqualFold(b.Flow.Transport, "UDP") }

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
	ErrOutOfOrder = errors.New("an older REGISTER came after a newer one") // RFC 3261 §10.3 step 7: 400
	ErrTooMany    = errors.New("too many contacts")                        // 403
	ErrMalformed  = errors.New("malformed contact")                        // 400
)

// TooBriefError says that a contact wanted to expire sooner than allowed: 423 with Min-Expires (RFC 3261 §10.3).
type TooBriefError struct{ Min time.Duration }

// Error names the shortest time.
func (e *TooBriefError) Error() string {
	return fmt.Sprintf("registration too brief; the shortest is %d s", int(e.Min/time.Second))
}

// A Change is a binding that came, changed or went.
type Change struct {
	Binding Binding
	Removed bool
}
