package join

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/endpoint/dial"
	"ewindow/registrar/flow"
	desk "ewindow/registrar/join"
	"ewindow/registrar/members"
	"ewindow/registrar/pki"
	"ewindow/registrar/signal/joining"
	"ewindow/registrar/signal/scrape"
	"ewindow/scripts/lab/memnet"
)

const place = "203.0.113.1"

// An office is where windows renew: a registrar's TLS, HTTP and desk, on a network in simulated time.
type office struct {
	t        *testing.T
	net      *memnet.Network
	identity *pki.Identity
	path     string // of the record
	watch    *members.Watch
	end      func()
	key      *ecdsa.PrivateKey // of potsdam's window
	state    string
	log      *syncLog
	behind   time.Duration // the registrar's clock
}

type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *syncLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// count is how often the log says something.
func (l *syncLog) count(text string) int {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// simulate runs f beside an office, with a window that has joined.
func simulate(t *testing.T, f func(o *office)) {
	synctest.Test(t, func(t *testing.T) {
		id, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: "reg.example.org"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		o := &office{t: t, net: memnet.New(1), identity: id, path: filepath.Join(t.TempDir(), members.FileName), key: key(t), state: t.TempDir(), log: &syncLog{}}
		o.net.Default(memnet.Conditions{Latency: 20 * time.Millisecond})
		if o.watch, _, err = members.Follow(o.path, func(members.Record) {}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		token := joining.NewToken()
		proof := token.Key()
		o.add(func(r members.Record) (members.Entry, error) {
			return r.InviteAgain("potsdam", "v3", token.ID(), hex.EncodeToString(proof[:]), time.Now())
		})
		o.add(func(r members.Record) (members.Entry, error) { return r.Join(token.ID(), o.device(), time.Now()) })
		o.open()
		defer func() { o.end() }()
		der, err := id.Device("potsdam", o.key.Public(), time.Now())
		if err == nil {
			err = KeepCertificate(o.state, der)
		}
		if err != nil {
			t.Fatal(err)
		}
		f(o)
	})
}

func (o *office) device() string {
	spki, err := x509.MarshalPKIXPublicKey(o.key.Public())
	if err != nil {
		o.t.Fatal(err)
	}
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:])
}

func (o *office) add(next func(members.Record) (members.Entry, error)) {
	o.t.Helper()
	if _, err := members.Add(o.path, next); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) holder(shown *x509.Certificate) (string, error) {
	account := shown.Subject.CommonName
	switch {
	case !o.identity.Made(shown):
		return "", nil
	case o.watch.Record().Device(account) != o.device():
		return "", errors.New("the membership was revoked")
	}
	return account, nil
}

// open serves at 5061, as the registrar does.
func (o *office) open() {
	l, err := o.net.Listen(place + ":5061")
	if err != nil {
		o.t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	table := flow.NewTable(flow.Limits{}, flow.Events{Shown: o.holder})
	others := flow.Others{HTTP: flow.NewInlet(l.Addr())}
	shared := table.Share(l, o.identity.ServerConfig(), others)
	d := desk.Desk{Domain: "reg.example.org", Record: o.watch.Record, Log: quiet, Holder: o.holder,
		Certify: func(account string, key any) ([]byte, error) {
			return o.identity.Device(account, key, time.Now().Add(-o.behind))
		}}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = shared.Run(ctx) })
	running.Go(func() { _ = scrape.Serve(ctx, others.HTTP, d.Handler(), quiet) })
	o.end = func() { cancel(); running.Wait(); table.Wait() }
}

// run is the window's renewal, as from a start; until is how long its certificate is good.
func (o *office) run() (until func() time.Duration, stop func()) {
	o.t.Helper()
	log := slog.New(slog.NewTextHandler(o.log, nil))
	c := LoadCertificate(o.state, "potsdam", o.key, log)
	d, err := dial.New(place, 5061, o.identity.Pin(), "reg.example.org", func(ctx context.Context, _, address string) (net.Conn, error) {
		return o.net.Dial(ctx, netip.MustParseAddr("198.51.100.7"), address)
	})
	if err != nil {
		o.t.Fatal(err)
	}
	d.Show(c.Show)
	r := Renewal{Certificate: c, Host: "reg.example.org", Dial: d.Web, Log: log}
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	return func() time.Duration { synctest.Wait(); return time.Until(c.Leaf().NotAfter) }, func() { cancel(); <-done }
}

const day = 24 * time.Hour

// A window's certificate is renewed by itself when a third of its time is left, also when the registrar was away then, and when the window was
// off until it was over. What it has is on the disk.
func TestRenewal(t *testing.T) {
	simulate(t, func(o *office) {
		until, stop := o.run()
		time.Sleep(59 * day)
		if got := until(); got.Round(day) != 31*day {
			t.Errorf("after 59 days it is good for %v", got)
		}
		time.Sleep(2 * day)
		if got := until(); got.Round(day) < 88*day || o.log.count("was renewed") != 1 {
			t.Fatalf("after 61 days it is good for %v\n%s", got, &o.log.b)
		}
		time.Sleep(50 * day)
		o.end()
		time.Sleep(15 * day) // and it was due after ten
		if got := until(); got > 30*day {
			t.Errorf("without a registrar it was renewed: %v", got)
		}
		if n := o.log.count("is not renewed yet"); n < 1 || n > 30 || o.log.count("nobody listens at "+place+":5061") == 0 {
			t.Errorf("%d lines:\n%s", n, &o.log.b)
		}
		o.open()
		time.Sleep(7 * time.Hour) // the longest pause, and a look
		if got := until(); got.Round(day) != 90*day {
			t.Errorf("the registrar is back, and it is good for %v", got)
		}
		stop()
		time.Sleep(120 * day)
		until, stop = o.run()
		defer stop()
		if got := until(); got.Round(day) != -30*day {
			t.Errorf("at the start it is good for %v", got)
		}
		time.Sleep(time.Minute)
		if got := until(); got.Round(day) != 90*day || o.log.count("was renewed") != 3 {
			t.Errorf("it was over, and is good for %v\n%s", got, &o.log.b)
		}
	})
}

// Who is no member any more gets no other, is told so, and does not ask more often than every few hours. A registrar with another authority is not asked.
func TestRenewalRefused(t *testing.T) {
	simulate(t, func(o *office) {
		until, stop := o.run()
		time.Sleep(day)
		o.add(func(r members.Record) (members.Entry, error) { return r.Revoke("potsdam", time.Now()) })
		time.Sleep(70 * day)
		if got := until(); got.Round(day) != 19*day {
			t.Errorf("it was renewed: %v", got)
		}
		if o.log.count("does not let this window in by its certificate") == 0 {
			t.Errorf("%s", &o.log.b)
		}
		stop()
		real := o.identity
		o.end()
		var err error
		if o.identity, err = pki.Load(pki.Config{Dir: t.TempDir(), Domain: "reg.example.org"}, time.Now()); err != nil {
			t.Fatal(err)
		}
		o.open()
		o.identity = real // whose pin the window has
		_, stop = o.run()
		time.Sleep(day)
		if o.log.count("pin does not match") == 0 {
			t.Errorf("%s", &o.log.b)
		}
		stop()
	})
}

// Of two clocks one is wrong by months: what the registrar gives is over already. It is asked once an hour, not in a rush.
func TestClocksApart(t *testing.T) {
	simulate(t, func(o *office) {
		o.behind = 200 * day
		time.Sleep(85 * day)
		der, err := o.identity.Device("potsdam", o.key.Public(), time.Now().Add(-o.behind))
		if err == nil {
			err = KeepCertificate(o.state, der)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, stop := o.run()
		defer stop()
		time.Sleep(day)
		if n := o.log.count("was renewed"); n < 10 || n > 25 {
			t.Errorf("renewed %d times in a day\n%s", n, &o.log.b)
		}
	})
}

// Without a certificate there is nothing to renew, and nothing is said.
func TestNothingToRenew(t *testing.T) {
	var log strings.Builder
	r := Renewal{Certificate: LoadCertificate(t.TempDir(), "potsdam", key(t), slog.New(slog.NewTextHandler(&log, nil)))}
	if err := r.Run(t.Context()); err != nil || log.Len() > 0 {
		t.Errorf("%v, %q", err, log.String())
	}
}
