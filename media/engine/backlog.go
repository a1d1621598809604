package engine

import (
	"maps"
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

// backlog holds coded frames of all streams for someone who may be slow, within a bound. Of sound the oldest go first:
// late sound is of no use. Pictures build on those before them: after one that is dropped, all of its stream are, until
// one comes that needs none before it.
type backlog struct {
	pictures bool // else sound
	frames   []coded
	bytes    int
	gates    map[uint32]*h264.KeyGate // of streams of pictures; closed when some are missing
}

// push takes a frame, or says that a picture had to be dropped and an IDR picture of its stream is needed.
func (b *backlog) push(f coded) (needKey bool) {
	if !b.pictures {
		for b.count(f.Stream) >= maxSounds {
			b.remove(slices.IndexFunc(b.frames, func(o coded) bool { return o.Stream == f.Stream }))
		}
		for b.full(f) {
			b.remove(0)
		}
		b.add(f)
		return false
	}
	if b.count(f.Stream) >= maxPictures || b.full(f) {
		b.keep(func(stream uint32) bool { return stream != f.Stream })
	}
	if b.full(f) { // of the others
		b.clear()
	}
	gate := b.gates[f.Stream]
	if gate == nil {
		gate = &h264.KeyGate{}
		if b.gates == nil {
			b.gates = map[uint32]*h264.KeyGate{}
		}
		b.gates[f.Stream] = gate
	}
	if !gate.Admit(f.Flags&protocol.FlagKey != 0) {
		return true
	}
	b.add(f)
	return false
}

// full says whether there is no room for one more.
func (b *backlog) full(f coded) bool {
	return len(b.frames) > 0 && b.bytes+len(f.Data) > maxBacklogBytes
}

// count is how many frames of a stream wait.
func (b *backlog) count(stream uint32) (n int) {
	for _, f := range b.frames {
		if f.Stream == stream {
			n++
		}
	}
	return n
}

func (b *backlog) add(f coded) {
	b.frames = append(b.frames, f)
	b.bytes += len(f.Data)
}

func (b *backlog) remove(i int) {
	b.bytes -= len(b.frames[i].Data)
	b.frames = slices.Delete(b.frames, i, i+1)
}

// pop gives the oldest frame.
func (b *backlog) pop() (coded, bool) {
	if len(b.frames) == 0 {
		return coded{}, false
	}
	f := b.frames[0]
	b.remove(0)
	return f, true
}

// keep drops all streams but some.
func (b *backlog) keep(stream func(uint32) bool) {
	b.frames = slices.DeleteFunc(b.frames, func(f coded) bool {
		if stream(f.Stream) {
			return false
		}
		b.bytes -= len(f.Data)
		return true
	})
	maps.DeleteFunc(b.gates, func(s uint32, _ *h264.KeyGate) bool { return !stream(s) })
}

// clear drops everything.
func (b *backlog) clear() { b.keep(func(uint32) bool { return false }) }
