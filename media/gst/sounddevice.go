package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
)

// A soundDevice is a microphone or a speaker.
type soundDevice struct {
	name     string // for people; empty for one that was asked for as none
	elements string
	acoustic bool // it stands in a room: sound can get from speaker to microphone
}

// lowDelay keeps a sound card's buffers short; GStreamer's own choice is 200 ms.
const lowDelay = "buffer-time=40000 latency-time=10000"

// silentMicrophone stands in for one that is not there.
func silentMicrophone() soundDevice {
	return soundDevice{name: "silence", elements: "audiotestsrc is-live=true wave=silence samplesperbuffer=960"}
}

// silentSpeaker stands in for one that is not there.
func silentSpeaker() soundDevice {
	return soundDevice{name: "nowhere", elements: "fakesink sync=false async=false"}
}

func microphone(c protocol.SoundConfig) (soundDevice, error) {
	kind, rest := split(c.Microphone)
	switch kind {
	case "auto", "":
		switch {
		case pulseRuns():
			kind = "pulse"
		case alsaHas("capture"):
			kind, rest = "alsa", "default"
		default:
			return soundDevice{}, fmt.Errorf("no microphone on this machine; plug one in, or name one in the window's file")
		}
	case "none":
		return silentMicrophone(), nil
	case "test":
		if c.ToneHz < 20 || c.ToneHz > 20000 {
			return soundDevice{}, fmt.Errorf("test tone of %d Hz: 20 to 20000 are possible", c.ToneHz)
		}
		return soundDevice{name: fmt.Sprintf("test tone of %d Hz", c.ToneHz), elements: fmt.Sprintf(
			"audiotestsrc is-live=true wave=sine freq=%d volume=0.25 samplesperbuffer=960", c.ToneHz)}, nil
	case "gst":
		return soundDevice{name: "elements " + rest, elements: rest, acoustic: true}, nil
	}
	switch kind {
	case "pulse":
		return soundDevice{name: "pulse", elements: "pulsesrc " + lowDelay, acoustic: true}, nil
	case "alsa":
		if rest == "" {
			rest = "default"
		}
		return soundDevice{name: "alsa " + rest, elements: "alsasrc " + lowDelay + " device=" + quoted(rest), acoustic: true}, nil
	}
	return soundDevice{}, fmt.Errorf("microphone %q is not known; use auto, test, alsa:hw:1, pulse, none or gst:…", c.Microphone)
}

func speaker(c protocol.SoundConfig) (soundDevice, error) {
	kind, rest := split(c.Speaker)
	switch kind {
	case "auto", "":
		switch {
		case pulseRuns():
			kind = "pulse"
		case alsaHas("playback"):
			kind, rest = "alsa", "default"
		default:
			return soundDevice{}, fmt.Errorf("no speaker on this machine; plug one in, or name one in the window's file")
		}
	case "none":
		return silentSpeaker(), nil
	case "file":
		return soundDevice{}, errors.New("a window records nothing, so no speaker is a file; use auto, alsa:hw:1, pulse, none or gst:…")
	case "gst":
		return soundDevice{name: "elements " + rest, elements: rest, acoustic: true}, nil
	}
	switch kind {
	case "pulse":
		return soundDevice{name: "pulse", elements: "pulsesink async=false " + lowDelay, acoustic: true}, nil
	case "alsa":
		if rest == "" {
			rest = "default"
		}
		return soundDevice{name: "alsa " + rest, elements: "alsasink async=false " + lowDelay + " device=" + quoted(rest), acoustic: true}, nil
	}
	return soundDevice{}, fmt.Errorf("speaker %q is not known; use auto, alsa:hw:1, pulse, none or gst:…", c.Speaker)
}

// pulseRuns says whether a PulseAudio server, or PipeWire in its place, can be reached.
func pulseRuns() bool {
	socket := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "pulse", "native")
	if s, ok := strings.CutPrefix(os.Getenv("PULSE_SERVER"), "unix:"); ok {
		socket = s
	}
	_, err := os.Stat(socket)
	return err == nil
}

// alsaHas says whether a sound card has a device of that direction, "capture" or "playback".
func alsaHas(direction string) bool {
	b, err := os.ReadFile("/proc/asound/pcm")
	return err == nil && strings.Contains(string(b), direction)
}

// alone is a pipeline of one device and nothing else.
func alone(side string, d soundDevice) string {
	if side == "speaker" {
		return "audiotestsrc is-live=true wave=silence ! audioconvert ! audioresample ! " + rawSound + " ! " + d.elements
	}
	return d.elements + " ! audioconvert ! audioresample ! " + rawSound + " ! fakesink"
}

// search looks for missing devices without disturbing the others, and says when one of them works again.
func (s *sound) search(ctx context.Context, back chan<- struct{}) {
	tick := time.NewTicker(searchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for side, find := range map[string]func(protocol.SoundConfig) (soundDevice, error){"microphone": microphone, "speaker": speaker} {
			if _, is := s.missing[side]; !is {
				continue
			}
			if d, err := find(s.c); err == nil && works(ctx, alone(side, d)) {
				back <- struct{}{}
				return
			}
		}
	}
}

// works tries a device on its own.
func works(ctx context.Context, description string) bool {
	p, err := pipeline.New(description)
	if err != nil {
		return false
	}
	defer closed(p, shutWithin)
	if p.Start() != nil {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(listenFirst):
	}
	m := p.Next(0)
	return m.Err == nil && !m.End
}

// device is what a word of the window's file means now, or its stand-in.
func (s *sound) device(side string, find func(protocol.SoundConfig) (soundDevice, error), standIn soundDevice) soundDevice {
	if _, is := s.missing[side]; is {
		return standIn
	}
	d, err := find(s.c)
	if err == nil {
		err = s.prepare(side, d)
	}
	if err != nil {
		s.miss(side, err)
		return standIn
	}
	return d
}

// prepare checks that the elements of a device fit together.
func (s *sound) prepare(side string, d soundDevice) error {
	p, err := pipeline.New(alone(side, d))
	if err != nil {
		return fmt.Errorf("%w; check the word in the window's file", err)
	}
	p.Close()
	return nil
}

func (s *sound) miss(side string, err error) {
	word := s.c.Microphone
	if side == "speaker" {
		word = s.c.Speaker
	}
	s.missing[side] = err.Error()
	s.p.event(protocol.Event{Kind: protocol.Missing, Device: word, Text: fmt.Sprintf("%s %s: %v", side, word, err)})
}

// blame finds the device that an error is about. An error of neither is the role's end.
func (s *sound) blame(err error) error {
	var e *pipeline.Error
	if errors.As(err, &e) {
		for _, side := range []string{"microphone", "speaker"} {
			if _, is := s.missing[side]; !is && strings.Contains(e.Element, "GstBin:"+side+"/") {
				s.miss(side, err)
				return nil
			}
		}
	}
	return fmt.Errorf("sound: %w", err)
}

// lacks says for the screen which devices silence stands in for.
func (s *sound) lacks() string {
	var sides []string
	for _, side := range []string{"microphone", "speaker"} {
		if s.missing[side] != "" {
			sides = append(sides, "no "+side)
		}
	}
	text := strings.Join(sides, ", ")
	if text == "" {
		return ""
	}
	return "N" + text[1:]
}
