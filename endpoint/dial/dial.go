// Package dial makes a window's connections: to its registrar, and to TURN servers over TCP and TLS.
//
//	Registrar: port 5061 ─ 2 s, or it fails ─▶ port 443 beside it ─▶ whichever is set up first, by the pin
//	Relay:     TCP, or TLS by the pin, or elsewhere by this machine's authorities
package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"ewindow/registrar/pki/pin"
)

const (
	sips  = 5061 // SIP over TLS (RFC 3261 §19.1.2)
	https = 443  // which networks let out that let out little

	// A registrar is looked for at port 443 too when it was not reached by then.
	otherAfter = 2 * time.Second

	connectWithin = 5 * time.Second // for TCP to be set up
	liveness      = 15 * time.Second
)

// The protocols that are asked for (ALPN): SIP over TLS, and TURN (RFC 7443).
const (
	alpnSIP  = "sip/2"
	alpnTURN = "stun.turn"
)

// TCP connects without TLS.
type TCP func(ctx context.Context, network, address string) (net.Conn, error)

// A Dialer knows the registrar.
type Dialer struct {
	host  string
	ports []int
	sip   *tls.Config
	turn  *tls.Config
	tcp   TCP
	last  atomic.Int32 // the port, of ports, by which it was reached last
}

// New makes a Dialer for the registrar at a host and port, whose certificate is for domain and by the authority with that pin. tcp nil: the
// machine's network.
func New(host string, port int, authority, domain string, tcp TCP) (*Dialer, error) {
	if tcp == nil {
		tcp = (&net.Dialer{Timeout: connectWithin, KeepAlive: liveness}).DialContext
	}
	d := &Dialer{host: host, ports: []int{port}, tcp: tcp}
	if port == sips {
		d.ports = append(d.ports, https)
	}
	for _, c := range []struct {
		into     **tls.Config
		protocol string
	}{{&d.sip, alpnSIP}, {&d.turn, alpnTURN}} {
		config, err := pin.Config(authority, domain)
		if err != nil {
			return nil, err
		}
		config.NextProtos = []string{c.protocol, pin.ALPN}
		*c.into = config
	}
	return d, nil
}

// Registrar connects to the registrar, by the port first by which it was reached last. It is for one caller at a time.
func (d *Dialer) Registrar(ctx context.Context) (net.Conn, error) {
	order := []int{0}
	if len(d.ports) > 1 {
		last := int(d.last.Load())
		order = []int{last, 1 - last}
	}
	conn, which, errs := race(ctx, otherAfter, len(order), func(ctx context.Context, i int) (net.Conn, error) {
		return d.at(ctx, d.ports[order[i]])
	})
	if conn != nil {
		d.last.Store(int32(order[which]))
		return conn, nil
	}
	if len(order) == 1 {
		return nil, errs[0]
	}
	named := errs[0]
	beside := errs[1]
	if order[0] != 0 {
		named, beside = beside, named
	}
	if named == nil || beside == nil { // time was up before the other one
		return nil, errors.Join(named, beside)
	}
	return nil, fmt.Errorf("%w; nor at port %d: %w", named, https, beside)
}

// at connects to a port of the registrar.
func (d *Dialer) at(ctx context.Context, port int) (net.Conn, error) {
	addr := net.JoinHostPort(d.host, strconv.Itoa(port))
	conn, err := d.tcp(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("nobody listens at %s; is ewindow-registrar running there? %w", addr, err)
	case err != nil:
		return nil, err
	}
	return secure(ctx, conn, d.sip)
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
	if host == d.host {
		return d.turn
	}
	config := d.turn.Clone()
	config.ServerName = host
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
