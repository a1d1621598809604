package agent_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/dialplan"
	"ewindow/dialplan/programme"
	"ewindow/endpoint/agent"
	"ewindow/registrar/auth"
	"ewindow/registrar/location"
	"ewindow/registrar/pki"
	"ewindow/registrar/proxy"
	"ewindow/registrar/relay"
	"ewindow/registrar/store"
	"ewindow/scripts/lab/memnet"
)

// Two agents and the real registrar, over TLS, in simulated time.

const (
	domain = "reg.example.org"
	at     = "10.0.0.1:5061"
	plan   = `
space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Su 00:00-24:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Su 00:00-24:00"
}
link "window" {
  between = [milano, munich]
  when    = always
}
`
	closed = `
space "milano" {
  timezone = "Europe/Rome"
  open     = "Mo-Su 00:00-24:00"
}
space "munich" {
  timezone = "Europe/Berlin"
  open     = "Mo-Su 00:00-24:00"
}
`
)

type accounts struct{}

func (accounts) Account(name string) (store.Account, bool) {
	return store.Account{
		Name: name, Realm: domain,
		HA1MD5:    auth.HA1(auth.MD5, name, domain, "secret of "+name),
		HA1SHA256: auth.HA1(auth.SHA256, name, domain, "secret of "+name),
	}, true
}

func (accounts) Current() error { return nil }

type house struct {
	t        *testing.T
	net      *memnet.Network
	identity *pki.Identity
	server   *proxy.Server
	stop     func()
	table    *location.Table
}

func newHouse(t *testing.T) *house {
	identity, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: domain}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, net: memnet.New(1), identity: identity, table: location.New(location.Config{})}
	h.net.Default(memnet.Conditions{Latency: 5 * time.Millisecond, Jitter: 2 * time.Millisecond})
	h.serve()
	return h
}

// serve starts the registrar, for the first time or again.
func (h *house) serve() {
	h.t.Helper()
	listener, err := h.net.Listen(at)
	if err != nil {
		h.t.Fatal(err)
	}
	h.server, err = proxy.New(proxy.Config{
		Domain: domain, Key: bytes.Repeat([]byte{7}, 32), Plan: h.parse(plan), Accounts: accounts{},
		Locations: h.table, TLS: h.identity.ServerConfig(), Relays: &relay.Issuer{
			URIs: []string{"turn:registrar.invalid:3478?transport=udp"}, Secret: relay.Shared("secret of the relay"),
		},
	}, proxy.Listeners{TLS: listener})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.server.Run(ctx) }()
	h.stop = func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("registrar: %v", err)
		}
	}
}

func (h *house) parse(text string) *dialplan.Plan {
	h.t.Helper()
	p, err := dialplan.Parse(dialplan.File{Name: "plan.hcl", Data: []byte(text)})
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

type window struct {
	*agent.Agent
	h    *house
	stop func()
}

func (h *house) window(name, host string) *window {
	h.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(h.identity.CA())
	a, err := agent.New(agent.Config{
		Registrar: "sips:" + domain, Space: name, Secret: "secret of " + name, UserAgent: "E-Window",
		Dial: func(ctx context.Context) (net.Conn, error) {
			plain, err := h.net.Dial(ctx, netip.MustParseAddr(host), at)
			if err != nil {
				return nil, err
			}
			conn := tls.Client(plain, &tls.Config{RootCAs: roots, ServerName: domain})
			if err := conn.HandshakeContext(ctx); err != nil {
				plain.Close()
				return nil, err
			}
			return conn, nil
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	w := &window{Agent: a, h: h}
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("%s: %v", name, err)
		}
		for range a.Events() {
		}
	}
	return w
}

// want waits for an event of a type, and lets others pass.
func want[E agent.Event](w *window) E {
	w.h.t.Helper()
	late := time.After(5 * time.Minute)
	for {
		select {
		case e, ok := <-w.Events():
			if got, is := e.(E); is {
				return got
			}
			if !ok {
				w.h.t.Fatal("the agent has ended")
			}
		case <-late:
			var none E
			w.h.t.Fatalf("no %T came", none)
		}
	}
}

func (w *window) programme() *programme.Programme {
	w.h.t.Helper()
	p, err := programme.Decode(bytes.NewReader(want[agent.Programme](w).Body))
	if err != nil {
		w.h.t.Fatal(err)
	}
	return p
}

func TestWithTheRegistrar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		milano, munich := h.window("milano", "10.0.0.2"), h.window("munich", "10.0.0.3")
		stops := []func(){milano.stop, munich.stop, func() { h.stop() }}
		defer func() {
			for _, stop := range stops {
				stop()
			}
			synctest.Wait()
		}()
		if p := milano.programme(); len(p.Links) == 0 || p.Links[0].Partner != "munich" {
			t.Errorf("programme: %+v", p)
		}
		if p := munich.programme(); len(p.Links) == 0 || p.Links[0].Partner != "milano" {
			t.Errorf("programme: %+v", p)
		}

		// milano calls munich.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		sdp := func(who string, version int) []byte {
			return fmt.Appendf(nil, "v=0\r\no=%s 1 %d IN IP4 10.0.0.9\r\ns=-\r\nt=0 0\r\n", who, version)
		}
		go func() {
			in := want[agent.Invitation](munich)
			if in.From != "milano" || string(in.Offer) != string(sdp("milano", 1)) {
				t.Errorf("%+v", in)
			}
			if err := in.Call.Answer(ctx, sdp("munich", 1)); err != nil {
				t.Errorf("Answer: %v", err)
			}
		}()
		call, answer, err := milano.Invite(ctx, "munich", sdp("milano", 1))
		if err != nil {
			t.Fatal(err)
		}
		if string(answer) != string(sdp("munich", 1)) {
			t.Errorf("answer %q", answer)
		}
		time.Sleep(time.Second)

		// An offer within the call, and a request for a keyframe.
		answerNext := func() {
			re := want[agent.Reoffer](munich)
			if err := re.Answer(sdp("munich", 2)); err != nil {
				t.Errorf("Answer: %v", err)
			}
		}
		go answerNext()
		if answer, err = call.Reinvite(ctx, sdp("milano", 2)); err != nil || string(answer) != string(sdp("munich", 2)) {
			t.Errorf("Reinvite: %q, %v", answer, err)
		}
		if err := call.Info(ctx, "application/media_control+xml", []byte("<x/>")); err != nil {
			t.Errorf("Info: %v", err)
		}
		want[agent.Info](munich)

		// Hours pass, the registrar restarts: the call is still there, and its requests find their way.
		time.Sleep(3 * time.Hour)
		h.stop()
		time.Sleep(10 * time.Second)
		h.serve()
		begun := time.Now()
		want[agent.Online](milano)
		want[agent.Online](munich)
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("back after %v", took)
		}
		time.Sleep(time.Second)
		again, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		go answerNext()
		if _, err = call.Reinvite(again, sdp("milano", 3)); err != nil {
			t.Errorf("Reinvite after a restart: %v", err)
		}
		time.Sleep(time.Second)

		// An edit of the plan reaches both; then nobody may call.
		h.server.SetPlan(h.parse(closed))
		for _, w := range []*window{milano, munich} {
			for p := w.programme(); len(p.Links) != 0; p = w.programme() {
			}
		}
		_, _, err = munich.Invite(again, "milano", sdp("munich", 3))
		if status := (*agent.StatusError)(nil); !errors.As(err, &status) || status.Code != 403 {
			t.Errorf("Invite against the plan: %v", err)
		}
		call.Bye("the plan says so")
		if e := want[agent.Ended](munich); e.Reason != "the other side hung up: the plan says so" {
			t.Errorf("%+v", e)
		}
		want[agent.Ended](milano)
	})
}

// The caller gives up while it rings; and a window that vanishes while it is called.
func TestCancelThroughTheRegistrar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		milano, munich := h.window("milano", "10.0.0.2"), h.window("munich", "10.0.0.3")
		defer func() {
			milano.stop()
			munich.stop()
			h.stop()
			synctest.Wait()
		}()
		milano.programme()
		munich.programme()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			want[agent.Invitation](munich)
			cancel()
		}()
		if _, _, err := milano.Invite(ctx, "munich", []byte("v=0\r\n")); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if e := want[agent.Ended](munich); e.Reason != "the caller gave up" {
			t.Errorf("%+v", e)
		}
		munich.stop()
		time.Sleep(time.Second)
		_, _, err := milano.Invite(t.Context(), "munich", []byte("v=0\r\n"))
		if status := (*agent.StatusError)(nil); !errors.As(err, &status) || status.Code != 480 {
			t.Errorf("%v", err)
		}
		munich = h.window("munich", "10.0.0.3")
		munich.programme()
	})
}

// The registrar gives a window relays, again at half of their life, and anew when it was away.
func TestRelaysFromTheRegistrar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		milano := h.window("milano", "10.0.0.2")
		defer func() {
			milano.stop()
			h.stop()
			synctest.Wait()
		}()
		first := want[agent.Relays](milano).Relays
		if len(first.URIs) != 1 || first.URIs[0] != "turn:10.0.0.1:3478?transport=udp" || !strings.HasSuffix(first.Username, ":milano") {
			t.Errorf("%+v", first)
		}
		h.stop()
		time.Sleep(time.Hour)
		h.serve()
		if later := want[agent.Relays](milano).Relays; !later.Expires.After(first.Expires) {
			t.Errorf("%+v, then %+v", first, later)
		}
	})
}
