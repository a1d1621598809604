package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"ewindow/dialplan/diagnostic"
	"ewindow/endpoint/agent"
	"ewindow/endpoint/config"
	"ewindow/endpoint/dial"
	"ewindow/endpoint/join"
	"ewindow/endpoint/metrics"
	"ewindow/endpoint/network"
	"ewindow/endpoint/report"
	"ewindow/endpoint/status"
	"ewindow/endpoint/trust"
	"ewindow/endpoint/window"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
	"ewindow/media/reach"
	"ewindow/media/testcard"
	"ewindow/registrar/signal/ask"
	"ewindow/registrar/signal/scrape"
	"ewindow/registrar/signal/watchdog"
)

type runCmd struct {
	Config string `short:"c" required:"" type:"path" help:"The window's file, window.hcl."`
	State  string `type:"path" env:"STATE_DIRECTORY" help:"Where the copy of the plan and the status socket are. Default: /var/lib/ewindow as root, else ~/.local/state/ewindow."`
	Media  string `type:"path" help:"The program ewindow-media. Default: beside this one."`
	HTTP   string `name:"http" placeholder:"ADDR" help:"Address for /metrics, such as 127.0.0.1:9091; none unless given."`

	key  *trust.Key  // the window's, whatever its file says
	pins *trust.Pins // the same
}

// Run is the command `ewindow run`.
func (r *runCmd) Run(ctx context.Context, log *slog.Logger) error {
	useOneCore()
	cfg, err := config.Load(r.Config)
	if err != nil {
		return err
	}
	if err := r.defaults(); err != nil {
		return err
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	return r.serve(ctx, cfg, reload, log)
}

// useOneCore keeps this program, which takes a few hundredths of a core in thousands of moments a second, from waking another core
// for each of them to look for work that isn't there: a quarter of all it takes. Whoever sets GOMAXPROCS has the last word.
func useOneCore() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}

// serve is a window, one after the other as the file is edited, until ctx ends. Its status is that of the last.
func (r *runCmd) serve(ctx context.Context, cfg *config.Config, reload <-chan os.Signal, log *slog.Logger) error {
	socket, err := ask.Listen(r.State, "window", log)
	if err != nil {
		return err
	}
	if socket != nil {
		defer socket.Close()
	}
	if err := r.openTrust(log); err != nil {
		return err
	}
	defer r.pins.Close()
	talk, err := ask.ListenAt(r.State, trust.Socket, "window", log)
	if err != nil {
		return err
	}
	if talk != nil {
		defer talk.Close()
	}
	web, err := r.listenHTTP(log)
	if err != nil {
		return err
	}
	if web != nil {
		defer web.Close()
	}
	var current atomic.Pointer[running]
	w, err := r.window(cfg, log)
	if err != nil {
		return err
	}
	current.Store(w)
	g, ctx := errgroup.WithContext(ctx)
	now := func() status.Status { return current.Load().Status() }
	g.Go(func() error { ask.Serve(ctx, socket, now); return nil })
	g.Go(func() error {
		return watchdog.Run(ctx, func(ctx context.Context) error { return current.Load().Alive(ctx) }, log)
	})
	g.Go(func() error {
		ask.Take(ctx, talk, func(q trust.Question) trust.Answer { return r.pins.Answer(r.key.Public(), q) })
		return nil
	})
	if web != nil {
		g.Go(func() error { return scrape.Serve(ctx, web, metrics.Handler(version, now), log) })
	}
	g.Go(func() error {
		for {
			next, err := r.until(ctx, w, reload, log)
			if next == nil {
				return err
			}
			w = next
			current.Store(w)
		}
	})
	return g.Wait()
}

// openTrust takes up the window's key and the keys of its partners.
func (r *runCmd) openTrust(log *slog.Logger) (err error) {
	if r.key, r.pins, err = trust.Open(r.State, log); err != nil {
		return err
	}
	log.Info("the window's key", "words", r.key.Words().String())
	return nil
}

// listenHTTP opens the port for metrics; nil if there is to be none.
func (r *runCmd) listenHTTP(log *slog.Logger) (net.Listener, error) {
	if r.HTTP == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", r.HTTP)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("--http %s: the port is busy; give each window of a machine its own", r.HTTP)
	case err != nil:
		return nil, fmt.Errorf("--http %s: %w; give it an address such as 127.0.0.1:9091", r.HTTP, err)
	}
	log.Info("listening", "transport", "http", "addr", l.Addr().String())
	return l, nil
}

// until runs a window until ctx ends, it fails, or the file is another one: then the window of that is returned.
func (r *runCmd) until(ctx context.Context, w *running, reload <-chan os.Signal, log *slog.Logger) (next *running, err error) {
	one, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- w.run(one) }()
	for {
		select {
		case err := <-ended:
			return nil, err
		case <-reload:
			if next = r.reloaded(w, log); next == nil {
				continue
			}
			end()
			if err := <-ended; err != nil {
				return nil, err
			}
			return next, nil
		}
	}
}

// reloaded is a window as the file says now, or nil if it says nothing new, or nothing that can be used: then the one
// that runs is left alone.
func (r *runCmd) reloaded(w *running, log *slog.Logger) *running {
	cfg, err := config.Load(r.Config)
	var wrong diagnostic.List
	switch {
	case errors.As(err, &wrong):
		for _, d := range wrong {
			log.Error("the window's file has an error; the window stays as it is", "at", fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column), "err", d.Error())
		}
		return nil
	case err != nil:
		log.Error("the window's file cannot be used; the window stays as it is", "file", r.Config, "err", err)
		return nil
	case cfg.Same(w.cfg):
		log.Info("the window's file says what it said before", "file", r.Config)
		return nil
	}
	next, err := r.window(cfg, log)
	if err != nil {
		log.Error("the window's file cannot be used; the window stays as it is", "file", r.Config, "err", err)
		return nil
	}
	log.Info("the window's file is another one; the window begins anew", "file", r.Config)
	return next
}

// A running window is one with its user agent, as one reading of the file says.
type running struct {
	*window.Window
	cfg    *config.Config
	agent  *agent.Agent
	renew  *join.Renewal
	report *report.Reporter
	log    *slog.Logger
}

// Status is what the window knows about itself, with what the program around it knows.
func (w *running) Status() status.Status {
	s := w.Window.Status()
	s.Version, s.Registration.Registrar = version, w.agent.RegistrarAt()
	if leaf := w.renew.Certificate.Leaf(); leaf != nil {
		s.Certificate = leaf.NotAfter
	}
	return s
}

func (w *running) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.Run(ctx) })
	g.Go(func() error {
		if err := network.Watch(ctx, func() { w.agent.NetworkChanged(network.Has) }); err != nil {
			w.log.Warn("a change of this machine's addresses is noticed seconds later", "aor", w.cfg.Space, "err", err)
		}
		return nil
	})
	g.Go(func() error {
		w.cfg.SecretSource.Watch(ctx, w.log.With("aor", w.cfg.Space), w.agent.SetSecret)
		return nil
	})
	g.Go(func() error { return w.renew.Run(ctx) })
	g.Go(func() error { return w.report.Run(ctx) })
	return g.Wait()
}

// window wires one up. It starts nothing.
func (r *runCmd) window(cfg *config.Config, log *slog.Logger) (*running, error) {
	p, err := r.parts(cfg, r.key.Public().Text(), log)
	if err != nil {
		return nil, err
	}
	w := &running{window.New(p.window), cfg, p.agent, p.renew, p.report, log}
	w.report.Now = w.Status
	return w, nil
}

// parts are what a window is made of. None of them runs.
type parts struct {
	window window.Config
	agent  *agent.Agent
	dial   func(context.Context) (net.Conn, error) // to the registrar
	renew  *join.Renewal
	report *report.Reporter // which has no Now yet
}

// parts makes them. told is the public key that the registrar is to name to partners; empty: it goes on with what it knows.
func (r *runCmd) parts(cfg *config.Config, told string, log *slog.Logger) (*parts, error) {
	certificate := join.LoadCertificate(r.State, cfg.Space, r.key.Signer(), log)
	ways, err := dialer(cfg, cfg.Place, certificate)
	if err != nil {
		return nil, fmt.Errorf("%s: pin: %w", r.Config, err)
	}
	web, err := dialer(cfg, cfg.Place, certificate)
	if err != nil {
		return nil, fmt.Errorf("%s: pin: %w", r.Config, err)
	}
	var second func(context.Context) (net.Conn, error)
	if cfg.Second.Host != "" {
		also, err := dialer(cfg, cfg.Second, certificate)
		if err != nil {
			return nil, fmt.Errorf("%s: pin: %w", r.Config, err)
		}
		second = also.Registrar
	}
	tell := &report.Reporter{}
	a, err := agent.New(agent.Config{
		Registrar: cfg.URI(), Space: cfg.Space, Secret: cfg.Secret, UserAgent: "ewindow",
		MediaKey: told, Dial: ways.Registrar, Second: second, Health: tell.Body, Log: log,
	})
	if err != nil {
		return nil, err
	}
	tell.Tell = a.TellHealth
	w := window.Config{
		Space: cfg.Space, StateDir: r.State, Agent: a, Key: r.key, Pins: r.pins, Log: log, Towards: network.Towards,
		Gather: func(ctx context.Context, c reach.Config) (*reach.Paths, error) {
			c.Dial = ways.Relay
			return reach.Gather(ctx, c)
		},
		Video: engine.VideoFormat{Width: cfg.Video.Width, Height: cfg.Video.Height, FPS: cfg.Video.FPS, Kbps: cfg.Video.Kbps},
		Devices: engine.Config{
			Program: r.Media,
			Camera: protocol.CameraConfig{Source: cfg.Camera, Encoder: cfg.Video.Encoder,
				Label: cfg.Space, Seed: testcard.Seed(cfg.Space)},
			Sound: protocol.SoundConfig{Microphone: cfg.Microphone, Speaker: cfg.Speaker,
				ToneHz: testcard.Tone(cfg.Space), Echo: true},
			Screen: protocol.ScreenConfig{Sink: cfg.Screen, Rotate: cfg.Rotate, Title: "E-Window " + cfg.Space,
				Width: cfg.Video.Width, Height: cfg.Video.Height},
			Log: log,
		},
	}
	renew := &join.Renewal{Certificate: certificate, Host: cfg.Domain, Dial: web.Web, Log: log.With("aor", cfg.Space)}
	return &parts{w, a, ways.Registrar, renew, tell}, nil
}

// dialer finds and dials the registrar at one of its places.
func dialer(cfg *config.Config, at config.Place, certificate *join.Certificate) (*dial.Dialer, error) {
	d, err := dial.New(at.Host, at.Port, cfg.Pin, cfg.Domain, nil)
	if err != nil {
		return nil, err
	}
	d.Show(certificate.Show)
	if at.Bare {
		d.Ask(dial.System())
	}
	return d, nil
}

// defaults finds the state directory and ewindow-media where no flag names them.
func (r *runCmd) defaults() (err error) {
	if r.State, err = stateDir(r.State); err != nil {
		return err
	}
	if err := os.MkdirAll(r.State, 0o700); err != nil {
		return fmt.Errorf("make the state directory: %w; name another with --state", err)
	}
	if r.Media == "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find ewindow-media: %w; name it with --media", err)
		}
		r.Media = filepath.Join(filepath.Dir(self), "ewindow-media")
	}
	if _, err := os.Stat(r.Media); err != nil {
		return fmt.Errorf("no device program: %w; build it with make build, or name it with --media", err)
	}
	return nil
}
