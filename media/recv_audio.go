package media

import (
	"bytes"
	"time"

	"ewindow/media/jitter"
	"ewindow/media/negotiate"
	"ewindow/media/red"
	"ewindow/media/rtptime"
)

const (
	// soundNear is the round trip up to which sound that was lost is asked for; from farther away it would have to wait for
	// longer than for copies.
	soundNear = 30 * time.Millisecond

	frameTime = 20 * time.Millisecond // of a packet, as a rule
)

// maxCatchUp bounds the frames that leave at one time after a stall of ours.
const maxCatchUp = 50

// audioSink plays sound out at a steady pace (see jitter.Playout).
type audioSink struct {
	st      *stream
	codec   negotiate.Codec
	rate    uint32
	playout *jitter.Playout
	drift   rtptime.Drift // of the sender's clock
	src     *source
	blocks  []red.Block
	spurt   int64 // timestamp with which sound began last after silence, by the sender's marker
	wanted  requests
	gap     int // frames that were missing since the last one played
}

func newAudioSink(st *stream, d *negotiate.Stream) *audioSink {
	return &audioSink{st: st, codec: d.Codec, rate: d.ClockRate, playout: jitter.NewPlayout(d.ClockRate)}
}

func (a *audioSink) reset() {
	a.wanted.anew()
	a.playout, a.gap = jitter.NewPlayout(a.rate), 0
	a.drift.Reset()
	a.st.s.noSound()
}

func (a *audioSink) packet(now time.Time, src *source, p packet) {
	a.src = src
	if p.marker {
		a.spurt = p.ts
	}
	again := a.expect(now, p.seq)
	if p.copies {
		a.unpack(now, p, again)
		return
	}
	a.frame(now, p.ts, p.payload, again)
}

// expect notes what is missing before a packet, where it can be asked for. It says whether this one was.
func (a *audioSink) expect(now time.Time, seq int64) (again bool) {
	if !a.st.d.NACK {
		return false
	}
	a.wanted.trip = a.st.s.roundTrip()
	again = a.wanted.asked(seq)
	a.wanted.arrived(now, seq, again)
	return again
}

// ask asks for what is missing and can still be in time; it says when to come again.
func (a *audioSink) ask(now time.Time) time.Time {
	rtt := a.st.s.roundTrip()
	if a.src == nil || !a.st.d.NACK || rtt == 0 || rtt > soundNear {
		a.wanted.missing = a.wanted.missing[:0]
		return time.Time{}
	}
	a.wanted.apart = a.st.s.frugal(reportBytes)
	a.wanted.before(a.wanted.highest - int64((jitter.MaxDepth-rtt)/frameTime))
	if missing := a.wanted.next(now, rtt); missing != nil {
		a.st.askAgain(missing)
	}
	return a.wanted.due(now, rtt)
}

// frame takes a frame that came in time, or again because it was asked for.
func (a *audioSink) frame(now time.Time, ts int64, data []byte, again bool) {
	if len(data) == 0 || len(data) > maxAudioFrame {
		return
	}
	if again {
		if a.playout.PushCopy(now, ts, audioDuration(a.codec, data), data) {
			a.st.progress.recovered++
		}
		return
	}
	a.playout.Far(a.st.s.roundTrip())
	a.drift.Observe(now.Sub(a.st.s.epoch), rtptime.ToDuration(ts, a.rate))
	a.st.progress.drift, _ = a.drift.PPM()
	a.playout.Push(now, ts, audioDuration(a.codec, data), bytes.Clone(data))
}

// unpack takes a packet with copies of earlier frames (RFC 2198). The newest frame goes first: it tells how late the others are.
func (a *audioSink) unpack(now time.Time, p packet, again bool) {
	blocks, err := red.Read(a.blocks, p.payload)
	if err != nil {
		a.st.counters.garbage.Add(1)
		return
	}
	a.blocks = blocks
	last := len(blocks) - 1
	if blocks[last].Type == a.st.d.ReceiveType {
		a.frame(now, p.ts, blocks[last].Data, again)
	}
	for i, b := range blocks[:last] {
		if !again && a.st.d.NACK { // of the packets before it, one after the other
			a.wanted.found(now, p.seq-int64(last-i), true)
		}
		if b.Type != a.st.d.ReceiveType || b.Offset == 0 || len(b.Data) == 0 {
			continue
		}
		if a.playout.PushCopy(now, p.ts-int64(b.Offset), audioDuration(a.codec, b.Data), b.Data) {
			a.st.progress.recovered++
		}
	}
}

func (a *audioSink) tick(now time.Time) time.Time {
	for range maxCatchUp {
		f, ok := a.playout.Pop(now)
		if !ok {
			break
		}
		if !a.st.d.Direction.Receives() {
			continue
		}
		a.st.progress.frames++
		a.judge(f)
		a.st.s.cfg.Receiver.Audio(AudioFrame{
			Data: f.Data, Duration: f.Duration, Lost: f.Lost,
			Captured: a.playout.SentAt(now, f.Timestamp).Add(-a.st.s.roundTrip() / 2),
		})
		if a.src != nil {
			if wall, known := a.src.clock.Wall(f.Timestamp, 0); known {
				a.st.s.setSoundDelay(now.Sub(a.st.s.epoch) - wall)
			}
		}
	}
	a.st.progress.delay = a.playout.Depth(now)
	return soonest(a.playout.Next(), a.ask(now))
}

// judge counts what had to be concealed: what was missing before a frame with which nothing begins. Silence is not missing.
func (a *audioSink) judge(f jitter.Frame) {
	switch {
	case f.Lost:
		a.gap++
		return
	case f.Timestamp != a.spurt:
		a.st.progress.concealed += uint64(a.gap)
	}
	a.gap = 0
}
