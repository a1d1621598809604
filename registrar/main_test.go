package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/icholy/digest"

	"ewindow/registrar/pki/pin"
)

const plan = `space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Su 00:00-24:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Su 00:00-24:00"
}
link "the long window" {
  between = [milano, munich]
  when    = always
}
`

// command runs a command line in this process.
func command(args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = run(args, streams{out: &o, err: &e})
	return status, o.String(), e.String()
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	good := write(t, filepath.Join(dir, "good.hcl"), plan)
	bad := write(t, filepath.Join(dir, "bad.hcl"), strings.Replace(plan, "[milano, munich]", "[milano, munch]", 1))
	for _, test := range []struct {
		file   string
		status int
		out    string
		err    string
	}{
		{good, 0, "2 spaces, 1 link: no errors\n", ""},
		{bad, 1, "",
			bad + ":10:22: error: unknown space \"munch\"\n    between = [milano, munch]\n                       ^^^^^\n  did you mean \"munich\"?\n1 error\n"},
		{filepath.Join(dir, "none.hcl"), 2, "", "no such file"},
	} {
		status, out, errs := command("check", test.file)
		if status != test.status || out != test.out || !strings.Contains(errs, test.err) {
			t.Errorf("check %s: status %d, out %q, err %q", filepath.Base(test.file), status, out, errs)
		}
		if strings.HasPrefix(errs, "ewindow-registrar: "+bad) {
			t.Errorf("an editor would not find the place: %q", errs)
		}
	}
}

func TestUsage(t *testing.T) {
	if status, out, _ := command("--help"); status != 0 || !strings.Contains(out, "serve") {
		t.Errorf("--help: %d %q", status, out)
	}
	if status, _, errs := command("serve", "--dial-plan", "x"); status != 1 || !strings.Contains(errs, "--dial-plan") {
		t.Errorf("unknown flag: %d %q", status, errs)
	}
}

// A service is `serve` running in this process.
type service struct {
	t      *testing.T
	dir    string
	args   serveCmd
	mu     sync.Mutex
	log    strings.Builder
	out    bytes.Buffer
	wake   chan struct{}
	reload chan os.Signal
	stop   context.CancelFunc
	done   chan error
	seq    int // of the last REGISTER
}

func (s *service) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Write(b)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (s *service) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// await waits until the log matches, and returns what the pattern's first group stands for.
func (s *service) await(pattern string) string {
	s.t.Helper()
	re, timeout := regexp.MustCompile(pattern), time.After(2*time.Minute)
	for {
		if m := re.FindStringSubmatch(s.logged()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-s.wake:
		case err := <-s.done:
			s.t.Fatalf("serve ended: %v\n%s", err, s.logged())
		case <-timeout:
			s.t.Fatalf("no %q in the log:\n%s", pattern, s.logged())
		}
	}
}

func newService(t *testing.T) *service {
	t.Helper()
	dir := t.TempDir()
	return &service{t: t, dir: dir, args: serveCmd{
		stateFlags: stateFlags{State: filepath.Join(dir, "state")}, Dialplan: []string{write(t, filepath.Join(dir, "plan.hcl"), plan)},
		Domain: "localhost", TLS: "127.0.0.1:0", TCP: "127.0.0.1:0", UDP: "127.0.0.1:0", HTTP: "127.0.0.1:0",
		LogFormat: "text", LogLevel: "info", relayFlags: relayFlags{RelayRate: 8000, RelayTotal: 400_000},
	}}
}

func (s *service) start() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s.stop, s.done, s.wake, s.reload = cancel, make(chan error, 1), make(chan struct{}, 1), make(chan os.Signal)
	s.log.Reset()
	done := s.done
	go func() { done <- s.args.serve(ctx, streams{out: &s.out, err: s}, s.reload) }()
	s.await(`registrar (ready)`)
}

func (s *service) end() {
	s.t.Helper()
	s.stop()
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Errorf("serve ended with %v", err)
		}
	case <-time.After(2 * time.Minute):
		s.t.Fatalf("serve does not end\n%s", s.logged())
	}
}

func (s *service) addr(transport string) string {
	s.t.Helper()
	return s.await(`listening transport=` + transport + ` addr=(\S+)`)
}

// talk sends a REGISTER over c, with credentials if there are any, and returns the answer's head.
func talk(t *testing.T, c net.Conn, r *bufio.Reader, seq int, secret string, challenge *digest.Challenge) string {
	t.Helper()
	auth := ""
	if challenge != nil {
		cred, err := digest.Digest(challenge, digest.Options{Method: "REGISTER", URI: "sip:localhost", Username: "milano", Password: secret})
		if err != nil {
			t.Fatal(err)
		}
		auth = "Authorization: " + cred.String() + "\r\n"
	}
	fmt.Fprintf(c, "REGISTER sip:localhost SIP/2.0\r\nVia: SIP/2.0/TLS %s;branch=z9hG4bK%d;rport\r\nFrom: <sip:milano@localhost>;tag=1\r\n"+
		"To: <sip:milano@localhost>\r\nCall-ID: r\r\nCSeq: %d REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:milano@x.invalid;transport=tls>\r\n%s"+
		"Content-Length: 0\r\n\r\n", c.LocalAddr(), seq, seq, auth)
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("read: %v after %q", err, head.String())
		}
		if line == "\r\n" {
			return head.String()
		}
		head.WriteString(line)
	}
}

// The whole program: a window finds it by the pin, registers over TLS, and all is still there after a restart.
func TestServe(t *testing.T) {
	s := newService(t)
	_, secret, errs := command("account", "add", "milano", "--state", s.args.State, "--domain", "localhost")
	secret = strings.TrimSpace(secret)
	if secret == "" {
		t.Fatal(errs)
	}
	var pins []string
	for range 2 {
		s.start()
		shown := strings.TrimPrefix(strings.Fields(s.out.String())[1], "pin ")
		pins = append(pins, shown)
		config, err := pin.Config(shown, "localhost")
		if err != nil {
			t.Fatal(err)
		}
		c, err := tls.Dial("tcp", s.addr("tls"), config)
		if err != nil {
			t.Fatalf("TLS with pin %s: %v", shown, err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		r := bufio.NewReader(c)
		head := talk(t, c, r, 1, "", nil)
		challenge := regexp.MustCompile(`WWW-Authenticate: (.*)\r\n`).FindStringSubmatch(head)
		if !strings.HasPrefix(head, "SIP/2.0 401 ") || challenge == nil {
			t.Fatalf("first answer: %s", head)
		}
		parsed, err := digest.ParseChallenge(challenge[1])
		if err != nil {
			t.Fatal(err)
		}
		if head := talk(t, c, r, 2, secret, parsed); !strings.HasPrefix(head, "SIP/2.0 200 ") {
			t.Fatalf("second answer: %s", head)
		}
		base := "http://" + s.addr("http")
		if got := get(t, base+"/healthz"); got != "ok\n" {
			t.Errorf("/healthz: %q", got)
		}
		scrape := get(t, base+"/metrics")
		for _, want := range []string{
			`ewindow_registered{space="milano"} 1`, `ewindow_registered{space="munich"} 0`,
			`ewindow_link_expected{peer="munich",space="milano"} 1`, `ewindow_link_up{peer="munich",space="milano"} 0`,
			`sip_requests_total{code="200",method="REGISTER"} 1`, `sip_auth_failures_total{reason="missing"} 1`,
			"dialplan_last_reload_successful 1", "dialplan_last_reload_timestamp_seconds ", "cert_expiry_timestamp_seconds ",
		} {
			if !strings.Contains(scrape, want) {
				t.Errorf("/metrics has no %s", want)
			}
		}
		_ = c.Close()
		s.end()
	}
	if pins[0] != pins[1] {
		t.Errorf("pins %v: a restart must keep it", pins)
	}
	if status, out, errs := command("pin", "--state", s.args.State); status != 0 || strings.TrimSpace(out) != pins[0] {
		t.Errorf("pin: %d %q %q, want %s", status, out, errs, pins[0])
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A bad edit keeps the old plan, says where the mistake is, and raises the metric.
func TestServeKeepsPlan(t *testing.T) {
	s := newService(t)
	s.start()
	defer s.end()
	url := "http://" + s.addr("http") + "/metrics"
	write(t, s.args.Dialplan[0], strings.Replace(plan, "Mo-Su 00:00-24:00", "Mo-Su 25:00", 1))
	s.await(`at=` + regexp.QuoteMeta(s.args.Dialplan[0]) + `:3:\d+ err=(.*)`)
	s.reload <- syscall.SIGHUP
	s.reload <- syscall.SIGHUP // the second is taken when the first has been dealt with
	scrape := get(t, url)
	if !strings.Contains(scrape, "dialplan_last_reload_successful 0") || !strings.Contains(scrape, `space="munich"`) {
		t.Errorf("after a bad edit: %s", scrape)
	}
	write(t, s.args.Dialplan[0], plan+"\nspace \"potsdam\" {\n  timezone = \"Europe/Berlin\"\n  open = \"Mo 09:00-10:00\"\n}\n")
	s.await(`dialplan (changed)`)
	if scrape := get(t, url); !strings.Contains(scrape, "dialplan_last_reload_successful 1") || !strings.Contains(scrape, `space="potsdam"`) {
		t.Errorf("after a good edit: %s", scrape)
	}
}

func TestBadStart(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	busyUDP, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busyUDP.Close()
	for name, test := range map[string]struct {
		change func(*service)
		want   string
	}{
		"busy TLS port": {func(s *service) { s.args.TLS = busy.Addr().String() },
			"--tls " + busy.Addr().String() + ": the port is busy; end the program that has it, or give --tls another address"},
		"busy TCP port": {func(s *service) { s.args.TCP = busy.Addr().String() }, "--tcp " + busy.Addr().String() + ": the port is busy"},
		"busy UDP port": {func(s *service) { s.args.UDP = busyUDP.LocalAddr().String() }, "--udp " + busyUDP.LocalAddr().String() + ": the port is busy"},
		"busy HTTP":     {func(s *service) { s.args.HTTP = busy.Addr().String() }, "--http " + busy.Addr().String() + ": the port is busy"},
		"no address":    {func(s *service) { s.args.TLS = "5061" }, `--tls 5061: `},
		"all off": {func(s *service) { s.args.TLS, s.args.TCP, s.args.UDP, s.args.HTTP = "", "", "", "" },
			"every listener is switched off; give one of --tls, --tcp and --udp an address"},
		"busy TURN port": {func(s *service) { s.args.Turn, s.args.RelayPorts = busy.Addr().String(), "50000-50100" },
			"--turn " + busy.Addr().String() + ": the port is busy; end the program that has it, or give --turn another address"},
		"bad relay rate": {func(s *service) {
			s.args.Turn, s.args.RelayPorts, s.args.RelayTotal = "127.0.0.1:0", "50000-50100", 7000
		},
			"--relay-rate 8000, --relay-total 7000: sound alone needs 64 kbit/s"},
		"bad relay ports": {func(s *service) { s.args.Turn, s.args.RelayPorts = "127.0.0.1:0", "1-x" }, "--relay-ports 1-x: write two ports"},
		"bad plan":        {func(s *service) { write(s.t, s.args.Dialplan[0], "space \"milano\" {") }, "plan.hcl:1:"},
		"no plan":         {func(s *service) { s.args.Dialplan[0] += "x" }, "no such file or directory"},
		"state is a file": {func(s *service) { s.args.State = s.args.Dialplan[0] }, "make the state directory: "},
		"another domain": {func(s *service) {
			command("account", "add", "milano", "--state", s.args.State, "--domain", "reg.example.org")
		}, "reg.example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.wake = make(chan struct{}, 1)
			test.change(s)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			err := s.args.serve(ctx, streams{out: &s.out, err: s}, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("serve: %v, want %q", err, test.want)
			}
			if ctx.Err() != nil {
				t.Error("it ran")
			}
		})
	}
}

func TestFlowKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flow.key")
	first, err := flowKey(path, slog.New(slog.DiscardHandler))
	if err != nil || len(first) != 32 {
		t.Fatalf("%x %v", first, err)
	}
	if again, err := flowKey(path, slog.New(slog.DiscardHandler)); err != nil || !bytes.Equal(first, again) {
		t.Errorf("read back %x %v", again, err)
	}
	write(t, path, "damaged")
	if next, err := flowKey(path, slog.New(slog.DiscardHandler)); err != nil || len(next) != 32 || bytes.Equal(first, next) {
		t.Errorf("after damage: %x %v", next, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
}
