package window

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"ewindow/media/negotiate"
)

// reoffer answers an offer inside a call: a refresh, a hold, a new address. What cannot be agreed leaves the call as
// it was (RFC 3261 §14.1).
func (w *Window) reoffer(ctx context.Context, e reoffer) {
	l := w.find(e.dialog)
	if l == nil || l.session == nil {
		w.work.Go(func() { e.reject(481, "there is no such call here any more") })
		return
	}
	switch {
	case l.paths == nil || !l.description.ICE() || !l.sdp.Seeks(e.offer):
		w.answerAgain(ctx, l, e)
	case l.asking: // both look for other ways at once
		w.yield(ctx, l, e)
	default: // an ICE restart: met with other ways of ours
		// Who names no relay looks for a better way than a relay's; of one that names candidates later nobody knows that.
		w.renew(ctx, l, &e, !l.description.Trickles() && !negotiate.OffersRelay(e.offer))
	}
}

// answerAgain is the answer to an offer inside a call.
func (w *Window) answerAgain(ctx context.Context, l *leg, e reoffer) {
	var d negotiate.Description
	var sdp []byte
	var err error
	if e.offer == nil { // the other side wants to hear ours; its answer comes as lateAnswer (RFC 3264 §5)
		sdp, err = l.sdp.Offer()
	} else {
		sdp, d, err = l.sdp.Answer(e.offer)
	}
	if err != nil {
		l.forgetWays()
		w.log.Warn("re-INVITE refused; the call goes on as it was", "call_id", l.callID, "err", err)
		status, reason := 488, refusalReason(err)
		if errors.Is(err, negotiate.ErrPending) {
			status, reason = 491, "an offer of this window is under way"
		}
		w.work.Go(func() { e.reject(status, reason) })
		return
	}
	if e.offer != nil {
		w.adopt(ctx, l, d)
	}
	w.work.Go(func() {
		if err := e.answer(sdp); err != nil {
			w.log.Warn("re-INVITE not answered", "call_id", l.callID, "err", err)
		}
	})
}

// lateAnswer takes the answer to an offer that a 2xx of ours carried, in the ACK of an INVITE or a re-INVITE.
func (w *Window) lateAnswer(ctx context.Context, e lateAnswer) {
	l := w.find(e.dialog)
	if l == nil || l.sdp == nil {
		return
	}
	d, err := l.sdp.Accept(e.sdp)
	switch {
	case err == nil && l.session == nil:
		w.begin(ctx, l, d)
	case err == nil:
		w.adopt(ctx, l, d)
	case l.session == nil:
		w.fail(ctx, l, err)
	default:
		w.log.Warn("an answer cannot be used; the call goes on as it was", "call_id", l.callID, "err", err)
	}
}

// reinvited is what became of a re-INVITE of ours.
type reinvited struct {
	id     string
	turn   int // which of them
	answer []byte
	err    error
}

// reinvite offers the same again to a silent partner, with other ways where ways were sought: an answer repairs the address, an
// error tells that the call is gone there. better: the partner is not silent, and there may be a better way.
func (w *Window) reinvite(ctx context.Context, id string, better bool) {
	l := w.legs[id]
	switch {
	case l == nil || l.session == nil:
	case l.asking:
		l.again = l.again || !better
	case l.paths != nil && l.description.ICE():
		w.renew(ctx, l, nil, better)
	default:
		w.log.Log(ctx, w.routine(l, slog.LevelInfo), "re-INVITE: the line is silent", "call_id", l.callID, "peer", l.peer)
		w.offerAgain(ctx, l)
	}
}

// offerAgain is an offer of ours inside a call.
func (w *Window) offerAgain(ctx context.Context, l *leg) {
	offer, err := l.sdp.Offer()
	if err != nil {
		l.forgetWays()
		w.log.Warn("re-INVITE not possible; the call goes on as it was", "call_id", l.callID, "err", err)
		return
	}
	ctx, stop := context.WithCancel(ctx)
	l.asking, l.stopOffer = true, stop
	l.offers++
	turn := l.offers
	w.work.Go(func() {
		answer, err := l.dialog.Reinvite(ctx, offer)
		w.post(reinvited{l.id, turn, answer, err})
	})
}

// yield takes an offer while one of ours is wanted. It comes here only if ours is not on its way: ways are still gathered for it, or it
// met one of theirs (491) and waits. Insisting, both would refuse each other's again and again.
func (w *Window) yield(ctx context.Context, l *leg, e reoffer) {
	switch {
	case l.gathering && l.crossed != nil:
		w.work.Go(func() { e.reject(491, "another offer is being answered") })
	case l.gathering: // they will do for the answer
		l.crossed = &e
	default:
		l.stopOffer()
		l.offers++ // whatever becomes of it
		l.asking, l.again = false, false
		l.sdp.Withdraw()
		w.renewed(ctx, renewed{l.id, &e, nil})
	}
}

// nobodyThere are the answers to a re-INVITE by which the way to the other side has gone (RFC 5057 §5.1), and with it,
// on a line that is silent, the call. After 481 and 408 the agent has ended it.
var nobodyThere = []int{404, 410, 430, 480}

func (w *Window) reinvited(ctx context.Context, r reinvited) {
	l := w.legs[r.id]
	if l == nil || r.turn != l.offers {
		return
	}
	l.stopOffer()
	again := l.again
	l.asking, l.again = false, false
	var d negotiate.Description
	err := r.err
	if err != nil {
		l.sdp.Withdraw()
	} else {
		d, err = l.sdp.Accept(r.answer)
	}
	if err != nil {
		l.forgetWays()
		w.log.Log(ctx, w.routine(l, slog.LevelWarn), "re-INVITE failed; the call goes on as it was", "call_id", l.callID, "err", err)
		if slices.Contains(nobodyThere, failed(r.id, err).Status) {
			w.step(ctx, Unreachable{ID: r.id})
		} else if again { // wanted while this one was on its way: it may have been lost with its connection
			w.reinvite(ctx, r.id, false)
		}
		return
	}
	w.adopt(ctx, l, d)
}

// adopt makes what was agreed anew hold for a running call.
func (w *Window) adopt(ctx context.Context, l *leg, d negotiate.Description) {
	d.From(l.dialog.Whence())
	if err := l.session.Update(d); err != nil {
		w.log.Error("what was agreed anew cannot be used; the media go on as they were", "call_id", l.callID, "err", err)
		return
	}
	l.description = d
	l.agreed++
	w.step(ctx, Changed{l.id, terms(d)})
}

// terms are what a description says to the machine.
func terms(d negotiate.Description) Terms {
	t := Terms{
		NoVideo: !due(d.Video), Shows: d.Video != nil && d.Video.Direction.Sends(),
		Unheard: !due(d.Audio), Held: d.Audio != nil && !d.Audio.Direction.Sends(),
	}
	t.Sought = d.ICE()
	if d.Video != nil {
		t.Unseen, t.Averse = d.Video.OneWay == negotiate.SendOnly, d.Video.OneWay == negotiate.RecvOnly
	}
	return t
}

// due says whether media of the other side is to come. One that says to be nowhere (RFC 3264 §8.4) may send, but need not.
func due(s *negotiate.Stream) bool {
	return s != nil && s.Direction.Receives() && s.RTP.IsValid()
}

// ask finds out whether the other side of a call is still there.
func (w *Window) ask(id string) {
	l := w.legs[id]
	if l == nil || l.dialog == nil {
		return
	}
	w.work.Go(func() {
		err, status := l.dialog.Probe(), 0
		if err != nil {
			status = failed(id, err).Status
		}
		switch {
		case slices.Contains(nobodyThere, status):
			w.post(found{Unreachable{id}})
		case err == nil || status != 0 && status < 500: // it does not like the question, but it is there
			w.post(found{There{id}})
		}
	})
}

// found is what became of a question.
type found struct{ Event }
