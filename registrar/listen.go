package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"

	"ewindow/registrar/flow"
	"ewindow/registrar/metrics"
	"ewindow/registrar/proxy"
	"ewindow/registrar/signal/scrape"
	"ewindow/registrar/store"
)

// opened are the addresses in use; nil ones are off.
type opened struct {
	proxy.Listeners
	web     net.Listener
	turnUDP net.PacketConn
	turnTCP net.Listener
	others  flow.Others // of the shared port; HTTP also of the one for SIP over TLS
}

// listen opens all addresses, or none. turn says whether STUN and TURN are among them.
func (c *serveCmd) listen(turn bool, log *slog.Logger) (l opened, err error) {
	var open []interface{ Close() error }
	defer func() {
		if err != nil {
			for _, o := range open {
				_ = o.Close()
			}
		}
	}()
	stream := func(flag, addr string) net.Listener {
		if addr == "" || err != nil {
			return nil
		}
		var o net.Listener
		if o, err = net.Listen("tcp", addr); err != nil {
			err = listenError(flag, addr, err)
			return nil
		}
		open = append(open, o)
		return o
	}
	packets := func(flag, addr string) net.PacketConn {
		if addr == "" || err != nil {
			return nil
		}
		var o net.PacketConn
		if o, err = net.ListenPacket("udp", addr); err != nil {
			err = listenError(flag, addr, err)
			return nil
		}
		open = append(open, o)
		return o
	}
	l.TLS = stream("--tls", c.TLS)
	l.TCP = stream("--tcp", c.TCP)
	l.UDP = packets("--udp", c.UDP)
	l.web = stream("--http", c.HTTP)
	l.Shared = stream("--shared", c.sharedFlags.address(log))
	if err == nil && len(open) == 0 {
		return l, errors.New("every listener is switched off; give one of --tls, --tcp and --udp an address")
	}
	if turn {
		if l.turnTCP = stream("--turn", c.Turn); err == nil {
			l.turnUDP = packets("--turn", l.turnTCP.Addr().String()) // port 0 becomes a real one, the same for both
		}
	}
	l.share(turn)
	return l, err
}

func listenError(flag, addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s %s: the port is busy; end the program that has it, or give %s another address", flag, addr, flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s %s: not allowed; ports below 1024 need a privilege, give %s a higher one", flag, addr, flag)
	}
	return fmt.Errorf("%s %s: %w; give %s an address such as \":5061\"", flag, addr, err, flag)
}

// announce logs the addresses in use: port 0 becomes a real one.
func announce(log *slog.Logger, l opened) {
	say := func(transport string, a net.Addr) { log.Info("listening", "transport", transport, "addr", a.String()) }
	if l.TLS != nil {
		say("tls", l.TLS.Addr())
	}
	if l.TCP != nil {
		say("tcp", l.TCP.Addr())
	}
	if l.UDP != nil {
		say("udp", l.UDP.LocalAddr())
	}
	if l.web != nil {
		say("http", l.web.Addr())
	}
	if l.Shared != nil {
		say("shared", l.Shared.Addr())
	}
	if l.turnUDP != nil {
		say("turn-udp", l.turnUDP.LocalAddr())
		say("turn-tcp", l.turnTCP.Addr())
	}
}

// serveHTTP answers /metrics and /healthz until ctx ends. refresh is called before each scrape.
func serveHTTP(ctx context.Context, l net.Listener, m *metrics.Registry, db *store.Store, log *slog.Logger, refresh func()) error {
	mux := http.NewServeMux()
	answer := m.Handler()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		refresh()
		answer.ServeHTTP(w, r)
	})
	mux.Handle("/", healthy(db))
	return scrape.Serve(ctx, l, mux, log)
}

// healthy answers /healthz.
func healthy(db *store.Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := db.Current(); err != nil {
			http.Error(w, "the store cannot be used: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}
