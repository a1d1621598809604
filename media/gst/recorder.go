package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
)

// recorder is the encoders of the microphone while a pipeline plays: one branch for each stream.
type recorder struct {
	sound    *sound
	p        *pipeline.Pipeline
	branches map[uint32]*branch
}

// branch is one of them.
type branch struct {
	gst  *pipeline.Branch
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// set ends the branches that are not wanted and begins those that are missing. The others are left alone.
func (r *recorder) set(want []protocol.SoundStream) error {
	for n, b := range r.branches {
		if !slices.ContainsFunc(want, func(w protocol.SoundStream) bool { return w.Number == n }) {
			b.end()
			delete(r.branches, n)
		}
	}
	for _, w := range want {
		if r.branches[w.Number] != nil {
			continue
		}
		description, err := recording(w)
		if err != nil {
			return err
		}
		gst, err := r.p.Branch("heard", description, "out")
		if err != nil {
			return fmt.Errorf("codec %s: %w; %s", w.Codec, err, codecsMissing)
		}
		ctx, stop := context.WithCancel(context.Background())
		b := &branch{gst: gst, stop: stop}
		b.wg.Go(func() { r.sound.hear(ctx, w.Number, gst) })
		r.branches[w.Number] = b
	}
	return nil
}

func (r *recorder) end() {
	for _, b := range r.branches {
		b.end()
	}
}

func (b *branch) end() {
	b.stop()
	b.wg.Wait()
	b.gst.End()
}

// hear passes coded sound of a stream on to the parent.
func (s *sound) hear(ctx context.Context, stream uint32, b *pipeline.Branch) {
	var coded []byte
	for ctx.Err() == nil {
		f, err := b.Pull(100 * time.Millisecond)
		if errors.Is(err, pipeline.ErrTimeout) {
			continue
		}
		if err != nil {
			s.ended.Store(errors.Is(err, io.EOF) && ctx.Err() == nil)
			return // of an error, the bus says why
		}
		s.ticks(stream, monotonic())
		coded = f.Append(coded[:0])
		s.p.frame(protocol.Frame{Time: f.Time, Stream: stream, Data: coded})
		f.Free()
		s.pulse.count.Add(1)
	}
}

// toRecord is the streams that are to be.
func (s *sound) toRecord() []protocol.SoundStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recorded
}

// recording is a branch of the pipeline that encodes a stream to its appsink "out".
func recording(w protocol.SoundStream) (string, error) {
	c, err := codecFor(w)
	return fmt.Sprintf("%s ! appsink name=out sync=false async=false max-buffers=%d drop=true", c.encode, queuedMost), err
}

// tryEncoding says what keeps a stream from being encoded.
func tryEncoding(w protocol.SoundStream) error {
	branch, err := recording(w)
	if err != nil {
		return err
	}
	p, err := pipeline.New("fakesrc ! " + rawSound + " ! " + branch)
	if err != nil {
		return fmt.Errorf("codec %s: %w; %s", w.Codec, err, codecsMissing)
	}
	p.Close()
	return nil
}
