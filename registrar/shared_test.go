package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ewindow/registrar/auth"
	"ewindow/registrar/pki/pin"
	"ewindow/registrar/relay"
)

// sharing is a registrar with a shared port and an account milano.
func sharing(t *testing.T) (s *service, port, secret, authority string) {
	t.Helper()
	s = newService(t)
	s.args.Shared, s.args.Turn, s.args.RelayPorts = "127.0.0.1:0", "127.0.0.1:0", "50101-50300"
	_, secret, errs := command("account", "add", "milano", "--state", s.args.State, "--domain", "localhost")
	if secret = strings.TrimSpace(secret); secret == "" {
		t.Fatal(errs)
	}
	s.start()
	t.Cleanup(s.end)
	_, port, _ = net.SplitHostPort(s.addr("shared"))
	return s, port, secret, filepath.Join(s.args.State, "pki", "ca.crt")
}

// program runs a program of Debian's against the registrar.
func program(t *testing.T, stdin string, name string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%v; make setup-test installs it", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// register begins with a ping: openssl takes an R at the beginning for a command of its user's.
const register = "\r\n\r\nREGISTER sip:localhost SIP/2.0\r\nVia: SIP/2.0/TLS x.invalid;branch=z9hG4bK1;rport\r\nFrom: <sip:milano@localhost>;tag=1\r\n" +
	"To: <sip:milano@localhost>\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:milano@x.invalid;transport=tls>\r\nContent-Length: 0\r\n\r\n"

// Programs that others wrote find what they look for on the shared port, and prove whose it is.
func TestSharedPeers(t *testing.T) {
	s, port, secret, authority := sharing(t)
	openssl := []string{"s_client", "-connect", "127.0.0.1:" + port, "-CAfile", authority, "-servername", "localhost", "-verify_return_error", "-quiet", "-no_ign_eof"}
	for name, test := range map[string]struct {
		alpn, says, want string
	}{
		"openssl, sip/2":     {"sip/2", register, "SIP/2.0 401 "},
		"openssl, SIP":       {"", register, "SIP/2.0 401 "},
		"openssl, http/1.1":  {"http/1.1", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n\r\nok\n"},
		"openssl, HTTP":      {"", "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 "},
		"openssl, acme":      {"acme-tls/1", "", "no application protocol"},
		"openssl, forbidden": {"http/1.1", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404 "},
	} {
		t.Run(name, func(t *testing.T) {
			args := slices.Clone(openssl)
			if test.alpn != "" {
				args = append(args, "-alpn", test.alpn)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cmd := exec.CommandContext(ctx, "openssl", args...)
			in, err1 := cmd.StdinPipe() // stays open: at its end openssl hangs up
			out, err2 := cmd.StdoutPipe()
			cmd.Stderr = cmd.Stdout
			if err := errors.Join(err1, err2, cmd.Start()); err != nil {
				t.Fatal(err)
			}
			defer func() { cancel(); _ = cmd.Wait() }()
			_, _ = in.Write([]byte(test.says))
			var heard strings.Builder
			for r := bufio.NewReader(out); !strings.Contains(heard.String(), test.want); {
				c, err := r.ReadByte()
				if err != nil {
					t.Fatalf("%v, without %q:\n%s", err, test.want, heard.String())
				}
				heard.WriteByte(c)
			}
		})
	}
	base := "https://localhost:" + port
	for path, want := range map[string]string{"/healthz": "ok\n200", "/metrics": "404 page not found\n404", "/": "404 page not found\n404"} {
		out, err := program(t, "", "curl", "-sS", "--cacert", authority, "--resolve", "localhost:"+port+":127.0.0.1", "-w", "%{http_code}", base+path)
		if err != nil || out != want {
			t.Errorf("curl %s: %v, %q", path, err, out)
		}
	}
	// What a phone is given is compared with what `pin` prints, by openssl's own reckoning.
	file := filepath.Join(t.TempDir(), "ca.crt")
	out, err := program(t, "", "curl", "-sSk", "-o", file, "-w", "%{http_code} %{content_type}", "--resolve", "localhost:"+port+":127.0.0.1", base+"/ca.crt")
	if err != nil || out != "200 application/x-x509-ca-cert" {
		t.Errorf("curl /ca.crt: %v, %q", err, out)
	}
	_, _, told := command("pin", "--state", s.args.State)
	out, err = program(t, "", "openssl", "x509", "-in", file, "-noout", "-fingerprint", "-sha256")
	if _, sum, _ := strings.Cut(strings.TrimSpace(out), "="); err != nil || len(sum) != 95 || !strings.HasSuffix(strings.TrimSpace(told), "\n"+sum) {
		t.Errorf("openssl: %v, %q, pin: %q", err, out, told)
	}
	if out, err := program(t, "", "curl", "-sS", "--http1.1", base+"/healthz"); err == nil || !strings.Contains(out, "self-signed") && !strings.Contains(out, "certificate") {
		t.Errorf("curl without the authority: %v, %q", err, out)
	}
	s.uclient(t, port, secret, authority)
}

// uclient relays between two clients of coturn's, over TLS and in clear.
func (s *service) uclient(t *testing.T, port, secret, authority string) {
	text, err := os.ReadFile(filepath.Join(s.args.State, "relay.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, _ := hex.DecodeString(strings.TrimSpace(string(text)))
	issuer := relay.Issuer{Secret: relay.Own(key, func(account string) (string, bool) {
		return auth.HA1(auth.SHA256, account, "localhost", secret), true
	})}
	r := issuer.Relays("milano", time.Now())
	lost := regexp.MustCompile(`Total lost packets (\d+) `)
	for name, flags := range map[string][]string{"TLS": {"-t", "-S", "-E", authority}, "in clear": {"-t"}} {
		t.Run("coturn, "+name, func(t *testing.T) {
			t.Parallel() // each waits for seconds
			out, err := program(t, "", "turnutils_uclient", append(flags, "-y", "-c", "-m", "2", "-n", "50", "-l", "1000", "-z", "5", "-p", port,
				"-u", r.Username, "-w", r.Password, "127.0.0.1")...)
			if m := lost.FindStringSubmatch(out); err != nil || m == nil || m[1] != "0" {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// A window registers there, and is told of the port in what names it: whoever came by it may reach no other.
func TestSharedWindow(t *testing.T) {
	s, port, _, _ := sharing(t)
	config, err := pin.Config(strings.Fields(s.out.String())[1], "localhost")
	if err != nil {
		t.Fatal(err)
	}
	config.NextProtos = []string{"sip/2"}
	c, err := tls.Dial("tcp", "127.0.0.1:"+port, config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if head := talk(t, c, bufio.NewReader(c), 1, "", nil); !strings.HasPrefix(head, "SIP/2.0 401 ") {
		t.Errorf("%s", head)
	}
	if got := c.ConnectionState().NegotiatedProtocol; got != "sip/2" {
		t.Errorf("ALPN %q", got)
	}
}

// One port of a router may stand for both ways to the registrar: 5061 and the shared port. Both are answered, each on its own
// connection, and as where it really came from.
func TestBothPortsFromOne(t *testing.T) {
	s, port, _, _ := sharing(t)
	config, err := pin.Config(strings.Fields(s.out.String())[1], "localhost")
	if err != nil {
		t.Fatal(err)
	}
	// No other test's connection is from this address, whose ports the kernel may give to several that go elsewhere.
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 77, 0, 1)}, Control: func(_, _ string, c syscall.RawConn) (err error) {
		_ = c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1) })
		return err
	}}
	var conns []*tls.Conn
	for _, to := range []string{s.addr("tls"), "127.0.0.1:" + port} {
		c, err := tls.DialWithDialer(from, "tcp", to, config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		from.LocalAddr = c.LocalAddr()
		conns = append(conns, c)
	}
	if a, b := conns[0].LocalAddr().String(), conns[1].LocalAddr().String(); a != b {
		t.Fatalf("from %s and %s", a, b)
	}
	_, own, _ := net.SplitHostPort(conns[0].LocalAddr().String())
	for i, c := range append(conns, conns...) {
		head := talk(t, c, bufio.NewReader(c), i+1, "", nil)
		if !strings.HasPrefix(head, "SIP/2.0 401 ") || !strings.Contains(head, ";received=127.77.0.1") || !strings.Contains(head, ";rport="+own) {
			t.Errorf("%s", head)
		}
	}
}

func TestSharedAuto(t *testing.T) {
	var logged strings.Builder
	log := slog.New(slog.NewTextHandler(&logged, nil))
	for given, want := range map[string]string{"": "", "127.0.0.1:8443": "127.0.0.1:8443"} {
		if got := (&sharedFlags{given}).address(log); got != want {
			t.Errorf("%q: %q", given, got)
		}
	}
	busy, err := net.Listen("tcp", https)
	if err == nil {
		if got := (&sharedFlags{auto}).address(log); got != "" || strings.Count(logged.String(), "\n") != 1 || !strings.Contains(logged.String(), "port 443 is not served") {
			t.Errorf("busy: %q, %s", got, logged.String())
		}
		_ = busy.Close()
		if got := (&sharedFlags{auto}).address(log); got != https {
			t.Errorf("free: %q", got)
		}
	} else if got := (&sharedFlags{auto}).address(log); got != "" || errors.Is(err, syscall.EACCES) && !strings.Contains(logged.String(), "level=INFO") {
		t.Errorf("%v: %q, %s", err, got, logged.String())
	}
	s := newService(t)
	s.args.Shared = "127.0.0.1:99999"
	if err := s.args.serve(t.Context(), streams{out: &s.out, err: s}, nil); err == nil || !strings.Contains(err.Error(), "--shared 127.0.0.1:99999: ") {
		t.Errorf("a mistake: %v", err)
	}
}
