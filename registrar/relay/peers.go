package relay

import (
	"errors"
	"net/netip"
	"slices"
)

// Why a peer is not relayed to.
var (
	errNotPublic = errors.New("no public address of one host")
	errPrivate   = errors.New("a private network that is not allowed")
	errOurs      = errors.New("an address of the registrar's machine")
)

// never are networks that nothing is relayed to, whatever is allowed: what the registrar's machine has beside its network,
// what more than one host hears, and what hides another address.
var never = prefixes(
	"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4", // with the broadcast
	"::/8", // unspecified, loopback, IPv4-mapped and -compatible, NAT64 (RFC 6052)
	"100::/64", "2001::/32" /* Teredo */, "2002::/16" /* 6to4 */, "fe80::/10", "fec0::/10", "ff00::/8",
)

// private are networks behind the registrar that an admin may open: RFC 1918, RFC 6598, RFC 2544, RFC 4193.
var private = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7")

// Opens says whether anybody else can be reached once a network is allowed.
func Opens(network netip.Prefix) bool { return slices.ContainsFunc(private, network.Overlaps) }

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// peers says whom allocations may send to (RFC 8656 §9.2, §21.1.5). A relay stands behind the firewall of its network, and
// its packets come from the machine that the registrar runs on: whatever is not allowed by name is denied.
type peers struct {
	relay   []netip.Addr   // addresses of allocations
	ports   Ports          // theirs
	allow   []netip.Prefix // private networks that may be reached all the same
	machine func() []netip.Addr
}

// address is nil if an allocation may have a permission for a. Of what has that, at decides by port.
func (p *peers) address(a netip.Addr) error {
	switch {
	case a.Is4In6(): // an IPv6 attribute that says an IPv4 address
		return errNotPublic
	case slices.Contains(p.relay, a.WithZone("")):
		return nil // two windows that both relay through here
	}
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid(), within(a, never):
		return errNotPublic
	case slices.Contains(p.machine(), a):
		return errOurs
	case within(a, private) && !within(a, p.allow):
		return errPrivate
	}
	return nil
}

// at is nil if something may be sent there. At the relay's own addresses only its own allocations are peers, not what else
// listens there.
func (p *peers) at(to netip.AddrPort) error {
	if err := p.address(to.Addr()); err != nil {
		return err
	}
	if slices.Contains(p.relay, to.Addr()) && !p.ports.contain(to.Port()) {
		return errOurs
	}
	return nil
}
