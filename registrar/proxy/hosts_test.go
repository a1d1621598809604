package proxy

import (
	"net"
	"net/netip"
	"testing"

	"ewindow/registrar/location"
)

// listening listens nowhere: it has an address.
type listening struct {
	net.Listener
	at string
}

func (l listening) Addr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(l.at)) }

// Whoever came by the shared port is told of that one, and others of the port for TLS alone; both are ours.
func TestSharedPortInVia(t *testing.T) {
	tls, shared := listening{at: "10.0.0.1:5061"}, listening{at: "10.0.0.1:443"}
	both := newHosts("reg.example.org", "", Listeners{TLS: tls, Shared: shared})
	alone := newHosts("reg.example.org", "203.0.113.9", Listeners{Shared: shared})
	for _, c := range []struct {
		h                *hosts
		transport, local string
		host             string
		port             int
	}{
		{both, "TLS", "10.0.0.1:5061", "10.0.0.1", 5061},
		{both, "TLS", "10.0.0.1:443", "10.0.0.1", 443},
		{both, "TLS", "", "reg.example.org", 5061},
		{alone, "TLS", "10.0.0.1:443", "203.0.113.9", 443},
		{alone, "TLS", "", "203.0.113.9", 443},
	} {
		host, port := c.h.sentBy(location.Flow{Transport: c.transport}, c.local)
		if host != c.host || port != c.port {
			t.Errorf("%s at %q: %s:%d, want %s:%d", c.transport, c.local, host, port, c.host, c.port)
		}
	}
	for port, want := range map[int]bool{0: true, 443: true, 5061: true, 5060: false} {
		if both.oursAt("reg.example.org", port) != want {
			t.Errorf("port %d: %v", port, !want)
		}
	}
}
