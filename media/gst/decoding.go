package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
)

// A decoding is one stream of coded sound on its way to the mixer. It needs no thread of its own: a frame is decoded by whoever
// brings it.
//
//	Frame ──▶ decoder ! raw ! appsink ──▶ mix
type decoding struct {
	protocol.SoundStream
	codec codec
	pipe  *pipeline.Pipeline
	feed  *pipeline.Feed
	next  int64 // when the next frame is due, ns of CLOCK_MONOTONIC
	mix   func(stream uint32, pcm []byte)
}

// startDecoding begins to decode; raw sound goes to mix, which may keep it.
func startDecoding(s protocol.SoundStream, mix func(uint32, []byte)) (*decoding, error) {
	c, err := codecFor(s)
	if err != nil {
		return nil, err
	}
	p, err := pipeline.New(fmt.Sprintf("identity name=in ! %s ! audioconvert ! audioresample ! %s ! appsink name=out sync=false async=false max-buffers=%d drop=true",
		c.decode, rawSound, queuedMost), "in", "out")
	if err != nil {
		return nil, fmt.Errorf("codec %s: %w; %s", s.Codec, err, codecsMissing)
	}
	feed, err := p.Feed("in", c.caps)
	if err == nil {
		err = p.Start()
	}
	d := &decoding{SoundStream: s, codec: c, pipe: p, feed: feed, mix: mix}
	if err != nil {
		d.end()
		return nil, fmt.Errorf("codec %s: %w", s.Codec, err)
	}
	return d, nil
}

// frame decodes one frame, or conceals one that was lost. Frames come paced; their times are made even here. It says
// whether the decoder is still of use.
func (d *decoding) frame(f protocol.Frame) bool {
	if d.pipe.Next(0).Err != nil {
		return false
	}
	now := monotonic()
	off := time.Duration(now-d.next).Abs() > resync
	if off {
		d.next = now
	}
	length := frameTime
	switch lost := f.Flags&protocol.FlagLost != 0 || len(f.Data) == 0; {
	case lost && d.codec.conceals:
		d.feed.Gap(d.next, length)
	case lost:
		d.mix(d.Number, make([]byte, bytesIn(length)))
	default:
		if length = d.codec.length(f.Data); length == 0 {
			return true // not a frame of this codec
		}
		d.feed.Push(f.Data, d.next, length, off)
	}
	d.next += length.Nanoseconds()
	for s, err := d.pipe.Pull("out", 0); err == nil; s, err = d.pipe.Pull("out", 0) {
		pcm := s.Bytes()
		s.Free()
		d.mix(d.Number, pcm)
	}
	return true
}

func (d *decoding) end() {
	d.pipe.Stop()
	if d.feed != nil {
		d.feed.Free()
	}
	d.pipe.Close()
}

// decodings is the streams that are decoded.
type decodings struct {
	mu sync.Mutex
	by map[uint32]*decoding // by their number
}

// set begins those that are missing, ends those that are not wanted, and returns the numbers of those that there are.
// What takes long, as to load a codec for the first time, it does without keeping frames waiting.
func (ds *decodings) set(want []protocol.SoundStream, mix func(uint32, []byte)) (numbers []uint32, err error) {
	fresh := map[uint32]*decoding{}
	for _, w := range want {
		if ds.has(w.Number) {
			continue
		}
		d, e := startDecoding(w, mix)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		fresh[w.Number] = d
	}
	ds.mu.Lock()
	former := ds.by
	ds.by = fresh
	for _, w := range want {
		if d := former[w.Number]; d != nil {
			fresh[w.Number] = d
		}
		if fresh[w.Number] != nil {
			numbers = append(numbers, w.Number)
		}
	}
	var gone []*decoding
	for n, d := range former {
		if fresh[n] != d {
			gone = append(gone, d)
		}
	}
	ds.mu.Unlock()
	for _, d := range gone {
		d.end()
	}
	return numbers, err
}

func (ds *decodings) has(stream uint32) bool {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	return ds.by[stream] != nil
}

// frame decodes a frame of a stream. A decoder that fails is replaced.
func (ds *decodings) frame(f protocol.Frame, mix func(uint32, []byte)) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d := ds.by[f.Stream]
	if d == nil || d.frame(f) {
		return
	}
	d.end()
	delete(ds.by, f.Stream)
	if d, err := startDecoding(d.SoundStream, mix); err == nil {
		ds.by[f.Stream] = d
	}
}
