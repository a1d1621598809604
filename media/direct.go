package media

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"ewindow/media/latch"
	"ewindow/media/negotiate"
	"ewindow/media/udp"
)

// readRetry is the pause after a read that failed: whatever it was, the next one may succeed.
const readRetry = 20 * time.Millisecond

// direct is the way from our UDP sockets to those that the other side's SDP names, or where its packets come from.
type direct struct {
	medium Medium
	conns  [2]*udp.Socket // RTP, RTCP; nil where there is none
	latch  latch.Latch
}

func newDirect(m Medium, rtp, rtcp net.PacketConn) *direct {
	w := &direct{medium: m, conns: [2]*udp.Socket{udp.New(rtp)}}
	if rtcp != nil {
		w.conns[1] = udp.New(rtcp)
	}
	return w
}

// Ways are those over these sockets.
func (s *Sockets) Ways() Ways {
	var w Ways
	if s.AudioRTP != nil {
		w.Audio = newDirect(Audio, s.AudioRTP, s.AudioRTCP)
	}
	if s.VideoRTP != nil {
		w.Video = newDirect(Video, s.VideoRTP, s.VideoRTCP)
	}
	return w
}

// Agree takes the addresses in SDP.
func (w *direct) Agree(d *negotiate.Stream) { w.latch.Update(d) }

// Run reads both sockets. It returns an error only when one is closed under it; it closes none.
func (w *direct) Run(ctx context.Context, deliver func(Datagram)) error {
	group, ctx := errgroup.WithContext(ctx)
	for i, c := range w.conns {
		if c == nil {
			continue
		}
		group.Go(func() error {
			if err := w.read(ctx, c, i == 1, deliver); err != nil {
				return fmt.Errorf("read %s socket %s: %w; the session ends", w.medium, c.LocalAddr(), err)
			}
			return nil
		})
	}
	group.Go(func() error { // wakes the readers
		<-ctx.Done()
		w.deadline(time.Unix(1, 0))
		return nil
	})
	err := group.Wait()
	w.deadline(time.Time{})
	return err
}

func (w *direct) deadline(t time.Time) {
	for _, c := range w.conns {
		if c != nil {
			_ = c.SetReadDeadline(t)
		}
	}
}

func (w *direct) read(ctx context.Context, c *udp.Socket, control bool, deliver func(Datagram)) error {
	buf := make([]byte, maxDatagram+1)
	from := &place{way: w, control: control} // the same as long as packets come from one address
	for ctx.Err() == nil {
		n, addr, came, err := c.Receive(buf)
		if err != nil {
			switch {
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, net.ErrClosed):
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(readRetry):
			}
			continue
		}
		if addr != from.addr {
			from = &place{way: w, addr: addr, control: control}
		}
		deliver(Datagram{Data: buf[:n], Control: control, From: from, Came: came})
	}
	return nil
}

// Send sends to where the latch points.
func (w *direct) Send(datagram []byte, control bool) error {
	if !control {
		if to, ok := w.latch.RTP(); ok {
			return w.conns[0].Send(datagram, to)
		}
		return nil // on hold without an address
	}
	to, rtcpSocket, ok := w.latch.RTCP()
	if !ok {
		return nil
	}
	c := w.conns[0]
	if rtcpSocket && w.conns[1] != nil {
		c = w.conns[1]
	}
	return c.Send(datagram, to)
}

// Doubt says where media go, and whether nobody answers for that.
func (w *direct) Doubt() (netip.Addr, bool) { return w.latch.Doubt() }

// SendAll sends datagrams of media to where the latch points, with as few calls as the machine allows.
func (w *direct) SendAll(datagrams [][]byte) (failed int, err error) {
	to, ok := w.latch.RTP()
	if !ok {
		return 0, nil
	}
	return w.conns[0].SendAll(datagrams, to)
}

// place is an address from which something came, on one of the sockets.
type place struct {
	way     *direct
	addr    netip.AddrPort
	control bool
}

// Permitted says whether the address is one that SDP names.
func (p *place) Permitted() bool { return p.way.latch.Permits(p.addr) }

// Authentic latches onto the address.
func (p *place) Authentic() bool { return p.way.latch.Authentic(p.addr, p.control) }

func (p *place) String() string { return p.addr.String() }
