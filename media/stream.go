package media

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"ewindow/media/negotiate"
)

const (
	inQueue     = 256  // datagrams between socket and stream; the kernel's buffer lies before it
	smallPacket = 2048 // almost all datagrams; larger ones get memory of their own
	readRetry   = 20 * time.Millisecond
)

// datagram is what one read brought.
type datagram struct {
	data       []byte
	small      [smallPacket]byte
	from       netip.AddrPort
	at         time.Time
	rtcpSocket bool
}

// stream is one m-line at work. Its receiving half belongs to one goroutine, run; others leave word and wake it.
//
//	sockets ─▶ readers ─▶ in ─▶ run: demultiplex ─▶ authenticate ─▶ latch ─▶ count ─▶ sink ─▶ Receiver
//	                             └──▶ RTCP in and out, timers
type stream struct {
	name  string
	log   *slog.Logger
	s     *Session
	conns [2]net.PacketConn // RTP, RTCP; nil where there is none
	t     *transmitter
	latch latch
	in    chan *datagram
	wake  chan struct{}
	pool  sync.Pool

	mu       sync.Mutex
	news     *agreed // from Update, for run to take
	snapshot snapshot

	// Of run alone:
	d         *negotiate.Stream
	unprotect *unprotector
	src       *source
	retired   uint32 // the SSRC before, for stragglers
	retiredAt time.Time
	candidate candidate
	collided  time.Time
	movedLog  time.Time
	sink      sink
	reportDue time.Time
	header    rtp.Header
	plain     []byte
	remote    remoteReport
	progress  progress
	rateIn    meter
	rateOut   meter

	counters counters
}

// agreed is what a negotiation means for one stream.
type agreed struct {
	d       *negotiate.Stream
	receive *protector
}

// sink makes of a stream's packets what the Receiver gets.
type sink interface {
	packet(now time.Time, src *source, p packet)
	tick(now time.Time) (next time.Time) // does what is due; zero: nothing to come
	reset()                              // another sender
}

// packet is an authentic RTP packet. Its payload is valid during the call.
type packet struct {
	seq, ts int64 // extended
	marker  bool
	payload []byte // nil: a payload type that is not the stream's; the number counts
}

type counters struct {
	packets, bytes, authFailures, replays, garbage, foreign, other atomic.Uint64
	lastRTP, lastRTCP                                              atomic.Int64 // since the session's epoch
}

func newStream(s *Session, name string, rtpConn, rtcpConn net.PacketConn) *stream {
	st := &stream{
		name: name, s: s, log: s.cfg.Log.With("stream", name),
		conns: [2]net.PacketConn{rtpConn, rtcpConn},
		in:    make(chan *datagram, inQueue),
		wake:  make(chan struct{}, 1),
		plain: make([]byte, 0, smallPacket),
	}
	st.pool.New = func() any { return new(datagram) }
	st.t = newTransmitter(rtpConn, rtcpConn, &st.latch, s.epoch)
	return st
}

// tell leaves word of a negotiation.
func (st *stream) tell(a *agreed) {
	st.mu.Lock()
	st.news = a
	st.mu.Unlock()
	st.poke()
}

func (st *stream) poke() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// run owns the receiving half until ctx ends.
func (st *stream) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-st.in:
			st.take()
			st.datagram(d)
			d.data = nil
			st.pool.Put(d)
		case <-st.wake:
			st.take()
		case <-timer.C:
		}
		now := time.Now()
		next := st.tick(now)
		if next.IsZero() {
			timer.Stop()
			continue
		}
		timer.Reset(max(next.Sub(now), 0))
	}
}

// take applies what Update left.
func (st *stream) take() {
	st.mu.Lock()
	a := st.news
	st.news = nil
	st.mu.Unlock()
	if a == nil {
		return
	}
	was := st.d
	st.d = a.d
	if a.d == nil {
		return
	}
	now := time.Now()
	switch {
	case st.unprotect == nil:
		st.unprotect = newUnprotector(a.receive)
	case !st.unprotect.current.is(a.d.Receive):
		st.unprotect.change(a.receive, now)
	}
	if was == nil {
		st.reportDue = now
	}
	if was != nil && !was.Direction.Receives() && a.d.Direction.Receives() && st.sink != nil {
		st.sink.reset() // what came meanwhile was not looked at
	}
	if st.sink == nil || was != nil && (was.Codec != a.d.Codec || was.ClockRate != a.d.ClockRate) {
		st.src = nil
		st.sink = st.s.newSink(st, a.d)
	}
}

// tick does what is due in this stream and says when to come again.
func (st *stream) tick(now time.Time) time.Time {
	if st.d == nil {
		return time.Time{}
	}
	next := st.sink.tick(now)
	if !now.Before(st.reportDue) {
		st.report(now, nil)
		st.reportDue = now.Add(reportInterval(st.name == videoName))
	}
	st.publish(now)
	return soonest(next, st.reportDue)
}

func soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// read moves datagrams from a socket to run until ctx ends. It returns an error only when the socket is closed.
func (st *stream) read(ctx context.Context, c net.PacketConn, rtcpSocket bool) error {
	buf := make([]byte, maxDatagram+1)
	for ctx.Err() == nil {
		n, from, err := readFrom(c, buf)
		if err != nil {
			switch {
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, net.ErrClosed):
				return err
			}
			select { // whatever it is, the next read may succeed
			case <-ctx.Done():
			case <-time.After(readRetry):
			}
			continue
		}
		d := st.pool.Get().(*datagram)
		d.at, d.from, d.rtcpSocket = time.Now(), from, rtcpSocket
		d.data = append(d.small[:0], buf[:n]...)
		select {
		case st.in <- d:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
