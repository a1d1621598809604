package window

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"ewindow/endpoint/agent"
	"ewindow/media"
	"ewindow/media/engine/protocol"
	"ewindow/media/negotiate"
)

// call is one call as the loop holds it: a dialog, its sockets and its media.
type call struct {
	id      string
	window  *Window
	sip     *agent.Call // nil while our INVITE has no answer
	sockets *media.Sockets
	sdp     *negotiate.Session // offers and answers of the dialog; the loop's
	session *media.Session     // nil before offer and answer are done
	cancel  context.CancelFunc
	ended   chan struct{} // closed when the session has returned

	seen atomic.Int64 // when the last picture went to the screen, Unix ns
}

// dialled is what became of an INVITE of ours.
type dialled struct {
	id     string
	call   *agent.Call
	answer []byte
	err    error
}

// accepted is what became of a 2xx of ours.
type accepted struct {
	id  string
	err error
}

func (c *call) lastSeen() time.Time {
	if ns := c.seen.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// dial sends the INVITE of a Dial; its result comes through the inbox, also when it was given up meanwhile.
func (w *Window) dial(ctx context.Context, a Dial) {
	calling, cancel := context.WithCancel(ctx)
	c := &call{id: a.ID, window: w, cancel: cancel}
	w.calls[a.ID] = c
	offer, err := w.offer(c)
	if err != nil {
		w.work.Go(func() { w.post(ctx, dialled{id: a.ID, err: err}) })
		return
	}
	w.log.Info("calling", "peer", a.Peer)
	w.work.Go(func() {
		d := dialled{id: a.ID}
		d.call, d.answer, d.err = w.cfg.Agent.Invite(calling, a.Peer, offer)
		w.post(ctx, d)
	})
}

func (w *Window) offer(c *call) ([]byte, error) {
	local, err := w.local(c, true)
	if err != nil {
		return nil, err
	}
	if c.sdp, err = negotiate.NewSession(local, negotiate.GCM); err != nil {
		return nil, err
	}
	return c.sdp.Offer()
}

func (w *Window) dialled(ctx context.Context, d dialled) {
	c := w.calls[d.id]
	if d.err == nil && c == nil {
		d.err = errors.New("hung up meanwhile")
	}
	var agreed negotiate.Description
	if d.err == nil {
		agreed, d.err = c.sdp.Accept(d.answer)
	}
	if d.err != nil {
		if d.call != nil {
			w.work.Go(func() { d.call.Bye(d.err.Error()) })
		}
		w.drop(d.id)
		w.step(ctx, failed(d.id, d.err))
		return
	}
	c.sip = d.call
	w.begin(ctx, c, agreed)
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

// answer accepts an invitation: media first, so that the 2xx meets open ears.
func (w *Window) answer(ctx context.Context, a Answer) {
	inv := w.invited[a.ID]
	delete(w.invited, a.ID)
	if inv == nil {
		return
	}
	answering, cancel := context.WithCancel(ctx)
	c := &call{id: a.ID, window: w, sip: inv.Call, cancel: cancel}
	w.calls[a.ID] = c
	sdp, agreed, err := w.answerTo(c, inv.Offer, a)
	if err != nil {
		w.log.Warn("call refused", "peer", inv.From, "call_id", inv.Call.ID(), "status", 488, "reason", err.Error())
		w.work.Go(func() {
			inv.Call.Reject(488, "Not Acceptable Here")
			w.post(ctx, accepted{id: a.ID, err: err})
		})
		return
	}
	w.work.Go(func() {
		w.post(ctx, accepted{id: a.ID, err: inv.Call.Answer(answering, sdp)})
	})
	if inv.Offer != nil {
		w.begin(ctx, c, agreed)
	}
}

// answerTo is the SDP for a 2xx: an answer and what was agreed, or an offer where the INVITE had none. Media then
// begins with the answer in the ACK.
func (w *Window) answerTo(c *call, offer []byte, a Answer) ([]byte, negotiate.Description, error) {
	local, err := w.local(c, a.Picture)
	if err != nil {
		return nil, negotiate.Description{}, err
	}
	if c.sdp, err = negotiate.NewSession(local, policy(a.Security)); err != nil {
		return nil, negotiate.Description{}, err
	}
	if offer == nil {
		sdp, err := c.sdp.Offer()
		return sdp, negotiate.Description{}, err
	}
	return c.sdp.Answer(offer)
}

func (w *Window) accepted(ctx context.Context, m accepted) {
	if m.err == nil || w.calls[m.id] == nil {
		return
	}
	w.drop(m.id)
	w.step(ctx, Failed{ID: m.id, Why: m.err.Error()})
}

// begin starts the media of a call and the devices for it.
func (w *Window) begin(ctx context.Context, c *call, d negotiate.Description) {
	session, err := media.NewSession(media.Config{
		Description: d, Sockets: c.sockets, CNAME: w.cfg.Space, Receiver: c, Log: w.log.With("call_id", c.sip.ID()),
	})
	if err != nil {
		w.hangup(c.id, err.Error())
		w.step(ctx, Failed{ID: c.id, Why: err.Error()})
		return
	}
	c.session, c.ended = session, make(chan struct{})
	sessionCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	before := c.cancel
	c.cancel = func() { before(); cancel() }
	w.work.Go(func() {
		defer close(c.ended)
		if err := session.Run(sessionCtx); err != nil {
			w.log.Error("media ended", "call_id", c.sip.ID(), "err", err)
			w.post(ctx, Ended{ID: c.id, Why: err.Error()})
		}
	})
	w.live.Store(c)
	w.devices.Open(formats(w.cfg.Video, d))
	w.log.Info("call up", "peer", c.sip.Peer(), "call_id", c.sip.ID(), "since", time.Now().Format(time.TimeOnly), "media", describe(d))
	w.step(ctx, Answered{ID: c.id, NoVideo: d.Video == nil || !d.Video.Direction.Receives()})
}

// hangup ends a call, whatever it has come to.
func (w *Window) hangup(id, why string) {
	c := w.calls[id]
	if c == nil {
		return
	}
	if c.sip != nil {
		w.log.Info("hang up", "peer", c.sip.Peer(), "call_id", c.sip.ID(), "reason", why)
		sip := c.sip
		w.work.Go(func() { sip.Bye(why) })
	}
	w.drop(id)
}

// drop lets go of a call's media; its INVITE, if it has no answer, is cancelled.
func (w *Window) drop(id string) {
	c := w.calls[id]
	if c == nil {
		return
	}
	delete(w.calls, id)
	c.cancel()
	if w.live.CompareAndSwap(c, nil) {
		w.devices.Close()
	}
	w.work.Go(func() {
		if c.ended != nil {
			<-c.ended
		}
		if c.sockets != nil {
			c.sockets.Close()
		}
	})
}

func (w *Window) find(call *agent.Call) string {
	for id, c := range w.calls {
		if c.sip == call {
			return id
		}
	}
	return ""
}

// local is what we put in SDP for a call: its sockets are opened here.
func (w *Window) local(c *call, picture bool) (negotiate.Local, error) {
	addr := w.cfg.Agent.LocalAddr()
	sockets, err := w.cfg.Listen(addr)
	if err != nil {
		return negotiate.Local{}, err
	}
	c.sockets = sockets
	l := negotiate.Local{
		Address:  addr,
		AudioRTP: media.Port(sockets.AudioRTP), AudioRTCP: media.Port(sockets.AudioRTCP),
		Width: w.cfg.Video.Width, Height: w.cfg.Video.Height, FPS: w.cfg.Video.FPS, MaxKbps: w.cfg.Video.Kbps,
		SessionID: uint64(time.Now().Unix()),
	}
	if picture {
		l.VideoRTP, l.VideoRTCP = media.Port(sockets.VideoRTP), media.Port(sockets.VideoRTCP)
	}
	return l, nil
}

// call is the media.Receiver of its session.
var _ media.Receiver = (*call)(nil)

// Video takes a picture of the other side.
func (c *call) Video(au media.AccessUnit) {
	if c.window.live.Load() != c {
		return
	}
	c.seen.Store(time.Now().UnixNano())
	c.window.devices.PlayVideo(au)
}

// Audio takes sound of the other side.
func (c *call) Audio(f media.AudioFrame) {
	if c.window.live.Load() == c {
		c.window.devices.PlayAudio(f)
	}
}

// KeyframeRequested passes the other side's PLI or FIR on to our encoder.
func (c *call) KeyframeRequested() {
	if c.window.live.Load() == c {
		c.window.devices.ForceKeyframe()
	}
}

// deviceHandler is the window as the devices see it.
type deviceHandler Window

// Video sends what our camera saw.
func (h *deviceHandler) Video(au media.AccessUnit) {
	if c := h.live.Load(); c != nil {
		c.session.SendVideo(au)
	}
}

// Audio sends what our microphone heard.
func (h *deviceHandler) Audio(f media.AudioFrame) {
	if c := h.live.Load(); c != nil {
		c.session.SendAudio(f)
	}
}

// Event takes what a device process reports to the log and to the loop.
func (h *deviceHandler) Event(role protocol.Role, e protocol.Event) {
	w := (*Window)(h)
	switch e.Kind {
	case protocol.Ready:
		w.log.Info("device ready", "role", role, "device", e.Device, "encoder", e.Encoder, "text", e.Text)
		w.tell(Device{Role: string(role), Missing: e.Lacks})
	case protocol.Missing:
		w.log.Warn("device missing", "role", role, "text", e.Text)
	case protocol.Failed:
		w.log.Error("device failed", "role", role, "text", e.Text)
	}
	if role == protocol.Screen && (e.Kind == protocol.Ready || e.Kind == protocol.Keyframe) {
		if c := w.live.Load(); c != nil {
			c.session.RequestKeyframe()
		}
	}
}

// tell posts without waiting: device events are states, and the next one says it again.
func (w *Window) tell(e Event) {
	select {
	case w.inbox <- e:
	default:
	}
}
