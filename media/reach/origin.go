package reach

import (
	"net/netip"
	"time"
)

// place is an address from which something came, to a carrier of ours. It is a media.Origin.
type place struct {
	path *path
	by   carrier
	addr netip.AddrPort
}

// Permitted says whether unauthentic packets from there may be believed: where they come by the way that was checked, or from
// where SDP says.
func (o *place) Permitted() bool {
	if t := o.path.target.Load(); t != nil {
		return o.from(t)
	}
	return o.path.latch.Permits(o.addr)
}

// Authentic follows the other side to where its packets come from, if it is not heard any more from where we send.
func (o *place) Authentic() (moved bool) {
	now := time.Now()
	t := o.path.target.Load()
	switch {
	case t == nil:
		return o.path.latch.Authentic(o.addr, false)
	case o.from(t):
		t.heard.Store(now.UnixNano())
		return false
	case now.Sub(time.Unix(0, t.heard.Load())) < strayed || !t.of.has(o.by):
		return false
	}
	next := &target{by: o.by, to: o.addr, of: t.of}
	next.heard.Store(now.UnixNano())
	return o.path.target.CompareAndSwap(t, next)
}

// from says whether it is where we send to.
func (o *place) from(t *target) bool { return t.by == o.by && t.to == o.addr }

func (o *place) String() string { return o.addr.String() }
