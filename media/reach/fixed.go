package reach

import (
	"net"
	"net/netip"
	"slices"

	"github.com/pion/stun/v4"

	"ewindow/media/negotiate"
)

// Who has no ICE has but one address of ours, that of SDP: a socket's, or where we are not reached at any, a relay's.

// fixed is by what packets go and come without checks of the way.
type fixed interface {
	carrier
	ReadFrom(b []byte) (int, net.Addr, error)
}

// relays are an attempt's addresses at servers, the best first: those that are reached by UDP.
func (a *attempt) relays() []*relayed {
	a.servers.mu.Lock()
	have := slices.Clone(a.servers.have)
	a.servers.mu.Unlock()
	slices.SortStableFunc(have, func(x, y *relayed) int { return slow(x) - slow(y) })
	return have
}

func slow(r *relayed) int { return slices.Index([]string{"udp", "tcp", "tls"}, r.transport) }

// Relayed is the address of a relay that all streams have, of the family of our own; invalid if there is none.
func (p *Paths) Relayed() netip.Addr {
	for _, r := range p.audio.searching().relays() {
		ip := r.at.Addr()
		lacks := func(s *path) bool { return s.searching().relayAt(ip) == nil }
		if ip.Is4() == p.local.Is4() && !slices.ContainsFunc(p.parts(), lacks) {
			return ip
		}
	}
	return netip.Addr{}
}

// searching is the attempt of which SDP speaks.
func (p *path) searching() *attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest()
}

// relayAt is the best relay that has an address; nil if there is none.
func (a *attempt) relayAt(ip netip.Addr) *relayed {
	for _, r := range a.relays() {
		if r.at.Addr() == ip {
			return r
		}
	}
	return nil
}

// standing is the address that SDP names of us.
type standing struct {
	at      netip.Addr
	relayed bool // it is a relay's
}

// stand chooses it.
func (p *Paths) stand() standing {
	if p.relayed {
		if at := p.Relayed(); at.IsValid() {
			return standing{at, true}
		}
	}
	return standing{at: p.local}
}

// here is where one component is received, in SDP's words.
func (a *attempt) here(s standing) netip.AddrPort {
	if r := a.relayAt(s.at); s.relayed && r != nil {
		return r.at
	}
	return a.preferred(s.at)
}

// fix is by what packets go without ICE. The caller holds mu.
func (p *path) fix() fixed {
	if !p.named.IsValid() { // SDP has not been asked for
		p.named = p.current.preferred(p.cfg.Local)
	}
	if r, is := p.current.servers.at(p.named).(*relayed); is {
		return r
	}
	if c := p.current.sockets.at(p.named); c != nil {
		return c
	}
	return nil
}

// fixedName is that of a way without ICE.
func fixedName(c fixed) string {
	if r, is := c.(*relayed); is {
		return "relay/" + r.transport
	}
	return "direct"
}

// admit has a relay let in whoever may send to us: where SDP says, and where the signalling comes from.
func admit(r *relayed, d *negotiate.Stream) {
	for _, to := range []netip.Addr{d.Flow, d.RTP.Addr()} {
		if d.RTP.IsValid() && to.IsValid() && to.Is4() == r.at.Addr().Is4() {
			admitAt(r, netip.AddrPortFrom(to, d.RTP.Port()))
		}
	}
}

// admitAt has a relay let in an address. What is sent for that is nothing to whoever gets it (RFC 6263 §4.6).
func admitAt(r *relayed, at netip.AddrPort) {
	nothing, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodBinding, stun.ClassIndication), stun.Fingerprint)
	if err == nil {
		_ = r.Send(nothing.Raw, at)
	}
}
