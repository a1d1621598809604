package window

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/endpoint/agent"
	"ewindow/endpoint/screen"
	"ewindow/endpoint/status"
	"ewindow/endpoint/trust"
	"ewindow/media"
	"ewindow/media/effort"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
	"ewindow/media/handshake"
	"ewindow/media/reach"
	"ewindow/registrar/signal/relays"
)

const (
	tick     = 500 * time.Millisecond // how often silence and the wall clock are looked at
	maxInbox = 64                     // what waits for the loop; whoever has more waits too
)

// Config is what a Window is made of.
type Config struct {
	Space    string
	StateDir string // where the copy of the plan is kept
	Agent    *agent.Agent
	Devices  engine.Config // without Handler, which is the window
	Video    engine.VideoFormat
	Key      *trust.Key  // the window's own; nil: it has none, and neither has anybody else
	Pins     *trust.Pins // the keys of partners; nil only without a Key
	Log      *slog.Logger

	// Listen opens the sockets of a call on our address; nil is media.Listen. Tests give an in-memory network.
	Listen func(netip.Addr) (*media.Sockets, error)
	// Towards is our address towards another one, such as network.Towards; nil: the one towards the registrar is the only one.
	Towards func(netip.Addr) (netip.Addr, error)
	// Gather finds a call's ways through routers, such as reach.Gather; nil: calls go from address to address.
	Gather func(context.Context, reach.Config) (*reach.Paths, error)
}

// Window is one E-Window: Run runs it.
//
//	agent ───────┐                              ┌──▶ workers: sockets, SIP
//	workers ─────┼──▶ inbox ──▶ loop ──▶ Step ──┼──▶ keeper: the plan on disk
//	devices ─────┘                              └──▶ stage, devices, card
//
//	camera, microphone ──▶ stage ──▶ sessions (media) ──▶ stage ──▶ screen, speaker
type Window struct {
	cfg      Config
	log      *slog.Logger
	sip      userAgent
	devices  *engine.Engine
	keeper   *keeper
	namer    *namer
	inbox    chan any      // see receive
	done     chan struct{} // closed when nobody reads the inbox any more
	stage    *stage
	started  time.Time
	identity *handshake.Identity // what it shows in handshakes; nil only if there can be none

	snapshot atomic.Pointer[snapshot]      // for Status
	relays   atomic.Pointer[relays.Relays] // in memory alone: it holds a secret
	told     chan struct{}                 // closed when the registrar has first said something of them

	// Owned by the loop.
	state   State
	ids     int
	legs    map[string]*leg        // by Call.ID
	invited map[string]*invitation // by Call.ID, while Step decides
	card    protocol.Card
	refuses string // the partner whose key is refused here; empty for none
	zone    *time.Location
	home    netip.Addr    // our address towards the registrar, when we registered last
	strays  []trickleCame // of calls whose answer is not known here yet
	work    sync.WaitGroup

	past        []status.PastCall
	roles       map[protocol.Role]status.Device
	effort      effort.Effort              // of the camera
	lacks       map[protocol.Role][]string // what processes that are not ready have found missing
	faults      map[protocol.Role]*deviceFaults
	trouble     *trouble
	history     history
	planProblem string
	ways        []status.Way // to the registrar, where there are two
}

// New makes a Window and starts nothing.
func New(cfg Config) *Window {
	if cfg.Listen == nil {
		cfg.Listen = media.Listen
	}
	w := &Window{
		cfg: cfg, log: cfg.Log.With("aor", cfg.Space), sip: sipAgent{cfg.Agent},
		inbox: make(chan any, maxInbox), done: make(chan struct{}), told: make(chan struct{}),
		legs: map[string]*leg{}, invited: map[string]*invitation{},
		state: State{Space: cfg.Space}, zone: time.UTC, roles: map[protocol.Role]status.Device{}, lacks: map[protocol.Role][]string{},
		faults: map[protocol.Role]*deviceFaults{}, started: time.Now(),
	}
	w.identity = newIdentity(cfg.Key, w.log)
	w.trouble = newTrouble(w.log)
	for _, role := range []protocol.Role{protocol.Camera, protocol.Sound, protocol.Screen} {
		w.faults[role] = newDeviceFaults(w.log.With("role", role))
	}
	w.keeper, w.namer = newKeeper(cfg.StateDir), newNamer(cfg.Pins)
	w.stage = &stage{}
	cfg.Devices.Handler = deviceHandler{w.stage, w}
	w.devices = engine.New(cfg.Devices)
	w.stage.devices = w.devices
	w.publish()
	return w
}

// Run keeps the window open until ctx ends, and hangs up.
func (w *Window) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, 2)
	var parts sync.WaitGroup
	w.loadPlan(ctx)
	parts.Go(func() { errs <- w.sip.Run(ctx, w.tell) }) // at its end it says BYE in open calls
	parts.Go(func() { errs <- w.devices.Run(ctx) })
	parts.Go(func() { w.keeper.run(w.done, w.tell) })
	parts.Go(func() { w.namer.run(w.done, w.tell) })
	err := w.loop(ctx, errs)
	cancel()
	close(w.done)
	for id := range w.legs {
		w.drop(id, "the window was switched off")
	}
	parts.Wait()
	w.work.Wait()
	w.discard()
	return err
}

// loop is the only goroutine that touches the machine's state. Nothing that it does waits for disk, network or devices.
func (w *Window) loop(ctx context.Context, errs <-chan error) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	w.show()
	w.publish()
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
		case m := <-w.inbox:
			w.receive(ctx, m)
		}
	}
}

// step gives the machine an event and carries out what it says.
func (w *Window) step(ctx context.Context, e Event) {
	var actions []Action
	w.state, actions = Step(w.state, time.Now(), e, w.newID())
	if p, ok := e.(Planned); ok {
		w.zone = screen.Zone(p.P)
	}
	for _, a := range actions {
		w.carryOut(ctx, a)
	}
	w.arrange()
	w.show()
	w.publish()
}

// newID is a name for a call that no other call of this process has.
func (w *Window) newID() string {
	w.ids++
	return fmt.Sprintf("call-%d", w.ids)
}

func (w *Window) carryOut(ctx context.Context, a Action) {
	switch a := a.(type) {
	case Dial:
		w.dial(ctx, a)
	case Answer:
		w.answer(a)
	case Reject:
		w.reject(a)
	case Hangup:
		w.hangup(a.ID, a.Why)
	case Reinvite:
		w.reinvite(ctx, a.ID, false)
	case Better:
		w.reinvite(ctx, a.ID, true)
	case Ask:
		w.ask(a.ID)
	case Keyframe:
		if l := w.legs[a.ID]; l != nil && l.session != nil {
			l.session.RequestKeyframe()
		}
	}
}

// look is what every tick does: the calls' media, and the clock.
func (w *Window) look(ctx context.Context) {
	for _, c := range w.state.Calls {
		if l := w.legs[c.ID]; l != nil && l.session != nil {
			w.step(ctx, l.media(time.Now()))
			w.judge(l)
			w.vouch(l)
			w.doubt(l, time.Now())
		}
	}
	w.settled(time.Now())
	w.step(ctx, Tick{})
	w.noteTrust(ctx)
}

// receive takes what others bring to the loop.
func (w *Window) receive(ctx context.Context, m any) {
	switch m := m.(type) {
	case registration:
		if m.err == nil {
			for _, l := range w.legs {
				l.untold, l.tellAt = true, time.Time{}
			}
			w.history.over(aboutRegistrar, "another registration")
			w.step(ctx, Registered{Moved: w.moved()})
		} else {
			w.history.begin(aboutRegistrar, "registrar away", m.err.Error())
			w.step(ctx, Lost{Why: m.err.Error()})
		}
	case waysCame:
		w.ways = m.ways
		w.publish()
	case planCame:
		w.programme(ctx, m.body)
	case relaysCame:
		w.relays.Store(m.relays)
		w.heardOfRelays()
	case kept:
		w.kept(m)
	case probe:
		close(m)
	case named:
		w.show()
		w.publish()
	case invitation:
		id := w.newID() // a Call-ID is chosen by somebody else, and may not be the only one
		w.invited[id] = &m
		w.step(ctx, Invited{ID: id, From: m.from})
	case reoffer:
		w.reoffer(ctx, m)
	case lateAnswer:
		w.lateAnswer(ctx, m)
	case vouchCame:
		w.vouchCame(m)
	case trickleCame:
		w.trickleCame(ctx, m)
	case vouched:
		w.vouched(m)
	case assured:
		w.assured(m)
	case pictureWanted:
		if l := w.find(m.dialog); l != nil {
			l.KeyframeRequested()
		}
	case ended:
		w.ended(ctx, m)
	case dialled:
		w.dialled(ctx, m)
	case prepared:
		w.prepared(ctx, m)
	case accepted:
		w.accepted(ctx, m)
	case reported:
		w.reported(m)
	case found:
		w.step(ctx, m.Event)
	case reinvited:
		w.reinvited(ctx, m)
	case renewed:
		w.renewed(ctx, m)
	case wayDoubted:
		w.wayDoubted(ctx, m)
	case secured:
		w.secured(ctx, m)
	case wayFound:
		w.wayFound(ctx, m)
	case mediaBroke:
		if l := w.legs[m.id]; l != nil {
			w.fail(ctx, l, m.err)
		}
	case deviceReport:
		w.device(ctx, m)
	case pictureCame:
		if l := w.legs[m.id]; l != nil && l.session != nil {
			w.step(ctx, l.media(time.Now()))
		}
	case budget:
		if l := w.legs[m.id]; l != nil {
			l.kbps = m.kbps
			w.arrange()
			w.publish()
		}
	}
}

// post brings something to the loop, and says whether it was taken: at the end of the window it is not.
func (w *Window) post(m any) bool {
	select {
	case w.inbox <- m:
		return true
	case <-w.done:
		return false
	}
}

// Relays are the STUN and TURN servers for a call that is prepared now; nil if the registrar named none, or so long ago that
// their credentials have expired. It may be called from any goroutine.
func (w *Window) Relays() *relays.Relays {
	r := w.relays.Load()
	if r == nil || !r.Valid(time.Now()) {
		return nil
	}
	return r
}

// tell is post for those who have nothing to release.
func (w *Window) tell(m any) { w.post(m) }

// discard releases what was brought and not read any more.
func (w *Window) discard() {
	for {
		select {
		case m := <-w.inbox:
			if g, holds := m.(interface{ release() }); holds {
				g.release()
			}
		default:
			return
		}
	}
}

func (w *Window) reject(a Reject) {
	inv := w.invited[a.ID]
	if inv == nil {
		return
	}
	delete(w.invited, a.ID)
	w.log.Info("call refused", "peer", inv.from, "call_id", inv.callID, "status", a.Status, "reason", a.Reason)
	w.remember(status.PastCall{ID: inv.callID, Peer: inv.from, Status: a.Status, Why: a.Reason})
	w.work.Go(func() { inv.reject(a.Status, a.Reason, a.RetryAfter) })
}

// ended takes the end of a dialog; that of an INVITE of ours may come before its result, see dialled.
func (w *Window) ended(ctx context.Context, e ended) {
	if l := w.find(e.dialog); l != nil {
		w.drop(l.id, e.reason)
		w.step(ctx, Ended{ID: l.id, Why: e.reason})
		w.tooBrief(l, e.reason)
	}
}

// show puts the situation on the screen when its words have changed.
func (w *Window) show() {
	s, now := &w.state, time.Now()
	v := screen.View{
		Now: now, Space: s.Space, Programme: s.Programme, Zone: w.zone, Online: s.Online,
		Offline: s.OfflineSince, Why: s.OfflineWhy, LastWhy: s.Reach.Why, Missing: s.Devices,
	}
	if link := s.partner(now); link != nil {
		v.Partner = link.PartnerName
	}
	if c := s.Shown(now); c != nil {
		v.Peer, v.Phone, v.Up = c.Name, c.Role == Phone, c.Phase == Up
		v.Starved = c.starves(now)
		v.NoVideo, v.Held, v.Unheard, v.Picture, v.Blank = c.NoVideo, c.Held, c.Unheard, !c.Seen.IsZero(), c.blank(now)
		v.Watched, v.Hidden, v.Averse = c.Shows && c.Hidden.IsZero(), c.Unseen || !c.Hidden.IsZero(), c.Averse
		if c.down(now) {
			v.Silent, v.Wayless = now.Add(-c.silence(now)), c.Way == None
			v.Keyless = c.Keyless
		}
		if l := w.legs[c.ID]; l != nil && l.session != nil {
			v.Secrets = keyKind(l.description)
		}
	}
	v.Keys = w.keys(now)
	if card := screen.Card(v); card != w.card {
		w.card = card
		w.devices.Show(card)
	}
}
