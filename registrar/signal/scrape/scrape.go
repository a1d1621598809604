// Package scrape serves a program's metrics and health over HTTP. Whoever can reach its port cannot take memory, files or
// processor time worth speaking of from the program: connections are few and short, each is for one request, and they are
// let in slowly.
package scrape

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"
)

const (
	// MaxConnections is how many connections there are at a time; each is a file of the process.
	MaxConnections = 16

	// Connections are let in at this pace, each for one request: what it costs to answer, some milliseconds, is bounded with that.
	// The others wait in the kernel. A watcher asks a few times a minute.
	perSecond = 10
	burst     = 20

	patience  = 5 * time.Second // for a request to be whole, and once more for its answer to be taken
	maxHeader = 4 << 10         // bytes; Go allows 4 KiB more
)

// Serve answers the requests that come to l by h until ctx ends. It closes l.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: h, ReadTimeout: patience, WriteTimeout: 2 * patience, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	server.SetKeepAlivesEnabled(false)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	pace := rate.NewLimiter(perSecond, burst)
	known := &tap{Listener: l}
	slow := paced{netutil.LimitListener(known, MaxConnections), known, func() error { return pace.Wait(ctx) }}
	if err := server.Serve(slow); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
		return fmt.Errorf("serve metrics on %s: %w", l.Addr(), err)
	}
	return nil
}

// paced is a Listener that lets connections in slowly.
type paced struct {
	net.Listener
	under *tap
	wait  func() error
}

// Accept waits for its turn and for a connection.
func (p paced) Accept() (net.Conn, error) {
	if err := p.wait(); err != nil {
		return nil, err
	}
	c, err := p.Listener.Accept()
	if stater, ok := p.under.last.(stater); ok && err == nil {
		return secured{c, stater}, nil
	}
	return c, err
}

// stater is a connection that knows its TLS.
type stater interface {
	ConnectionState() tls.ConnectionState
}

// tap remembers the connection that came last: LimitListener hides what it knows. Accept is called by one goroutine.
type tap struct {
	net.Listener
	last net.Conn
}

func (t *tap) Accept() (net.Conn, error) {
	var err error
	t.last, err = t.Listener.Accept()
	return t.last, err
}

// secured has net/http tell handlers of the TLS that somebody else has set up.
type secured struct {
	net.Conn
	stater
}
