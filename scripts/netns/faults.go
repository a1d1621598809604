package main

import (
	"context"
	"time"
)

// fault is what happens during a call.
type fault struct {
	text   string
	strike func(ctx context.Context, s *scene) error
	within time.Duration // from its beginning both screens show something new again
	path   *ways         // by which the call is to go then; nil for the same as before
}

const (
	bootTime = 3 * time.Second // of a router: shorter than a real one's, since nothing is learned by waiting
	patience = 60 * time.Second
)

var (
	// Munich's program is killed, as by a power cut, and started anew.
	partnerRestarts = fault{text: "munich's window is restarted", within: 10 * time.Second,
		strike: func(_ context.Context, s *scene) error { return s.restartWindow(1) }}
	// The registrar is the relay, too.
	registrarRestarts = fault{text: "the registrar is restarted", within: 10 * time.Second,
		strike: func(ctx context.Context, s *scene) error { return s.restartRegistrar(ctx) }}
	// Milano's window gets another address, of those behind the router if there is one.
	windowMoves = fault{text: "milano's window gets another address", within: 5 * time.Second,
		strike: func(ctx context.Context, s *scene) error { return s.world.windows[0].renew(ctx) }}
	routerMoves = fault{text: "milano's router gets another public address", within: 5 * time.Second,
		strike: func(ctx context.Context, s *scene) error { return s.world.routers[0][0].moves(ctx) }}
	udpDies = fault{text: "milano's router lets no UDP out any more", within: 15 * time.Second, path: &relayTCP,
		strike: func(ctx context.Context, s *scene) error { return s.world.routers[0][0].stopUDP(ctx) }}
	// By a relay a better way is sought after a few seconds. Where there is none nobody is to notice.
	nothing = fault{text: "nothing happens", within: time.Second,
		strike: func(context.Context, *scene) error { return nil }}
	routerReboots = fault{text: "milano's router is off for 3 s and forgets whom it translated", within: bootTime + 5*time.Second,
		strike: func(ctx context.Context, s *scene) error { return s.world.routers[0][0].reboots(ctx) }}
)

// moves gives the router another address. What it translated to the old one is forgotten, as the kernel's masquerade does by
// itself when an address goes.
func (r *router) moves(ctx context.Context) error {
	if err := r.renew(ctx); err != nil {
		return err
	}
	return r.forget(ctx)
}

// stopUDP has nothing pass any more but TCP and names.
func (r *router) stopUDP(ctx context.Context) error {
	return r.Run(ctx, "nft", "insert rule inet filter forward meta l4proto udp udp dport != 53 udp sport != 53 drop")
}

// reboots takes the router off its cables for a while.
func (r *router) reboots(ctx context.Context) error {
	if err := r.off(ctx); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(bootTime):
	}
	return r.on(ctx)
}
