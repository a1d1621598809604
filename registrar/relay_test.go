package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

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
	at := &net.TCPAddr{Port: 3478}
	r := relaying{relay: addrs("203.0.113.1")}
	for advertise, want := range map[string][]string{
		"":                {"stun:registrar.invalid:3478", "turn:registrar.invalid:3478?transport=udp", "turn:registrar.invalid:3478?transport=tcp"},
		"reg.example.org": {"stun:reg.example.org:3478", "turn:reg.example.org:3478?transport=udp", "turn:reg.example.org:3478?transport=tcp"},
		"[2001:db8::9]":   {"stun:[2001:db8::9]:3478", "turn:[2001:db8::9]:3478?transport=udp", "turn:[2001:db8::9]:3478?transport=tcp"},
	} {
		if got := r.uris(advertise, at); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q", advertise, got)
		}
	}
	if got := (&relaying{}).uris("", at); !reflect.DeepEqual(got, []string{"stun:registrar.invalid:3478"}) {
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
