package window

import (
	"errors"
	"strings"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/endpoint/screen"
	"ewindow/endpoint/status"
	"ewindow/endpoint/trust"
	"ewindow/registrar/signal/header"
	"ewindow/registrar/signal/mediakey"
)

// named are the keys that a plan names for partners. One that cannot be read is none: at the handshake the window sees the partner's.
func (w *Window) named(p *programme.Programme) map[string]mediakey.Public {
	keys := map[string]mediakey.Public{}
	for partner, text := range p.Keys {
		key, err := mediakey.Parse(text)
		if err != nil {
			w.log.Warn("the plan names a key that cannot be read", "peer", partner, "err", err)
			continue
		}
		keys[partner] = key
	}
	return keys
}

// namer tells the pins what the plan names, which takes a moment for each new key.
type namer struct {
	pins   *trust.Pins
	newest chan map[string]mediakey.Public // holds one: of those that wait only the newest matters
}

func newNamer(pins *trust.Pins) *namer {
	return &namer{pins: pins, newest: make(chan map[string]mediakey.Public, 1)}
}

// name leaves the keys of a plan to be told. The loop alone calls it.
func (n *namer) name(keys map[string]mediakey.Public) {
	select {
	case <-n.newest:
	default:
	}
	n.newest <- keys
}

// named says that the pins have heard of the plan.
type named struct{}

// run tells until done is closed.
func (n *namer) run(done <-chan struct{}, tell func(any)) {
	for {
		select {
		case keys := <-n.newest:
			if n.pins != nil {
				n.pins.Told(keys)
			}
			tell(named{})
		case <-done:
			return
		}
	}
}

// inView is the partner whose key matters now: the one in a call, or whom the plan names now or next; empty for none.
func (w *Window) inView(now time.Time) string {
	if c := w.state.Shown(now); c != nil {
		if c.Role != Partner {
			return ""
		}
		return c.Peer
	}
	if w.state.Programme == nil {
		return ""
	}
	link := w.state.partner(now)
	if link == nil {
		link = w.state.Programme.NextLink(now)
	}
	if link == nil {
		return ""
	}
	return link.Partner
}

// keys is what the screen is to know of keys.
func (w *Window) keys(now time.Time) screen.Keys {
	peer := w.inView(now)
	if w.cfg.Pins == nil || peer == "" {
		return screen.Keys{}
	}
	s := w.cfg.Pins.Of(peer)
	k := screen.Keys{Partner: peer, Own: w.cfg.Key.Words().String(), Theirs: s.Words}
	switch s.State() {
	case trust.Unknown:
		return screen.Keys{Partner: peer, Own: k.Own, Refused: refusedThere(w.state.Reach.Why)}
	case trust.Changed:
		k.Changed, k.Now = true, s.OfferedWords
	case trust.Unconfirmed:
		k.Unconfirmed = true
	}
	k.Refused = refusedThere(w.state.Reach.Why)
	return k
}

// keyStatus is the same for the status.
func (w *Window) keyStatus(now time.Time) status.Keys {
	if w.cfg.Pins == nil {
		return status.Keys{}
	}
	k := status.Keys{Words: w.cfg.Key.Words().String(), Partner: w.inView(now)}
	if k.Partner != "" {
		s := w.cfg.Pins.Of(k.Partner)
		k.State, k.Theirs, k.Offered, k.Confirmed, k.By = string(s.State()), s.Words, s.OfferedWords, s.Confirmed, s.By
		if refusedThere(w.state.Reach.Why) {
			k.Refused = "the other window does not accept this window's key"
		}
	}
	return k
}

// refusedThere says whether the reason for which a call ended is that the other side does not accept our key.
func refusedThere(why string) bool { return strings.Contains(why, header.KeyRefused) }

// farewell is what the other side is told when a call fails.
func farewell(err error, why string) string {
	var changed *trust.ChangedError
	if errors.As(err, &changed) {
		return header.KeyRefused
	}
	return why
}
