// Package agent is a window's SIP user agent: it keeps a connection to the registrar, or one to each of two of its addresses, stays
// registered over it, subscribes to its own part of the plan and to relays, and makes, takes and keeps calls. SDP is opaque bytes here.
//
//	           Config.Dial, Second                  Events()
//	registrar ◀───── flow ─────▶ stack ─┬─ register   ──▶ Online, Offline, Ways
//	             (one a way,            ├─ subscribe  ──▶ Programme, Relays
//	              pinged, replaced)     └─ calls      ──▶ Invitation, Reoffer, LateAnswer, Info, Ended
//
// There is one long-lived SIP stack (registrar/signal). It never dials and listens nowhere: the agent dials, and hands
// each finished connection over. What comes over it is taken in one message after the other. Dialogs outlive the
// connection: what follows in a call goes over the other one, or the next.
//
// Requests are believed because of where they come from: the registrar's authenticated connections are the only ones
// there are, and the registrar vouches for the From of what it forwards.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"ewindow/dialplan/username"
	"ewindow/registrar/signal/stack"
)

// Bounds. Nothing that comes from the network can make an agent hold more than this.
const (
	maxCalls    = 16 // dialogs, the ones being set up included
	maxRequests = 64 // requests being handled at once
	farewell    = time.Second
	dialLimit   = 10 * time.Second
	steadyAfter = 10 * time.Second // a registration that lived so long starts the back-off anew
)

// ErrOffline says that there is no registered connection to the registrar at the moment. Offline has said why;
// try again after Online.
var ErrOffline = errors.New("not registered")

// ErrEnded says that the call is over.
var ErrEnded = errors.New("the call has ended")

// StatusError is a final SIP response that says no, or one of our own making: 408 when no answer came.
type StatusError struct {
	Code       int
	Reason     string        // reason phrase, fit for people and logs
	RetryAfter time.Duration // from Retry-After; 0 if there was none
}

// Error is the status with its phrase and Retry-After.
func (e *StatusError) Error() string {
	if e.RetryAfter > 0 {
		return fmt.Sprintf("%d %s (retry after %v)", e.Code, e.Reason, e.RetryAfter)
	}
	return fmt.Sprintf("%d %s", e.Code, e.Reason)
}

// Config is what an Agent needs to know.
type Config struct {
	// Registrar is the registrar's domain, with or without scheme and port: "reg.example.org",
	// "sips:reg.example.org:5061". It is the domain of the window's address-of-record and the only digest realm to
	// which credentials go. Where it is reached is Dial's business.
	Registrar string

	Space  string // account name: the user part of the address-of-record
	Secret string // shared with the registrar; used for digest alone, never sent; SetSecret gives a later one

	// Dial makes one connection to the registrar: handshake done, pin or certificate checked. It must return when
	// ctx ends. The connection's addresses must be of the form host:port with an IP address.
	Dial func(ctx context.Context) (net.Conn, error)

	// Second is Dial to another address of the same registrar (RFC 5626 §4.2); nil: there is none. Both ways are held at a time, and
	// the window is online as long as one of them holds.
	Second func(ctx context.Context) (net.Conn, error)

	MediaKey  string // our public media key in base64, which the registrar is to name to partners, and knows this device by; empty: none
	UserAgent string // for the User-Agent header; may be empty

	// Health is what each REGISTER tells the registrar of how the window does, of type health.ContentType; nil, or an empty one: nothing.
	// It must not wait.
	Health func() []byte
	Log    *slog.Logger
}

// Agent is a window's SIP user agent. All methods may be called from any goroutine.
type Agent struct {
	cfg     Config
	log     *slog.Logger
	domain  string
	aor     sip.Uri
	contact sip.Uri // the same for the life of the agent, over all connections
	stack   *stack.Stack
	creds   *credentials
	events  *queue
	follows []*following // what it subscribes to; see follow
	relayed atomic.Bool  // there were relays
	ways    []*registration

	started atomic.Bool
	stop    chan struct{} // closed at the end: whatever still waits gives up
	slots   chan struct{} // bounds requests being handled

	mu      sync.Mutex
	closed  bool           // no new jobs
	jobs    sync.WaitGroup // goroutines that Run joins
	local   netip.Addr     // of the latest flow
	online  bool           // what the last event said
	told    string         // why, if that was Offline
	changed chan struct{}  // closed when a way stands otherwise
	calls   map[callKey]*Call
}

// New checks the configuration and makes an Agent. It starts nothing: Run does.
func New(cfg Config) (*Agent, error) {
	domain, err := domainOf(cfg.Registrar)
	if err != nil {
		return nil, err
	}
	if !username.Valid(cfg.Space) {
		return nil, fmt.Errorf("space %q is no account name (%s); use the label of the space's block in the dialplan", cfg.Space, username.Rule)
	}
	if cfg.Secret == "" {
		return nil, fmt.Errorf("space %q has no secret; make one with `ewindow-registrar account add %s`", cfg.Space, cfg.Space)
	}
	if cfg.Dial == nil {
		return nil, errors.New("agent: Config.Dial is missing")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &Agent{
		cfg: cfg, domain: domain,
		aor:     sip.Uri{Scheme: "sip", User: cfg.Space, Host: domain},
		stop:    make(chan struct{}),
		slots:   make(chan struct{}, maxRequests),
		changed: make(chan struct{}),
		calls:   make(map[callKey]*Call),
		events:  newQueue(),
	}
	a.log = cfg.Log.With("aor", cfg.Space)
	a.follows = a.follow()
	a.creds = &credentials{realm: domain, username: cfg.Space, password: cfg.Secret}
	instance := instanceOf(cfg.MediaKey)
	a.contact = sip.Uri{Scheme: "sip", User: cfg.Space, Host: instance + ".invalid", UriParams: sip.HeaderParams{{K: "transport", V: "tls"}}}
	for _, dial := range []func(context.Context) (net.Conn, error){cfg.Dial, cfg.Second} {
		if dial != nil {
			a.ways = append(a.ways, a.newRegistration(dial, instance))
		}
	}
	a.stack = stack.New(stack.Config{Log: a.log, Stray: a.unmatched, Request: a.handle})
	return a, nil
}

// domainOf takes the host out of a registrar's address as people write it.
func domainOf(registrar string) (string, error) {
	text := registrar
	if !strings.HasPrefix(text, "sip:") && !strings.HasPrefix(text, "sips:") {
		text = "sips:" + text
	}
	var uri sip.Uri
	if err := sip.ParseUri(text, &uri); err != nil || uri.Host == "" || uri.User != "" || strings.ContainsAny(uri.Host, " \t\r\n<>\"/@") {
		return "", fmt.Errorf(`registrar %q is not an address; write it like "sips:reg.example.org"`, registrar)
	}
	return strings.ToLower(uri.Host), nil
}

// Events delivers what happens, in order; it is closed when Run returns. See the queue's rules about a receiver
// that is too slow.
func (a *Agent) Events() <-chan Event { return a.events.out }

// SetSecret gives the agent another secret. It registers with it at once.
func (a *Agent) SetSecret(secret string) {
	a.creds.renew(secret)
	a.registerNow()
}

func (a *Agent) registerNow() {
	for _, r := range a.ways {
		offer(r.renewed, struct{}{})
	}
}

// TellHealth has the registrar told of Config.Health soon, by one of the ways. Where there is none it is told with the next registration.
func (a *Agent) TellHealth() {
	f := a.currentFlow()
	for _, r := range a.ways {
		a.mu.Lock()
		its := f != nil && r.flow == f
		a.mu.Unlock()
		if its {
			offer(r.renewed, struct{}{})
			return
		}
	}
}

// NetworkChanged is told that the machine's addresses are others. here says whether it still has one: a connection from an address
// that is gone is given up at once, and no other is waited for.
func (a *Agent) NetworkChanged(here func(netip.Addr) bool) {
	for _, r := range a.ways {
		a.mu.Lock()
		f := r.flow
		a.mu.Unlock()
		if f != nil && here(f.local.AddrPort().Addr()) {
			continue
		}
		if f != nil {
			f.fail(errMoved)
		}
		offer(r.renewed, struct{}{})
	}
}

// LocalAddr is our address on the current or else the latest connection, for SDP; the zero Addr before the first.
func (a *Agent) LocalAddr() netip.Addr {
	if f := a.currentFlow(); f != nil {
		return f.local.AddrPort().Addr()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.local
}

// Run connects, registers and stays registered until ctx ends; a lost connection is replaced. At the end it says
// BYE in open calls and takes back the registration, for which it has one second in all, and joins everything it
// started. It returns nil, or an error if it was called before: an Agent runs once.
func (a *Agent) Run(ctx context.Context) error {
	if a.started.Swap(true) {
		return errors.New("agent: Run was called before; make a new Agent")
	}
	var pump sync.WaitGroup
	pump.Go(func() { a.events.run(a.stop) })
	var loops sync.WaitGroup
	for _, r := range a.ways {
		loops.Go(func() { r.keepConnected(ctx) })
	}
	for _, p := range a.follows {
		loops.Go(func() { a.keepInformed(ctx, p) })
	}
	loops.Wait()
	a.endAll(switchedOff)
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	close(a.stop)
	if err := a.stack.Close(); err != nil {
		a.log.Debug("closing the SIP stack", "err", err)
	}
	a.jobs.Wait()
	pump.Wait()
	return nil
}

// spawn runs f in a goroutine that Run joins. After the end it does nothing and says so.
func (a *Agent) spawn(f func()) bool {
	if !a.enter() {
		return false
	}
	go func() {
		defer a.jobs.Done()
		f()
	}()
	return true
}

// enter counts the caller among what Run joins, unless Run has ended. Its other half is a.jobs.Done.
func (a *Agent) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.jobs.Add(1)
	return true
}
