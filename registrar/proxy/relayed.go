package proxy

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/registrar/location"
	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/status"
)

// Bounds of the dialogs that are remembered. One whose BYE was lost stays until the bound, or its account, ends it.
const (
	maxRelayed = 4096
	maxOfPair  = 8 // of the same two accounts
)

// A relayed is a dialog of two accounts that was set up through this server: what it takes to end it from here, as if
// each side had hung up on the other (RFC 3261 §12.2.1.1).
type relayed struct {
	callID string
	since  time.Time
	sides  [2]side // the caller, if that is known, and the callee
	old    bool    // the same two accounts have another one since: if that ends, this is no reason to call them connected
}

// A side is one end of a relayed dialog. Its dialog is written from the other end: Local is that one's address.
type side struct {
	half
	cseq   uint32 // of its last request
	silent bool   // it says that no media comes
}

// calls are the relayed dialogs.
type calls struct {
	locate *locator
	flows  keeper
	sender sender
	ledger *ledger
	log    *slog.Logger

	mu    sync.Mutex
	byID  map[string]*relayed
	order []*relayed // the oldest first
}

// relayedID is the same whichever side a request comes from.
func relayedID(callID, tag, other string) string {
	if tag > other {
		tag, other = other, tag
	}
	return strings.Join([]string{callID, tag, other}, "\x00")
}

func (d *relayed) id() string { return relayedID(d.callID, d.sides[0].RemoteTag, d.sides[1].RemoteTag) }

func (d *relayed) has(account string) bool {
	return d.sides[0].account == account || d.sides[1].account == account
}

// add remembers a dialog, and forgets the oldest of the same two accounts, or of all, if there are too many.
func (c *calls) add(d *relayed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.byID[d.id()]; old != nil {
		c.drop(old)
	}
	var pair []*relayed
	for _, o := range c.order {
		if o.has(d.sides[0].account) && o.has(d.sides[1].account) {
			o.old = true
			pair = append(pair, o)
		}
	}
	if len(pair) >= maxOfPair {
		c.drop(pair[0])
	} else if len(c.order) >= maxRelayed {
		c.drop(c.order[0])
	}
	c.byID[d.id()] = d
	c.order = append(c.order, d)
}

// hold keeps the connections of calls open, however silent: of one that is not registered nothing else says how long it is
// wanted. That its peer is still there, the system asks (TCP keepalive).
func (c *calls) hold(ctx context.Context) error {
	tick := time.NewTicker(callerIdle / 5)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			c.mu.Lock()
			var flows []location.Flow
			for _, d := range c.order {
				flows = append(flows, d.sides[0].flow, d.sides[1].flow)
			}
			c.mu.Unlock()
			for _, f := range flows {
				c.flows.Keep(f, now.Add(callerIdle))
			}
		}
	}
}

// drop forgets a dialog. c.mu is held.
func (c *calls) drop(d *relayed) {
	delete(c.byID, d.id())
	c.order = slices.DeleteFunc(c.order, func(o *relayed) bool { return o == d })
}

// down notes that a dialog has ended, and says which; nil if it is not known.
func (c *calls) down(callID, tag, other string) *relayed {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.byID[relayedID(callID, tag, other)]
	if d != nil {
		c.drop(d)
	}
	return d
}

// over notes that a dialog of two others has ended, and why.
func (c *calls) over(callID, tag, other, why string) {
	if d := c.down(callID, tag, other); d != nil {
		c.ledger.call(status.PastCall{Call: d.status(), Ended: time.Now(), Why: why})
	}
}

// of is the dialogs of an account, as they are now.
func (c *calls) of(account string) (found []relayed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.order {
		if d.has(account) {
			found = append(found, *d)
		}
	}
	return found
}

// up says whether two accounts are in a call with each other, as far as its signalling went through here: both can be
// reached in it, and neither says that nothing comes.
func (c *calls) up(a, b string) bool {
	for _, d := range c.of(a) {
		if !d.old && d.has(b) && c.lost(&d) == "" && d.silent() == "" {
			return true
		}
	}
	return false
}

// silent is the account of a dialog that says that nothing comes, empty if neither does.
func (d *relayed) silent() string {
	for i := range d.sides {
		if d.sides[i].silent {
			return d.sides[i].account
		}
	}
	return ""
}

// lost is the account of a dialog that cannot be reached in it, empty if there is none.
func (c *calls) lost(d *relayed) string {
	for i := range d.sides {
		if !c.locate.hears(d.sides[i].half) {
			return d.sides[i].account
		}
	}
	return ""
}

// saw notes a request within a dialog: its number, its sender's flow, and where it wants to be reached from now on. One
// that is not known was set up through the process before this one; it is remembered from now on.
func (c *calls) saw(r *request) {
	id, tag := r.CallID().Value(), header.FromTag(r)
	c.mu.Lock()
	d := c.byID[relayedID(id, tag, header.ToTag(r))]
	if d == nil {
		c.mu.Unlock()
		if r.Method != sip.BYE {
			c.add(learnt(r))
		}
		return
	}
	defer c.mu.Unlock()
	from := &d.sides[0]
	if from.RemoteTag != tag {
		from = &d.sides[1]
	}
	from.cseq, from.flow = max(from.cseq, r.CSeq().SeqNo), r.flow
	if r.Method == sip.INVITE || r.Method == sip.UPDATE {
		from.Refresh(r) // RFC 3261 §12.2.2
	}
}

// told takes what a window says of the media of its call (header.LineType). It is false for any other request.
func (c *calls) told(r *request) bool {
	if r.Method != sip.INFO || header.First(r, "Content-Type") != header.LineType {
		return false
	}
	c.saw(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.byID[relayedID(r.CallID().Value(), header.FromTag(r), header.ToTag(r))]
	if d == nil {
		return true
	}
	for i := range d.sides {
		if s := &d.sides[i]; s.RemoteTag == header.FromTag(r) && r.CSeq().SeqNo >= s.cseq {
			s.silent = string(header.Body(r)) == header.LineDown
		}
	}
	return true
}

// learnt is the dialog that a request is in, as far as that can be read in it.
func learnt(r *request) *relayed {
	id := dialog.IDOf(r.Request)
	d := between(id.CallID, &r.From().Address, id.RemoteTag, &r.To().Address, id.LocalTag)
	from, to := &d.sides[0], &d.sides[1]
	from.account, from.flow, from.cseq = r.from().account, r.flow, r.CSeq().SeqNo
	to.account, to.flow, to.Target = r.to().account, r.to().flow, *r.Recipient.Clone()
	from.Refresh(r)
	return d
}

// answered is the dialog that a 2xx to an INVITE sets up.
func answered(r *request, b *branch, res *sip.Response) *relayed {
	d := between(r.CallID().Value(), &r.From().Address, header.FromTag(r), &res.To().Address, header.ToTag(res))
	caller, callee := &d.sides[0], &d.sides[1]
	caller.account, caller.flow, caller.cseq = b.h.in.account, r.flow, r.CSeq().SeqNo
	callee.account, callee.flow = b.h.out.account, b.h.out.flow
	caller.Refresh(r)
	callee.Refresh(res)
	return d
}

// between is the dialog of two sides, each written from the other.
func between(callID string, a *sip.Uri, tagA string, b *sip.Uri, tagB string) *relayed {
	write := func(to *sip.Uri, tag string, from *sip.Uri, fromTag string) side {
		return side{half: half{Dialog: dialog.Dialog{
			ID: dialog.ID{CallID: callID, LocalTag: fromTag, RemoteTag: tag}, Local: *from.Clone(), Remote: *to.Clone(),
		}}}
	}
	return &relayed{callID: callID, since: time.Now(), sides: [2]side{write(a, tagA, b, tagB), write(b, tagB, a, tagA)}}
}

// end ends all calls of an account.
func (c *calls) end(account string) {
	for _, d := range c.of(account) {
		c.hangUp(d, changedAccount)
	}
}

// changedAccount is why a call ends whose accounts are not what they were.
const changedAccount = "an account of this call has changed"

// endApart ends all calls between two accounts that something keeps apart: apart says what, in ASCII, or is empty.
func (c *calls) endApart(apart func(a, b string) string) {
	c.mu.Lock()
	var all []relayed
	for _, d := range c.order {
		all = append(all, *d)
	}
	c.mu.Unlock()
	for _, d := range all {
		if why := apart(d.sides[0].account, d.sides[1].account); why != "" {
			c.hangUp(d, why)
		}
	}
}

// hangUp ends a call between two others, and says why. Each side hears it as if the other had hung up.
func (c *calls) hangUp(d relayed, why string) {
	c.over(d.callID, d.sides[0].RemoteTag, d.sides[1].RemoteTag, why)
	for i, to := range d.sides {
		if to.Target.Host == "" {
			b, v := c.locate.reach(to.account, time.Now())
			if v.status != 0 || sip.ParseUri(b.Contact, &to.Target) != nil {
				continue
			}
		}
		// The other side's next number. If it has sent nothing that we know of, any will do that is higher than it
		// could have come to by counting (RFC 3261 §12.2.2: below 2^31).
		seq := d.sides[1-i].cseq + 1
		if seq == 1 {
			seq = uint32(time.Now().Unix() & (1<<31 - 1))
		}
		bye := to.Request(sip.BYE, seq)
		bye.AppendHeader(sip.NewHeader("Reason", `SIP;cause=403;text="`+header.Safe(why)+`"`))
		c.sender.tell(to.half, bye)
	}
	c.log.Info("call ended", "reason", why, "aor", d.sides[0].account, "callee", d.sides[1].account,
		"call_id", d.callID, "lasted", time.Since(d.since).Round(time.Second))
}
