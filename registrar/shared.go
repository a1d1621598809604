package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"ewindow/registrar/flow"
	"ewindow/registrar/signal/scrape"
)

// sharedFlags say where SIP, TURN and HTTP come in by one port.
type sharedFlags struct {
	Shared string `help:"Address that SIP, TURN and HTTP share, all over TLS, for networks that let out port 443 alone; empty for none. auto: port 443, if it is free and this user may open it." default:"auto" placeholder:"ADDR"`
}

// auto is this where it can be had.
const auto, https = "auto", ":443"

// address is where the shared port is to be; empty for none.
func (c *sharedFlags) address(log *slog.Logger) string {
	if c.Shared != auto {
		return c.Shared
	}
	l, err := net.Listen("tcp", https)
	if err != nil { // no mistake of anybody's: a server of the web has it, or this user may not
		log.Info("port 443 is not served: where it alone is let out windows do not find this registrar", "err", err)
		return ""
	}
	_ = l.Close()
	return https
}

// share makes the inlets of what is not SIP. HTTP has one, for both ports that speak TLS: phones are not to need 443 for it.
func (l *opened) share(relays bool) {
	switch {
	case l.Shared != nil:
		l.others.HTTP = flow.NewInlet(l.Shared.Addr())
	case l.TLS != nil:
		l.others.HTTP = flow.NewInlet(l.TLS.Addr())
	}
	if l.Shared != nil && relays {
		l.others.TURN = flow.NewInlet(l.Shared.Addr())
	}
}

// serveShared answers HTTP at the ports that SIP over TLS shares with it until ctx ends.
func serveShared(ctx context.Context, l net.Listener, web http.Handler, log *slog.Logger) error {
	return scrape.Serve(ctx, l, web, log)
}
