package reach

import (
	"net/netip"
	"time"

	"ewindow/media/negotiate"
)

// agreePlain sends from the address that SDP names of us to where theirs says. Nobody else reads there: pion does while it checks. The
// caller holds mu.
func (p *path) agreePlain(d *negotiate.Stream) {
	p.latch.Update(d)
	began := p.plain != nil
	if !began {
		p.plain = p.fix()
	}
	if r, is := p.plain.(*relayed); is {
		admit(r, d)
	}
	c := p.plain
	if c != nil {
		p.opening.Do(func() { close(p.opened) })
	}
	if began || c == nil {
		return
	}
	p.running.Go(func() {
		buf := make([]byte, maxDatagram)
		for {
			if _, _, err := c.ReadFrom(buf); err == nil {
				continue
			}
			select {
			case <-p.done:
				return
			case <-time.After(readRetry):
			}
		}
	})
}

// Doubt says where media go without ICE, which checks that somebody is there who wants them, and whether nobody answers for that.
func (p *path) Doubt() (to netip.Addr, doubted bool) {
	p.mu.Lock()
	plain := p.plain != nil
	p.mu.Unlock()
	if !plain {
		return netip.Addr{}, false
	}
	return p.latch.Doubt()
}

// toPlain is where they go without ICE.
func (p *path) toPlain() *target {
	p.mu.Lock()
	c := p.plain
	p.mu.Unlock()
	if c == nil {
		return nil
	}
	to, ok := p.latch.RTP()
	if !ok {
		return nil
	}
	return &target{by: c, to: to}
}
