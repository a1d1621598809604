package window

import (
	"context"
	"errors"

	"ewindow/endpoint/agent"
	"ewindow/media/negotiate"
)

// reoffer answers an offer inside a call: a refresh, a hold, a new address. What cannot be agreed leaves the call as
// it was (RFC 3261 §14.1).
func (w *Window) reoffer(ctx context.Context, e agent.Reoffer) {
	c := w.calls[w.find(e.Call)]
	if c == nil || c.session == nil {
		e.Reject(481, "Call/Transaction Does Not Exist")
		return
	}
	var d negotiate.Description
	var sdp []byte
	var err error
	if e.Offer == nil { // the other side wants to hear ours; its answer comes as Answered (RFC 3264 §5)
		sdp, err = c.sdp.Offer()
	} else {
		sdp, d, err = c.sdp.Answer(e.Offer)
	}
	if err != nil {
		w.log.Warn("re-INVITE refused; the call goes on as it was", "call_id", e.Call.ID(), "err", err)
		status, reason := 488, "Not Acceptable Here"
		if errors.Is(err, negotiate.ErrPending) {
			status, reason = 491, "Request Pending"
		}
		e.Reject(status, reason)
		return
	}
	if e.Offer != nil {
		w.adopt(ctx, c, d)
	}
	if err := e.Answer(sdp); err != nil {
		w.log.Warn("re-INVITE not answered", "call_id", e.Call.ID(), "err", err)
	}
}

// answered takes the answer to an offer that a 2xx of ours carried, in the ACK of an INVITE or a re-INVITE.
func (w *Window) answered(ctx context.Context, e agent.Answered) {
	c := w.calls[w.find(e.Call)]
	if c == nil {
		return
	}
	d, err := c.sdp.Accept(e.SDP)
	switch {
	case err == nil && c.session == nil:
		w.begin(ctx, c, d)
	case err == nil:
		w.adopt(ctx, c, d)
	case c.session == nil:
		w.hangup(c.id, err.Error())
		w.step(ctx, Failed{ID: c.id, Why: err.Error()})
	default:
		w.log.Warn("an answer cannot be used; the call goes on as it was", "call_id", e.Call.ID(), "err", err)
	}
}

// reinvited is what became of a re-INVITE of ours.
type reinvited struct {
	id     string
	answer []byte
	err    error
}

// reinvite offers the same again to a silent partner: an answer repairs the address, an error tells that the call
// is gone there.
func (w *Window) reinvite(ctx context.Context, id string) {
	c := w.calls[id]
	if c == nil || c.session == nil {
		return
	}
	offer, err := c.sdp.Offer()
	if err != nil {
		w.log.Warn("no re-INVITE", "call_id", c.sip.ID(), "err", err)
		return
	}
	sip := c.sip
	w.log.Info("re-INVITE: the line is silent", "call_id", sip.ID(), "peer", sip.Peer())
	w.work.Go(func() {
		answer, err := sip.Reinvite(ctx, offer)
		w.post(ctx, reinvited{id, answer, err})
	})
}

func (w *Window) reinvited(ctx context.Context, r reinvited) {
	c := w.calls[r.id]
	if c == nil {
		return
	}
	var d negotiate.Description
	err := r.err
	if err != nil {
		c.sdp.Withdraw()
	} else {
		d, err = c.sdp.Accept(r.answer)
	}
	if err != nil {
		w.log.Warn("re-INVITE failed; the call goes on as it was", "call_id", c.sip.ID(), "err", err)
		return
	}
	w.adopt(ctx, c, d)
}

// adopt makes what was agreed anew hold for a running call.
func (w *Window) adopt(ctx context.Context, c *call, d negotiate.Description) {
	if err := c.session.Update(d); err != nil {
		w.log.Error("media not changed", "call_id", c.sip.ID(), "err", err)
		return
	}
	if w.live.Load() == c {
		w.devices.Open(formats(w.cfg.Video, d))
	}
	w.step(ctx, Changed{
		ID:      c.id,
		NoVideo: d.Video == nil || !d.Video.Direction.Receives(),
		Held:    d.Audio != nil && !d.Audio.Direction.Sends(),
	})
}
