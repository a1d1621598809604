package media

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"ewindow/media/flexfec"
	"ewindow/media/handshake"
	"ewindow/media/negotiate"
	"ewindow/media/rate"
)

const (
	inQueue     = 256  // datagrams between socket and stream; the kernel's buffer lies before it
	smallPacket = 2048 // almost all datagrams; larger ones get memory of their own
)

// arrival is a Datagram that waits for run, in memory of its own.
type arrival struct {
	Datagram
	at    time.Time // when deliver was called; Came is never later
	small [smallPacket]byte
}

// stream is one m-line at work. Its receiving half belongs to one goroutine, run; others leave word and wake it.
//
//	Way ─▶ deliver ─▶ in ─▶ run: demultiplex ─▶ authenticate ─▶ Origin ─▶ count ─▶ sink ─▶ Receiver
//	                             └──▶ RTCP in and out, timers
type stream struct {
	medium Medium
	log    *slog.Logger
	s      *Session
	way    Way
	t      *transmitter
	keying *keying
	in     chan *arrival
	wake   chan struct{}
	pool   sync.Pool

	stranger atomic.Pointer[Origin] // see estranged

	mu       sync.Mutex
	news     news // for run to take
	snapshot snapshot

	// Of run alone:
	d          *negotiate.Stream
	unprotect  *unprotector // nil while the keys are still to come
	early      []*arrival   // that came before them
	heard      func()       // is to be told of the first authentic packet under the newest keys; nil if it was, or need not be
	src        *source      // the media's sender, nil before its first packet
	before     passed       // of senders that were the media's before
	repair     *source      // of retransmissions, nil before the first
	rival      rival
	candidate  candidate
	collided   time.Time
	movedLog   time.Time
	sink       sink
	reportDue  time.Time
	reported   time.Time
	lossSince  time.Time // since when something is missing that was not reported; zero while nothing is
	header     rtp.Header
	plain      []byte
	remote     remoteReport
	trips      trips
	progress   progress
	inbound    rate.Inbound     // of sound
	doubt      rate.Doubt       // of what receiver reports say
	arrivals   [2]rate.Arrivals // of the media's sender, and of its retransmissions
	fec        flexfec.Decoder
	shieldedAt time.Time // when the last repair packet came
	promised   int64     // packets up to here were sent, as repair packets tell
	unsaid     bool      // something came that was not told
	tellDue    time.Time
	budget     budget
	ceiling    ceiling
	restraint  restraint
	rateIn     meter
	rateOut    meter
	offered    meter

	counters counters
}

// passed is what is counted of those who are not the media's sender any more: packets.
type passed struct{ lost, expected int64 }

// news is what Update and SetKeys leave for run.
type news struct {
	described bool
	d         *negotiate.Stream // as described; nil: there is no such stream
	receive   *protector        // nil: nothing new
	heard     func()            // see stream
}

// sink makes of a stream's packets what the Receiver gets.
type sink interface {
	packet(now time.Time, src *source, p packet)
	tick(now time.Time) (next time.Time) // does what is due; zero: nothing to come
	reset()                              // another sender
}

// packet is an authentic RTP packet. Its payload is valid during the call.
type packet struct {
	came    time.Time // to this machine
	seq, ts int64     // extended
	marker  bool
	repair  bool   // it was sent again (RFC 4588)
	copies  bool   // its payload has copies of earlier frames in it (RFC 2198)
	payload []byte // nil: a payload type that is not the stream's; the number counts
}

type counters struct {
	packets, bytes, authFailures, replays, garbage, foreign, unkeyed, other, repairs, mended atomic.Uint64
	lastRTP, lastRTCP                                                                        atomic.Int64 // since the session's epoch
}

func newStream(s *Session, m Medium, w Way) *stream {
	st := &stream{
		medium: m, s: s, way: w, log: s.cfg.Log.With("stream", string(m)),
		in:    make(chan *arrival, inQueue),
		wake:  make(chan struct{}, 1),
		plain: make([]byte, 0, smallPacket),
	}
	st.pool.New = func() any { return new(arrival) }
	st.t = newTransmitter(w, s.epoch)
	st.keying = newKeying(st)
	st.t.others = &s.others
	return st
}

// tell leaves news; what run has not taken of older ones stays unless it is said again.
func (st *stream) tell(n news) {
	st.mu.Lock()
	if n.described {
		st.news.described, st.news.d = true, n.d
	}
	if n.receive != nil {
		st.news.receive, st.news.heard = n.receive, n.heard
	}
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
			st.arrive(d)
			st.arriveMore()
		case <-st.wake:
			st.take()
		case <-timer.C:
		}
		now := time.Now()
		timer.Reset(max(st.tick(now).Sub(now), 0))
	}
}

// arrive takes a datagram that waited, by what Update and SetKeys have left before.
func (st *stream) arrive(d *arrival) {
	st.take()
	if st.tooEarly(d) {
		return
	}
	st.datagram(d)
	st.forget(d)
}

func (st *stream) forget(d *arrival) {
	d.Datagram = Datagram{}
	st.pool.Put(d)
}

// tooEarly keeps what came before the keys that a handshake is about to agree on.
func (st *stream) tooEarly(d *arrival) bool {
	if st.d == nil || st.d.Handshake == nil || st.unprotect != nil || handshake.Is(d.Data) || len(st.early) == mostEarly {
		return false
	}
	st.early = append(st.early, d)
	return true
}

// catchUp takes what came before the keys.
func (st *stream) catchUp() {
	early := st.early
	st.early = nil
	for _, d := range early {
		st.datagram(d)
		st.forget(d)
	}
}

// arriveMore takes those that have come meanwhile as well, so that a picture's packets have one look at the clock and the
// timers among them; but not so many that those would wait.
func (st *stream) arriveMore() {
	for range inQueue / 8 {
		select {
		case d := <-st.in:
			st.arrive(d)
		default:
			return
		}
	}
}

// take applies what Update and SetKeys left.
func (st *stream) take() {
	st.mu.Lock()
	n := st.news
	st.news = news{}
	st.mu.Unlock()
	now := time.Now()
	if n.described {
		st.describe(now, n.d)
	}
	if st.d != nil {
		if n.receive != nil {
			st.heard = n.heard
		}
		st.rekey(now, n.receive)
	}
	if st.unprotect != nil && st.early != nil {
		st.catchUp()
	}
}

// describe takes a stream's description.
func (st *stream) describe(now time.Time, d *negotiate.Stream) {
	was := st.d
	st.d = d
	if d == nil || !d.Direction.Receives() {
		st.progress.moved(now)
		st.progress.gave = time.Time{} // nobody waits for a picture
	}
	if d == nil {
		return
	}
	if was == nil {
		st.reportDue = now
	}
	if was != nil && !was.Direction.Receives() && d.Direction.Receives() && st.sink != nil {
		st.sink.reset() // what came meanwhile was not looked at
	}
	if st.sink == nil || was != nil && (was.Codec != d.Codec || was.ClockRate != d.ClockRate) {
		st.leave()
		st.sink = st.s.newSink(st, d)
	}
}

// rekey takes keys for what comes; nil for no new ones.
func (st *stream) rekey(now time.Time, keys *protector) {
	isPlain := st.unprotect != nil && st.unprotect.current == nil
	switch {
	case st.d.Plain && !isPlain:
		st.protectAnew(nil)
	case st.d.Plain:
	case keys == nil && isPlain:
		st.unprotect = nil // a stream that is to be protected believes nothing until it is
	case keys == nil:
	case st.unprotect == nil || isPlain:
		st.protectAnew(keys)
	case !st.unprotect.current.is(&keys.keys):
		st.unprotect.change(keys, now)
	}
}

// protectAnew begins with protection, or without: whoever sends under it is newer than the sender at hand.
func (st *stream) protectAnew(keys *protector) {
	st.unprotect, st.rival = newUnprotector(keys), rival{}
	if st.src != nil {
		st.src.key = -1
	}
}

// tick does what is due in this stream and says when to come again.
func (st *stream) tick(now time.Time) time.Time {
	if st.d == nil {
		st.publish(now)
		return st.measured() // nothing goes, and the rates say so
	}
	next := st.sink.tick(now)
	if (st.d.ReceiveRED != 0 || st.d.ReceiveFEC != 0) && st.src != nil && st.src.unreported() > 0 {
		if st.lossSince.IsZero() {
			st.lossSince = now
		}
		st.reportDue = soonest(st.reportDue, latest(st.reported.Add(max(sayLoss, st.s.frugal(2*reportBytes))), st.lossSince.Add(sureLoss)))
	} else {
		st.lossSince = time.Time{}
	}
	if !now.Before(st.reportDue) {
		st.report(now, nil)
		st.reportDue = now.Add(reportInterval(st.medium == Video || st.d.ReceiveRED != 0) + st.s.frugal(3*reportBytes))
		st.reported = now
	}
	if st.d.CCFB {
		next = soonest(next, st.balance(now))
	} else {
		next = soonest(soonest(next, st.steer(now)), st.restrain(now))
	}
	st.publish(now)
	return soonest(soonest(next, st.reportDue), st.measured())
}

// measured is when the rates are due.
func (st *stream) measured() time.Time { return st.s.epoch.Add(st.rateOut.due()) }

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// deliver moves a datagram from the way to run.
func (st *stream) deliver(ctx context.Context, d Datagram) {
	a := st.pool.Get().(*arrival)
	a.Datagram, a.at = d, time.Now()
	if a.Came.IsZero() || a.Came.After(a.at) {
		a.Came = a.at
	}
	a.Data = append(a.small[:0], d.Data...)
	select {
	case st.in <- a:
	case <-ctx.Done():
	}
}
