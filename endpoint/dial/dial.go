// Package dial makes a window's connections: to its registrar, and to TURN servers over TCP and TLS.
//
//	Registrar: where? (find.go) ─▶ port 5061 ─ nobody for 0.5 s, no TLS for 2 s, or it fails ─▶ port 443 beside it ─▶ the next place ─▶ whichever is set up first, by the pin
//	Web:       the same, for HTTPS
//	Relay:     TCP, or TLS by the pin, or elsewhere by this machine's authorities
package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"ewindow/registrar/pki/pin"
)

const (
	sips  = 5061 // SIP over TLS (RFC 3261 §19.1.2)
	https = 443  // which networks let out that let out little

	// A registrar is looked for at port 443 too when nobody has answered by then, and when the TLS of whoever answered is not set up by then.
	// A router that drops what it does not like says nothing; a registrar to which all windows come back at once is slow with TLS alone, and
	// twice as many connections would not help it.
	silentAfter = 500 * time.Millisecond
	otherAfter  = 2 * time.Second

	connectWithin = 5 * time.Second // for TCP to be set up
	liveness      = 15 * time.Second
)

// The protocols that are asked for (ALPN): SIP over TLS, TURN (RFC 7443), and HTTP.
const (
	alpnSIP  = "sip/2"
	alpnTURN = "stun.turn"
	alpnHTTP = "http/1.1"
)

// TCP connects without TLS.
type TCP func(ctx context.Context, network, address string) (net.Conn, error)

// A Dialer knows the registrar.
type Dialer struct {
	named target
	dns   Resolver // nil: an address or a port is given, and nobody has to be asked
	sip   *tls.Config
	turn  *tls.Config
	web   *tls.Config
	tcp   TCP

	known   []target // what the DNS said last
	reached target   // address that was reached last
	last    int      // port by which it was
}

// New makes a Dialer for the registrar at a host and port, whose certificate is for domain and by the authority with that pin. tcp nil: the
// machine's network.
func New(host string, port int, authority, domain string, tcp TCP) (*Dialer, error) {
	if tcp == nil {
		tcp = (&net.Dialer{Timeout: connectWithin, KeepAlive: liveness}).DialContext
	}
	d := &Dialer{named: target{host, port}, tcp: tcp}
	for _, c := range []struct {
		into     **tls.Config
		protocol string
	}{{&d.sip, alpnSIP}, {&d.turn, alpnTURN}, {&d.web, alpnHTTP}} {
		config, err := pin.Config(authority, domain)
		if err != nil {
			return nil, err
		}
		config.NextProtos = []string{c.protocol, pin.ALPN}
		*c.into = config
	}
	return d, nil
}

// Ask has the DNS asked where the registrar of its host is (RFC 3263). It is for a host that is a name, without a port.
func (d *Dialer) Ask(dns Resolver) { d.dns = dns }

// Show has the registrar shown a certificate where it asks for one; nobody else is shown it.
func (d *Dialer) Show(certificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)) {
	for _, config := range []*tls.Config{d.sip, d.turn, d.web} {
		config.GetClientCertificate = certificate
	}
}

// Registrar connects to the registrar, by the port first by which it was reached last. It is for one caller at a time.
func (d *Dialer) Registrar(ctx context.Context) (net.Conn, error) { return d.registrar(ctx, d.sip) }

// Web is Registrar for HTTPS. The two exclude each other: HTTPS takes a Dialer of its own.
func (d *Dialer) Web(ctx context.Context) (net.Conn, error) { return d.registrar(ctx, d.web) }

func (d *Dialer) registrar(ctx context.Context, config *tls.Config) (net.Conn, error) {
	places, err := d.places(ctx)
	if err != nil {
		return nil, err
	}
	order := attempts(places, d.last)
	after := patience{silentAfter, otherAfter}
	if len(order) > 2 {
		after.answered = soonAfter
	}
	conn, which, errs := race(ctx, after, len(order), func(ctx context.Context, i int, answered func()) (net.Conn, error) {
		return d.at(ctx, order[i], config, answered)
	})
	if conn == nil {
		return nil, failed(order, errs)
	}
	d.last = order[which].port
	if at, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		d.reached = target{at.Addr().String(), int(at.Port())}
	}
	return conn, nil
}

// failed is what became of all attempts: of those that were named first, and then of the port beside them.
func failed(order []target, errs []error) error {
	var named, beside error
	for i, t := range order {
		if t.port == https && len(order) > 1 {
			beside = errors.Join(beside, errs[i])
		} else {
			named = errors.Join(named, errs[i])
		}
	}
	if named == nil || beside == nil { // time was up before the other one
		return errors.Join(named, beside)
	}
	return fmt.Errorf("%w; nor at port %d: %w", named, https, beside)
}

// at connects to the registrar at a place, and says when somebody answers there.
func (d *Dialer) at(ctx context.Context, t target, config *tls.Config, answered func()) (net.Conn, error) {
	addr := net.JoinHostPort(t.host, strconv.Itoa(t.port))
	conn, err := d.tcp(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("nobody listens at %s; is ewindow-registrar running there? %w", addr, err)
	case err != nil:
		return nil, err
	}
	answered()
	return introduced(ctx, conn, config)
}

// secure sets TLS up, or closes the connection.
func secure(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	c := tls.Client(conn, config)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// Relay connects to a TURN server over TCP or, secure, over TLS.
func (d *Dialer) Relay(ctx context.Context, network, address string, overTLS bool) (net.Conn, error) {
	conn, err := d.tcp(ctx, network, address)
	if err != nil || !overTLS {
		return conn, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure(ctx, conn, d.relayConfig(host))
}

// relayConfig is for a TURN server. The registrar's host has to show the pinned authority; another one may be by any that this machine
// trusts: it is a server of somebody else's, or the registrar by another of its names.
func (d *Dialer) relayConfig(host string) *tls.Config {
	if host == d.named.host {
		return d.turn
	}
	config := d.turn.Clone()
	config.ServerName, config.GetClientCertificate = host, nil
	pinned := config.VerifyConnection
	config.VerifyConnection = func(cs tls.ConnectionState) error {
		ours := pinned(cs)
		if ours == nil || len(cs.PeerCertificates) == 0 {
			return ours
		}
		between := x509.NewCertPool()
		for _, c := range cs.PeerCertificates[1:] {
			between.AddCert(c)
		}
		if _, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: host, Intermediates: between}); err != nil {
			return fmt.Errorf("the TURN server at %s is neither the registrar's nor known to this machine's authorities: %w", host, err)
		}
		return nil
	}
	return config
}
