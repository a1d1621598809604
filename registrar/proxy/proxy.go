// Package proxy is the registrar on the network: a registrar (RFC 3261 §10), a stateful proxy (§16) that asks the
// dialplan, and the notifier of each window's programme (RFC 6665, RFC 6080).
//
//	request ─▶ validate ─▶ authenticate ─▶ plan ─▶ location ─▶ hop ─▶ the callee's own flow
//	           400…         401 407 403     403…    480 430           ◀─ responses
//
// It never dials: whoever is to be reached has registered, and is sent everything on the flow that this came on.
package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

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
	Domain    string            // realm and own host
	Advertise string            // host by which peers reach us, where a router stands between; empty: the local address
	Key       []byte            // 16 random bytes or more, the same over restarts: calls live as long as it
	Plan      *dialplan.Plan    // the first; SetPlan gives later ones
	Accounts  Accounts          //
	Locations *location.Table   //
	Echo      *echo.Echo        // answers calls to it; nil: it is switched off
	TLS       *tls.Config       // for Listeners.TLS; nil if that listener's connections are secure already
	Limits    flow.Limits       // zero: flow.DefaultLimits
	Metrics   *metrics.Registry // nil: a new one
	Log       *slog.Logger      // nil: none
}

// Listeners are where peers come in; nil ones are off. The server closes them.
type Listeners struct {
	TLS net.Listener // still without TLS: the server sets it up, with a deadline
	TCP net.Listener
	UDP net.PacketConn
}

// A Server is the registrar. New makes it, Run runs it.
type Server struct {
	cfg       Config
	log       *slog.Logger
	made      time.Time
	ledger    *ledger
	metrics   *metrics.Registry
	plan      atomic.Pointer[dialplan.Plan]
	gate      *gatekeeper
	registrar *registrar
	locations *location.Table
	seal      sealer
	site      *site
	locate    *locator
	answers   *answerer
	keys      keyWatch
	flows     *flow.Table
	listeners Listeners
	stack     *stack.Stack
	notifier  *notifier
	busy      gate
	calls     *calls
	forks     forks
	echo      echoCalls
	work      *work
	sender    sender
}

// New makes a server. It starts nothing; the listeners are open already.
func New(c Config, l Listeners) (*Server, error) {
	if c.Domain == "" || c.Plan == nil || c.Accounts == nil || c.Locations == nil {
		return nil, errors.New("proxy: domain, plan, accounts and locations are needed")
	}
	if len(c.Key) < 16 {
		return nil, fmt.Errorf("proxy: the key has %d bytes, 16 are needed", len(c.Key))
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = metrics.New()
	}
	// Nonces are of this process alone: which of them were used is forgotten with it.
	nonces := make([]byte, 32)
	_, _ = rand.Read(nonces) // never fails
	digest, err := auth.New(auth.Config{Realm: c.Domain, Secret: nonces})
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	s := &Server{
		made: time.Now(), ledger: &ledger{}, work: newWork(),
		cfg: c, log: c.Log, metrics: c.Metrics, locations: c.Locations, seal: sealer{key: c.Key}, listeners: l,
		busy:  gate{limit: 32, held: map[string]int{}},
		calls: newCalls(), forks: forks{live: map[*fork]struct{}{}},
	}
	s.plan.Store(c.Plan)
	s.keys = keyWatch{counts: c.Metrics, log: c.Log}
	s.flows = flow.NewTable(c.Limits, flow.Events{
		Closed: func(f location.Flow) { s.registrar.flowClosed(f) }, KeysRefused: s.keys.refused, Silent: s.metrics.Silent,
	})
	s.stack = stack.New(stack.Config{Request: s.handle})
	s.site = &site{realm: c.Domain, hosts: newHosts(c.Domain, c.Advertise, l), seal: s.seal, flows: s.flows}
	s.locate = &locator{table: c.Locations, flows: s.flows, udp: l.UDP != nil}
	s.answers = newAnswerer(s.seal, c.Metrics)
	s.sender = sender{wire: s.stack, work: s.work}
	s.gate = &gatekeeper{
		accounts: c.Accounts, digest: digest, epochs: epochs{count: map[string]uint64{}}, site: s.site, flows: s.flows,
		counts: c.Metrics, ledger: s.ledger, log: c.Log,
	}
	s.notifier = &notifier{
		plan: s.Plan, site: s.site, gate: s.gate, locate: s.locate, flows: s.flows, wire: s.stack, answers: s.answers, work: s.work,
		changed: s.AccountChanged, log: c.Log, packages: eventPackages(s.gate.exists),
		mailbox: make(chan func()), kick: make(chan struct{}, 1), done: make(chan struct{}),
	}
	s.registrar = &registrar{
		site: s.site, gate: s.gate, table: c.Locations, flows: s.flows, answers: s.answers, changed: s.AccountChanged,
		reachable: s.notifier.reachable, ledger: s.ledger, log: c.Log,
	}
	s.echo = echoCalls{s: s, byID: map[dialog.ID]*echoCall{}}
	return s, nil
}

// SetPlan puts another plan in force, at once. Windows whose two weeks it changes are told.
func (s *Server) SetPlan(p *dialplan.Plan) {
	s.plan.Store(p)
	s.notifier.planChanged()
}

// Plan is the plan in force.
func (s *Server) Plan() *dialplan.Plan { return s.plan.Load() }

// Run serves until ctx ends or a listener fails, and joins all that it started. The error is nil at ctx's end.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	s.serve(ctx, g)
	g.Go(func() error { return s.registrar.expire(ctx) })
	g.Go(func() error { return s.notifier.run(ctx) })
	g.Go(func() error {
		<-ctx.Done()
		s.work.end()
		return s.closeUDP()
	})
	err := g.Wait()
	_ = s.stack.Close()
	s.work.wait()
	s.flows.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *Server) closeUDP() error {
	if s.listeners.UDP == nil {
		return nil
	}
	return s.listeners.UDP.Close()
}

// serve starts the transports.
func (s *Server) serve(ctx context.Context, g *errgroup.Group) {
	stream := func(l net.Listener, transport string, config *tls.Config, serve func(net.Listener) error) {
		if l == nil {
			return
		}
		fl := s.flows.Listen(l, transport, config)
		g.Go(func() error { return fl.Run(ctx) })
		g.Go(func() error {
			if err := serve(fl); ctx.Err() == nil {
				return fmt.Errorf("%s listener on %s ended: %w", transport, l.Addr(), err)
			}
			return nil
		})
	}
	stream(s.listeners.TLS, flow.TLS, s.cfg.TLS, s.stack.ServeTLS)
	stream(s.listeners.TCP, flow.TCP, nil, s.stack.ServeTCP)
	if s.listeners.UDP == nil {
		return
	}
	packets := s.flows.Packets(s.listeners.UDP)
	g.Go(func() error {
		for !packets.Served() {
			if err := s.stack.ServeUDP(packets); err != nil {
				return fmt.Errorf("UDP socket %s: %w", s.listeners.UDP.LocalAddr(), err)
			}
		}
		if ctx.Err() == nil {
			return fmt.Errorf("UDP socket %s was closed", s.listeners.UDP.LocalAddr())
		}
		return nil
	})
}
