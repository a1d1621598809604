package negotiate

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// The components of a stream (RFC 8839 §5.1): its media, and its reports where these have a port of their own.
const (
	MediaComponent   = 1
	ReportsComponent = 2
)

// Has says whether there are candidates for a component.
func (i *ICE) Has(component int) bool {
	for _, c := range i.Candidates {
		if n, _, ok := destination(c); ok && n == component {
			return true
		}
	}
	return false
}

// destination reads of a candidate which component it is for and where it leads; false for a name, or what cannot be read.
func destination(candidate string) (component int, at netip.AddrPort, ok bool) {
	f := strings.Fields(candidate)
	if len(f) < 6 {
		return 0, at, false
	}
	component, err := strconv.Atoi(f[1])
	addr, err2 := netip.ParseAddr(f[4])
	port, err3 := strconv.ParseUint(f[5], 10, 16)
	return component, netip.AddrPortFrom(addr.Unmap(), uint16(port)), err == nil && err2 == nil && err3 == nil
}

// OffersMux says whether an offer wants RTP and RTCP on one port (RFC 5761), in each line that has a port.
func OffersMux(offer []byte) bool {
	desc, err := read(offer)
	if err != nil {
		return false
	}
	for _, m := range desc.MediaDescriptions {
		if _, mux := m.Attribute("rtcp-mux"); !mux && m.MediaName.Port.Value != 0 {
			return false
		}
	}
	return true
}

// mismatched says whether somebody on the way has changed where a stream is received: its default destinations are none of its
// candidates (RFC 8839 §4.2.5). That of who is reached by ICE alone is none to be found (RFC 8840 §4.1.3), nor are candidates that are still
// to come.
func (i *ICE) mismatched(rtp, rtcp netip.AddrPort, mux bool) bool {
	if !rtp.IsValid() || rtp == nowhere || rtp.Port() == nowhere.Port() || len(i.Candidates) == 0 {
		return false
	}
	if !i.leads(MediaComponent, rtp) {
		return true
	}
	return !mux && rtcp.IsValid() && i.Has(ReportsComponent) && !i.leads(ReportsComponent, rtcp)
}

func (i *ICE) leads(component int, to netip.AddrPort) bool {
	for _, c := range i.Candidates {
		if n, at, ok := destination(c); ok && n == component && at == to {
			return true
		}
	}
	return false
}

// withoutReports are the ways of a stream whose reports share its port.
func (i *ICE) withoutReports() *ICE {
	out := *i
	out.Candidates = nil
	for _, c := range i.Candidates {
		if n, _, ok := destination(c); !ok || n == MediaComponent {
			out.Candidates = append(out.Candidates, c)
		}
	}
	return &out
}

// onePlace says that reports come where the media does.
func onePlace(m *sdp.MediaDescription) {
	for i := range m.Attributes {
		if a := &m.Attributes[i]; a.Key == "rtcp" {
			a.Value = strconv.Itoa(m.MediaName.Port.Value)
		}
	}
}

// HostsAlone says whether an offer with ICE names nothing but addresses of the machine itself: its side has asked no server how it looks
// from outside.
func HostsAlone(offer []byte) bool {
	desc, err := read(offer)
	if err != nil {
		return false
	}
	hosts := 0
	for _, m := range desc.MediaDescriptions {
		for _, a := range m.Attributes {
			if a.Key != "candidate" {
				continue
			}
			if f := strings.Fields(a.Value); len(f) < 8 || f[6] != "typ" || f[7] != "host" {
				return false
			}
			hosts++
		}
	}
	return hosts > 0
}

// OffersRelay says whether an offer names an address at a relay among its ways of ICE.
func OffersRelay(offer []byte) bool {
	desc, err := read(offer)
	if err != nil {
		return false
	}
	for _, m := range desc.MediaDescriptions {
		for _, a := range m.Attributes {
			if f := strings.Fields(a.Value); a.Key == "candidate" && len(f) >= 8 && f[6] == "typ" && f[7] == "relay" {
				return true
			}
		}
	}
	return false
}

// DefaultAlone is a place with no candidates but those that c= and m= name.
func (p Place) DefaultAlone(address netip.Addr) Place {
	if p.ICE == nil {
		return p
	}
	ice := *p.ICE
	ice.Candidates = slices.DeleteFunc(slices.Clone(ice.Candidates), func(c string) bool {
		_, at, ok := destination(c)
		return !ok || at != netip.AddrPortFrom(address, p.RTP) && at != netip.AddrPortFrom(address, p.RTCP)
	})
	p.ICE = &ice
	return p
}
