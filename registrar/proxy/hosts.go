package proxy

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ewindow/registrar/block"
	"ewindow/registrar/location"
	"ewindow/registrar/signal/header"
)

// hosts knows by which names and addresses this registrar goes.
type hosts struct {
	names     []string       // the domain, "localhost", the advertised host; lower case
	ports     map[string]int // listened on, by transport; of TLS the one that is for SIP alone, if there is one
	shared    int            // port that SIP over TLS shares with others; 0 without one
	addrs     []netip.Addr   // listened on
	any       bool           // some listener takes every address of the machine
	advertise string         // host for Via and Record-Route instead of the local address; may be empty
	udp       string         // local address of the UDP socket; empty without one

	machine block.Machine
}

func newHosts(domain, advertise string, l Listeners) *hosts {
	h := &hosts{names: []string{header.Host(domain), "localhost"}, ports: map[string]int{}, advertise: advertise}
	if advertise != "" {
		h.names = append(h.names, header.Host(advertise))
	}
	add := func(transport string, a net.Addr) {
		ap, err := netip.ParseAddrPort(a.String())
		if err != nil {
			return
		}
		h.ports[transport] = int(ap.Port())
		addr := ap.Addr().WithZone("").Unmap()
		h.any = h.any || addr.IsUnspecified()
		h.addrs = append(h.addrs, addr)
	}
	if l.TLS != nil {
		add("TLS", l.TLS.Addr())
	}
	if l.Shared != nil {
		own, alone := h.ports["TLS"]
		add("TLS", l.Shared.Addr())
		if h.shared = h.ports["TLS"]; alone {
			h.ports["TLS"] = own
		}
	}
	if l.TCP != nil {
		add("TCP", l.TCP.Addr())
	}
	if l.UDP != nil {
		add("UDP", l.UDP.LocalAddr())
		h.udp = l.UDP.LocalAddr().String()
	}
	return h
}

// ours says whether the host of a URI is this registrar: its domain, "localhost", or an address it listens on.
func (h *hosts) ours(host string) bool {
	host = header.Host(host)
	if slices.Contains(h.names, host) {
		return true
	}
	addr, err := header.Addr(host)
	if err != nil {
		return false
	}
	addr = addr.WithZone("").Unmap()
	return slices.Contains(h.addrs, addr) || h.any && slices.Contains(h.machine.Addresses(), addr)
}

// oursAt is ours for a host and port: another program of this machine may listen on another port.
func (h *hosts) oursAt(host string, port int) bool {
	if !h.ours(host) {
		return false
	}
	if port == 0 || port == h.shared {
		return true
	}
	for _, p := range h.ports {
		if p == port {
			return true
		}
	}
	return false
}

// sentBy is the host and port by which the peer at the other end of f reaches us. local is our end of it. An
// address needs no DNS at the phone and is the connection it holds already; only behind a port-forwarding router
// is it wrong, and there the admin says which host to advertise.
func (h *hosts) sentBy(f location.Flow, local string) (host string, port int) {
	port = h.ports[f.Transport]
	if f.Transport == "TLS" && h.shared != 0 && at(local) == h.shared {
		port = h.shared // whoever came by it may reach no other one
	}
	if h.advertise != "" {
		return h.advertise, port
	}
	return h.address(f, local), port
}

// at is the port of an address; 0 if it has none.
func at(addr string) int {
	ap, _ := netip.ParseAddrPort(addr)
	return int(ap.Port())
}

// address is the address of this machine that the peer at the other end of f talks to.
func (h *hosts) address(f location.Flow, local string) string {
	if f.Transport == "UDP" {
		local = h.udp
	}
	host, _, err := net.SplitHostPort(local)
	if err != nil {
		return h.names[0]
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsUnspecified() {
		// Which of our addresses the peer sees is the kernel's choice: asked, no packet is sent.
		if c, err := net.Dial("udp", f.Remote); err == nil {
			host, _, _ = net.SplitHostPort(c.LocalAddr().String())
			_ = c.Close()
		}
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}

// udpLocal is the local address of the UDP socket as sipgo wants it in Request.Laddr.
func (h *hosts) udpLocal() (net.IP, int) {
	host, port, err := net.SplitHostPort(h.udp)
	if err != nil {
		return nil, 0
	}
	p, _ := strconv.Atoi(port)
	return net.ParseIP(host), p
}
