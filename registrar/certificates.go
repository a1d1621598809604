package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"ewindow/registrar/metrics"
	"ewindow/registrar/pki"
	"ewindow/registrar/pki/given"
	"ewindow/registrar/pki/obtained"
	"ewindow/registrar/planfile"
	"ewindow/registrar/signal/scrape"
)

// certFlags say which certificate phones and browsers are shown. Windows are always shown the pinned authority's.
type certFlags struct {
	Cert          string `help:"Certificate for phones and browsers, with its chain (PEM), if the registrar is to have one beside its own; read again when it changes." placeholder:"FILE"`
	Key           string `help:"The key of --cert (PEM)." placeholder:"FILE"`
	Acme          bool   `help:"Obtain such a certificate for --domain by ACME, and renew it. Port 443 (--shared) or 80 has to be open to the world."`
	AcmeAgree     bool   `help:"You have read the terms of that authority, and accept them."`
	AcmeEmail     string `help:"Where the authority may write to you." placeholder:"ADDRESS"`
	AcmeDirectory string `help:"The authority." default:"https://acme-v02.api.letsencrypt.org/directory" placeholder:"URL"`
	AcmeCA        string `name:"acme-ca" help:"Authority that vouches for --acme-directory, if this machine does not know it." placeholder:"FILE"`
	AcmeHTTP      string `name:"acme-http" help:"Address at which ACME may look by HTTP; empty for none. auto: port 80, if it is free and this user may open it." default:"auto" placeholder:"ADDR"`
}

// web is the port of HTTP without TLS.
const web = ":80"

// certificates are those for the public: given by files, obtained, or none.
type certificates struct {
	given    *given.Pair
	good     atomic.Bool // what was given could be read when it was last tried
	obtained *obtained.Certificates
	http     net.Listener // for ACME; nil: none
	log      *slog.Logger
}

// certificates reads what was given, and prepares what is to be obtained. It starts nothing.
func (c *serveCmd) certificates(log *slog.Logger) (*certificates, error) {
	certs := &certificates{log: log}
	var err error
	switch {
	case (c.Cert == "") != (c.Key == ""):
		return nil, errors.New("--cert and --key belong together: give both, or neither")
	case c.Cert != "" && c.Acme:
		return nil, errors.New("--cert and --acme exclude each other: either somebody else renews the certificate, or this registrar does")
	case c.Cert != "":
		certs.given, err = given.Load(given.Config{Cert: c.Cert, Key: c.Key, Host: c.Domain, Told: certs.good.Store, Log: log}, time.Now())
	case c.Acme:
		err = certs.prepare(c)
	}
	return certs, err
}

// prepare is for ACME.
func (p *certificates) prepare(c *serveCmd) (err error) {
	if !c.AcmeAgree {
		return fmt.Errorf("--acme needs --acme-agree: read the terms of the authority first (%s names them; Let's Encrypt's are at https://letsencrypt.org/repository/)", c.AcmeDirectory)
	}
	config := obtained.Config{
		Hosts: []string{c.Domain}, Directory: c.AcmeDirectory, Email: c.AcmeEmail, Dir: filepath.Join(c.State, "acme"), Log: p.log,
	}
	if c.Advertise != "" && c.Advertise != c.Domain && net.ParseIP(c.Advertise) == nil {
		config.Hosts = append(config.Hosts, c.Advertise)
	}
	if c.AcmeCA != "" {
		text, err := os.ReadFile(c.AcmeCA)
		if config.Roots = x509.NewCertPool(); err == nil && !config.Roots.AppendCertsFromPEM(text) {
			err = fmt.Errorf("there is no certificate in %s", c.AcmeCA)
		}
		if err != nil {
			return fmt.Errorf("--acme-ca: %w", err)
		}
	}
	if p.obtained, err = obtained.New(config); err != nil {
		return err
	}
	addr, must := c.AcmeHTTP, true
	if addr == auto {
		addr, must = web, false
	}
	if addr == "" {
		return nil
	}
	if p.http, err = net.Listen("tcp", addr); err != nil {
		if must {
			return listenError("--acme-http", addr, err)
		}
		p.log.Info("port 80 is not served: the authority of ACME looks at port 443 alone", "err", err)
		return nil
	}
	p.log.Info("listening", "transport", "acme-http", "addr", p.http.Addr().String())
	return nil
}

// reachable says where an authority looks, if that is not here: it may be forwarded by a router.
func (p *certificates) reachable(open opened) {
	on := func(l net.Listener, addr string) bool { return l != nil && strings.HasSuffix(l.Addr().String(), addr) }
	if p.obtained != nil && !on(open.Shared, https) && !on(p.http, web) {
		p.log.Warn("the authority of ACME looks at port 443 or 80, and this registrar has neither: a router has to forward 443 to --shared, or 80 to --acme-http")
	}
}

// close is for a start that comes to nothing; run closes what it serves.
func (p *certificates) close() {
	if p.http != nil {
		_ = p.http.Close()
	}
}

// config is for a listener: windows are shown the pinned chain, all others what there is for the public.
func (p *certificates) config(identity *pki.Identity) *tls.Config {
	var sources []pki.Source
	if p.given != nil {
		sources = append(sources, p.given.Certificate)
	}
	if p.obtained == nil {
		return identity.ServerConfig(sources...)
	}
	for _, source := range p.obtained.Sources() {
		sources = append(sources, source)
	}
	config := identity.ServerConfig(sources...)
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return p.obtained.Challenge(hello), nil }
	return config
}

// run keeps the certificates new until ctx ends. What comes from reload has the files read at once.
func (p *certificates) run(ctx context.Context, g *errgroup.Group, reload <-chan os.Signal) {
	if p.given != nil {
		files := &planfile.Follower{Paths: p.given.Files(), What: "the certificate for the public", Read: p.given.Read, Log: p.log}
		g.Go(func() error { return files.Run(ctx, reload) })
	}
	if p.obtained == nil {
		return
	}
	if p.http != nil {
		handler := p.obtained.Handler() // before Run: from now on it is a way
		g.Go(func() error { return scrape.Serve(ctx, p.http, handler, p.log) })
	}
	g.Go(func() error { return p.obtained.Run(ctx) })
}

// count tells the metrics how it stands.
func (p *certificates) count(counted *metrics.Registry, identity *pki.Identity) {
	counted.CertExpiry("own", identity.NotAfter())
	if p.given != nil {
		counted.CertExpiry("given", p.given.NotAfter())
		counted.CertLoaded("given", p.good.Load())
	}
	if p.obtained != nil {
		counted.CertExpiry("acme", p.obtained.NotAfter())
		counted.CertLoaded("acme", p.obtained.Good())
	}
}

// toBoth passes signals on to two readers, until ctx ends.
func toBoth(ctx context.Context, g *errgroup.Group, from <-chan os.Signal) (one, other <-chan os.Signal) {
	a, b := make(chan os.Signal, 1), make(chan os.Signal, 1)
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case s := <-from:
				for _, to := range []chan os.Signal{a, b} {
					select {
					case to <- s:
					default: // one is waiting: what it will read is as new
					}
				}
			}
		}
	})
	return a, b
}
