package window

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/endpoint/agent"
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
	case trust.Half:
		k.Half = true
	}
	k.Refused = refusedThere(w.state.Reach.Why)
	return k
}

// noteTrust notices that a key is refused no more: somebody here has confirmed it.
func (w *Window) noteTrust(ctx context.Context) {
	if w.cfg.Pins == nil {
		return
	}
	peer, refused := w.inView(time.Now()), w.refuses
	w.refuses = ""
	if peer != "" && w.cfg.Pins.Of(peer).State() == trust.Changed {
		w.refuses = peer
	}
	if refused != "" && refused == peer && w.refuses == "" {
		w.step(ctx, Trusted{})
	}
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

// vouched is what became of telling a partner that its key is confirmed here.
type vouched struct {
	id  string
	key mediakey.Public
	err error
}

// vouch tells the partner of a call, once, that somebody here has confirmed its key.
func (w *Window) vouch(l *leg) {
	c := w.state.find(l.id)
	if w.cfg.Pins == nil || c == nil || c.Role != Partner || c.Phase != Up || time.Now().Before(l.vouchAt) {
		return
	}
	pin := w.cfg.Pins.Of(l.peer)
	if pin.Confirmed.IsZero() || l.vouched == pin.Public {
		return
	}
	l.vouchAt = time.Now().Add(2 * reportFor)
	d, key := l.dialog, pin.Public
	w.work.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), reportFor)
		defer cancel()
		proof, err := w.cfg.Key.Vouch(key)
		if err == nil {
			err = d.Vouch(ctx, base64.StdEncoding.EncodeToString(proof))
		}
		w.post(vouched{l.id, key, err})
	})
}

func (w *Window) vouched(v vouched) {
	var status *agent.StatusError
	older := errors.As(v.err, &status) && status.Code == 415 // that knows nothing of it
	if l := w.legs[v.id]; l != nil && (v.err == nil || older) {
		l.vouched = v.key
	}
}

// vouchCame takes what a partner says of our key. What is wrong with it changes nothing.
func (w *Window) vouchCame(v vouchCame) {
	l := w.find(v.dialog)
	if w.cfg.Pins == nil || l == nil || w.state.find(l.id) == nil || w.state.find(l.id).Role != Partner {
		return
	}
	proof, err := base64.StdEncoding.DecodeString(v.proof)
	if err != nil || len(proof) > trust.MaxVouch {
		return
	}
	id, peer := l.id, l.peer
	w.work.Go(func() { // it may be written to the disk
		err := w.cfg.Pins.Vouched(peer, w.cfg.Key.Public(), proof)
		if err != nil {
			w.log.Debug("what a partner says of this window's key is not believed", "peer", peer, "err", err)
		}
		w.tell(assured{id, err == nil})
	})
}

// assured says whether a call's partner has proved that this window's key is confirmed there.
type assured struct {
	id string
	ok bool
}

func (w *Window) assured(a assured) {
	if l := w.legs[a.id]; l != nil {
		l.assured = l.assured || a.ok
	}
}

// A partner proves in each call that this window's key is confirmed there, a moment after it is up. What it has proved holds for ever, but
// people there may have forgotten the key since, and then nothing comes.
const assuredWithin = 30 * time.Second

// doubt has a partner's old proof count no more when none came in a call.
func (w *Window) doubt(l *leg, now time.Time) {
	c := w.state.find(l.id)
	if w.cfg.Pins == nil || c == nil || c.Role != Partner || c.Phase != Up || l.assured || l.doubted || l.session == nil || now.Sub(l.up) < assuredWithin {
		return
	}
	l.doubted = true
	if w.cfg.Pins.Of(l.peer).There.IsZero() {
		return
	}
	peer := l.peer
	w.work.Go(func() {
		if err := w.cfg.Pins.Unvouched(peer); err != nil {
			w.log.Warn("that a partner does not confirm this window's key any more is not kept", "peer", peer, "err", err)
		}
		w.tell(named{})
	})
}
