package relay

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"ewindow/registrar/signal/relays"
)

// coturn's clients, from Debian's package, against this server over real sockets.

// real is a relay on loopback, whose relayed addresses are there too: two clients reach each other through both.
func real(t *testing.T) (server *Server, port string, issuer Issuer) {
	t.Helper()
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	issuer = Issuer{Secret: Own(make([]byte, 32), func(account string) (string, bool) { return "", account == "milano" })}
	server, err = New(Config{
		UDP: udp, TCP: tcp, Realm: realm, Secret: issuer.Secret, Relay: []netip.Addr{loopback}, Ports: Ports{49152, 65535}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return server, strconv.Itoa(tcp.Addr().(*net.TCPAddr).Port), issuer
}

func coturn(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%v; make setup-test installs it (Debian's coturn)", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

func TestStunclient(t *testing.T) {
	_, port, _ := real(t)
	out, err := coturn(t, "turnutils_stunclient", "-p", port, "127.0.0.1")
	if err != nil || !strings.Contains(out, "UDP reflexive addr: 127.0.0.1:") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Two clients at a time, each with an allocation, send a hundred messages to each other's: by channels, by Send indications,
// over UDP and over TCP.
func TestUclient(t *testing.T) {
	for name, flags := range map[string][]string{
		"UDP, channels": nil, "UDP, indications": {"-s"}, "TCP, channels": {"-t"}, "TCP, indications": {"-t", "-s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits for seconds
			server, port, issuer := real(t)
			r := issuer.Relays("milano", time.Now())
			out, err := coturn(t, "turnutils_uclient", append(flags, "-y", "-c", "-m", "2", "-n", "50", "-l", "1000", "-z", "5",
				"-p", port, "-u", r.Username, "-w", r.Password, "127.0.0.1")...)
			if m := lost.FindStringSubmatch(out); err != nil || m == nil || m[1] != "0" {
				t.Errorf("%v\n%s", err, out)
			}
			if s := server.State(); s.Sent < 100_000 || s.Received < 100_000 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// lost is what uclient says at its end.
var lost = regexp.MustCompile(`Total lost packets (\d+) `)

// Credentials for a server elsewhere are those that coturn's takes (use-auth-secret).
func TestCoturnServer(t *testing.T) {
	if _, err := exec.LookPath("turnserver"); err != nil {
		t.Fatalf("%v; make setup-test installs it (Debian's coturn)", err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at, dir := free.Addr().(*net.TCPAddr), t.TempDir()
	free.Close()
	port := strconv.Itoa(at.Port)
	server := exec.CommandContext(t.Context(), "turnserver", "-n", "--use-auth-secret", "--static-auth-secret=north", "--realm="+realm, "-p", port,
		"--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli", "--cli-password=x",
		"--log-file=stdout", "--pidfile="+filepath.Join(dir, "pid"), "--db="+filepath.Join(dir, "db"))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	c, err := net.Dial("udp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 200 { // it says nothing when it listens
		_, _ = c.Write(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		if _, err = c.Read(make([]byte, 2000)); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	r := (&Issuer{Secret: Shared("north")}).Relays("milano", time.Now())
	out, err := coturn(t, "turnutils_uclient", "-y", "-c", "-m", "2", "-n", "10", "-p", port, "-u", r.Username, "-w", r.Password, "127.0.0.1")
	if m := lost.FindStringSubmatch(out); err != nil || m == nil || m[1] != "0" {
		t.Errorf("%v\n%s", err, out)
	}
}

// A client whose credentials have expired is refused, and one that wants to reach this machine.
func TestUclientRefused(t *testing.T) {
	server, port, issuer := real(t)
	old, now := issuer.Relays("milano", time.Now().Add(-relays.Lifetime-time.Minute)), issuer.Relays("milano", time.Now())
	for name, c := range map[string]struct {
		flags []string
		want  string
	}{
		"expired":          {[]string{"-y", "-u", old.Username, "-w", old.Password}, "Cannot complete Allocation"},
		"a wrong password": {[]string{"-y", "-u", now.Username, "-w", old.Password}, "Cannot complete Allocation"},
		"loopback":         {[]string{"-e", "127.0.0.2", "-u", now.Username, "-w", now.Password}, "403"},
		"its own SIP":      {[]string{"-e", "127.0.0.1", "-r", "5060", "-u", now.Username, "-w", now.Password}, "403"},
	} {
		out, err := coturn(t, "turnutils_uclient", append(c.flags, "-v", "-c", "-m", "1", "-n", "1", "-p", port, "127.0.0.1")...)
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if s := server.State(); s.Sent != 0 {
		t.Errorf("%+v", s)
	}
}
