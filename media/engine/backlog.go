package engine

import (
	"slices"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/h264"
)

// The bounds of a backlog.
const (
	maxPictures     = 16 // half a second
	maxSounds       = 10 // 200 ms
	maxBacklogBytes = 8 << 20
)

// coded is a frame and when it was captured, by this process's clock.
type coded struct {
	protocol.Frame
	captured time.Time
}

// backlog holds coded frames for someone who may be slow, within a bound. Of sound the oldest go first: late sound is
// worth nothing. A picture can't be left out of a sequence: all are dropped until one comes that needs none before it.
type backlog struct {
	pictures bool // else sound
	frames   []coded
	bytes    int
	gate     h264.KeyGate // closed when pictures are missing
}

// push takes a frame, or says that a picture had to be dropped and an IDR picture is needed.
func (b *backlog) push(f coded) (needKey bool) {
	if !b.pictures {
		for len(b.frames) >= maxSounds || len(b.frames) > 0 && b.bytes+len(f.Data) > maxBacklogBytes {
			b.pop()
		}
		b.add(f)
		return false
	}
	if len(b.frames) >= maxPictures || len(b.frames) > 0 && b.bytes+len(f.Data) > maxBacklogBytes {
		b.clear()
	}
	if !b.gate.Admit(f.Flags&protocol.FlagKey != 0) {
		return true
	}
	b.add(f)
	return false
}

func (b *backlog) add(f coded) {
	b.frames = append(b.frames, f)
	b.bytes += len(f.Data)
}

// pop gives the oldest frame.
func (b *backlog) pop() (coded, bool) {
	if len(b.frames) == 0 {
		return coded{}, false
	}
	f := b.frames[0]
	b.frames = slices.Delete(b.frames, 0, 1)
	b.bytes -= len(f.Data)
	return f, true
}

// clear drops everything.
func (b *backlog) clear() {
	clear(b.frames)
	b.frames, b.bytes = b.frames[:0], 0
	b.gate.Close()
}
