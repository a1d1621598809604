package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"ewindow/dialplan"
	"ewindow/dialplan/wholefile"
	"ewindow/registrar/keyring"
	"ewindow/registrar/location"
	"ewindow/registrar/members"
	"ewindow/registrar/metrics"
	"ewindow/registrar/pki"
	"ewindow/registrar/planfile"
	"ewindow/registrar/proxy"
	"ewindow/registrar/relay"
	"ewindow/registrar/signal/ask"
	"ewindow/registrar/signal/watchdog"
	"ewindow/registrar/store"
)

// localhost is the domain of a registrar that was given none.
const localhost = "localhost"

type serveCmd struct {
	stateFlags
	Dialplan []string `help:"Dialplan file, or directory of *.hcl files; may be repeated." required:"" sep:"none" placeholder:"PATH"`
	Domain   string   `help:"Domain of the accounts, and the name in the certificate." default:"localhost" placeholder:"NAME"`
	TLS      string   `help:"Address for SIP over TLS; empty for none." default:":5061" placeholder:"ADDR"`
	TCP      string   `help:"Address for SIP over TCP; empty for none." default:":5060" placeholder:"ADDR"`
	UDP      string   `help:"Address for SIP over UDP; empty for none." default:":5060" placeholder:"ADDR"`
	sharedFlags
	certFlags
	relayFlags
	EchoPorts string `help:"UDP ports of the number echo, at which callers hear themselves: LOW-HIGH, an even number first, four for each of its calls; empty for none." default:"26000-26031" placeholder:"PORTS"`
	HTTP      string `help:"Address for /metrics and /healthz; empty for none." default:"127.0.0.1:9061" placeholder:"ADDR"`
	Advertise string `help:"Host by which phones reach this registrar, if a router forwards its ports." placeholder:"HOST"`
	LogFormat string `help:"text or json." enum:"text,json" default:"text"`
	LogLevel  string `help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`
}

// Run serves until SIGINT or SIGTERM.
func (c *serveCmd) Run(s streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	return c.serve(ctx, s, reload)
}

// serve opens everything, runs it until ctx ends, and closes it.
func (c *serveCmd) serve(ctx context.Context, s streams, reload <-chan os.Signal) (err error) {
	log, bounded := newLogger(s.err, c.LogFormat, c.LogLevel)
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("make the state directory: %w", err)
	}
	start, err := c.beginPlan(log)
	if err != nil {
		return err
	}
	db, err := c.openStore(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	identity, err := pki.Load(pki.Config{Dir: c.pki(), Domain: c.Domain, Extra: c.names(), Log: log}, time.Now())
	if err != nil {
		return err
	}
	certs, err := c.certificates(log)
	if err != nil {
		return err
	}
	defer certs.close()
	locations := location.New(location.Config{Changed: db.Note})
	ring := keyring.Open(filepath.Join(c.State, "keys.json"), log)
	ring.Keep(func(account string) bool { _, is := db.Account(account); return is })
	socket, err := ask.Listen(c.State, "registrar", log)
	if err != nil {
		return err
	}
	if socket != nil {
		defer socket.Close()
	}
	var server *proxy.Server
	record, known, err := members.Follow(c.members(), func(r members.Record) { server.SetProbations(probations(r)) }, log)
	if err != nil {
		log.Error("the record of members is damaged; what stands before that holds", "err", err)
	}
	machines := devices{identity, record}
	server, carrier, open, counted, err := c.open(ctx, start, probations(known), machines, db, locations, certs.config(identity), ring, log)
	if err != nil {
		return err
	}
	at := c.where(open, certs)
	at.keep(c.whereFile(), log)
	fmt.Fprintf(s.out, "pin %s\n", identity.Pin()) // whoever reads it may ask for codes at once, which name that place
	announce(log, open)
	certs.reachable(open)
	if c.Domain == localhost {
		log.Warn("the accounts are of localhost: windows and phones elsewhere need a --domain that is this machine's name or address")
	}
	log.Info("registrar ready", "domain", c.Domain, "state", c.State, "pin", identity.Pin(), "revision", start.Plan.Revision(),
		"loaded", start.Loaded.Format(time.RFC3339), "spaces", len(start.Plan.Spaces()), "links", len(start.Plan.Links()))

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Run(ctx) })
	g.Go(func() error { ask.Serve(ctx, socket, server.Status); return nil })
	g.Go(func() error { return watchdog.Run(ctx, alive(server, carrier), log) })
	g.Go(func() error { return bounded.Run(ctx) })
	g.Go(func() error { return db.Run(ctx, c.storeEvents(server, carrier, record, locations, counted, log)) })
	g.Go(func() error { return record.Run(ctx) })
	g.Go(func() error { return ring.Run(ctx) })
	g.Go(func() error { return identity.Run(ctx) })
	plans, pairs := toBoth(ctx, g, reload)
	g.Go(func() error { return c.watcher(server, start, counted, log).Run(ctx, plans) })
	certs.run(ctx, g, pairs)
	if carrier != nil {
		g.Go(func() error { return carrier.Run(ctx) })
	}
	if open.web != nil {
		g.Go(func() error {
			return serveHTTP(ctx, open.web, counted, db, log, func() { certs.count(counted, identity) })
		})
	}
	if open.others.HTTP != nil {
		g.Go(func() error {
			return serveShared(ctx, open.others.HTTP, publicWeb(db, identity, c.phones(server, db, at, log), c.joining(machines, db, at, log)), log)
		})
	}
	err = g.Wait()
	log.Info("registrar ends")
	return err
}

// open opens the listeners and puts the servers behind them. The relay is nil where there is none.
func (c *serveCmd) open(ctx context.Context, start *planfile.Start, on dialplan.Probations, machines devices, db *store.Store, locations *location.Table,
	secure *tls.Config, ring *keyring.Ring, log *slog.Logger) (
	server *proxy.Server, carrier *relay.Server, open opened, counted *metrics.Registry, err error,
) {
	key, err := flowKey(filepath.Join(c.State, "flow.key"), log)
	if err != nil {
		return
	}
	if err = restore(ctx, db, locations); err != nil {
		return
	}
	counted = metrics.New()
	counted.Reloaded(start.Failure == nil)
	counted.PlanInForce(start.Plan.Revision(), start.Loaded)
	reflector, err := c.echo()
	if err != nil {
		return
	}
	relaying, err := c.relaying(log)
	if err != nil {
		return
	}
	limits, relayLimits, err := resources(relaying.embedded, log)
	if err != nil {
		return
	}
	if open, err = c.listen(relaying.embedded, log); err != nil {
		return
	}
	config := proxy.Config{
		Domain: c.Domain, Advertise: c.Advertise, Key: key, Plan: start.Plan, Probations: on, Accounts: db, Locations: locations, Keys: ring,
		Echo: reflector, TLS: secure, Others: open.others, Shown: machines.holder, Limits: limits, Metrics: counted, Log: log,
	}
	carrier, err = relaying.open(open, relayLimits, c.Advertise, func(account string) (proof string, ok bool) {
		a, ok := db.Account(account)
		_, window := server.Plan().Space(account)
		return a.HA1SHA256, ok && window && a.Realm == c.Domain
	}, log)
	if err != nil {
		return
	}
	if relaying.issuer != nil {
		config.Relays = relaying.issuer
	}
	server, err = proxy.New(config, open.Listeners)
	if err == nil {
		err = errors.Join(counted.Observe(server.State), counted.ObserveStore(func() bool { return db.Current() == nil }))
	}
	if err == nil && carrier != nil {
		err = counted.ObserveRelay(carrier.State)
	}
	return
}

// openStore opens the accounts and makes sure that they are of this domain.
func (c *serveCmd) openStore(ctx context.Context, log *slog.Logger) (*store.Store, error) {
	db, recovery, err := store.OpenToServe(ctx, store.Config{Path: c.store(), Log: log}, time.Now())
	if err != nil {
		return nil, err
	}
	if recovery != nil {
		log.Error("the store was damaged", "recovery", recovery.String())
	}
	if err := db.UseRealm(ctx, c.Domain); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// storeEvents are what follows from what happens to the store.
func (c *serveCmd) storeEvents(server *proxy.Server, carrier *relay.Server, record *members.Watch, locations *location.Table, counted *metrics.Registry, log *slog.Logger) store.Events {
	return store.Events{
		Changed: func(account string) {
			record.Look() // a newcomer's account is not to be a full member's for a moment
			if carrier != nil {
				carrier.AccountChanged(account)
			}
			server.AccountChanged(account)
		},
		Repaired: func(r *store.Recovery) {
			counted.StoreRepaired()
			log.Error("the store was damaged", "recovery", r.String())
			locations.Tell()
		},
	}
}

// alive asks all who own state that a call needs: accounts in memory, bindings, flows, calls, subscriptions, relays. A store that cannot be
// used is no reason to begin anew: those who are known log in without it.
func alive(server *proxy.Server, carrier *relay.Server) func(context.Context) error {
	return func(context.Context) error {
		server.Status()
		if carrier != nil {
			carrier.State()
		}
		return nil
	}
}

func restore(ctx context.Context, db *store.Store, locations *location.Table) error {
	now := time.Now()
	bindings, err := db.Bindings(ctx, now)
	if err != nil {
		return err
	}
	locations.Restore(bindings, now)
	return nil
}

// names are what the certificate is good for beside the domain.
func (c *serveCmd) names() []string {
	var out []string
	if c.Advertise != "" {
		out = append(out, c.Advertise)
	}
	for _, addr := range []string{c.TLS, c.Shared} {
		if host, _, err := net.SplitHostPort(addr); err == nil && host != "" && !slices.Contains(out, host) {
			if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
				out = append(out, host)
			}
		}
	}
	return out
}

// flowKey reads the key of the flow tokens, or makes it. It is kept because calls that are up carry such tokens: with
// another key they could not be ended or changed through a restarted registrar.
func flowKey(path string, log *slog.Logger) ([]byte, error) {
	return keptKey(path, "the key of flow tokens", "calls that are up outlive no restart", log)
}

// keptKey reads a key, or makes it. One that is damaged is made anew: what is lost is what a file that is gone costs.
func keptKey(path, what, lost string, log *slog.Logger) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		if key, err := hex.DecodeString(strings.TrimSpace(string(text))); err == nil && len(key) == 32 {
			return key, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w; let the registrar's user (uid %d) read it", what, err, os.Geteuid())
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	if err := wholefile.Write(path, []byte(hex.EncodeToString(key)+"\n"), 0o600); err != nil {
		log.Warn(what+" is not kept; "+lost, "err", err)
	}
	return key, nil
}
