package negotiate

import "net/netip"

// From notes for all streams where the other side's messages come from, and where we are, both as somebody outside sees them: the
// registrar. Invalid addresses say nothing.
func (d *Description) From(theirs, ours netip.Addr) {
	for _, s := range []*Stream{d.Audio, d.Video} {
		if s != nil {
			s.Flow, s.Behind = theirs, behind(s.RTP.Addr(), theirs, ours)
		}
	}
}

// behind says whether an address in SDP leads nowhere from here, but that of the router before it may: it is one of a private network,
// its messages come from elsewhere, and not from where ours come, which would be our own router.
func behind(sdp, theirs, ours netip.Addr) bool {
	return theirs.IsValid() && theirs != ours && sdp.IsValid() && theirs != sdp && theirs.Is4() == sdp.Is4() && Private(sdp)
}

// shared are the addresses between a carrier's router and its customers' (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// Private says whether an address means something within a network alone (RFC 1918, 4193, 6598), on a cable or a machine.
func Private(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared.Contains(a)
}
