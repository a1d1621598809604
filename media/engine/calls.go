package engine

import (
	"slices"

	"ewindow/media/engine/protocol"
)

// maxEncoders is how many different formats of our pictures are made at once. Each costs a processor core or so, and
// hardware commonly has no more.
const maxEncoders = 2

// Formats is what a call agreed on.
type Formats struct {
	Video VideoFormat
	Audio AudioFormat
}

// VideoFormat is what a call agreed on for our pictures: the largest that the other side decodes. The zero value is a
// call without our pictures.
type VideoFormat struct {
	Width, Height, FPS int
	Kbps               int
	MaxSlice           int // bytes of a NAL unit; 0 for no bound (packetization-mode 1)
}

// AudioFormat is what a call agreed on for sound in both directions. The zero value is a call without sound.
type AudioFormat struct {
	Codec string // opus | G722 | PCMU | PCMA
	Kbps  int    // Opus
	FEC   bool   // Opus: each frame also has the one before it, more coarsely (RFC 6716 §2.1.7)
}

// same says whether one encoder can make both for several calls; its bitrate changes while it runs.
func (f VideoFormat) same(s protocol.VideoStream) bool {
	return f.Width == s.Width && f.Height == s.Height && f.FPS == s.FPS && f.MaxSlice == s.MaxSlice
}

// takes says whether a decoder for f decodes s.
func (f VideoFormat) takes(s protocol.VideoStream) bool {
	return s.Width <= f.Width && s.Height <= f.Height && s.FPS <= f.FPS && (f.MaxSlice == 0 || s.MaxSlice > 0 && s.MaxSlice <= f.MaxSlice)
}

// openCall is a call as the devices serve it. A stream of the number 0 is none.
type openCall struct {
	id      string
	formats Formats
	video   uint32 // the stream of the camera that it gets
	had     uint32 // the one that it got before
	audio   uint32 // the stream of the microphone that it gets
	played  protocol.SoundStream
}

// calls is who gets what: all open calls, and the streams that serve them. Formats that are alike share a stream, and
// a stream that goes on being used keeps its number.
type calls struct {
	open    []*openCall // in the order in which they were opened
	numbers uint32      // of streams, given so far
	video   []protocol.VideoStream
	sound   protocol.SoundStreams
}

// find is the call of that id, or nil.
func (c *calls) find(id string) *openCall {
	for _, o := range c.open {
		if o.id == id {
			return o
		}
	}
	return nil
}

// set opens a call or changes its formats.
func (c *calls) set(id string, f Formats) *openCall {
	o := c.find(id)
	if o == nil {
		o = &openCall{id: id}
		c.open = append(c.open, o)
	}
	o.formats = f
	c.assign()
	return o
}

// remove ends a call.
func (c *calls) remove(id string) {
	c.open = slices.DeleteFunc(c.open, func(o *openCall) bool { return o.id == id })
	c.assign()
}

// next is the number of a new stream.
func (c *calls) next() uint32 {
	c.numbers++
	return c.numbers
}

// assign works out the streams anew, and who gets which.
func (c *calls) assign() {
	formerVideo, formerSound := c.video, c.sound
	c.video, c.sound = nil, protocol.SoundStreams{}
	for _, o := range c.open {
		o.had = o.video
	}
	for _, o := range c.open {
		o.video, o.audio = 0, 0
		if o.formats.Video != (VideoFormat{}) {
			o.video = c.assignVideo(o, formerVideo)
		}
		if o.formats.Audio == (AudioFormat{}) {
			o.played = protocol.SoundStream{}
			continue
		}
		o.audio = c.assignAudio(o.formats.Audio, formerSound.Recorded)
		if o.played.Codec != o.formats.Audio.Codec {
			o.played = protocol.SoundStream{Number: c.next(), Codec: o.formats.Audio.Codec}
		}
		c.sound.Played = append(c.sound.Played, o.played)
	}
}

// assignVideo finds a stream for a call: of just its format, or else the largest of those that are made anyway and that
// it decodes; 0 if there is none. The bitrate of a stream is what the slowest of its calls takes.
func (c *calls) assignVideo(o *openCall, former []protocol.VideoStream) uint32 {
	f := o.formats.Video
	best := slices.IndexFunc(c.video, f.same)
	if best < 0 && len(c.video) < maxEncoders {
		s := protocol.VideoStream{Width: f.Width, Height: f.Height, FPS: f.FPS, Kbps: f.Kbps, MaxSlice: f.MaxSlice}
		s.Number = c.number(c.former(o, former), func(i int) uint32 { return former[i].Number })
		c.video = append(c.video, s)
		return s.Number
	}
	if best < 0 {
		best = c.nearest(f)
	}
	if best < 0 {
		return 0
	}
	s := &c.video[best]
	s.Kbps = min(s.Kbps, f.Kbps)
	return s.Number
}

// former is the stream that goes on as a call's: one of its format, or the one that it had alone, if only the pictures a
// second are others; -1 for none.
func (c *calls) former(o *openCall, former []protocol.VideoStream) int {
	f := o.formats.Video
	if i := slices.IndexFunc(former, f.same); i >= 0 {
		return i
	}
	for _, other := range c.open {
		if other != o && other.had == o.had {
			return -1
		}
	}
	return slices.IndexFunc(former, func(s protocol.VideoStream) bool {
		f.FPS = s.FPS
		return s.Number == o.had && f.same(s)
	})
}

// nearest is the largest stream that a call decodes, -1 if there is none.
func (c *calls) nearest(f VideoFormat) int {
	best, size := -1, 0
	for i, s := range c.video {
		if f.takes(s) && s.Width*s.Height > size {
			best, size = i, s.Width*s.Height
		}
	}
	return best
}

// number is that of the former stream i, or a new one where there was none.
func (c *calls) number(i int, former func(int) uint32) uint32 {
	if i >= 0 {
		return former(i)
	}
	return c.next()
}

// assignAudio finds a stream of the microphone for a call.
func (c *calls) assignAudio(f AudioFormat, former []protocol.SoundStream) uint32 {
	same := func(s protocol.SoundStream) bool { return s.Codec == f.Codec && s.Kbps == f.Kbps && s.FEC == f.FEC }
	if i := slices.IndexFunc(c.sound.Recorded, same); i >= 0 {
		return c.sound.Recorded[i].Number
	}
	s := protocol.SoundStream{Codec: f.Codec, Kbps: f.Kbps, FEC: f.FEC}
	s.Number = c.number(slices.IndexFunc(former, same), func(i int) uint32 { return former[i].Number })
	c.sound.Recorded = append(c.sound.Recorded, s)
	return s.Number
}

// format is what a call gets of our pictures.
func (c *calls) format(o *openCall) VideoFormat {
	for _, s := range c.video {
		if s.Number == o.video {
			return VideoFormat{Width: s.Width, Height: s.Height, FPS: s.FPS, Kbps: s.Kbps, MaxSlice: s.MaxSlice}
		}
	}
	return VideoFormat{}
}

// routes is which calls get a stream: those of the camera, or of the microphone.
func (c *calls) routes(stream func(*openCall) uint32) map[uint32][]string {
	to := map[uint32][]string{}
	for _, o := range c.open {
		if n := stream(o); n != 0 {
			to[n] = append(to[n], o.id)
		}
	}
	return to
}
