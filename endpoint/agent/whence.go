package agent

import (
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/signal/header"
)

// Whence is where the other side's latest offer or answer came from, and where we are, both as the registrar sees them; invalid if it
// does not say. It alone can say so: every message comes over our connection to it.
func (c *Call) Whence() (theirs, ours netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.whence.From, c.whence.To
}

// hear notes where a message of the other side came from, and says whether that is another place than before. A message that does
// not say where leaves it as it was.
func (c *Call) hear(m sip.Message) (moved bool) {
	f := header.ReadFlow(m)
	if !f.From.IsValid() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	moved = c.whence != f
	c.whence = f
	return moved
}
