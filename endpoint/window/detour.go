package window

import (
	"context"
	"net/netip"
	"time"

	"ewindow/media/negotiate"
	"ewindow/media/reach"
)

// whence is where somebody's messages come from, and where we are, as the registrar sees both; invalid where it does not say.
type whence struct{ theirs, ours netip.Addr }

// hidden says whether a caller that is at there by its SDP cannot reach our address: a router stands before us, or before the network
// that we share with the registrar. Whoever comes from the same address as we is behind the same router.
func (f whence) hidden(addr, there netip.Addr) bool {
	sameFamily := func(a netip.Addr) bool { return a.IsValid() && a.Is4() == addr.Is4() }
	switch {
	case !f.theirs.IsValid() || f.theirs == f.ours:
		return false
	case sameFamily(f.theirs) && sameFamily(f.ours):
		return f.ours != addr || negotiate.Private(addr) && !negotiate.Private(f.theirs)
	case sameFamily(f.theirs):
		there = f.theirs
	}
	return sameFamily(there) && negotiate.Private(addr) && !negotiate.Private(there)
}

// plain says whether a caller certainly reaches our address: nobody translates it, and it is a public one, or both are in one network.
func (f whence) plain(addr netip.Addr) bool {
	return f.ours == addr && f.theirs.Is4() == addr.Is4() && (!negotiate.Private(addr) || negotiate.Private(f.theirs))
}

// relayWithin is how long a caller waits for us to have a relay.
const relayWithin = 500 * time.Millisecond

// relay has who has no ICE find us at a relay: where SDP names one address, that is the one that everybody reaches. ok is false where there
// is none.
func (w *Window) relay(ctx context.Context, addr netip.Addr, offer []byte, see sight, g *ground) (
	address netip.Addr, audio, video negotiate.Place, ok bool,
) {
	servers := w.awaitServers(ctx)
	if w.cfg.Gather == nil || len(servers.URIs) == 0 {
		return address, audio, video, false
	}
	p, err := w.cfg.Gather(ctx, reach.Config{Local: addr, Video: see.picture, Relays: servers,
		Apart: !negotiate.OffersMux(offer), Relayed: true, Within: relayWithin})
	if err != nil {
		return address, audio, video, false
	}
	if !p.Relayed().IsValid() {
		_ = p.Close()
		return address, audio, video, false
	}
	g.lines, g.paths = p, p
	address, audio, video = p.Places()
	audio.ICE, video.ICE = nil, nil
	return address, audio, video, true
}
