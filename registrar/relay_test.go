package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
	"github.com/pion/stun/v4"

	"ewindow/registrar/pki/pin"
	"ewindow/registrar/signal/relays"
)

// The registrar answers STUN and refuses TURN without credentials, on one port over UDP and TCP; its metrics say so.
func TestServesRelay(t *testing.T) {
	s := newService(t)
	s.args.Turn, s.args.RelayPorts = "127.0.0.1:0", "50000-50100"
	s.start()
	defer s.end()
	udp, tcp := s.addr("turn-udp"), s.addr("turn-tcp")
	if udp != tcp {
		t.Errorf("UDP at %s, TCP at %s", udp, tcp)
	}
	for _, network := range []string{"udp", "tcp"} {
		c, err := net.Dial(network, udp)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		for method, want := range map[stun.Method]string{stun.MethodBinding: "success response", stun.MethodAllocate: "error response"} {
			if _, err := c.Write(stun.MustBuild(stun.TransactionID, stun.NewType(method, stun.ClassRequest)).Raw); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 2000)
			n, err := c.Read(b)
			m := &stun.Message{Raw: b[:n]}
			if err != nil || m.Decode() != nil || m.Type.Class.String() != want {
				t.Errorf("%s, %s: %v, %v", network, method, m, err)
			}
		}
	}
	res, err := http.Get("http://" + s.addr("http") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	for _, want := range []string{"turn_allocations 0", "turn_connections 1", `turn_relayed_bytes_total{direction="sent"} 0`, `turn_refusals_total{reason="credentials"} 0`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
	key := filepath.Join(s.args.State, "relay.key")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", key, info, err)
	}
	text, _ := os.ReadFile(key)
	if strings.Contains(s.logged(), strings.TrimSpace(string(text))) {
		t.Error("the key is in the log")
	}
}

func TestRelayFlags(t *testing.T) {
	addrs := func(texts ...string) (out []netip.Addr) {
		for _, text := range texts {
			out = append(out, netip.MustParseAddr(text))
		}
		return out
	}
	for name, c := range map[string]struct {
		flags serveCmd
		want  []netip.Addr
		fails string
	}{
		"given":                {serveCmd{relayFlags: relayFlags{RelayAddress: addrs("203.0.113.1", "2001:db8::1")}, Advertise: "203.0.113.9"}, addrs("203.0.113.1", "2001:db8::1"), ""},
		"two of IPv4":          {serveCmd{relayFlags: relayFlags{RelayAddress: addrs("203.0.113.1", "203.0.113.2")}}, nil, "--relay-address 203.0.113.2: give one"},
		"none":                 {serveCmd{relayFlags: relayFlags{RelayAddress: addrs("0.0.0.0")}}, nil, "--relay-address 0.0.0.0"},
		"advertised":           {serveCmd{Advertise: "203.0.113.9"}, addrs("203.0.113.9"), ""},
		"advertised, of IPv6":  {serveCmd{Advertise: "[2001:db8::9]"}, addrs("2001:db8::9"), ""},
		"where it listens":     {serveCmd{relayFlags: relayFlags{Turn: "192.168.1.7:3478"}, Advertise: "reg.example.org"}, addrs("192.168.1.7"), ""},
		"the relay's own file": {serveCmd{relayFlags: relayFlags{Turn: "127.0.0.1:3478"}}, addrs("127.0.0.1"), ""},
	} {
		got, err := c.flags.relayAddresses()
		if fmt.Sprint(err) != "<nil>" && (c.fails == "" || !strings.Contains(err.Error(), c.fails)) || err == nil && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	own, err := (&serveCmd{relayFlags: relayFlags{Turn: ":3478"}}).relayAddresses()
	if err != nil || len(own) > 2 {
		t.Errorf("this machine: %v, %v", own, err)
	}
	log := slog.New(slog.DiscardHandler)
	for fails, edit := range map[string]func(*serveCmd){
		"":                                    func(*serveCmd) {},
		"--relay-rate 0":                      func(c *serveCmd) { c.RelayRate = 0 },
		"--relay-ports 5050-5070: --udp has":  func(c *serveCmd) { c.RelayPorts = "5050-5070" },
		"--relay-ports 3478-3478: --turn has": func(c *serveCmd) { c.RelayPorts = "3478-3478" },
		"--relay-ports 26031-26040: --echo-ports has": func(c *serveCmd) { c.RelayPorts = "26031-26040" },
		"--relay-allow 127.0.0.0/8: this is no":       func(c *serveCmd) { c.RelayAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} },
		"--relay-allow 8.8.8.0/24: this is no":        func(c *serveCmd) { c.RelayAllow = []netip.Prefix{netip.MustParsePrefix("8.8.8.0/24")} },
	} {
		c := serveCmd{UDP: ":5060", EchoPorts: "26000-26031", stateFlags: stateFlags{State: t.TempDir()}, relayFlags: relayFlags{
			Turn: ":3478", RelayPorts: "49152-65535", RelayRate: 8000, RelayTotal: 400_000, RelayAllow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
		}}
		edit(&c)
		if _, err := c.relaying(log); (err == nil) != (fails == "") || err != nil && !strings.Contains(err.Error(), fails) {
			t.Errorf("%v, want %q", err, fails)
		}
	}
	at := &net.TCPAddr{Port: 3478}
	r := relaying{relay: addrs("203.0.113.1")}
	for advertise, want := range map[string][]string{
		"":                {"stun:registrar.invalid:3478", "turn:registrar.invalid:3478?transport=udp", "turn:registrar.invalid:3478?transport=tcp"},
		"reg.example.org": {"stun:reg.example.org:3478", "turn:reg.example.org:3478?transport=udp", "turn:reg.example.org:3478?transport=tcp"},
		"[2001:db8::9]":   {"stun:[2001:db8::9]:3478", "turn:[2001:db8::9]:3478?transport=udp", "turn:[2001:db8::9]:3478?transport=tcp"},
	} {
		if got := r.uris(advertise, at, nil); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q", advertise, got)
		}
	}
	shared, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	port := fmt.Sprint(shared.Addr().(*net.TCPAddr).Port)
	want := []string{
		"stun:registrar.invalid:3478", "turn:registrar.invalid:3478?transport=udp", "turn:registrar.invalid:3478?transport=tcp",
		"turns:registrar.invalid:" + port + "?transport=tcp", "turn:registrar.invalid:" + port + "?transport=tcp",
	}
	if got := r.uris("", at, shared); !reflect.DeepEqual(got, want) {
		t.Errorf("with a shared port: %q", got)
	}
	if got := (&relaying{}).uris("", at, nil); !reflect.DeepEqual(got, []string{"stun:registrar.invalid:3478"}) {
		t.Errorf("without an address: %q", got)
	}
}

// Servers elsewhere take the place of this one: windows get credentials by their secret.
func TestRelayElsewhere(t *testing.T) {
	secret := write(t, filepath.Join(t.TempDir(), "secret"), "north\n")
	log := slog.New(slog.DiscardHandler)
	c := serveCmd{relayFlags: relayFlags{Turn: ":3478", RelayURL: []string{"stun:a", "turn:a:3478?transport=udp"}, RelaySecret: secret}}
	r, err := c.relaying(log)
	if err != nil || r.embedded || r.issuer == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	at := time.Unix(1_800_000_000, 0)
	got := r.issuer.Relays("milano", at)
	// printf %s 1800086400:milano | openssl dgst -sha1 -hmac north -binary | base64
	want := &relays.Relays{Version: 1, URIs: c.RelayURL, Username: "1800086400:milano", Password: "kvbrw7b2RBsC+v4TXJd1Jkm/Lx4=", Expires: at.Add(24 * time.Hour).UTC()}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for fails, flags := range map[string]relayFlags{
		"give its file, with coturn's static-auth-secret": {RelayURL: []string{"turn:a"}},
		"--relay-url: \"nothing\" is no URI":              {RelayURL: []string{"nothing"}},
		"--relay-secret: open":                            {RelayURL: []string{"turn:a"}, RelaySecret: secret + "x"},
		"name them with --relay-url":                      {RelaySecret: secret},
	} {
		if _, err := (&serveCmd{relayFlags: flags}).relaying(log); err == nil || !strings.Contains(err.Error(), fails) {
			t.Errorf("%v, want %s", err, fails)
		}
	}
	if r, err := (&serveCmd{}).relaying(log); err != nil || r.embedded || r.issuer != nil {
		t.Errorf("switched off: %+v, %v", r, err)
	}
}

// ask sends a request of milano over c, with its challenge, and returns the final answer's head.
func (s *service) ask(c net.Conn, r *bufio.Reader, method, uri, secret, headers string) string {
	s.t.Helper()
	credentials := ""
	for {
		s.seq++
		fmt.Fprintf(c, "%s %s SIP/2.0\r\nVia: SIP/2.0/TLS %s;branch=z9hG4bK%d;rport\r\nFrom: <sip:milano@localhost>;tag=1\r\n"+
			"To: <sip:milano@localhost>\r\nCall-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\nContact: <sip:milano@x.invalid;transport=tls>\r\n%s%s"+
			"Content-Length: 0\r\n\r\n", method, uri, c.LocalAddr(), s.seq, method, s.seq, method, headers, credentials)
		head, _ := message(s.t, r)
		challenge := regexp.MustCompile(`WWW-Authenticate: (.*)\r\n`).FindStringSubmatch(head)
		if challenge == nil || credentials != "" {
			return head
		}
		parsed, err := digest.ParseChallenge(challenge[1])
		if err != nil {
			s.t.Fatal(err)
		}
		answer, err := digest.Digest(parsed, digest.Options{Method: method, URI: uri, Username: "milano", Password: secret})
		if err != nil {
			s.t.Fatal(err)
		}
		credentials = "Authorization: " + answer.String() + "\r\n"
	}
}

// message reads the next one.
func message(t *testing.T, r *bufio.Reader) (head string, body []byte) {
	t.Helper()
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("read: %v after %q", err, head)
		}
		head += line
	}
	if m := regexp.MustCompile(`Content-Length: (\d+)`).FindStringSubmatch(head); m != nil {
		n, _ := strconv.Atoi(m[1])
		body = make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			t.Fatal(err)
		}
	}
	return head, body
}

// The whole way: a window registers over TLS and is told of the relay, coturn's client goes through that with what it was
// told, and when the account is removed it no longer does.
func TestRelaysAWindow(t *testing.T) {
	s := newService(t)
	s.args.Turn, s.args.RelayPorts = "127.0.0.1:0", "50000-59999"
	_, secret, errs := command("account", "add", "milano", "--state", s.args.State, "--domain", "localhost")
	if secret = strings.TrimSpace(secret); secret == "" {
		t.Fatal(errs)
	}
	s.start()
	defer s.end()
	config, err := pin.Config(strings.Fields(s.out.String())[1], "localhost")
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", s.addr("tls"), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	r := bufio.NewReader(c)
	if head := s.ask(c, r, "REGISTER", "sip:localhost", secret, ""); !strings.HasPrefix(head, "SIP/2.0 200 ") {
		t.Fatal(head)
	}
	if head := s.ask(c, r, "SUBSCRIBE", "sip:milano@localhost", secret, "Event: "+relays.Event+"\r\nExpires: 3600\r\n"); !strings.HasPrefix(head, "SIP/2.0 200 ") {
		t.Fatal(head)
	}
	head, body := message(t, r)
	told, err := relays.Decode(body)
	if err != nil || len(told.URIs) != 3 {
		t.Fatalf("%+v, %v\n%s%s", told, err, head, body)
	}
	u, err := relays.Parse(told.Reached("127.0.0.1").URIs[1])
	if err != nil || u.Host != "127.0.0.1" || u.Transport != "udp" {
		t.Fatalf("%+v, %v", u, err)
	}
	client := func() ([]byte, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return exec.CommandContext(ctx, "turnutils_uclient", "-y", "-c", "-m", "2", "-n", "10", "-p", strconv.Itoa(int(u.Port)),
			"-u", told.Username, "-w", told.Password, u.Host).CombinedOutput()
	}
	if out, err := client(); err != nil || !strings.Contains(string(out), "Total lost packets 0 ") {
		t.Errorf("%v\n%s", err, out)
	}
	if status, _, errs := command("account", "remove", "milano", "--state", s.args.State); status != 0 {
		t.Fatal(errs)
	}
	s.await(`an account was made, (removed) or changed`)
	if out, err := client(); err == nil || !strings.Contains(string(out), "Cannot complete Allocation") {
		t.Errorf("after its account was removed: %v\n%s", err, out)
	}
	s.await(`the account may not relay, or is (no) more`)
	for _, hidden := range []string{told.Password, secret} {
		if strings.Contains(s.logged(), hidden) {
			t.Errorf("the log has %q", hidden)
		}
	}
}
