package media

import (
	"bytes"
	"time"

	"ewindow/media/jitter"
	"ewindow/media/negotiate"
	"ewindow/media/red"
	"ewindow/media/rtptime"
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
	gap     int   // frames that were missing since the last one played
}

func newAudioSink(st *stream, d *negotiate.Stream) *audioSink {
	return &audioSink{st: st, codec: d.Codec, rate: d.ClockRate, playout: jitter.NewPlayout(d.ClockRate)}
}

func (a *audioSink) reset() {
	a.playout, a.gap = jitter.NewPlayout(a.rate), 0
	a.drift.Reset()
	a.st.s.noSound()
}

func (a *audioSink) packet(now time.Time, src *source, p packet) {
	a.src = src
	if p.marker {
		a.spurt = p.ts
	}
	if p.copies {
		a.unpack(now, p)
		return
	}
	a.frame(now, p.ts, p.payload)
}

// frame takes a frame that came in time.
func (a *audioSink) frame(now time.Time, ts int64, data []byte) {
	if len(data) == 0 || len(data) > maxAudioFrame {
		return
	}
	a.drift.Observe(now.Sub(a.st.s.epoch), rtptime.ToDuration(ts, a.rate))
	a.st.progress.drift, _ = a.drift.PPM()
	a.playout.Push(now, ts, audioDuration(a.codec, data), bytes.Clone(data))
}

// unpack takes a packet with copies of earlier frames (RFC 2198). The newest frame goes first: it tells how late the others are.
func (a *audioSink) unpack(now time.Time, p packet) {
	blocks, err := red.Read(a.blocks, p.payload)
	if err != nil {
		a.st.counters.garbage.Add(1)
		return
	}
	a.blocks = blocks
	last := len(blocks) - 1
	if blocks[last].Type == a.st.d.ReceiveType {
		a.frame(now, p.ts, blocks[last].Data)
	}
	for _, b := range blocks[:last] {
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
	return a.playout.Next()
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
