// Package relays is what a window is told of the servers that help it through routers: where STUN and TURN are
// (RFC 8489, RFC 8656), and what it proves itself to them with.
//
// The registrar sends it as the body of a NOTIFY of the event package ewindow-relays (RFC 6665); the window keeps it in
// memory alone: it is a secret, and it expires.
package relays

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Event is the event package (RFC 6665 §7.2). A window subscribes to it at its own address-of-record.
const Event = "ewindow-relays"

// ContentType is the media type of encoded Relays.
const ContentType = "application/vnd.ewindow.relays+json"

// Version is the newest version of the encoding, and the only one so far. It grows by the rule of registrar/signal/version:
// within a version fields, schemes and transports may be added, and a reader leaves out what it does not know.
const Version = 1

// Lifetime is how long credentials are good for. A window gets new ones at half of it.
const Lifetime = 24 * time.Hour

// Dialled stands in a URI for the host at which the window reaches the registrar: whoever reads puts that in its place.
// The name belongs to nobody (RFC 6761 §6.4).
const Dialled = "registrar.invalid"

// Bounds of what is read.
const (
	MaxSize   = 8 << 10 // bytes in all
	maxURIs   = 16
	maxURI    = 300 // bytes; a DNS name has 253 at most
	maxSecret = 508 // bytes of a username or password (RFC 8489 §14.3)
)

// Relays are servers, and credentials for those of them that relay.
type Relays struct {
	Version  int       `json:"version"`
	URIs     []string  `json:"uris"`               // stun:host:port (RFC 7064), turn:host:port?transport=udp or tcp (RFC 7065)
	Username string    `json:"username,omitempty"` // long-term credentials (RFC 8489 §9.2); none if no URI is of TURN
	Password string    `json:"password,omitempty"`
	Expires  time.Time `json:"expires"` // the credentials begin nothing new from then on
}

// Encode writes r as one line of JSON.
func Encode(r *Relays) ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode relays: %w", err)
	}
	if len(b) > MaxSize {
		return nil, fmt.Errorf("encode relays: %d bytes, at most %d are read", len(b), MaxSize)
	}
	return b, nil
}

// Decode reads and checks what Encode wrote. Its errors name the field, and never what a secret says.
func Decode(b []byte) (*Relays, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("relays are larger than %d bytes", MaxSize)
	}
	var r Relays
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("relays are not readable: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	r.URIs = slices.DeleteFunc(r.URIs, func(u string) bool { _, err := Parse(u); return errors.Is(err, ErrUnknown) })
	return &r, nil
}

func (r *Relays) check() error {
	switch {
	case r.Version != Version:
		return fmt.Errorf("relays have version %d, this program reads version %d", r.Version, Version)
	case r.Expires.IsZero():
		return errors.New("relays do not say when they expire")
	case len(r.URIs) > maxURIs:
		return fmt.Errorf("relays: %d uris, at most %d are read", len(r.URIs), maxURIs)
	case len(r.Username) > maxSecret || len(r.Password) > maxSecret:
		return fmt.Errorf("relays: username or password is longer than %d bytes", maxSecret)
	case strings.ContainsFunc(r.Username+r.Password, control):
		return errors.New("relays: username or password has control characters")
	}
	for i, text := range r.URIs {
		u, err := Parse(text)
		switch {
		case errors.Is(err, ErrUnknown):
		case err != nil:
			return fmt.Errorf("relays: uris[%d]: %w", i, err)
		case u.Relays() && (r.Username == "" || r.Password == ""):
			return fmt.Errorf("relays: uris[%d] needs a username and a password", i)
		}
	}
	return nil
}

func control(c rune) bool { return c < ' ' || c == 0x7f }

// Same says whether a window that has a needs b, which was made later: not while more than half of a's life is left.
func Same(a, b *Relays) bool {
	return slices.Equal(a.URIs, b.URIs) && b.Expires.Sub(a.Expires) < Lifetime/2
}

// Valid says whether the credentials begin something new at t.
func (r *Relays) Valid(t time.Time) bool { return t.Before(r.Expires) }

// Reached is r for a window that reaches its registrar at host, a name or an address.
func (r *Relays) Reached(host string) *Relays {
	out := *r
	out.URIs = slices.Clone(r.URIs)
	for i, text := range out.URIs {
		if u, err := Parse(text); err == nil && u.Host == Dialled {
			u.Host = host
			out.URIs[i] = u.String()
		}
	}
	return &out
}
