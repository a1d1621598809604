// Package given is a certificate that the registrar was given for the public: two files, of whoever obtains and renews it. They are
// read anew when they change; what will not do never replaces what does.
//
//	--cert, --key ──▶ parse: belongs, in time, for the domain, chain whole? ──▶ in use
//	  ▲ changed                                    └─ no: said, the old one stays
package given

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"ewindow/dialplan/wholefile"
)

const (
	maxFile = 256 << 10          // bytes of either file
	soon    = 7 * 24 * time.Hour // before it expires that is said
)

// Config says which files, and for whom.
type Config struct {
	Cert, Key string          // files, PEM
	Host      string          // whom the certificate has to be for
	Told      func(good bool) // is told of each reading that found something new; may be nil
	Roots     *x509.CertPool  // authorities that are known; nil: the machine's
	Log       *slog.Logger    // nil: none
}

// A Pair is the certificate in use. It may be used from several goroutines.
type Pair struct {
	cfg  Config
	cert atomic.Pointer[tls.Certificate]

	// of Read's goroutine
	read    [2][]byte // what the files held when they were last taken
	failure string    // the last error, so that it is said once
	warned  time.Time // the end of the certificate that was said to expire
	over    bool      // and that it has
}

// Load reads the files. An error names the file, and what is wrong.
func Load(c Config, now time.Time) (*Pair, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Told == nil {
		c.Told = func(bool) {}
	}
	p := &Pair{cfg: c}
	if _, err := p.take(now); err != nil {
		return nil, err
	}
	c.Told(true)
	return p, nil
}

// Certificate is the one in use; nil once it has expired: then what does not need it is better off without.
func (p *Pair) Certificate() *tls.Certificate {
	if c := p.cert.Load(); time.Now().Before(c.Leaf.NotAfter) {
		return c
	}
	return nil
}

// NotAfter is when the certificate in use expires.
func (p *Pair) NotAfter() time.Time { return p.cert.Load().Leaf.NotAfter }

// take reads both files and puts them in use if they will do. fresh: they are others than before.
func (p *Pair) take(now time.Time) (fresh bool, err error) {
	var files [2][]byte
	for i, path := range []string{p.cfg.Cert, p.cfg.Key} {
		if files[i], err = wholefile.Read(path, maxFile); err != nil {
			if errors.Is(err, fs.ErrPermission) {
				err = fmt.Errorf("%w; let the registrar's user (uid %d) read it", err, os.Geteuid())
			}
			return false, fmt.Errorf("the certificate for the public cannot be read: %w", err)
		}
	}
	if bytes.Equal(files[0], p.read[0]) && bytes.Equal(files[1], p.read[1]) {
		return false, nil
	}
	cert, err := parse(files[0], files[1], p.cfg.Host, p.roots(), now)
	if err != nil {
		path := p.cfg.Cert
		var f *fault
		if errors.As(err, &f) && f.inKey {
			path = p.cfg.Key
		}
		return false, fmt.Errorf("the certificate for the public: %s: %w", path, err)
	}
	p.cert.Store(cert)
	p.read = files
	return true, nil
}

// roots are the authorities that this machine knows; nil where it has none, as a container may.
func (p *Pair) roots() *x509.CertPool {
	if p.cfg.Roots != nil {
		return p.cfg.Roots
	}
	pool, err := x509.SystemCertPool()
	if err != nil || pool.Equal(x509.NewCertPool()) {
		return nil
	}
	return pool
}

// Read reads the files again. It is to be called when they may have changed, by one goroutine; forced: the outcome is said in any case.
func (p *Pair) Read(forced bool) {
	now := time.Now()
	fresh, err := p.take(now)
	log := p.cfg.Log.With("file", p.cfg.Cert)
	if err != nil {
		if text := err.Error(); text != p.failure || forced {
			p.failure = text
			log.Error("the certificate for the public is not taken; the one in use stays", "until", p.NotAfter(), "err", err)
			p.cfg.Told(false)
		}
	} else if fresh || forced || p.failure != "" {
		p.failure = ""
		log.Info("the certificate for the public is in use", "until", p.NotAfter())
		p.cfg.Told(true)
	}
	p.remind(log, now)
}

// remind says, once, that the certificate in use is about to expire, and that it has.
func (p *Pair) remind(log *slog.Logger, now time.Time) {
	until := p.NotAfter()
	if p.warned.IsZero() || !p.warned.Equal(until) {
		if until.Sub(now) > soon {
			return
		}
		p.warned, p.over = until, false
		if now.Before(until) {
			log.Warn("the certificate for the public expires soon, and was not renewed", "until", until)
		}
	}
	if !p.over && !now.Before(until) {
		p.over = true
		log.Error("the certificate for the public has expired: phones get the registrar's own authority's, which they accept only if they know that", "until", until)
	}
}

// Files are the two files, to be followed.
func (p *Pair) Files() []string { return []string{p.cfg.Cert, p.cfg.Key} }
