// Package pki makes the registrar's own certificate authority and server certificate, and lets a window trust
// exactly that authority by a pin: the SHA-256 of its public key.
//
//	ca.pem      key and certificate of the authority, 20 years   made once, never again: every window pins it
//	ca.crt      its certificate alone, for phones                a copy for people
//	server.pem  key and certificate of the server, 1 year        made anew whenever it has to be
//	server-rsa.pem  the same with a key of RSA, for old phones
package pki

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"ewindow/registrar/pki/pin"
)

// How long the two certificates are good for.
const (
	caLife     = 20 * 365 * 24 * time.Hour
	serverLife = 365 * 24 * time.Hour
	// clocks differ: the certificates are good a day before they were made.
	skew = 24 * time.Hour
	// checkEvery is how often Run looks whether it is time to renew.
	checkEvery = 12 * time.Hour
)

// Config says for whom the server certificate is.
type Config struct {
	Dir    string       // where keys and certificates are kept; made with mode 0700 if missing
	Domain string       // the registrar's domain; localhost, 127.0.0.1 and ::1 are always added
	Extra  []string     // more host names and IP addresses
	Log    *slog.Logger // nil: none
}

// An Identity is the registrar's certificate, renewed in time. It may be used from several goroutines.
type Identity struct {
	cfg   Config
	ca    *x509.Certificate
	caKey crypto.Signer
	own   [2]own // the better first
}

// own is a certificate of the server. There are two, by the same authority, since there are phones that know no ECDSA.
type own struct {
	file   string
	newKey func() (crypto.Signer, error)
	cert   atomic.Pointer[tls.Certificate]
}

// Load reads the authority and the server certificate, and makes what is missing: the authority (ECDSA P-256,
// 20 years) only where there is none at all, the certificate (1 year) also where it is damaged, names other
// hosts, or has less than a third of its time left.
//
// A damaged authority is an error, for a new one would lock every window out.
func Load(c Config, now time.Time) (*Identity, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Domain == "" {
		return nil, errors.New("certificate: no domain to make it for; give the registrar a --domain")
	}
	if now.Year() < 2000 {
		return nil, fmt.Errorf("certificate: the clock says %s; set it first, or all certificates will have expired once it is right",
			now.Format(time.DateOnly))
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	id := &Identity{cfg: c}
	id.own[0].file, id.own[0].newKey = "server.pem", newECDSA
	id.own[1].file, id.own[1].newKey = "server-rsa.pem", newRSA
	if err := id.loadCA(now); err != nil {
		return nil, err
	}
	for i := range id.own {
		if err := id.loadServer(&id.own[i], now); err != nil {
			return nil, err
		}
	}
	return id, nil
}

func (id *Identity) loadCA(now time.Time) error {
	path := caFile(id.cfg.Dir)
	cert, key, err := readPair(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if cert, key, err = newCA(id.cfg.Domain, now); err == nil {
			err = writePair(path, cert, key)
		}
		if err != nil {
			return fmt.Errorf("make the certificate authority: %w", err)
		}
		id.cfg.Log.Info("made a certificate authority", "file", path, "pin", pin.Of(cert), "until", cert.NotAfter)
	case err != nil:
		return unusableCA(path, err)
	case !cert.IsCA:
		return unusableCA(path, errors.New("its certificate is no authority's"))
	case !now.Before(cert.NotAfter):
		return fmt.Errorf("the certificate authority in %s expired on %s; remove the file, start again, and give every window the new pin",
			path, cert.NotAfter.Format(time.DateOnly))
	}
	id.ca, id.caKey = cert, key
	if err := writeFile(filepath.Join(id.cfg.Dir, "ca.crt"), pemCert(cert), 0o644); err != nil {
		id.cfg.Log.Warn("the authority's certificate was not written for phones to have", "err", err)
	}
	return nil
}

// unusableCA says what to do about an authority. To remove it is the last resort, and none at all for one that may be sound.
func unusableCA(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("the certificate authority in %s cannot be read (%w); let the registrar's user (uid %d) read it, and do not remove it: all windows know it by its pin",
			path, err, os.Geteuid())
	}
	return fmt.Errorf("the certificate authority in %s is damaged (%w); put back a copy of it; if there is none, remove it, start again, and give every window the new pin",
		path, err)
}

func (id *Identity) loadServer(o *own, now time.Time) error {
	path := filepath.Join(id.cfg.Dir, o.file)
	cert, key, err := readPair(path)
	why := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why = "there was none"
	case err != nil:
		why = "the old one is not usable: " + err.Error()
	default:
		why = id.unfit(cert, now)
	}
	if why != "" {
		if cert, key, err = newServer(o.newKey, id.ca, id.caKey, hosts(id.cfg), now); err != nil {
			return fmt.Errorf("make the server certificate: %w", err)
		}
		if err := writePair(path, cert, key); err != nil { // it is as good in memory
			id.cfg.Log.Warn("the server certificate was not written; the next start makes another one", "err", err)
		}
		id.cfg.Log.Info("made a server certificate", "file", path, "why", why, "until", cert.NotAfter)
	}
	o.cert.Store(&tls.Certificate{Certificate: [][]byte{cert.Raw, id.ca.Raw}, PrivateKey: key, Leaf: cert})
	return nil
}

// unfit says why a server certificate will not do any more; empty if it will.
func (id *Identity) unfit(cert *x509.Certificate, now time.Time) string {
	if err := cert.CheckSignatureFrom(id.ca); err != nil {
		return "the old one is of another authority"
	}
	dns, ips := names(hosts(id.cfg))
	if !sameSet(cert.DNSNames, dns) || !sameSet(texts(cert.IPAddresses), texts(ips)) {
		return "the old one is for other hosts"
	}
	if now.Before(cert.NotBefore) {
		return "the old one is not valid yet"
	}
	if cert.NotAfter.Sub(now) < serverLife/3 {
		return "the old one expires on " + cert.NotAfter.Format(time.DateOnly)
	}
	return ""
}

// Pin is the pin of the registrar's authority.
func (id *Identity) Pin() string { return pin.Of(id.ca) }

// CA is the authority's certificate.
func (id *Identity) CA() *x509.Certificate { return id.ca }

// CAFile is the same as a file for phones and browsers: PEM.
func (id *Identity) CAFile() []byte { return pemCert(id.ca) }

// NotAfter is when the first of the authority's server certificates in use expires.
func (id *Identity) NotAfter() time.Time {
	first := id.own[0].cert.Load().Leaf.NotAfter
	for i := range id.own {
		if t := id.own[i].cert.Load().Leaf.NotAfter; t.Before(first) {
			first = t
		}
	}
	return first
}

// Run renews the server certificate when its time comes, until ctx is done.
func (id *Identity) Run(ctx context.Context) error {
	t := time.NewTicker(checkEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		now := time.Now()
		for i := range id.own {
			o := &id.own[i]
			if id.unfit(o.cert.Load().Leaf, now) == "" {
				continue
			}
			if err := id.loadServer(o, now); err != nil {
				id.cfg.Log.Error("a server certificate was not renewed; trying again", "file", o.file, "in", checkEvery, "until", o.cert.Load().Leaf.NotAfter, "err", err)
			}
		}
	}
}

// ReadCA returns the certificate of the authority kept in dir, without making one.
func ReadCA(dir string) (*x509.Certificate, error) {
	cert, _, err := readPair(caFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no certificate authority in %s; `ewindow-registrar serve` makes it at its first start: %w", dir, err)
	}
	if err != nil {
		return nil, unusableCA(caFile(dir), err)
	}
	return cert, nil
}

func caFile(dir string) string { return filepath.Join(dir, "ca.pem") }
