// Package pki makes the registrar's own certificate authority and server certificate, and lets a window trust
// exactly that authority by a pin: the SHA-256 of its public key.
package pki

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"time"
)

// Config says for whom the server certificate is.
type Config struct {
	Dir    string       // where keys and certificates are kept; made with mode 0700 if missing
	Domain string       // the registrar's domain; localhost, 127.0.0.1 and ::1 are always added
	Extra  []string     // more host names and IP addresses
	Log    *slog.Logger // nil: none
}

// An Identity is the registrar's certificate, renewed in time. It may be used from several goroutines.
type Identity struct{}

// Load reads the authority and the server certificate, and makes what is missing: the authority (ECDSA P-256,
// 20 years) only where there is none at all, the certificate (1 year) also where it is damaged, names other
// hosts, or has less than a third of its time left.
func Load(c Config, now time.Time) (*Identity, error) { panic("skeleton") }

// Pin is the pin of the registrar's authority.
func (id *Identity) Pin() string { panic("skeleton") }

// CA is the authority's certificate.
func (id *Identity) CA() *x509.Certificate { panic("skeleton") }

// NotAfter is when the server certificate in use expires.
func (id *Identity) NotAfter() time.Time { panic("skeleton") }

// ServerConfig is for a listener: it sends the authority along and follows renewals.
func (id *Identity) ServerConfig() *tls.Config { panic("skeleton") }

// Run renews the server certificate when its time comes, until ctx is done.
func (id *Identity) Run(ctx context.Context) error { panic("skeleton") }

// ReadPin returns the pin of the authority kept in dir, without making one.
func ReadPin(dir string) (string, error) { panic("skeleton") }

// Pin is "sha256:" and, in lower-case hex, the SHA-256 of the certificate's SubjectPublicKeyInfo.
func Pin(cert *x509.Certificate) string { return "" }

// PinnedConfig is for a client: it trusts a server that shows an authority with this pin and, signed by it, a
// certificate for serverName that is valid now (by the Config's Time, if that is set before use). A failed
// handshake says *PinError or what is wrong with the certificate. An error of PinnedConfig itself is a pin that
// is no pin.
func PinnedConfig(pin, serverName string) (*tls.Config, error) { panic("skeleton") }

// PinError says that the server showed another authority, or none.
type PinError struct {
	Want  string
	Shown []string // pins of the authorities in the chain; empty if there were none
}

func (e *PinError) Error() string { return "" }
