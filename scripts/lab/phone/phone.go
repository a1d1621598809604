// Package phone drives Debian's baresip 1.0 as a standard SIP phone with a display, a camera and a microphone, in tests
// of the real programs. It is steered and watched over baresip's control socket (module ctrl_tcp).
//
//	test ──JSON──▶ baresip ──SIP──▶ registrar ──▶ window
//	                 │ films one X display, shows on another; its microphone is a tone, its ear a WAV file
package phone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"ewindow/scripts/stage"
)

// Config is one phone. baresip ignores loopback addresses, so Address must be another one of this machine.
type Config struct {
	Dir     string // for its configuration and for what it hears; short: baresip keeps paths of 128 bytes
	Address string // IP address that it uses
	Control string // address and port of its control socket

	On *stage.Namespace // the machine on which it is; nil for this one

	Account, Secret string
	Registrar       string // host:port
	Transport       string // tls | tcp | udp
	CA              string // PEM file of the authority that vouches for the registrar, for tls
	NAT             string // how it finds its way through routers, in baresip's words, such as ice; empty for not at all
	Mux             bool   // RTCP on the port of RTP
	Encryption      string // of media, in baresip's words: srtp-mand, srtp, dtls_srtp, or empty for plain RTP
	Codecs          string // of sound, in baresip's words, such as opus/48000/2 or pcmu
	Pictures        string // codec of pictures, in baresip's words; empty for all that it has. h264 is packetization-mode 0 alone in baresip 1.0
	Tone            int    // Hz that its microphone hears

	Camera, Display     string // X displays that it films and on which it shows what it sees
	Width, Height, Rate int    // of its own pictures
}

// Phone is a baresip that runs.
type Phone struct {
	cfg  Config
	cmd  *exec.Cmd
	line *control

	ended  chan struct{} // closed when the process is gone
	output log
}

// The modules that a phone needs, and which of Debian's packages has them.
const (
	modules  = "/usr/lib/baresip/modules"
	packages = "baresip-core, baresip-x11 and baresip-ffmpeg (scripts/setup.sh test installs them)"
)

// Start runs a phone and registers it; whether that works is for Registered to say. It ends with Close or with this
// process.
func Start(ctx context.Context, cfg Config) (*Phone, error) {
	for _, m := range []string{"avcodec.so", "x11grab.so", "ctrl_tcp.so"} {
		if _, err := os.Stat(filepath.Join(modules, m)); err != nil {
			return nil, fmt.Errorf("%w; install %s", err, packages)
		}
	}
	if err := cfg.write(); err != nil {
		return nil, err
	}
	p := &Phone{cfg: cfg, ended: make(chan struct{})}
	p.cmd = cfg.command("baresip", "-4", "-s", "-f", cfg.Dir)
	p.cmd.Env = append(os.Environ(), "DISPLAY="+cfg.Display, "XAUTHORITY=")
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start baresip: %w; install %s", err, packages)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
	}()
	if err := p.connect(ctx); err != nil {
		p.Close()
		return nil, fmt.Errorf("%w\n%s", err, p.Output())
	}
	return p, nil
}

// connect takes the control socket and makes the account through it: so no event is missed.
func (p *Phone) connect(ctx context.Context) error {
	for {
		conn, err := p.cfg.dial(ctx)
		if err == nil {
			p.line = newControl(conn)
			return p.line.send("uanew", p.cfg.account())
		}
		select {
		case <-p.ended:
			return errors.New("baresip ended at once")
		case <-ctx.Done():
			return fmt.Errorf("baresip's control socket: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c Config) command(name string, args ...string) *exec.Cmd {
	if c.On != nil {
		return c.On.Command(context.Background(), name, args...)
	}
	return exec.Command(name, args...)
}

// dial connects to the control socket, from where the phone is.
func (c Config) dial(ctx context.Context) (conn net.Conn, err error) {
	dial := func() error {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", c.Control)
		return err
	}
	if c.On != nil {
		return conn, c.On.Within(dial)
	}
	return conn, dial()
}

// account is the phone's line of baresip's file accounts. baresip takes no secret there that has a semicolon or a quote.
func (c Config) account() string {
	a := fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_pass=%s;regint=600;answermode=manual;audio_codecs=%s",
		c.Account, c.Registrar, c.Transport, c.Secret, c.Codecs)
	if c.Pictures != "" {
		a += ";video_codecs=" + c.Pictures
	}
	if c.Encryption != "" {
		a += ";mediaenc=" + c.Encryption
	}
	if c.NAT != "" {
		a += ";medianat=" + c.NAT
	}
	return a
}

func (c Config) write() error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	lines := []string{"poll_method epoll", "sip_listen " + c.Address + ":0", "call_local_timeout 30", "call_max_calls 1",
		"module_path " + modules}
	for _, m := range []string{"opus", "g711", "g722", "ausine", "aubridge", "sndfile", "avcodec", "x11", "x11grab", "srtp", "dtls_srtp", "stun", "ice"} {
		lines = append(lines, "module "+m+".so")
	}
	lines = append(lines, "module_tmp uuid.so", "module_app menu.so", "module_app ctrl_tcp.so",
		"ctrl_tcp_listen "+c.Control, "statmode_default off", "ringback_disabled yes", "snd_path "+c.Dir,
		fmt.Sprintf("audio_source ausine,%d", c.Tone), "ausrc_srate 48000", "ausrc_channels 2",
		"audio_player aubridge,nowhere", "audio_alert aubridge,nowhere",
		"video_source x11grab,"+c.Camera, "video_display x11,nil",
		fmt.Sprintf("video_size %dx%d", c.Width, c.Height), fmt.Sprintf("video_fps %d", c.Rate), "video_bitrate 800000")
	if c.Mux {
		lines = append(lines, "rtcp_mux yes")
	}
	if c.CA != "" {
		lines = append(lines, "sip_cafile "+c.CA)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(c.Dir, "config"), []byte(strings.Join(lines, "\n")+"\n"), 0o644),
		os.WriteFile(filepath.Join(c.Dir, "accounts"), nil, 0o644),
		os.WriteFile(filepath.Join(c.Dir, "contacts"), nil, 0o644))
}

// Registered waits until the registrar has taken the phone, or says how it refused.
func (p *Phone) Registered(ctx context.Context) error {
	e, err := p.await(ctx, "REGISTER_OK", "REGISTER_FAIL")
	if err == nil && e.Type == "REGISTER_FAIL" {
		return fmt.Errorf("not registered: %s", e.Param)
	}
	return err
}

// Dial calls a number or a name, and waits until the call is answered or refused: the error then is a Refused.
func (p *Phone) Dial(ctx context.Context, number string) error {
	if err := p.line.send("dial", number); err != nil {
		return err
	}
	e, err := p.await(ctx, "CALL_ESTABLISHED", "CALL_CLOSED")
	if err == nil && e.Type == "CALL_CLOSED" {
		return Refused(e.Param)
	}
	return err
}

// Refused is how a call that was not answered ended, such as "486 Busy Here".
type Refused string

// Error is "refused: " and the status.
func (r Refused) Error() string { return "refused: " + string(r) }

// Do gives one of baresip's commands that need no parameter: hold, resume, hangup.
func (p *Phone) Do(command string) error { return p.line.send(command, "") }

// HungUp waits until the call has ended and returns why.
func (p *Phone) HungUp(ctx context.Context) (string, error) {
	e, err := p.await(ctx, "CALL_CLOSED")
	return e.Param, err
}

func (p *Phone) await(ctx context.Context, types ...string) (event, error) {
	e, err := p.line.await(ctx, types...)
	if err != nil {
		err = fmt.Errorf("phone %s waits for %s: %w", p.cfg.Account, strings.Join(types, " or "), err)
	}
	return e, err
}

// Heard is the newest WAV file of what the phone heard in a call.
func (p *Phone) Heard() (string, error) {
	found, err := filepath.Glob(filepath.Join(p.cfg.Dir, "dump-*-dec.wav"))
	if err == nil && len(found) == 0 {
		err = errors.New("the phone has heard nothing")
	}
	if err != nil {
		return "", err
	}
	return found[len(found)-1], nil // their names are times
}

// Output is what baresip has printed, its SIP messages among it.
func (p *Phone) Output() string { return p.output.String() }

// Close ends the phone: it hangs up and takes its registration back if it can.
func (p *Phone) Close() {
	if p.line != nil {
		p.line.close()
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(2 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// log keeps what a process prints.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
