// Package obtained is a certificate for the public that an authority gives to whoever shows that a name is its own (ACME, RFC 8555),
// without anybody's doing: by golang.org/x/crypto's autocert.
//
//	Run ──▶ authority: an order ──▶ it looks at our port 443 (tls-alpn-01, RFC 8737) or 80 (http-01) ──▶ certificate, on disk
//	                                       └─ Challenge          └─ Handler                              └─ Source: handshakes
//
// Handshakes look at memory alone: whoever connects neither waits for the authority nor has it asked, nor has the disk read.
package obtained

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

const (
	// look is how often the certificate that autocert has is looked at: it renews by itself, when a third of the time is left.
	look = 10 * time.Minute
	// Authorities allow a handful of failures of a name in an hour.
	firstPause, lastPause = 2 * time.Minute, 3 * time.Hour
)

// Config says of whom, and for which names.
type Config struct {
	Hosts     []string       // names in the DNS
	Directory string         // URL of the authority's directory
	Roots     *x509.CertPool // that vouch for the directory; nil: the machine's
	Email     string         // told to the authority; may be empty
	Dir       string         // where keys and certificates are kept; made with mode 0700
	Log       *slog.Logger   // nil: none
}

// Certificates are what was obtained. New makes them, Run obtains and renews; all of it may be used from several goroutines.
type Certificates struct {
	cfg     Config
	manager *autocert.Manager
	trips   *trips
	held    map[string]*atomic.Pointer[tls.Certificate]
	failing atomic.Int32 // hosts for which the last attempt failed
}

// New checks the configuration. It starts nothing. Whoever calls it accepts the authority's terms.
func New(c Config) (*Certificates, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for _, host := range c.Hosts {
		if net.ParseIP(host) != nil || !strings.Contains(strings.Trim(host, "."), ".") {
			return nil, fmt.Errorf("ACME: no authority gives a certificate for %q: it has to be a name in the public DNS", host)
		}
	}
	if u, err := url.Parse(c.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("ACME: %q is no directory's URL: it begins with https://", c.Directory)
	}
	o := &Certificates{cfg: c, trips: newTrips(c.Roots), held: map[string]*atomic.Pointer[tls.Certificate]{}}
	for _, host := range c.Hosts {
		o.held[host] = &atomic.Pointer[tls.Certificate]{}
	}
	o.manager = &autocert.Manager{
		Prompt: func(terms string) bool {
			c.Log.Info("the terms of the authority for the public's certificates are accepted, as --acme-agree says", "terms", terms)
			return true
		},
		Cache: cache{autocert.DirCache(c.Dir)}, HostPolicy: autocert.HostWhitelist(c.Hosts...), Email: c.Email,
		Client: &acme.Client{DirectoryURL: c.Directory, HTTPClient: &http.Client{Transport: o.trips, Timeout: time.Minute}, UserAgent: "ewindow-registrar"},
	}
	return o, nil
}

// Sources are the certificates, host by host, as handshakes ask for them.
func (o *Certificates) Sources() (all []func() *tls.Certificate) {
	for _, host := range o.cfg.Hosts {
		all = append(all, func() *tls.Certificate {
			if c := o.held[host].Load(); c != nil && time.Now().Before(c.Leaf.NotAfter) {
				return c
			}
			return nil
		})
	}
	return all
}

// NotAfter is when the first of the certificates expires; zero: there is none.
func (o *Certificates) NotAfter() (first time.Time) {
	for _, held := range o.held {
		if c := held.Load(); c != nil && (first.IsZero() || c.Leaf.NotAfter.Before(first)) {
			first = c.Leaf.NotAfter
		}
	}
	return first
}

// Good says whether there is a certificate for each host, and none that ought to have been renewed.
func (o *Certificates) Good() bool { return o.failing.Load() == 0 }

// Challenge is the configuration by which a ClientHello is to be answered with which the authority looks whether a name is ours
// (RFC 8737 §3); nil: it is none that was asked for.
func (o *Certificates) Challenge(hello *tls.ClientHelloInfo) *tls.Config {
	if !slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) || o.held[strings.ToLower(hello.ServerName)] == nil {
		return nil
	}
	token, err := o.manager.GetCertificate(hello)
	if err != nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{acme.ALPNProto}, Certificates: []tls.Certificate{*token}, SessionTicketsDisabled: true}
}

// Handler answers the authority at port 80; all others are told that there is nothing. From its call on that way is tried, too.
func (o *Certificates) Handler() http.Handler {
	inner := o.manager.HTTPHandler(http.NotFoundHandler())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, err := net.SplitHostPort(r.Host); err == nil {
			r.Host = host
		}
		inner.ServeHTTP(w, r)
	})
}

// Run obtains certificates and has them renewed, until ctx ends. Failure ends nothing: it tries again, later and later.
func (o *Certificates) Run(ctx context.Context) error {
	defer o.trips.end(ctx)()
	var hosts sync.WaitGroup
	for _, host := range o.cfg.Hosts {
		hosts.Go(func() { o.keep(ctx, host) })
	}
	hosts.Wait()
	return nil
}

// keep is Run for one host.
func (o *Certificates) keep(ctx context.Context, host string) {
	pause := firstPause
	good := true
	note := func(now bool) {
		if good != now {
			good = now
			o.failing.Add(map[bool]int32{true: -1, false: 1}[now])
		}
	}
	for {
		wait := look
		err := o.get(ctx, host)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			note(false)
			wait, pause = pause, min(3*pause, lastPause)
			what := "no certificate for the public could be obtained; phones get the registrar's own authority's"
			if c := o.held[host].Load(); c != nil && time.Now().Before(c.Leaf.NotAfter) {
				what = "the certificate for the public could not be renewed; the one in use stays"
			}
			o.cfg.Log.Warn(what, "host", host, "wait", wait, "err", err)
		default:
			note(true)
			pause = firstPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// get takes what autocert has, or has it obtain it.
func (o *Certificates) get(ctx context.Context, host string) error {
	cert, err := o.manager.GetCertificate(&tls.ClientHelloInfo{
		ServerName: host, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256},
	})
	if err != nil {
		return o.trips.explain(host, err)
	}
	held := o.held[host]
	if old := held.Load(); old == nil || !old.Leaf.Equal(cert.Leaf) {
		held.Store(cert)
		o.cfg.Log.Info("a certificate for the public is in use", "host", host, "until", cert.Leaf.NotAfter)
	}
	// autocert begins at a third and tells nobody when it fails.
	if life, left := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore), time.Until(cert.Leaf.NotAfter); left < life/4 && ctx.Err() == nil {
		return o.trips.explain(host, fmt.Errorf("it ought to have been renewed by now, and expires on %s", cert.Leaf.NotAfter.UTC().Format(time.DateTime)))
	}
	return nil
}

// cache is where autocert keeps what outlives a restart: not its answers to challenges, which strangers ask for, and nothing that is
// damaged: it would fail with that for ever.
type cache struct{ dir autocert.Cache }

func (c cache) passing(key string) bool {
	return strings.HasSuffix(key, "+token") || strings.HasSuffix(key, "+http-01")
}

// Get is part of autocert.Cache.
func (c cache) Get(ctx context.Context, key string) ([]byte, error) {
	if c.passing(key) {
		return nil, autocert.ErrCacheMiss
	}
	data, err := c.dir.Get(ctx, key)
	if err == nil && !sound(key, data) {
		return nil, autocert.ErrCacheMiss
	}
	return data, err
}

func sound(key string, data []byte) bool {
	if strings.HasPrefix(key, "acme_account") {
		return soundKey(data)
	}
	_, err := tls.X509KeyPair(data, data)
	return err == nil
}

// Put is part of autocert.Cache.
func (c cache) Put(ctx context.Context, key string, data []byte) error {
	if c.passing(key) {
		return nil
	}
	return c.dir.Put(ctx, key, data)
}

// Delete is part of autocert.Cache.
func (c cache) Delete(ctx context.Context, key string) error {
	if c.passing(key) {
		return nil
	}
	return c.dir.Delete(ctx, key)
}
