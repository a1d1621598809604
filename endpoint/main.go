// Command ewindow is one E-Window: it registers, keeps the plan, opens and closes by it and holds the call to its
// partner.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/emiago/sipgo/sip"
	"golang.org/x/sync/errgroup"

	"ewindow/endpoint/agent"
	"ewindow/endpoint/config"
	"ewindow/endpoint/window"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
	"ewindow/media/testcard"
	"ewindow/registrar/pki/pin"
	"ewindow/registrar/signal/ask"
	"ewindow/registrar/signal/loglimit"
)

// version is the tag and commit that this program was built from; the Makefile sets it.
var version = "unknown"

type cli struct {
	Version   kong.VersionFlag `help:"Print the version and end."`
	LogFormat string           `enum:"text,json" default:"text" help:"How log lines are written: text or json."`
	Run       runCmd           `cmd:"" help:"Be a window, until stopped."`
	Status    statusCmd        `cmd:"" help:"Say how the window on this machine is doing."`
}

type runCmd struct {
	Config string `short:"c" required:"" type:"path" help:"The window's file, window.hcl."`
	State  string `type:"path" env:"STATE_DIRECTORY" help:"Where the copy of the plan and the status socket are. Default: /var/lib/ewindow as root, else ~/.local/state/ewindow."`
	Media  string `type:"path" help:"The program ewindow-media. Default: beside this one."`
}

func main() {
	var c cli
	k := kong.Parse(&c, kong.Name("ewindow"), kong.UsageOnError(), kong.Vars{"version": "ewindow " + version},
		kong.Description("A window between two spaces, open all day."))
	bounded := loglimit.New(os.Stderr, []string{"role"}, func(w io.Writer) slog.Handler {
		if c.LogFormat == "json" {
			return slog.NewJSONHandler(w, nil)
		}
		return slog.NewTextHandler(w, nil)
	})
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler)) // the agent reports what matters; sipgo adds raw bytes
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	said := make(chan struct{})
	go func() { defer close(said); _ = bounded.Run(ctx) }()
	err := k.Run(slog.New(bounded))
	stop()
	<-said
	k.FatalIfErrorf(err)
}

// Run is the command `ewindow run`.
func (r *runCmd) Run(ctx context.Context, log *slog.Logger) error {
	cfg, err := config.Load(r.Config)
	if err != nil {
		return err
	}
	if err := r.defaults(); err != nil {
		return err
	}
	tlsConfig, err := pin.Config(cfg.Pin, cfg.Host)
	if err != nil {
		return fmt.Errorf("%s: pin: %w", r.Config, err)
	}
	a, err := agent.New(agent.Config{
		Registrar: cfg.Registrar, Space: cfg.Space, Secret: cfg.Secret, UserAgent: "ewindow",
		Dial: dialer(net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)), tlsConfig),
		Log:  log,
	})
	if err != nil {
		return err
	}
	w := window.New(window.Config{
		Space: cfg.Space, StateDir: r.State, Agent: a, Log: log,
		Video: engine.VideoFormat{Width: cfg.Video.Width, Height: cfg.Video.Height, FPS: cfg.Video.FPS, Kbps: cfg.Video.Kbps},
		Devices: engine.Config{
			Program: r.Media,
			Camera: protocol.CameraConfig{Source: cfg.Camera, Encoder: cfg.Video.Encoder,
				Label: cfg.Space, Seed: testcard.Seed(cfg.Space)},
			Sound: protocol.SoundConfig{Microphone: cfg.Microphone, Speaker: cfg.Speaker,
				ToneHz: testcard.Tone(cfg.Space), Echo: true},
			Screen: protocol.ScreenConfig{Sink: cfg.Screen, Title: "E-Window " + cfg.Space,
				Width: cfg.Video.Width, Height: cfg.Video.Height},
			Log: log,
		},
	})
	socket, err := ask.Listen(r.State, "window", log)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.Run(ctx) })
	g.Go(func() error { ask.Serve(ctx, socket, w.Status); return nil })
	g.Go(func() error {
		cfg.SecretSource.Watch(ctx, log.With("aor", cfg.Space), a.SetSecret)
		return nil
	})
	return g.Wait()
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

// dialer makes TLS connections to the pinned registrar.
func dialer(addr string, conf *tls.Config) func(context.Context) (net.Conn, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}, Config: conf}
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := d.DialContext(ctx, "tcp", addr)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("nobody listens at %s; is ewindow-registrar running there? %w", addr, err)
		}
		return conn, err
	}
}
