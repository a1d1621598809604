// Package flow accepts the registrar's connections and knows which of them are alive.
//
// A flow (RFC 5626 §3) is a connection, or for UDP a pair of addresses, over which a peer can be reached. The SIP
// stack neither limits connections nor says when one ends; this package stands in front of it as net.Listener,
// net.Conn and net.PacketConn and does both:
//
//	listener → crowd: room? → TLS handshake → Accept ⇢ SIP stack reads whole messages → Authenticated, Keep
//	              └ evicts a stranger               SIP stack writes → keys? → TLS alone
//	                                                    close → Events.Closed → bindings dropped
//
// A port that SIP shares with TURN and HTTP is told apart in between: see share.go.
//
// Whoever has authenticated on a connection keeps it, and whoever was here lately is let in again. All others are strangers:
// they share the places that are left, and when there are none, one of them has to go, of the block that holds the most.
//
// Every message that leaves the registrar passes Write or WriteTo here, each in one call: so this is where no path
// through the proxy can forget that keys travel encrypted or not at all.
package flow

import (
	"crypto/x509"
	"errors"

	"ewindow/registrar/location"
	"ewindow/registrar/signal/keys"
)

// Transports, in the spelling of a Via header.
const (
	UDP = "UDP"
	TCP = "TCP"
	TLS = "TLS"
)

// A Flow names one way to a peer; ID is the number of the connection, so that a reused port is not the same flow.
type Flow = location.Flow

// Events are what a Table tells its owner, from a goroutine of the SIP stack or of the caller of Drop. Fields may be nil.
type Events struct {
	Closed          func(Flow)                   // a connection that was handed to the SIP stack has ended; once for each
	KeysRefused     func(Flow)                   // a message was not written: it carries keys, and this flow is not encrypted
	HandshakeFailed func(Flow, HandshakeFailure) // TLS was not set up with a peer
	Shown           Shown                        // nil: nobody is asked for a certificate
	Silent          func()                       // an answer was not sent over UDP: nobody has authenticated there, and the budget is used up
}

// Shown says whose certificate it is that a window shows: the account that nobody else is let speak for on that connection, empty if that is
// not known here, or why the window is not let in. It is asked in the handshake, and of windows alone: phones and browsers may have
// certificates of others, which some ask their user about.
type Shown func(*x509.Certificate) (account string, err error)

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
