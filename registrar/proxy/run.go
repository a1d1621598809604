package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sync/errgroup"

	"ewindow/registrar/flow"
)

// Run serves until ctx ends or a listener fails, and joins all that it started. The error is nil at ctx's end.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	s.serve(ctx, g)
	g.Go(func() error { return s.registrar.expire(ctx) })
	g.Go(func() error { return s.calls.hold(ctx) })
	g.Go(func() error { return s.notifier.run(ctx) })
	g.Go(func() error {
		<-ctx.Done()
		s.work.end()
		return s.closeUDP()
	})
	err := g.Wait()
	_ = s.stack.Close()
	s.work.wait()
	s.flows.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (s *Server) closeUDP() error {
	if s.listeners.UDP == nil {
		return nil
	}
	return s.listeners.UDP.Close()
}

// serve starts the transports.
func (s *Server) serve(ctx context.Context, g *errgroup.Group) {
	stream := func(fl *flow.Listener, transport string, serve func(net.Listener) error) {
		g.Go(func() error { return fl.Run(ctx) })
		g.Go(func() error {
			if err := serve(fl); ctx.Err() == nil {
				return fmt.Errorf("%s listener on %s ended: %w", transport, fl.Addr(), err)
			}
			return nil
		})
	}
	if l := s.listeners.TLS; l != nil && s.others.HTTP != nil {
		stream(s.flows.Share(l, s.tls, flow.Others{HTTP: s.others.HTTP}), flow.TLS, s.stack.ServeTLS)
	} else if l != nil {
		stream(s.flows.Listen(l, flow.TLS, s.tls), flow.TLS, s.stack.ServeTLS)
	}
	if l := s.listeners.Shared; l != nil {
		stream(s.flows.Share(l, s.tls, s.others), flow.TLS, s.stack.ServeTLS)
	}
	if l := s.listeners.TCP; l != nil {
		stream(s.flows.Listen(l, flow.TCP, nil), flow.TCP, s.stack.ServeTCP)
	}
	if s.listeners.UDP == nil {
		return
	}
	packets := s.flows.Packets(s.listeners.UDP)
	g.Go(func() error {
		for !packets.Served() {
			if err := s.stack.ServeUDP(packets); err != nil {
				return fmt.Errorf("UDP socket %s: %w", s.listeners.UDP.LocalAddr(), err)
			}
		}
		if ctx.Err() == nil {
			return fmt.Errorf("UDP socket %s was closed", s.listeners.UDP.LocalAddr())
		}
		return nil
	})
}
