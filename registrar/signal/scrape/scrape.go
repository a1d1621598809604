// Package scrape serves a program's metrics and health over HTTP. Whoever can reach its port cannot take memory, files or
// processor time worth speaking of from the program: connections are few and short, each is for one request, and they are
// let in slowly.
package scrape

import (
	"context"
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
	slow := paced{netutil.LimitListener(l, MaxConnections), func() error { return pace.Wait(ctx) }}
	if err := server.Serve(slow); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
		return fmt.Errorf("serve metrics on %s: %w", l.Addr(), err)
	}
	return nil
}

// paced is a Listener that lets connections in slowly.
type paced struct {
	net.Listener
	wait func() error
}

// Accept waits for its turn and for a connection.
func (p paced) Accept() (net.Conn, error) {
	if err := p.wait(); err != nil {
		return nil, err
	}
	return p.Listener.Accept()
}
