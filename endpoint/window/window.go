package window

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/dialplan/programme"
	"ewindow/endpoint/agent"
	"ewindow/endpoint/planfile"
	"ewindow/endpoint/screen"
	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
)

const (
	tick        = 500 * time.Millisecond // how often silence and the wall clock are looked at
	statusEvery = 5 * time.Second        // how often a call's figures are logged
)

// Config is what a Window is made of.
type Config struct {
	Space    string
	StateDir string // where the copy of the plan is kept
	Agent    *agent.Agent
	Devices  engine.Config // without Handler, which is the window
	Video    engine.VideoFormat
	Log      *slog.Logger

	// Listen opens the sockets of a call on our address; nil is media.Listen. Tests give an in-memory network.
	Listen func(netip.Addr) (*media.Sockets, error)
}

// Window is one E-Window: Run runs it.
type Window struct {
	cfg     Config
	log     *slog.Logger
	devices *engine.Engine
	inbox   chan any // results of what the loop has others do
	live    atomic.Pointer[call]

	// Owned by the loop.
	state   State
	ids     int
	calls   map[string]*call
	invited map[string]*agent.Invitation
	card    protocol.Card
	zone    *time.Location
	work    sync.WaitGroup
}

// New makes a Window and starts nothing.
func New(cfg Config) *Window {
	if cfg.Listen == nil {
		cfg.Listen = media.Listen
	}
	w := &Window{
		cfg: cfg, log: cfg.Log.With("aor", cfg.Space),
		inbox: make(chan any, 64), calls: map[string]*call{}, invited: map[string]*agent.Invitation{},
		state: State{Space: cfg.Space}, zone: time.UTC,
	}
	cfg.Devices.Handler = (*deviceHandler)(w)
	w.devices = engine.New(cfg.Devices)
	return w
}

// Run keeps the window open until ctx ends, and hangs up.
func (w *Window) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, 2)
	var parts sync.WaitGroup
	parts.Go(func() { errs <- w.cfg.Agent.Run(ctx) }) // at its end it says BYE in open calls
	parts.Go(func() { errs <- w.devices.Run(ctx) })
	err := w.loop(ctx, errs)
	cancel()
	for id := range w.calls {
		w.drop(id)
	}
	parts.Wait()
	w.work.Wait()
	return err
}

// loop is the only goroutine that touches the machine's state.
func (w *Window) loop(ctx context.Context, errs <-chan error) error {
	w.loadPlan(ctx)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	status := time.NewTicker(statusEvery)
	defer status.Stop()
	w.show()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-errs:
			if ctx.Err() == nil && err == nil {
				err = errors.New("a part of the window ended by itself")
			}
			return err
		case <-ticker.C:
			w.look(ctx)
		case <-status.C:
			w.logStatus()
		case e := <-w.cfg.Agent.Events():
			w.fromAgent(ctx, e)
		case m := <-w.inbox:
			w.fromInbox(ctx, m)
		}
	}
}

// step gives the machine an event and carries out what it says.
func (w *Window) step(ctx context.Context, e Event) {
	w.ids++
	var actions []Action
	w.state, actions = Step(w.state, time.Now(), e, fmt.Sprintf("call-%d", w.ids))
	if p, ok := e.(Planned); ok {
		w.zone = screen.Zone(p.P)
	}
	for _, a := range actions {
		w.carryOut(ctx, a)
	}
	w.show()
}

func (w *Window) carryOut(ctx context.Context, a Action) {
	switch a := a.(type) {
	case Dial:
		w.dial(ctx, a)
	case Answer:
		w.answer(ctx, a)
	case Reject:
		if inv := w.invited[a.ID]; inv != nil {
			delete(w.invited, a.ID)
			w.log.Info("call refused", "peer", inv.From, "call_id", inv.Call.ID(), "status", a.Status, "reason", a.Reason)
			w.work.Go(func() { inv.Call.Reject(a.Status, a.Reason, retryAfter(a.RetryAfter)...) })
		}
	case Hangup:
		w.hangup(a.ID, a.Why)
	case Reinvite:
		w.reinvite(ctx, a.ID)
	case Keyframe:
		if c := w.calls[a.ID]; c != nil && c.session != nil {
			c.session.RequestKeyframe()
		}
	}
}

// look is what every tick does: the call's media, and the clock.
func (w *Window) look(ctx context.Context) {
	if c := w.live.Load(); c != nil {
		w.step(ctx, Media{ID: c.id, Heard: c.session.Stats().LastReceived, Seen: c.lastSeen()})
	}
	w.step(ctx, Tick{})
}

func (w *Window) fromAgent(ctx context.Context, e agent.Event) {
	switch e := e.(type) {
	case agent.Online:
		w.step(ctx, Registered{})
	case agent.Offline:
		w.step(ctx, Lost{Why: e.Err.Error()})
	case agent.Programme:
		w.programme(ctx, e.Body)
	case agent.Invitation:
		id := e.Call.ID()
		w.invited[id] = &e
		w.step(ctx, Invited{ID: id, From: e.From})
	case agent.Reoffer:
		w.reoffer(ctx, e)
	case agent.Answered:
		w.answered(ctx, e)
	case agent.Info:
		if bytes.Contains(e.Body, []byte("picture_fast_update")) { // RFC 5168
			w.devices.ForceKeyframe()
		}
	case agent.Ended:
		delete(w.invited, e.Call.ID())
		if id := w.find(e.Call); id != "" {
			w.drop(id)
			w.step(ctx, Ended{ID: id, Why: e.Reason})
		}
	}
}

func (w *Window) fromInbox(ctx context.Context, m any) {
	switch m := m.(type) {
	case dialled:
		w.dialled(ctx, m)
	case reinvited:
		w.reinvited(ctx, m)
	case accepted:
		w.accepted(ctx, m)
	case Event:
		w.step(ctx, m)
	}
}

// post brings something to the loop, unless the window is ending.
func (w *Window) post(ctx context.Context, m any) {
	select {
	case w.inbox <- m:
	case <-ctx.Done():
	}
}

func (w *Window) programme(ctx context.Context, body []byte) {
	p, err := programme.Decode(bytes.NewReader(body))
	if err == nil && p.Space != w.cfg.Space {
		err = fmt.Errorf("it is the plan of %q", p.Space)
	}
	if err != nil {
		w.log.Error("the registrar sent a plan that cannot be used; the old one is kept", "err", err)
		return
	}
	w.log.Info("plan received", "revision", p.Revision, "links", len(p.Links), "until", p.Until)
	if err := planfile.Save(w.cfg.StateDir, p); err != nil {
		w.log.Error("the plan could not be kept on disk; after a restart the registrar is needed", "err", err)
	}
	w.step(ctx, Planned{p})
}

func (w *Window) loadPlan(ctx context.Context) {
	p, err := planfile.Load(w.cfg.StateDir, w.cfg.Space)
	if err != nil {
		w.log.Error("a copy of the plan is not usable", "err", err)
	}
	if p != nil {
		w.log.Info("plan read from disk", "revision", p.Revision, "until", p.Until)
		w.step(ctx, Planned{p})
	}
}

// show puts the situation on the screen when its words have changed.
func (w *Window) show() {
	s, now := &w.state, time.Now()
	v := screen.View{
		Now: now, Space: s.Space, Programme: s.Programme, Zone: w.zone, Online: s.Online,
		Offline: s.OfflineSince, Why: s.OfflineWhy, LastWhy: s.LastWhy, Missing: s.Devices,
	}
	if link := s.partner(now); link != nil {
		v.Partner = link.PartnerName
	}
	if c := s.Call; c != nil {
		v.Peer, v.Up, v.NoVideo, v.Held, v.Picture = c.Name, c.Phase == Up, c.NoVideo, c.Held, !c.Seen.IsZero()
		if silent := c.silence(now); c.Phase == Up && !c.Held && silent >= silenceNotice {
			v.Silent = now.Add(-silent)
		}
	}
	if card := screen.Card(v); card != w.card {
		w.card = card
		w.devices.Show(card)
	}
}
