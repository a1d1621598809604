package window

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"ewindow/media/negotiate"
)

// Between windows offer and answer go out with what is known of ways, and the rest follows in INFOs (RFC 8838, 8840):
//
//	Dial ─▶ OPTIONS: does it take ways later? ─ yes ─▶ INVITE with our own addresses ─▶ 200 with its own ─▶ ACK ─▶ INFOs of both
//	                                          └ no answer before all servers have answered ─▶ INVITE with all
//
// Whoever does not say so, and phones are never asked, gets all at once.

// trickleCame is an INFO with further ways of the other side's.
type trickleCame struct {
	dialog   dialog
	fragment []byte
}

const (
	mostFragments = 32 // INFOs with ways that are read in a call: a window sends twelve at most
	mostStrays    = 16 // that have come before we know of the answer to an INVITE of ours
)

// asks finds out, while ways are gathered for a call, whether the other side takes them later too.
func (w *Window) asks(ctx context.Context, peer string) (early <-chan struct{}, enough context.CancelFunc) {
	ctx, enough = context.WithCancel(ctx)
	if w.cfg.Gather == nil {
		return nil, enough
	}
	yes := make(chan struct{})
	w.work.Go(func() {
		if w.sip.Trickles(ctx, peer) {
			close(yes)
		}
	})
	return yes, enough
}

// early says whether an answer may go out with a part of our ways: to a window that has offered that.
func (i *invitation) early(policy negotiate.Policy) <-chan struct{} {
	if policy != negotiate.DTLS || i.offer == nil || !i.dialog.Trickles() || !negotiate.OffersTrickle(i.offer) {
		return nil
	}
	now := make(chan struct{})
	close(now)
	return now
}

// trickle tells the other side of a call the ways that its SDP lacks. The dialog is confirmed at both ends (RFC 8840 §4.2).
func (w *Window) trickle(ctx context.Context, l *leg) {
	if l.paths == nil || l.session == nil || !l.paths.Owes() {
		return
	}
	if !l.description.Trickles() || !l.dialog.Trickles() { // it has been asked before, and now says otherwise
		w.log.Info("the other side takes no ways later; it is offered all of them", "peer", l.peer, "call_id", l.callID)
		w.reinvite(ctx, l.id, false)
		return
	}
	mids := l.sdp.Mids()
	telling, stop := context.WithCancel(ctx)
	before := l.stop
	l.stop = func() { before(); stop() }
	w.work.Go(func() {
		err := l.paths.Trickle(telling, func(ctx context.Context, audio, video *negotiate.ICE) error {
			return l.dialog.Trickle(ctx, mids.Fragment(audio, video))
		})
		if err != nil && telling.Err() == nil {
			w.log.Warn("the other side does not know all ways to this window; if it finds none, others are offered", "peer", l.peer, "call_id", l.callID, "err", err)
		}
	})
}

// trickleCame has further ways of the other side checked.
func (w *Window) trickleCame(ctx context.Context, m trickleCame) {
	l := w.find(m.dialog)
	if l == nil {
		if !w.dialling() {
			return
		}
		if len(w.strays) == mostStrays {
			w.strays = w.strays[1:]
		}
		w.strays = append(w.strays, m)
		return
	}
	if l.paths == nil || l.session == nil {
		return
	}
	switch l.fragments++; {
	case l.fragments == mostFragments+1:
		w.log.Warn("the other side names ways without end; no more of them are read", "peer", l.peer, "call_id", l.callID)
		return
	case l.fragments > mostFragments:
		return
	}
	audio, video, err := l.sdp.Hear(m.fragment)
	if err = errors.Join(err, l.paths.Hear(audio, video)); err != nil {
		level := slog.LevelInfo
		if l.misnamed {
			level = slog.LevelDebug // once is enough
		}
		l.misnamed = true
		w.log.Log(ctx, level, "some ways that the other side has named later are not taken", "peer", l.peer, "call_id", l.callID, "err", err)
	}
}

// dialling says whether an INVITE of ours has no answer yet.
func (w *Window) dialling() bool {
	for _, l := range w.legs {
		if l.dialog == nil {
			return true
		}
	}
	return false
}

// overtaken reads the INFOs of a call that have come before its answer was known here.
func (w *Window) overtaken(ctx context.Context, l *leg) {
	strays := w.strays
	w.strays = slices.DeleteFunc(slices.Clone(strays), func(m trickleCame) bool { return m.dialog == l.dialog })
	for _, m := range strays {
		if m.dialog == l.dialog {
			w.trickleCame(ctx, m)
		}
	}
}
