package media

import (
	"context"
	"encoding/binary"
	"math"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ewindow/scripts/lab/memnet"
)

const (
	segment      = 1460 // bytes of data
	tcpHeaders   = 40 - 28
	cubicC       = 0.4 // RFC 9438 §4.1
	cubicBeta    = 0.7
	leastTimeout = 200 * ms
)

// upload is somebody else's TCP on the way of the pictures, as most of the world has it: CUBIC (RFC 9438) with selective
// acknowledgements, slow start, and a time-out (RFC 6298), over datagrams.
type upload struct {
	conn  net.PacketConn
	to    net.Addr
	came  atomic.Int64 // bytes at the other end
	done  sync.WaitGroup
	close func()

	next    uint64 // segment
	flight  map[uint64]time.Time
	window  float64 // segments
	slow    float64 // threshold of slow start
	most    float64 // window when something was lost last
	epoch   time.Time
	recover uint64 // what was sent until then was lost together
	highest uint64
	trip    time.Duration
	heard   time.Time
}

// startUpload begins one from a host to another; number tells several apart.
func startUpload(t *testing.T, n *memnet.Network, from, to netip.Addr, number int) *upload {
	open := func(host netip.Addr) net.PacketConn {
		c, err := n.ListenPacket(netip.AddrPortFrom(host, uint16(6000+number)).String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	near, far := open(from), open(to)
	ctx, cancel := context.WithCancel(context.Background())
	u := &upload{conn: near, to: far.LocalAddr(), flight: map[uint64]time.Time{}, window: 10, slow: math.Inf(1), heard: time.Now()}
	u.close = func() { cancel(); _ = near.Close(); _ = far.Close(); u.done.Wait() }
	u.done.Go(func() { u.receive(far) })
	u.done.Go(func() { u.run(ctx) })
	return u
}

// receive acknowledges each segment.
func (u *upload) receive(c net.PacketConn) {
	b := make([]byte, 2000)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		u.came.Add(int64(n))
		_, _ = c.WriteTo(b[:8+tcpHeaders], from)
	}
}

// run sends as much as the window has room for, whenever something is heard.
func (u *upload) run(ctx context.Context) {
	b := make([]byte, segment+tcpHeaders)
	for ctx.Err() == nil {
		for float64(len(u.flight)) < u.window {
			u.next++
			u.flight[u.next] = time.Now()
			binary.BigEndian.PutUint64(b, u.next)
			_, _ = u.conn.WriteTo(b, u.to)
		}
		timeout := max(leastTimeout, 2*u.trip)
		_ = u.conn.SetReadDeadline(time.Now().Add(timeout))
		n, _, err := u.conn.ReadFrom(b)
		switch {
		case err == nil && n >= 8:
			u.acknowledged(binary.BigEndian.Uint64(b))
		case ctx.Err() == nil && time.Since(u.heard) >= timeout:
			u.slow, u.most, u.window, u.epoch = max(u.window/2, 2), u.window, 1, time.Time{}
			clear(u.flight)
			u.heard = time.Now()
		}
	}
}

// acknowledged takes the number of a segment that came: what was sent three before it is lost.
func (u *upload) acknowledged(number uint64) {
	now := time.Now()
	u.heard = now
	if at, flying := u.flight[number]; flying {
		u.trip = now.Sub(at)
		delete(u.flight, number)
	}
	u.highest = max(u.highest, number)
	lost := false
	for k := range u.flight {
		if k+3 <= u.highest {
			delete(u.flight, k)
			lost = lost || k > u.recover
		}
	}
	switch {
	case lost:
		u.recover, u.most = u.next, u.window
		u.window = max(u.window*cubicBeta, 2)
		u.slow, u.epoch = u.window, time.Time{}
	case u.window < u.slow:
		u.window++
	default:
		u.grow(now)
	}
}

// grow is congestion avoidance (RFC 9438 §4.2 and 4.3).
func (u *upload) grow(now time.Time) {
	if u.epoch.IsZero() {
		u.epoch = now
		u.most = max(u.most, u.window)
	}
	t := now.Sub(u.epoch).Seconds()
	k := math.Cbrt(u.most * (1 - cubicBeta) / cubicC)
	cubic := cubicC*math.Pow(t-k, 3) + u.most
	reno := u.most*cubicBeta + 3*(1-cubicBeta)/(1+cubicBeta)*t/max(u.trip.Seconds(), 0.001)
	want := min(max(cubic, reno), 1.5*u.window)
	if want > u.window {
		u.window += (want - u.window) / u.window
	}
}
