package main

import (
	"errors"
	"fmt"
	"strings"

	"ewindow/media/gst/pipeline"
)

// An encoder is one way to make H.264 on this machine.
type encoder struct {
	name     string // of the GStreamer element
	format   string // of the pictures it takes
	verified bool   // somebody of the project has run it
	hardware bool   // its driver may hang: it is tried in a process of its own
	fits     func(c videoFormat) error
	caps     string                     // of what it makes, beside what is asked of all: "level=(string)4"
	elements func(c videoFormat) string // with the encoder named "enc"
	kbps     func(p *pipeline.Pipeline, kbps int)
	keyframe func(p *pipeline.Pipeline)
}

// farKeyframe is the distance of keyframes that nobody asked for, in pictures: about an hour.
const farKeyframe = 100000

func event(p *pipeline.Pipeline) { p.ForceKeyframe("enc") }

func kilobits(p *pipeline.Pipeline, kbps int) { p.Set("enc", "bitrate", number(kbps)) }

func noSlices(c videoFormat) error {
	if c.MaxSlice > 0 {
		return errors.New("cannot limit the size of slices, which packetization-mode 0 needs")
	}
	return nil
}

// encoders lists the ways in the order in which they are tried.
func encoders() []encoder {
	return []encoder{
		{name: "v4l2h264enc", format: "NV12", hardware: true, fits: fitsV4L2, elements: v4l2Elements, caps: "level=(string)4",
			kbps:     func(p *pipeline.Pipeline, kbps int) { p.Set("enc", "extra-controls", v4l2Controls(kbps, false)) },
			keyframe: func(p *pipeline.Pipeline) { p.Set("enc", "extra-controls", "c,force_key_frame=1") }},
		{name: "vah264enc", format: "NV12", hardware: true, fits: noSlices, elements: vaElements("vah264enc"), kbps: kilobits, keyframe: event},
		{name: "vah264lpenc", format: "NV12", hardware: true, fits: noSlices, elements: vaElements("vah264lpenc"), kbps: kilobits, keyframe: event},
		{name: "nvh264enc", format: "NV12", hardware: true, fits: noSlices, kbps: kilobits, keyframe: event,
			elements: func(c videoFormat) string {
				return fmt.Sprintf("nvh264enc name=enc zerolatency=true preset=low-latency-hq rc-mode=cbr bframes=0 gop-size=-1 bitrate=%d", c.Kbps)
			}},
		{name: "x264enc", format: "I420", verified: true, elements: x264Elements, kbps: kilobits, keyframe: event},
		{name: "openh264enc", format: "I420", verified: true, fits: noSlices, keyframe: event,
			elements: func(c videoFormat) string {
				return fmt.Sprintf("openh264enc name=enc usage-type=camera complexity=low rate-control=bitrate bitrate=%d "+
					"gop-size=%d multi-thread=2 scene-change-detection=false", c.Kbps*1000, farKeyframe)
			},
			kbps: func(p *pipeline.Pipeline, kbps int) { p.Set("enc", "bitrate", number(kbps*1000)) }},
	}
}

// oneThread is how many pixels a second one thread of x264 encodes on every machine that is taken for a window. Two would share out
// each picture in slices, and the look ahead of the rate control: that costs half as much again, and the decoder at the other end as
// well, and on busy cores nothing is sooner for it.
const oneThread = 1280 * 720 * 30

func x264Elements(c videoFormat) string {
	threads := 1
	if c.Width*c.Height*c.FPS > oneThread {
		threads = 2
	}
	options := "scenecut=0:lookahead-threads=1"
	if c.MaxSlice > 0 {
		options += fmt.Sprintf(":slice-max-size=%d", c.MaxSlice)
	}
	return fmt.Sprintf("x264enc name=enc tune=zerolatency speed-preset=ultrafast threads=%d bframes=0 key-int-max=%d bitrate=%d "+
		"vbv-buf-capacity=120 byte-stream=true option-string=%s", threads, farKeyframe, c.Kbps, quoted(options))
}

func vaElements(name string) func(videoFormat) string {
	return func(c videoFormat) string {
		return fmt.Sprintf("%s name=enc rate-control=cbr bitrate=%d b-frames=0 ref-frames=1 key-int-max=1024 target-usage=7", name, c.Kbps)
	}
}

// v4l2Floor is the least bitrate, in kbit/s: below it the Raspberry Pi's encoder fails at changes of scene.
const v4l2Floor = 1000

func v4l2Controls(kbps int, first bool) string {
	s := fmt.Sprintf("c,video_bitrate=%d", max(kbps, v4l2Floor)*1000)
	if first {
		s += fmt.Sprintf(",repeat_sequence_header=1,h264_i_frame_period=%d", farKeyframe)
	}
	return s
}

// Level 4 (H.264 table A-1), in macroblocks of 16x16, and the longest side that the Raspberry Pi's driver takes: 1080p30 is what its
// encoder was made for.
const (
	v4l2Picture = 8192
	v4l2Second  = 245760
	v4l2Side    = 1920 // pixels
)

func fitsV4L2(c videoFormat) error {
	picture := (c.Width + 15) / 16 * ((c.Height + 15) / 16)
	switch {
	case c.Width%64 != 0:
		return fmt.Errorf("needs a width divisible by 64, not %d", c.Width)
	case c.Width > v4l2Side || c.Height > v4l2Side || picture > v4l2Picture || picture*c.FPS > v4l2Second:
		return fmt.Errorf("holds level 4, 1920x1080 at 30 pictures a second, not %dx%d at %d", c.Width, c.Height, c.FPS)
	}
	return noSlices(c)
}

// v4l2Elements is made with level 4 in its caps: with the lowest one, which GStreamer takes if it is not told another, the Raspberry Pi's
// encoder hangs after one picture. Pictures are copied into the driver's memory: to import that of libcamera (output-io-mode) would be
// less work, but the still picture and those of a trial are in memory that cannot be imported, which GStreamer takes for an error.
func v4l2Elements(c videoFormat) string {
	return fmt.Sprintf("v4l2h264enc name=enc extra-controls=%s", quoted(v4l2Controls(c.Kbps, true)))
}

// frame is the format of the pictures that go into an encoder.
func (e encoder) frame(c videoFormat) frameFormat {
	return frameFormat{e.format, c.Width, c.Height, c.FPS}
}

// build makes the pipeline from source (elements that give pictures) to the appsink "out".
func (e encoder) build(source string, c videoFormat, names ...string) (*pipeline.Pipeline, error) {
	caps := "profile=constrained-baseline,stream-format=byte-stream,alignment=au"
	if e.caps != "" {
		caps += "," + e.caps
	}
	return pipeline.New(fmt.Sprintf("%s ! %s ! video/x-h264,%s ! h264parse config-interval=-1 "+
		"! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=out sync=false max-buffers=2", source, e.elements(c), caps),
		append(names, "enc", "out")...)
}

// start makes and starts the pipeline that encodes what is pushed into "in": one picture waits at most, an older one
// gives way, so that a slow encoder costs pictures and not time. Pictures of another size or format are converted.
func (e encoder) start(c videoFormat, pushed frameFormat) (*pipeline.Pipeline, error) {
	in := fmt.Sprintf("appsrc name=in is-live=true format=time max-buffers=1 max-bytes=0 leaky-type=downstream caps=%s ! videoconvertscale ! %s",
		quoted(pushed.caps(c.FPS)), e.frame(c).caps(c.FPS))
	p, err := e.build(in, c, "in")
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// choose finds the encoder: the named one, or the first that passes its trial. If none does, it is the one in software
// that gave the most: slow pictures are better than none. why says in words what was found.
func choose(c videoFormat, all []encoder, try func(encoder, videoFormat) error) (e encoder, why string, err error) {
	var found []string
	var last encoder // the last resort
	most := 0
	for _, e := range all {
		if c.Encoder != "auto" && c.Encoder != "" && c.Encoder != e.name {
			continue
		}
		err := try(e, c)
		if err == nil {
			text := "works"
			if !e.verified {
				text = "works here, unverified: nobody of the project has run it yet"
			}
			return e, strings.Join(append(found, e.name+": "+text), "; "), nil
		}
		found = append(found, e.name+": "+err.Error())
		if few := (*fewError)(nil); errors.As(err, &few) && !e.hardware && few.units > most {
			last, most = e, few.units
		}
	}
	switch {
	case most > 0:
		return last, strings.Join(append(found, last.name+": taken as the best of these"), "; "), nil
	case len(found) == 0:
		return e, "", fmt.Errorf("encoder %q is not known; use auto or one of %s", c.Encoder, encoderNames())
	}
	return e, "", fmt.Errorf("no H.264 encoder works (%s); install gstreamer1.0-plugins-ugly for x264enc", strings.Join(found, "; "))
}

func encoderNames() string {
	var names []string
	for _, e := range encoders() {
		names = append(names, e.name)
	}
	return strings.Join(names, ", ")
}
