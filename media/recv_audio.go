package media

import (
	"bytes"
	"time"

	"ewindow/media/jitter"
	"ewindow/media/negotiate"
)

// maxCatchUp bounds the frames that leave at one time after a stall of ours.
const maxCatchUp = 50

// audioSink plays sound out at a steady pace (see jitter.Playout).
type audioSink struct {
	st      *stream
	codec   negotiate.Codec
	rate    uint32
	playout *jitter.Playout
	src     *source
}

func newAudioSink(st *stream, d *negotiate.Stream) *audioSink {
	return &audioSink{st: st, codec: d.Codec, rate: d.ClockRate, playout: jitter.NewPlayout(d.ClockRate)}
}

func (a *audioSink) reset() {
	a.playout = jitter.NewPlayout(a.rate)
	a.st.s.noSound()
}

func (a *audioSink) packet(now time.Time, src *source, p packet) {
	a.src = src
	if len(p.payload) == 0 || len(p.payload) > maxAudioFrame {
		return
	}
	a.playout.Push(now, p.ts, audioDuration(a.codec, p.payload), bytes.Clone(p.payload))
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
	return a.playout.Next()
}
