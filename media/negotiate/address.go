package negotiate

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// parseAddress reads the address of a c= or a=rtcp line. Only literals: a name would have us ask a DNS server of a stranger's
// choice. The unspecified address is valid and means hold (RFC 3264 §8.4).
func parseAddress(text string) (netip.Addr, error) {
	literal, _, _ := strings.Cut(text, "/") // a TTL belongs to multicast, which is refused below by its address
	a, err := netip.ParseAddr(literal)
	if err != nil {
		return a, fmt.Errorf("address %q is not an IP address (names are not looked up)", shorten(text))
	}
	a = a.Unmap()
	switch {
	case a.Zone() != "":
		return a, fmt.Errorf("address %s has a zone, which means nothing here", shorten(text))
	case a.IsMulticast():
		return a, fmt.Errorf("address %s is multicast", a)
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return a, fmt.Errorf("address %s is broadcast", a)
	}
	return a, nil
}

// Destination is the first address at which an offer says that its side receives, whatever it offers; the zero Addr if it has none,
// or cannot be read.
func Destination(offer []byte) netip.Addr {
	desc, err := read(offer)
	if err != nil {
		return netip.Addr{}
	}
	lines := []*sdp.ConnectionInformation{desc.ConnectionInformation}
	for _, m := range desc.MediaDescriptions {
		lines = append(lines, m.ConnectionInformation)
	}
	for _, c := range lines {
		if c == nil {
			continue
		}
		if a, err := parseAddress(c.Address.Address); err == nil && !a.IsUnspecified() {
			return a
		}
	}
	return netip.Addr{}
}

// destinations says where the other side of an m-line receives. Both are zero on hold by an unspecified address.
func destinations(session *description, m *sdp.MediaDescription, mux bool, local netip.Addr) (rtp, rtcp netip.AddrPort, err error) {
	none := netip.AddrPort{}
	c := m.ConnectionInformation
	if c == nil {
		c = session.ConnectionInformation
	}
	if c == nil && session.address != nil {
		return none, none, session.address
	}
	if c == nil {
		return none, none, fmt.Errorf("no c= line")
	}
	address, err := parseAddress(c.Address.Address)
	if err != nil {
		return none, none, fmt.Errorf("c=: %w", err)
	}
	if address.IsUnspecified() {
		return none, none, nil
	}
	if address.Is4() != local.Is4() {
		return none, none, fmt.Errorf("c=: address %s cannot be reached from %s", address, local)
	}
	rtp = netip.AddrPortFrom(address, uint16(m.MediaName.Port.Value))
	if mux {
		return rtp, rtp, nil
	}
	rtcp, err = controlDestination(m, rtp)
	return rtp, rtcp, err
}

// controlDestination reads a=rtcp (RFC 3605), which is the port after RTP's where it is missing (RFC 3550 §11).
func controlDestination(m *sdp.MediaDescription, rtp netip.AddrPort) (netip.AddrPort, error) {
	none := netip.AddrPort{}
	value, found := m.Attribute("rtcp")
	if !found {
		if rtp.Port() == 65535 {
			return none, fmt.Errorf("port 65535 leaves none for RTCP, and there is no a=rtcp")
		}
		return netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1), nil
	}
	f := strings.Fields(value)
	if len(f) != 1 && len(f) != 4 {
		return none, fmt.Errorf("a=rtcp:%s: wants a port, or a port and an address", shorten(value))
	}
	port, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil || port == 0 {
		return none, fmt.Errorf("a=rtcp: port %q is not a number from 1 to 65535", shorten(f[0]))
	}
	address := rtp.Addr()
	if len(f) == 4 {
		if address, err = parseAddress(f[3]); err != nil {
			return none, fmt.Errorf("a=rtcp: %w", err)
		}
	}
	switch {
	case address.IsUnspecified():
		return none, nil
	case address.Is4() != rtp.Addr().Is4():
		return none, fmt.Errorf("a=rtcp: address %s is of another family than %s", address, rtp.Addr())
	}
	return netip.AddrPortFrom(address, uint16(port)), nil
}

// direction reads what the other side says of an m-line, as seen from them (RFC 8866 §6.7): sendrecv if nothing is said.
func direction(session *description, m *sdp.MediaDescription) Direction {
	for _, attributes := range [][]sdp.Attribute{m.Attributes, session.Attributes} {
		for _, a := range attributes {
			switch d := Direction(a.Key); d {
			case SendRecv, SendOnly, RecvOnly, Inactive:
				return d
			}
		}
	}
	return SendRecv
}

// directionOf is the inverse of Sends and Receives.
func directionOf(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	}
	return Inactive
}
