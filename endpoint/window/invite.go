package window

import (
	"context"
	"errors"
	"log/slog"

	"ewindow/endpoint/agent"
	"ewindow/media/negotiate"
)

// An INVITE of ours:   Dial ──▶ worker: prepare, Invite ──▶ dialled ──▶ begin
// An INVITE of theirs: Answer ──▶ worker: prepare ──▶ prepared ──▶ begin, worker: 2xx and ACK ──▶ accepted
//
// Workers do what may block; their results come back to the loop. What belongs to a call that is gone meanwhile is
// released where it comes back. There are no more workers than calls, and those the agent bounds.

type (
	dialled struct { // what became of an INVITE of ours
		id string
		ground
		established
		err error
	}
	prepared struct { // for an INVITE of theirs
		id string
		ground
	}
	accepted struct { // what became of a 2xx of ours
		id  string
		err error
	}
	budget struct { // what the path carries of our pictures, in kbit/s
		id   string
		kbps int
	}
	pictureCame struct { // the first of a call, or one after a pause
		id string
	}
	mediaBroke struct { // a session ended by itself
		id  string
		err error
	}
)

// dial carries out a Dial; its result comes also when it was given up meanwhile.
func (w *Window) dial(ctx context.Context, a Dial) {
	calling, stop := context.WithCancel(ctx)
	l := &leg{window: w, id: a.ID, peer: a.Peer, policy: negotiate.DTLS, stop: stop}
	w.legs[a.ID] = l
	if w.state.Reach.Failures == 0 {
		w.log.Log(ctx, w.routine(l, slog.LevelInfo), "calling", "peer", a.Peer)
	}
	w.work.Go(func() {
		early, enough := w.asks(calling, a.Peer)
		d := dialled{id: a.ID, ground: w.prepare(calling, a.ID, nil, l.policy, sight{picture: true}, whence{}, early)}
		enough()
		if d.err = d.ground.err; d.err == nil {
			d.established, d.err = w.sip.Invite(calling, a.Peer, d.body)
		}
		if !w.post(d) {
			d.release()
		}
	})
}

func (w *Window) dialled(ctx context.Context, d dialled) {
	l := w.legs[d.id]
	if l == nil { // hung up meanwhile
		w.work.Go(func() {
			d.release()
			if d.dialog != nil {
				d.dialog.Bye("hung up meanwhile")
			}
		})
		return
	}
	l.lines, l.paths, l.sdp, l.dialog, l.callID = d.lines, d.paths, d.sdp, d.dialog, d.callID
	if d.err == nil {
		d.agreed, d.err = l.sdp.Accept(d.answer)
	}
	if d.err == nil {
		if why, over := l.dialog.Over(); over { // a BYE was right behind the 200, and told before this
			w.ended(ctx, ended{l.dialog, why})
			return
		}
		w.begin(ctx, l, d.agreed)
		w.overtaken(ctx, l)
		w.trickle(ctx, l)
		return
	}
	w.fail(ctx, l, d.err)
}

// answer carries out an Answer.
func (w *Window) answer(a Answer) {
	inv, ok := w.invited[a.ID]
	delete(w.invited, a.ID)
	if !ok {
		return
	}
	w.legs[a.ID] = &leg{window: w, id: a.ID, peer: inv.from, policy: policy(a.Security), callID: inv.callID, dialog: inv.dialog, answer: inv.answer, stop: func() {}}
	var from whence
	from.theirs, from.ours = inv.dialog.Whence()
	policy := policy(a.Security)
	w.work.Go(func() {
		p := prepared{a.ID, w.prepare(context.Background(), a.ID, inv.offer, policy, sight{a.Picture, a.Always}, from, inv.early(policy))}
		if p.err != nil {
			inv.reject(488, refusalReason(p.err), 0)
		}
		if !w.post(p) {
			p.release()
		}
	})
}

// prepared begins with the media, so that the caller is heard as soon as it knows that we have answered.
func (w *Window) prepared(ctx context.Context, p prepared) {
	l := w.legs[p.id]
	if l == nil { // the caller gave up
		w.work.Go(p.release)
		return
	}
	l.lines, l.paths, l.sdp = p.lines, p.paths, p.sdp
	if p.err != nil {
		w.log.Warn("call refused", "peer", l.peer, "call_id", l.callID, "status", 488, "reason", p.err)
		l.status = 488
		w.drop(l.id, p.err.Error())
		w.step(ctx, failed(p.id, p.err))
		return
	}
	answering, stop := context.WithCancel(ctx)
	l.stop = stop
	if p.agreed.Audio != nil || p.agreed.Video != nil { // else we offer, and media begins with the answer in the ACK
		w.begin(ctx, l, p.agreed)
	}
	if w.legs[p.id] == nil {
		return
	}
	w.work.Go(func() { w.post(accepted{p.id, l.answer(answering, p.body)}) })
}

func (w *Window) accepted(ctx context.Context, m accepted) {
	l := w.legs[m.id]
	switch {
	case l == nil:
		return
	case m.err == nil:
		w.trickle(ctx, l)
		return
	}
	w.drop(m.id, m.err.Error())
	w.step(ctx, Failed{ID: m.id, Why: m.err.Error()})
}

// fail ends a call that came to nothing.
func (w *Window) fail(ctx context.Context, l *leg, err error) {
	f := failed(l.id, err)
	l.status = f.Status
	w.trouble.failed.Met(l.peer+": "+f.Why, "peer", l.peer, "call_id", l.callID, "status", f.Status, "reason", f.Why)
	w.notReached(l, f.Why)
	w.hangup(l.id, farewell(err, f.Why))
	w.step(ctx, f)
}

// failed is the event for a call that came to nothing.
func failed(id string, err error) Failed {
	f := Failed{ID: id, Why: err.Error()}
	var status *agent.StatusError
	if errors.As(err, &status) {
		f.Status, f.RetryAfter, f.Why = status.Code, status.RetryAfter, explain(status.Code, status.Reason)
	}
	return f
}
