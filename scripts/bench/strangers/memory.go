package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"ewindow/scripts/bench/hostile"
)

// memory prints how much the registrar grows by each kind of what strangers send, from 100 connections.
func memory(ctx context.Context, o options) (err error) {
	r, err := start(ctx, o.registrar, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	fmt.Printf("Memory, MB: %d MB of each kind or %v of it, over 100 connections or sockets.\n", o.bytes/1_000_000, o.most)
	fmt.Printf("%-58s %-4s %7s %8s %8s %8s %7s\n", "", "", "sent", "before", "most", "grown", "CPU s")
	worst := int64(0)
	for _, kind := range append(hostile.Kinds(), hostile.Handshakes()...) {
		for _, transport := range []string{"tcp", "tls", "udp"} {
			udp := transport == "udp"
			if !o.only.MatchString(kind.Name+" "+transport) || udp && (kind.Stream || len(kind.Message(0)) > 65_000) ||
				kind.Raw && transport != "tls" {
				continue
			}
			attack := hostile.Attack{Kind: kind, Dial: r.dialer(transport, kind.Raw), Connections: 100, Bytes: o.bytes, Most: o.most, Hold: time.Second}
			sent := int64(0)
			before, most, after := r.watch(func() { sent = attack.Run(ctx) })
			if after.rss == 0 {
				return fmt.Errorf("%s over %s: the registrar is gone", kind.Name, transport)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			worst = max(worst, most.rss-before.rss)
			fmt.Printf("%-58s %-4s %7.1f %8.1f %8.1f %8.1f %7.2f\n", kind.Name, transport, mb(sent), mb(before.rss), mb(most.rss),
				mb(most.rss-before.rss), (after.cpu - before.cpu).Seconds())
		}
	}
	fmt.Printf("%-58s %39.1f\n", "the worst", mb(worst))
	return nil
}

func mb(n int64) float64 { return float64(n) / 1_000_000 }

// dialer comes from another block of 127.0.0.0/8 each time, as far as there are any.
func (r *registrar) dialer(transport string, raw bool) func() (net.Conn, error) {
	var n atomic.Uint32
	config := &tls.Config{InsecureSkipVerify: true}
	return func() (net.Conn, error) {
		i := n.Add(1)
		ip := net.IPv4(127, byte(1+i>>8%100), byte(i), 1)
		switch transport {
		case "udp":
			return (&net.Dialer{LocalAddr: &net.UDPAddr{IP: ip}}).Dial("udp", r.sip)
		case "tcp":
			return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}).Dial("tcp", r.sip)
		}
		c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}).Dial("tcp", r.tls)
		if err != nil || raw {
			return c, err
		}
		return tls.Client(c, config), nil
	}
}
