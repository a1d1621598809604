package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	wavRate    = 48000   // samples a second, of 2 bytes, one channel
	wavHeader  = 44      // bytes
	wavMost    = 2 << 30 // bytes: after six hours the file starts again from the beginning
	wavCushion = 60 * time.Millisecond
)

// wavFile is a speaker that writes a WAV file (RIFF, PCM of 16 bits). It runs in real time, as a sound card does: where
// nothing comes there is silence. The file can be read at any moment: samples are appended first, and then the header
// is made to count them, so it is never ahead of what is there.
type wavFile struct {
	f       *os.File
	start   time.Time
	written int64 // bytes of samples

	mu      sync.Mutex
	waiting []byte // at most one second
	playing bool   // a cushion was there; without one, frames that come a little late would leave clicks
}

// createWAV starts the file with no samples in it. It replaces one that is there.
func createWAV(path string, now time.Time) (*wavFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("speaker file: %w; name a file that can be written", err)
	}
	w := &wavFile{f: f, start: now}
	if err := w.header(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return w, nil
}

// play takes samples that follow those before.
func (w *wavFile) play(samples []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, samples...)
	if more := len(w.waiting) - wavRate*2; more > 0 {
		w.waiting = w.waiting[more:]
	}
}

// take removes n bytes of samples, filled up with silence.
func (w *wavFile) take(n int) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]byte, n)
	cushion := int(wavCushion * wavRate / time.Second * 2)
	if !w.playing && len(w.waiting) < cushion {
		return out
	}
	k := copy(out, w.waiting)
	w.waiting = w.waiting[k:]
	w.playing = k == n
	return out
}

// advance writes what should have sounded by now. After a pause of more than a second, in which the machine slept or
// the process was stopped, it does not catch up.
func (w *wavFile) advance(now time.Time) error {
	due := int64(now.Sub(w.start)*wavRate/time.Second)*2 - w.written
	if due <= 0 {
		return nil
	}
	if due > wavRate*2 {
		w.start = now.Add(-time.Duration(w.written/2) * time.Second / wavRate)
		return nil
	}
	if w.written+due > wavMost {
		w.start, w.written = now, 0
		if err := w.f.Truncate(wavHeader); err != nil {
			return fmt.Errorf("speaker file: %w", err)
		}
		return w.header()
	}
	if _, err := w.f.WriteAt(w.take(int(due)), wavHeader+w.written); err != nil {
		return fmt.Errorf("speaker file: %w; is the disk full?", err)
	}
	w.written += due
	return w.header()
}

func (w *wavFile) header() error {
	le := binary.LittleEndian
	h := append(make([]byte, 0, wavHeader), "RIFF"...)
	h = le.AppendUint32(h, uint32(wavHeader-8+w.written))
	h = append(h, "WAVEfmt "...)
	h = le.AppendUint32(h, 16)
	h = le.AppendUint16(h, 1) // PCM
	h = le.AppendUint16(h, 1) // channel
	h = le.AppendUint32(h, wavRate)
	h = le.AppendUint32(h, wavRate*2)
	h = le.AppendUint16(h, 2)  // bytes a sample
	h = le.AppendUint16(h, 16) // bits a sample
	h = append(h, "data"...)
	h = le.AppendUint32(h, uint32(w.written))
	if _, err := w.f.WriteAt(h, 0); err != nil {
		return fmt.Errorf("speaker file: %w", err)
	}
	return nil
}
