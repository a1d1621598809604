package media

import (
	"context"
	"errors"
	"sync"

	"ewindow/media/handshake"
	"ewindow/media/negotiate"
)

const (
	mostEarlyRecords = 8  // of a handshake that come before our way is open
	mostEarly        = 64 // datagrams that come before the keys: the last word of the handshake and the first picture may overtake each other
)

// Keying is how streams agree on keys by a handshake on their ways (negotiate.Handshake). The zero value: none can.
type Keying struct {
	Identity *handshake.Identity
	Verify   func(public []byte) error         // see handshake.Config; nil: what SDP says is enough
	Agreed   func(Medium, handshake.Agreement) // is told of keys
	Failed   func(medium Medium, err error)    // is told of a handshake that failed; after a *handshake.Refusal it is not tried again
}

// keying is a stream's handshake.
//
//	Update ──▶ want ──▶ run: the way opens, the handshake, SetKeys
//	stream ──▶ take ──────────▶ ┘
type keying struct {
	st *stream

	mu      sync.Mutex
	terms   *negotiate.Handshake   // nil: keys are not agreed on by one
	now     *handshake.Association // of terms
	begun   bool                   // the way is open
	done    bool                   // there are keys
	early   []Datagram             // that came before, in memory of their own
	changed chan struct{}
}

func newKeying(st *stream) *keying { return &keying{st: st, changed: make(chan struct{}, 1)} }

// want takes what SDP says. What goes on with the handshake that there is, or was, changes nothing (RFC 8842 §4).
func (k *keying) want(d *negotiate.Stream) {
	var terms *negotiate.Handshake
	if d != nil {
		terms = d.Handshake
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if d == nil || terms.Same(k.terms) {
		return
	}
	k.terms, k.now, k.begun, k.done, k.early = terms, nil, false, false, nil
	if terms != nil {
		k.now = k.association(terms, d.ICE != nil)
	}
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

func (k *keying) association(terms *negotiate.Handshake, checked bool) *handshake.Association {
	cfg, st := &k.st.s.cfg.Keying, k.st
	var a *handshake.Association
	a = handshake.New(handshake.Config{
		Identity: cfg.Identity, Terms: terms, Checked: checked, Verify: cfg.Verify,
		Send:   func(b []byte) error { return st.way.Send(b, false) },
		Agreed: func(g handshake.Agreement) { k.agreed(a, g) },
		Failed: func(err error) { k.failed(err) },
	})
	return a
}

// run tries to agree, and anew when SDP says so, until ctx ends.
func (k *keying) run(ctx context.Context) {
	var one sync.WaitGroup
	stop := func() {}
	for {
		select {
		case <-ctx.Done():
			stop()
			one.Wait()
			return
		case <-k.changed:
		}
		stop()
		one.Wait()
		var now context.Context
		now, stop = context.WithCancel(ctx)
		one.Go(func() { k.agree(now) })
	}
}

// agree begins the handshake of the moment as soon as there is a way for it.
func (k *keying) agree(ctx context.Context) {
	k.mu.Lock()
	a := k.now
	k.mu.Unlock()
	if a == nil {
		return
	}
	if w, ok := k.st.way.(openingWay); ok {
		select {
		case <-ctx.Done():
			return
		case <-w.Opened():
		}
	}
	k.begin(a)
	if err := a.Run(ctx); err != nil {
		k.failed(err)
	}
}

// begin gives a handshake what came before the way was open, if it came from where that leads.
func (k *keying) begin(a *handshake.Association) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now != a {
		return
	}
	k.begun = true
	for _, d := range k.early {
		if d.permitted() {
			a.Take(d.Data)
		}
	}
	k.early = nil
}

// take takes what came. Nobody is answered but whom the way leads to.
func (k *keying) take(d *Datagram) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.now == nil || d.Control:
	case k.begun && d.permitted():
		if !k.done {
			d.authentic() // it is from a machine that SDP names, behind a router perhaps: the answer has to go the same way back
		}
		k.now.Take(d.Data)
	case !k.begun && len(k.early) < mostEarlyRecords:
		kept := *d
		kept.Data = append([]byte(nil), d.Data...)
		k.early = append(k.early, kept)
	}
}

// agreed has the stream go on with keys, unless SDP wants others by now.
func (k *keying) agreed(a *handshake.Association, g handshake.Agreement) {
	if !k.finish(a) {
		return
	}
	if err := k.st.s.setKeys(k.st, g.Send, g.Receive, a.Settle); err != nil {
		k.failed(err)
		return
	}
	if tell := k.st.s.cfg.Keying.Agreed; tell != nil {
		tell(k.st.medium, g)
	}
}

// finish says whether it is still the handshake that SDP wants, which is over then.
func (k *keying) finish(a *handshake.Association) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.done = k.done || k.now == a
	return k.now == a
}

func (k *keying) failed(err error) {
	if tell := k.st.s.cfg.Keying.Failed; tell != nil {
		tell(k.st.medium, err)
	}
}

// errNoIdentity says that a handshake was agreed on by somebody who has no certificate for it.
var errNoIdentity = errors.New("keys are to be agreed on by a handshake, and there is no certificate for it")
