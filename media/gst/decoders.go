package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
	"ewindow/media/testcard"
)

// A videoDecoder is one way to decode H.264 on this machine.
type videoDecoder struct {
	name     string // of the GStreamer element
	options  string
	hardware bool // its driver may hang: it is tried in a process of its own, and watched
}

// videoDecoders lists the ways in the order in which they are tried. In software libav comes first, whose slice threads add no delay.
func videoDecoders() []videoDecoder {
	return []videoDecoder{
		{name: "v4l2h264dec", hardware: true},
		{name: "vah264dec", hardware: true},
		{name: "avdec_h264", options: "thread-type=slice max-threads=2 output-corrupt=false discard-corrupted-frames=true qos=false std-compliance=normal"},
		{name: "openh264dec"},
	}
}

// softwareDecoder is the one that is used unless hardware has passed its trial.
func softwareDecoder() (videoDecoder, error) {
	for _, v := range videoDecoders() {
		if !v.hardware && pipeline.Has(v.name) {
			return v, nil
		}
	}
	return videoDecoder{}, errors.New("no H.264 decoder on this machine; install gstreamer1.0-libav")
}

// build makes the pipeline from the appsrc "in", which takes access units, to a sink that takes pictures in memory that a processor
// reads.
func (v videoDecoder) build(sink string) (*pipeline.Pipeline, error) {
	return pipeline.New("appsrc name=in is-live=true format=time max-buffers=4 max-bytes=0 "+
		"caps=video/x-h264,stream-format=byte-stream,alignment=au ! h264parse ! "+v.name+" "+v.options+" ! video/x-raw ! "+sink, "in", "out")
}

const (
	decoderTrial = 15 // pictures
	decoderLag   = 2  // pictures that a decoder may hold back: more are seen by people who talk

	decoderQuiet = 8 * time.Second // without a picture is a hang; nobody waits for the trial
	decoderMost  = time.Minute     // for a trial with all that is around it
)

// try has a decoder decode the test camera's pictures, each when the one before is there: all have to come, in their size, none much
// later, and with the code that was drawn into them.
func (v videoDecoder) try(width, height int, quiet time.Duration) error {
	units, err := testUnits(width, height, decoderTrial)
	if err != nil {
		return fmt.Errorf("nothing to try it with: %w", err)
	}
	p, err := v.build("videoconvert ! video/x-raw,format=GRAY8 ! appsink name=out sync=false")
	if err != nil {
		return err
	}
	defer closed(p, closeWithin)
	if err := p.Start(); err != nil {
		return err
	}
	for i, given := 0, 0; i < len(units); i++ {
		p.Push("in", units[i], monotonic(), 0, false)
		for given < i+1-decoderLag {
			s, err := p.Pull("out", quiet)
			if m := p.Next(0); m.Err != nil {
				return m.Err
			}
			switch {
			case errors.Is(err, pipeline.ErrTimeout):
				return fmt.Errorf("gave %d pictures of %d and then none for %v: it hangs, or holds back more than %d", given, i+1, quiet, decoderLag)
			case errors.Is(err, io.EOF):
				return errors.New("ended by itself")
			case err != nil:
				return err
			}
			given++
			_, counter, ok := testcard.Read(s.Bytes(), (width+3)&^3, width, height)
			w, h := s.Width, s.Height
			if s.Free(); !ok || counter != uint32(given) || w != width || h != height {
				return fmt.Errorf("picture %d, of %dx%d, is not the one that was coded", given, w, h)
			}
		}
	}
	return nil
}

// testUnits are access units of the test camera's pictures.
func testUnits(width, height, n int) (units [][]byte, err error) {
	c := videoFormat{protocol.CameraConfig{Seed: 1}, protocol.VideoStream{Width: width, Height: height, FPS: 30, Kbps: 2000}}
	e, _, err := choose(c, software(), encoder.tryOut)
	if err != nil {
		return nil, err
	}
	p, err := e.start(c, e.frame(c))
	if err != nil {
		return nil, err
	}
	defer closed(p, closeWithin)
	for paint := newPainter(c, e.format); len(units) < n; {
		p.Push("in", paint.next(), monotonic(), 0, false)
		unit, err := e.next(p, time.Now().Add(e.limits().quiet))
		if err != nil {
			return nil, err
		}
		units = append(units, unit)
	}
	return units, nil
}

// decoderToTry is what a process is told that tries a decoder.
type decoderToTry struct {
	Name          string
	Width, Height int
}

// tryDecoderHere is that process: it prints why the decoder does not work.
func tryDecoderHere(config string) int {
	var c decoderToTry
	err := json.Unmarshal([]byte(config), &c)
	if err == nil {
		err = pipeline.Init()
	}
	for _, v := range videoDecoders() {
		if err == nil && v.name == c.Name {
			err = v.try(c.Width, c.Height, decoderQuiet)
		}
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// workingDecoder tries the decoders in hardware, each in a process of its own; nil if none of them works, and then why, or nil if there
// are none.
func workingDecoder(width, height int) (works *videoDecoder, why error) {
	for _, v := range videoDecoders() {
		if !v.hardware || !pipeline.Has(v.name) {
			continue
		}
		body, err := json.Marshal(decoderToTry{v.name, width &^ 1, height &^ 1})
		if err == nil {
			err = elsewhere(decoderMost, "try-decoder", string(body))
		}
		if err == nil {
			return &v, nil
		}
		why = errors.Join(why, fmt.Errorf("decoder %s is not used: %w", v.name, err))
	}
	return nil, why
}
