// Package proxy is the registrar on the network: a registrar (RFC 3261 §10), a stateful proxy (§16) that asks the
// dialplan, and the notifier of each window's programme (RFC 6665, RFC 6080).
//
//	           pins the plan                  who sent it?
//	flow ─▶ Server: read, admissible? ─┬▶ gatekeeper ─▶ registrar REGISTER ──▶ table of locations
//	         400… 482 483              ├▶ gatekeeper ─▶ notifier SUBSCRIBE ─▶ NOTIFY, by the plan in force
//	                                   └▶ gatekeeper ─▶ router ─┬▶ plan ─▶ locator ─▶ hop ─▶ forwarder ─▶ the callee's
//	                                       401 407 403 503      │  403…    430 480    ◀─ answers ◀───    own flow
//	                                                            └▶ echoCalls: answered here
//
// It never dials: whoever is to be reached has registered, and is sent everything on the flow that this came on.
//
// Server has the parts, joins them, and hands each request down. A part has what it needs and does not know the Server;
// every state has one owner:
//
//	gatekeeper  who may: nonces, and the epoch of each account
//	registrar   where somebody is: the table of locations
//	notifier    who is told: the table of subscriptions
//	forwarder   requests under way: forks with their branches, exchanges
//	calls       dialogs that were set up through here, to be ended from here
//	echoCalls   dialogs that end here
//	answerer    answers, of which those over UDP are remembered for requests that come again
//	work        goroutines, so that Run joins them
//
// router, locator, site (what this hop is called) and sender (requests of our own) have no state.
package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ewindow/dialplan"
	"ewindow/registrar/auth"
	"ewindow/registrar/echo"
	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/metrics"
	"ewindow/registrar/signal/dialog"
	"ewindow/registrar/signal/stack"
)

// Config is what a Server is made from.
type Config struct {
	Domain    string         // realm and own host
	Advertise string         // host by which peers reach us, where a router stands between; empty: the local address
	Key       []byte         // 16 random bytes or more, the same over restarts: calls live as long as it
	Plan      *dialplan.Plan // the first; SetPlan gives later ones

	// Probations are who may link with its sponsor alone at first; SetProbations gives later ones.
	Probations dialplan.Probations

	Accounts  Accounts          //
	Locations *location.Table   //
	Echo      *echo.Echo        // answers calls to it; nil: it is switched off
	Keys      Keys              // the windows' public media keys; nil: none are kept
	Relays    Relays            // what windows are told of STUN and TURN; nil: nothing
	TLS       *tls.Config       // for Listeners.TLS and Shared; nil if the connections of TLS are secure already, and there is no Shared
	Others    flow.Others       // who takes what comes to Listeners.Shared and is no SIP; HTTP also what comes to Listeners.TLS
	Shown     flow.Shown        // whose certificate a window shows; nil: none are asked for
	Limits    flow.Limits       // zero: flow.DefaultLimits
	Metrics   *metrics.Registry // nil: a new one
	Log       *slog.Logger      // nil: none
}

// Listeners are where peers come in; nil ones are off. The server closes them.
type Listeners struct {
	TLS    net.Listener // still without TLS: the server sets it up, with a deadline
	TCP    net.Listener
	UDP    net.PacketConn
	Shared net.Listener // as TLS, for SIP and others
}

// A Server is the registrar. New makes it, Run runs it. It has the parts and joins them: no part knows it.
type Server struct {
	domain    string
	tls       *tls.Config
	others    flow.Others
	listeners Listeners
	made      time.Time
	plan      atomic.Pointer[dialplan.Plan] // under probations
	log       *slog.Logger
	metrics   *metrics.Registry
	work      *work
	flows     *flow.Table
	stack     *stack.Stack
	ledger    *ledger

	ruling     sync.Mutex // of whoever makes another plan of the one in force
	probations dialplan.Probations

	keys    keyWatch
	site    *site
	locate  *locator
	answers *answerer

	gate      *gatekeeper
	registrar *registrar
	notifier  *notifier
	calls     *calls
	forward   *forwarder
	echo      *echoCalls
	router    *router
}

// New makes a server. It starts nothing; the listeners are open already.
func New(c Config, l Listeners) (*Server, error) {
	if c.Domain == "" || c.Plan == nil || c.Accounts == nil || c.Locations == nil {
		return nil, errors.New("proxy: domain, plan, accounts and locations are needed")
	}
	if len(c.Key) < 16 {
		return nil, fmt.Errorf("proxy: the key has %d bytes, 16 are needed", len(c.Key))
	}
	if (l.Shared != nil || c.Others.HTTP != nil) && c.TLS == nil {
		return nil, errors.New("proxy: a port that SIP shares with others needs TLS")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = metrics.New()
	}
	if c.Keys == nil {
		c.Keys = noKeys{}
	}
	// Nonces are of this process alone: which of them were used is forgotten with it.
	nonces := make([]byte, 32)
	_, _ = rand.Read(nonces) // never fails
	digest, err := auth.New(auth.Config{Realm: c.Domain, Secret: nonces})
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	s := &Server{
		domain: c.Domain, tls: c.TLS, others: c.Others, listeners: l, made: time.Now(), log: c.Log, metrics: c.Metrics,
		work: newWork(), ledger: &ledger{}, keys: keyWatch{counts: c.Metrics, log: c.Log},
	}
	s.probations = c.Probations
	s.plan.Store(c.Plan.Under(c.Probations))
	s.flows = flow.NewTable(c.Limits, flow.Events{
		Closed: s.flowClosed, KeysRefused: s.keys.refused, HandshakeFailed: s.handshakeFailed, Shown: c.Shown, Silent: c.Metrics.Silent,
	})
	s.stack = stack.New(stack.Config{Request: s.handle})
	s.assemble(c, digest)
	return s, nil
}

// assemble makes the parts and says who has which.
func (s *Server) assemble(c Config, digest *auth.Auth) {
	s.site = &site{realm: c.Domain, hosts: newHosts(c.Domain, c.Advertise, s.listeners), seal: sealer{key: c.Key}, flows: s.flows}
	s.locate = &locator{table: c.Locations, flows: s.flows, udp: s.listeners.UDP != nil}
	s.answers = newAnswerer(c.Domain, s.site.seal, c.Metrics)
	send := sender{wire: s.stack, work: s.work, site: s.site, locate: s.locate}

	s.gate = &gatekeeper{
		accounts: c.Accounts, digest: digest, epochs: newEpochs(), site: s.site, flows: s.flows, counts: c.Metrics,
		ledger: s.ledger, log: c.Log,
	}
	s.notifier = &notifier{
		plan: s.Plan, site: s.site, gate: s.gate, locate: s.locate, flows: s.flows, wire: s.stack, answers: s.answers, work: s.work,
		changed: s.AccountChanged, log: c.Log, packages: eventPackages(s.gate.exists, c.Keys, c.Relays),
		mailbox: make(chan func()), kick: make(chan struct{}, 1), done: make(chan struct{}),
	}
	s.registrar = &registrar{
		site: s.site, gate: s.gate, table: c.Locations, flows: s.flows, answers: s.answers, changed: s.AccountChanged,
		reachable: s.notifier.reachable, ledger: s.ledger, log: c.Log,
		told:    mediaKeys{keys: c.Keys, plan: s.Plan, changed: s.notifier.keysChanged, counts: c.Metrics, log: c.Log},
		healths: healths{plan: s.Plan, counts: c.Metrics, log: c.Log, of: map[string]*healthOf{}},
	}
	s.calls = &calls{locate: s.locate, flows: s.flows, sender: send, ledger: s.ledger, log: c.Log, byID: map[string]*relayed{}}
	s.forward = &forwarder{
		plan: s.Plan, site: s.site, locate: s.locate, wire: s.stack, sender: send, answers: s.answers, keys: s.keys, epochs: s.gate.epochs,
		calls: s.calls, work: s.work, ledger: s.ledger, log: c.Log,
		busy: quota{limit: 32, held: map[string]int{}}, byes: quota{limit: 32, held: map[string]int{}}, forks: forks{live: map[*fork]struct{}{}},
	}
	s.echo = &echoCalls{
		media: c.Echo, gate: s.gate, site: s.site, wire: s.stack, sender: send, answers: s.answers, keys: s.keys,
		work: s.work, ledger: s.ledger, log: c.Log, byID: map[dialog.ID]*echoCall{},
	}
	s.router = &router{
		gate: s.gate, site: s.site, locate: s.locate, flows: s.flows, answers: s.answers, calls: s.calls, forward: s.forward,
		echo: s.echo, ledger: s.ledger, log: c.Log,
	}
}

// flowClosed is told of every connection that has ended.
func (s *Server) flowClosed(f location.Flow) { s.registrar.flowClosed(f) }

// handshakeFailed is told of every TLS connection that was not set up. Whoever it was is a stranger.
func (s *Server) handshakeFailed(f location.Flow, why flow.HandshakeFailure) {
	s.metrics.HandshakeFailed(why.Kind)
	level := slog.LevelInfo
	if why.Kind == flow.Untouched { // monitoring does that every few seconds
		level = slog.LevelDebug
	}
	s.log.Log(context.Background(), level, "TLS handshake failed", "peer", f.Remote, "transport", f.Transport, "reason", why.Reason, "err", why.Err, stranger(f.Remote))
}

// Plan is the plan in force, under the probations that there are.
func (s *Server) Plan() *dialplan.Plan { return s.plan.Load() }
