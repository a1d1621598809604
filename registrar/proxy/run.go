package proxy

import (
	"context"
	"crypto/tls"
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
	stream := func(l net.Listener, transport string, config *tls.Config, serve func(net.Listener) error) {
		if l == nil {
			return
		}
		fl := s.flows.Listen(l, transport, config)
		g.Go(func() error { return fl.Run(ctx) })
		g.Go(func() error {
			if err := serve(fl); ctx.Err() == nil {
				return fmt.Errorf("%s listener on %s ended: %w", transport, l.Addr(), err)
			}
			return nil
		})
	}
	stream(s.listeners.TLS, flow.TLS, s.tls, s.stack.ServeTLS)
	stream(s.listeners.TCP, flow.TCP, nil, s.stack.ServeTCP)
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
