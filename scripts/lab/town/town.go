// Package town is a whole network in simulated time, for tests under testing/synctest: a registrar and windows with
// production SIP over TLS, production SRTP and jitter buffers, a network in memory between them, and fake devices.
//
//	registrar 10.0.0.1:5061 ◀──TLS──▶ milano 10.0.1.1, munich 10.0.1.2, …
//	                                   milano ◀──SRTP──▶ munich
package town

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/dialplan"
	"ewindow/endpoint/agent"
	"ewindow/endpoint/report"
	"ewindow/endpoint/status"
	"ewindow/endpoint/trust"
	"ewindow/endpoint/window"
	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/registrar/keyring"
	"ewindow/registrar/location"
	"ewindow/registrar/pki"
	"ewindow/registrar/pki/pin"
	"ewindow/registrar/proxy"
	"ewindow/scripts/lab/memnet"
	"ewindow/scripts/lab/sockets"
)

// Domain of the registrar.
const Domain = "reg.example.org"

// The registrar has two addresses. Windows use the second one if they are told so.
var (
	registrarHost = netip.MustParseAddr("10.0.0.1")
	registrarAlso = netip.MustParseAddr("10.0.0.9")
)

// Town is the network. Its fields and methods are for the test's goroutine.
type Town struct {
	t   *testing.T
	Net *memnet.Network
	Log *Log

	Keys proxy.Keys // of the registrar that is started next: who tells windows each other's keys

	accounts  accounts
	plan      *dialplan.Plan
	identity  *pki.Identity
	dir       string
	registrar *running
	server    *proxy.Server
	windows   map[string]*Window
}

// Window is one window of the town.
type Window struct {
	Space   string
	Host    netip.Addr
	Devices *enginetest.Devices
	TwoWays bool // to the registrar, from the next Start on
	town    *Town
	agent   *agent.Agent
	running *running
	made    *window.Window // the one that was started last

	Key  *trust.Key  // taken up at the first start, and kept: it costs a tenth of a second
	Pins *trust.Pins // the same
}

// running is a part that has been started.
type running struct {
	cancel context.CancelFunc
	ended  chan error
}

func start(run func(context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- run(ctx) }()
	return r
}

func (r *running) stop() error {
	r.cancel()
	return <-r.ended
}

// Simulate builds a town at a moment of simulated time, with the registrar up and the windows off, and runs f in it.
// The seed decides what the network does.
func Simulate(t *testing.T, seed uint64, at time.Time, plan string, f func(*Town)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at))
		tw := &Town{t: t, Net: memnet.New(seed), Log: &Log{}, dir: dir, windows: map[string]*Window{}, plan: parse(t, plan)}
		tw.Net.Default(memnet.Conditions{Latency: 10 * time.Millisecond})
		var err error
		if tw.identity, err = pki.Load(pki.Config{Dir: dir, Domain: Domain}, time.Now()); err != nil {
			t.Fatal(err)
		}
		tw.Keys = keyring.Open(filepath.Join(dir, "keys.json"), discard)
		defer tw.end()
		tw.StartRegistrar()
		f(tw)
	})
}

func (tw *Town) end() {
	for _, w := range tw.windows {
		if w.running != nil {
			w.Stop()
		}
		w.CloseTrust()
	}
	if tw.registrar != nil {
		tw.StopRegistrar()
	}
	if tw.t.Failed() {
		tw.t.Log(tw.Log.String())
	}
}

func parse(t *testing.T, text string) *dialplan.Plan {
	t.Helper()
	p, err := dialplan.Parse(dialplan.File{Name: "dialplan.hcl", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Edit puts another dialplan in force, as an admin does who saves the file.
func (tw *Town) Edit(plan string) {
	tw.t.Helper()
	tw.plan = parse(tw.t, plan)
	tw.server.SetPlan(tw.plan)
}

// Plan is the dialplan in force.
func (tw *Town) Plan() *dialplan.Plan { return tw.plan }

// StartRegistrar runs the registrar, with nothing in its memory.
func (tw *Town) StartRegistrar() {
	tw.t.Helper()
	var each []net.Listener
	for _, host := range []netip.Addr{registrarHost, registrarAlso} {
		one, err := tw.Net.Listen(netip.AddrPortFrom(host, 5061).String())
		if err != nil {
			tw.t.Fatal(err)
		}
		each = append(each, one)
	}
	l, err := merge(each...), error(nil)
	tw.server, err = proxy.New(proxy.Config{
		Domain: Domain, Key: bytes.Repeat([]byte{7}, 32), Plan: tw.plan, Accounts: &tw.accounts,
		Locations: location.New(location.Config{}), Keys: tw.Keys, TLS: tw.identity.ServerConfig(),
		Log: slog.New(slog.NewTextHandler(tw.Log, nil)).With("who", "registrar"),
	}, proxy.Listeners{TLS: l})
	if err != nil {
		tw.t.Fatal(err)
	}
	tw.registrar = start(tw.server.Run)
}

// StopRegistrar ends it.
func (tw *Town) StopRegistrar() {
	tw.t.Helper()
	if err := tw.registrar.stop(); err != nil {
		tw.t.Errorf("the registrar ended with %v", err)
	}
	tw.registrar = nil
}

// Window is a window of the town, made at the first mention and off until Start.
func (tw *Town) Window(space string) *Window {
	w := tw.windows[space]
	if w == nil {
		n := byte(len(tw.windows) + 1)
		w = &Window{Space: space, Host: netip.AddrFrom4([4]byte{10, 0, 1, n}), town: tw}
		// As seldom as the supervisor allows: over a week these reports are most of what the devices do.
		w.Devices = enginetest.New(enginetest.Options{Seed: uint16(n), Progress: 900 * time.Millisecond})
		tw.windows[space] = w
	}
	return w
}

// Start switches a window on.
func (w *Window) Start() {
	w.town.t.Helper()
	w.town.Net.PowerOn(w.Host)
	log := slog.New(slog.NewTextHandler(w.town.Log, nil)).With("who", w.Space)
	w.openTrust(log)
	var second func(context.Context) (net.Conn, error)
	if w.TwoWays {
		second = func(ctx context.Context) (net.Conn, error) { return w.dial(ctx, registrarAlso) }
	}
	tell := &report.Reporter{}
	a, err := agent.New(agent.Config{
		Health: tell.Body, MediaKey: w.Key.Public().Text(), Registrar: Domain, Space: w.Space, Secret: secret(w.Space), UserAgent: "ewindow", Log: log, Second: second,
		Dial: func(ctx context.Context) (net.Conn, error) { return w.dial(ctx, registrarHost) },
	})
	if err != nil {
		w.town.t.Fatal(err)
	}
	w.agent = a
	w.made = window.New(window.Config{
		Space: w.Space, StateDir: w.stateDir(), Agent: a, Key: w.Key, Pins: w.Pins, Log: log, Listen: w.listen,
		Video:   engine.VideoFormat{Width: 1280, Height: 720, FPS: 30, Kbps: 2000},
		Devices: engine.Config{Start: w.Devices.Start, Log: log},
	})
	tell.Now, tell.Tell = w.Status, a.TellHealth
	made := w.made
	w.running = start(func(ctx context.Context) error {
		var telling sync.WaitGroup
		defer telling.Wait()
		telling.Go(func() { _ = tell.Run(ctx) })
		return made.Run(ctx)
	})
}

func (w *Window) openTrust(log *slog.Logger) {
	w.town.t.Helper()
	if w.Key != nil {
		return
	}
	var err error
	if w.Key, w.Pins, err = trust.Open(w.stateDir(), log); err != nil {
		w.town.t.Fatal(err)
	}
}

// CloseTrust has the next start read keys and pins from the disk, as that of another process does.
func (w *Window) CloseTrust() {
	w.town.t.Helper()
	if w.Pins == nil {
		return
	}
	if err := w.Pins.Close(); err != nil {
		w.town.t.Error(err)
	}
	w.Key, w.Pins = nil, nil
}

// Status is what the window knows about itself; it has been started.
func (w *Window) Status() status.Status {
	s := w.made.Status()
	s.Version = "v1.2.3"
	return s
}

// With is the call with another window that is up, or nil.
func (w *Window) With(other *Window) *status.Call {
	if c := w.Status().Call(other.Space); c != nil && c.Up {
		return c
	}
	return nil
}

// Stop switches a window off in good order.
func (w *Window) Stop() {
	w.town.t.Helper()
	if err := w.running.stop(); err != nil {
		w.town.t.Errorf("%s ended with %v", w.Space, err)
	}
	w.running = nil
}

// PowerCut takes the plug out: nobody is told anything.
func (w *Window) PowerCut() {
	w.town.Net.PowerOff(w.Host)
	_ = w.running.stop()
	w.running = nil
}

func (w *Window) dial(ctx context.Context, registrar netip.Addr) (net.Conn, error) {
	conf, err := pin.Config(w.town.identity.Pin(), Domain)
	if err != nil {
		return nil, err
	}
	conn, err := w.town.Net.Dial(ctx, w.Host, netip.AddrPortFrom(registrar, 5061).String())
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// listen opens a call's sockets.
func (w *Window) listen(addr netip.Addr) (*media.Sockets, error) {
	return sockets.Listen(w.town.Net, addr)
}

// stateDir is the window's disk: it survives a power cut.
func (w *Window) stateDir() string {
	dir := filepath.Join(w.town.dir, w.Space)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.town.t.Fatal(err)
	}
	return dir
}

// Log keeps the last lines of everybody's log, with simulated time.
type Log struct {
	mu    sync.Mutex
	lines [][]byte
	grown map[string]int // who → bytes
}

const keptLines = 400

// Write takes a line of somebody's log.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == keptLines {
		l.lines = l.lines[1:]
	}
	l.lines = append(l.lines, bytes.Clone(b))
	if who := whose.FindSubmatch(b); who != nil {
		if l.grown == nil {
			l.grown = map[string]int{}
		}
		l.grown[string(who[1])] += len(b)
	}
	return len(b), nil
}

var whose = regexp.MustCompile(` who=(\S+)`)

// bytes is by how much somebody's log has grown since forget.
func (l *Log) bytes(who string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grown[who]
}

// forget begins the count anew.
func (l *Log) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grown = nil
}

// String is what is kept.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.Join(l.lines, nil))
}

var discard = slog.New(slog.DiscardHandler)

var _ io.Writer = (*Log)(nil)
