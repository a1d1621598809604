package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/dialplan"
	"ewindow/registrar/auth"
	"ewindow/registrar/echo"
	"ewindow/registrar/flow"
	"ewindow/registrar/location"
	"ewindow/registrar/metrics"
	"ewindow/registrar/signal/loglimit"
	"ewindow/registrar/store"
	"ewindow/scripts/lab/memnet"
)

const domain = "reg.example.org"

// always links milano and munich all the time; potsdam is a space without a link; reception, which speaks plain RTP, and
// office are phones.
const always = `
space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Su 00:00-24:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Su 00:00-24:00"
}
space "potsdam" {
  timezone = "Europe/Berlin"
  open     = "Mo-Fr 09:00-17:00"
}
link "the long window" {
  between = [milano, munich]
  when    = always
}
phone "reception" {
  number   = "100"
  may_dial = [milano, potsdam, office]
  security = "none"
}
phone "office" {
  may_dial = [milano]
  auth     = "sha256"
}
number "201" {
  rings = milano
}
`

// plainOffice lets office do without SRTP too: over UDP it is called only so.
var plainOffice = strings.Replace(always, `auth     = "sha256"`, `security = "none"`, 1)

func parsePlan(t testing.TB, text string) *dialplan.Plan {
	t.Helper()
	p, err := dialplan.Parse(dialplan.File{Name: "plan.hcl", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// accounts has an account for every name given, whose secret is the name and "-secret".
type accounts struct {
	mu      sync.Mutex
	names   map[string]bool
	trouble error
	secrets map[string]string // where it is another one
	asked   func()            // run, once, by whoever asks next
}

func (a *accounts) Account(name string) (store.Account, bool) {
	a.mu.Lock()
	if asked := a.asked; asked != nil {
		a.asked = nil
		a.mu.Unlock()
		asked()
		a.mu.Lock()
	}
	defer a.mu.Unlock()
	if !a.names[name] {
		return store.Account{}, false
	}
	secret := a.secrets[name]
	if secret == "" {
		secret = name + "-secret"
	}
	return store.Account{
		Name: name, Realm: domain,
		HA1MD5:    auth.HA1(auth.MD5, name, domain, secret),
		HA1SHA256: auth.HA1(auth.SHA256, name, domain, secret),
	}, true
}

func (a *accounts) Current() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trouble
}

func (a *accounts) set(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

func (l *lab) addAccount(name string) {
	l.accounts.set(func() { l.accounts.names[name] = true })
	l.server.AccountChanged(name)
}

func (l *lab) removeAccount(name string) {
	l.accounts.set(func() { delete(l.accounts.names, name) })
	l.server.AccountChanged(name)
}

func (l *lab) rotateAccount(name, secret string) {
	l.accounts.set(func() { l.accounts.secrets = map[string]string{name: secret} })
	l.server.AccountChanged(name)
}

// A lab is a server on a network in memory. Its "TLS" listener carries no TLS: that is tested by itself.
type lab struct {
	t        testing.TB
	net      *memnet.Network
	server   *Server
	accounts *accounts
	log      *logBuffer
	hosts    uint16
	tls      *tls.Config // of peers; nil: the "TLS" listener carries none
}

var serverHost = netip.MustParseAddr("10.0.0.1")

// simulate runs f with a server in simulated time.
func simulate(t *testing.T, plan string, f func(l *lab)) {
	simulateWith(t, plan, flow.Limits{}, f)
}

func simulateWith(t *testing.T, plan string, limits flow.Limits, f func(l *lab)) {
	t.Helper()
	simulateConfig(t, plan, func(c *Config) { c.Limits = limits }, f)
}

func simulateConfig(t *testing.T, plan string, edit func(*Config), f func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, net: memnet.New(1), log: &logBuffer{}, accounts: &accounts{names: map[string]bool{
			"milano": true, "munich": true, "potsdam": true, "reception": true, "office": true, "stranger": true,
		}}}
		l.net.Default(memnet.Conditions{Latency: 5 * time.Millisecond})
		config := Config{
			Domain: domain, Key: bytes.Repeat([]byte{7}, 32), Plan: parsePlan(t, plan), Accounts: l.accounts,
			Locations: location.New(location.Config{}), Metrics: metrics.New(),
			Echo: echo.New(echo.Config{Listen: l.echoSockets}),
			Log: slog.New(loglimit.New(l.log, []string{"aor"},
				func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) })),
		}
		edit(&config)
		server, err := New(config, l.listen())
		if err != nil {
			t.Fatal(err)
		}
		l.server = server
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- server.Run(ctx) }()
		defer func() { // also when f fails
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run ended with %v", err)
			}
			if n := server.flows.Len(); n != 0 {
				t.Errorf("%d connections are left after Run", n)
			}
			if t.Failed() {
				t.Log(l.log.String())
			}
		}()
		f(l)
	})
}

// A logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lab) listen() Listeners {
	l.t.Helper()
	secure, err1 := l.net.Listen("10.0.0.1:5061")
	tcp, err2 := l.net.Listen("10.0.0.1:5060")
	udp, err3 := l.net.ListenPacket("10.0.0.1:5060")
	if err := errors.Join(err1, err2, err3); err != nil {
		l.t.Fatal(err)
	}
	return Listeners{TLS: secure, TCP: tcp, UDP: udp}
}

// echoSockets are the echo's: even ports and the ones after them.
func (l *lab) echoSockets(at netip.Addr) (rtp, rtcp net.PacketConn, err error) {
	for port := uint16(20000); port < 20100; port += 2 {
		if rtp, err = l.net.ListenPacket(netip.AddrPortFrom(at, port).String()); err != nil {
			continue
		}
		rtcp, err = l.net.ListenPacket(netip.AddrPortFrom(at, port+1).String())
		return rtp, rtcp, err
	}
	return nil, nil, err
}
