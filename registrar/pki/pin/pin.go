// Package pin is how a window knows its registrar: by the public key of the authority that signed its certificate. It
// makes nothing, so that a window carries no code that makes authorities.
package pin

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

const prefix = "sha256:"

// ALPN is a protocol that every window offers beside what it speaks, and that nobody chooses: by it a server which has another certificate
// for the public as well knows that this client looks for the pinned authority.
const ALPN = "ewindow"

// Of is a certificate's pin: "sha256:" and, in lower-case hex, the SHA-256 of the certificate's SubjectPublicKeyInfo.
func Of(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return prefix + hex.EncodeToString(sum[:])
}

// Parse checks a pin that somebody wrote and returns it as Of writes it.
func Parse(s string) (string, error) {
	pin := strings.ToLower(strings.TrimSpace(s))
	digits, ok := strings.CutPrefix(pin, prefix)
	if b, err := hex.DecodeString(digits); !ok || err != nil || len(b) != sha256.Size {
		return "", fmt.Errorf("%.80q is no pin; it is sha256: and 64 hex digits, as `ewindow-registrar pin` prints it", s)
	}
	return pin, nil
}

// Config is for a client: it trusts a server that shows an authority with this pin and, signed by it, a
// certificate for serverName (a host name or an IP address) that is valid now. Set Time on the Config before its
// first use, and on no copy, to decide what "now" is. A failed handshake says *Mismatch, or what is wrong with the
// certificate; an error of Config itself is a pin that is no pin.
func Config(pin, serverName string) (*tls.Config, error) {
	want, err := Parse(pin)
	if err != nil {
		return nil, err
	}
	if serverName == "" {
		return nil, errors.New("no name to expect in the registrar's certificate")
	}
	c := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         serverName,
		InsecureSkipVerify: true, // the system's authorities say nothing about ours; VerifyConnection does all of it
	}
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		now := time.Now
		if c.Time != nil {
			now = c.Time
		}
		return verify(cs.PeerCertificates, want, serverName, now())
	}
	return c, nil
}

// verify finds the pinned authority in a chain and checks the server's certificate against it and nothing else.
func verify(chain []*x509.Certificate, want, serverName string, now time.Time) error {
	if len(chain) == 0 {
		return &Mismatch{Want: want}
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	found := false
	var shown []string
	for _, cert := range chain[1:] {
		if !cert.IsCA || !cert.BasicConstraintsValid {
			continue
		}
		shows := Of(cert)
		shown = append(shown, shows)
		if shows == want {
			roots.AddCert(cert)
			found = true
		} else {
			between.AddCert(cert)
		}
	}
	if !found {
		return &Mismatch{Want: want, Shown: shown}
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, DNSName: serverName, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return explain(err, serverName, now)
}

// explain says what to do about a certificate that is of the right authority and yet will not do.
func explain(err error, serverName string, now time.Time) error {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &host):
		return fmt.Errorf("the registrar's certificate is not for %q; use a name that it is for, or start the registrar with this one as its --domain: %w",
			serverName, err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the registrar's certificate is valid from %s until %s, and this clock says %s; look at both machines' clocks: %w",
			stamp(invalid.Cert.NotBefore), stamp(invalid.Cert.NotAfter), stamp(now), err)
	}
	return fmt.Errorf("the registrar's certificate is not signed by the pinned authority: %w", err)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// Mismatch says that the server showed another authority, or none.
type Mismatch struct {
	Want  string
	Shown []string // pins of the authorities in the chain; empty if there were none
}

// Error names both pins and says what to do.
func (e *Mismatch) Error() string {
	shown := "no authority at all"
	if len(e.Shown) > 0 {
		shown = strings.Join(e.Shown, ", ")
	}
	return fmt.Sprintf("pin does not match: the registrar showed %s, window.hcl says %s; if the registrar was set up anew, "+
		"put what `ewindow-registrar pin` prints there into window.hcl, else somebody is in between", shown, e.Want)
}
