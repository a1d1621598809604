package main

import (
	"fmt"
	"os"
	"path/filepath"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/card"
	"ewindow/media/gst/pipeline"
)

// display is where pictures go: a pipeline that shows at once what is pushed into it.
//
//	appsrc (2, leaky) ! convert and scale ! gate (texts, count) ! turn ! sink
//
// All before the turn is upright.
type display struct {
	pipe          *pipeline.Pipeline
	gate          *pipeline.Gate
	rotate        int       // degrees clockwise: a key of directions, or 0
	width, height int       // upright, of the window on X, or of the mode of a graphics card; else 0, and the sink scales
	sizes         chan area // the newest size
	keys          chan string
	gone          chan error // why it is of no use any more
	connector     *connector // of a graphics card, to be watched; else nil
	device        string
	server        int // the process of the X server, 0 if there is none or it is not known
}

// sink is what a word of the window's file means.
type sink struct {
	elements  string     // of GStreamer
	device    string     // for people
	place     *xPlace    // on an X display, else nil
	connector *connector // of a graphics card, else nil
}

// directions are what videoflip calls the turns, by degrees clockwise.
var directions = map[int]string{90: "90r", 180: "180", 270: "90l"}

// errNoScreen says that "auto" found nothing to draw on.
type errNoScreen struct{}

func (errNoScreen) Error() string {
	return "no screen: neither Wayland, X11 nor a graphics card was found; set screen in the window's file"
}

// sinkFor reads the word of the window's file.
func sinkFor(c protocol.ScreenConfig) (sink, error) {
	kind, rest := split(c.Sink)
	if kind == "auto" || kind == "" {
		cards, _ := filepath.Glob("/dev/dri/card*")
		switch d := os.Getenv("DISPLAY"); {
		case os.Getenv("WAYLAND_DISPLAY") != "" && pipeline.Has("waylandsink"):
			kind = "wayland"
		case d != "" && !tcpDisplay(d):
			kind, rest = "x11", d
		case len(cards) > 0 && pipeline.Has("kmssink"):
			kind = "kms"
		default:
			return sink{}, errNoScreen{}
		}
	}
	switch kind {
	case "none":
		return sink{elements: "fakesink sync=false", device: "none"}, nil
	case "kms":
		at, err := connectedScreen("/sys")
		if err != nil {
			return sink{}, fmt.Errorf("screen kms: %w", err)
		}
		return at.sink()
	case "wayland":
		return sink{elements: "waylandsink sync=false fullscreen=true", device: "wayland"}, nil
	case "x11":
		d, area, err := x11Place(rest)
		if err == nil && tcpDisplay(d) {
			err = fmt.Errorf("display %s is reached over the network, which device processes may not use; name a display of this machine", d)
		}
		// Pixels are square: what screens say of their millimetres is often wrong, and the sink would take no picture. What is covered
		// for a moment is drawn again soon anyway (redrawAfter): else a thread would ask the server 300 times a second.
		return sink{elements: "ximagesink name=sink sync=false handle-expose=false force-aspect-ratio=false pixel-aspect-ratio=1/1 display=" + quoted(d),
			device: "x11 " + rest, place: &xPlace{d, area}}, err
	case "gst":
		return sink{elements: rest, device: "elements " + rest}, nil
	}
	return sink{}, fmt.Errorf("screen %q is not known; use auto, kms, wayland, x11::0, none or gst:…", c.Sink)
}

// openDisplay opens the screen.
func openDisplay(c protocol.ScreenConfig) (*display, error) {
	s, err := sinkFor(c)
	if err != nil {
		return nil, err
	}
	d := &display{device: s.device, rotate: c.Rotate}
	names := []string{"in", "last"}
	var w *window
	if s.place != nil {
		if w, err = openWindow(*s.place, c.Title, c.Keys); err != nil {
			return nil, err
		}
		d.width, d.height = d.upright(w.width, w.height)
		d.sizes, d.keys, d.gone, d.server = w.sizes, w.keys, w.gone, w.server
		names = append(names, "sink")
	}
	if s.connector != nil {
		d.width, d.height = d.upright(s.connector.width, s.connector.height)
		d.connector, d.gone = s.connector, make(chan error, 1)
	}
	d.pipe, err = pipeline.New(fmt.Sprintf("appsrc name=in is-live=true format=time max-buffers=2 max-bytes=0 leaky-type=downstream "+
		"! videoconvertscale add-borders=true ! %s ! %s", d.last(), s.elements), names...)
	if err != nil {
		return nil, fmt.Errorf("screen %s: %w; check the word screen in the window's file", c.Sink, err)
	}
	d.gate = d.pipe.Gate("last")
	if w != nil {
		d.pipe.SetWindow("sink", w.id())
	}
	if err := d.pipe.Start(); err != nil {
		return nil, fmt.Errorf("screen %s: %w; set screen in the window's file to one that is there", c.Sink, err)
	}
	return d, nil
}

// last is the elements before the sink. What is turned is so in the few bytes of video, before it gets a screen's colours.
func (d *display) last() string {
	gate := "capsfilter name=last caps=" + quoted(d.caps())
	if direction := directions[d.rotate]; direction != "" {
		return gate + " ! videoflip video-direction=" + direction + " ! ewcolour"
	}
	return "ewcolour ! " + gate
}

func (d *display) caps() string {
	if d.width == 0 {
		return "video/x-raw"
	}
	return fmt.Sprintf("video/x-raw,width=%d,height=%d,pixel-aspect-ratio=1/1", d.width, d.height)
}

// upright is the size before the turn of what is so large after it, or the other way round.
func (d *display) upright(w, h int) (int, int) {
	if d.rotate%180 != 0 {
		return h, w
	}
	return w, h
}

// resize follows the window.
func (d *display) resize(a area) {
	if w, h := d.upright(a.width, a.height); w >= 16 && h >= 16 && (w != d.width || h != d.height) {
		d.width, d.height = w, h
		d.pipe.Set("last", "caps", d.caps())
		d.pipe.Resized("sink")
	}
}

// size is that of the pictures that the gate sees, if pictures of w × h are pushed.
func (d *display) size(w, h int) (int, int) {
	if d.width > 0 {
		return d.width, d.height
	}
	return w, h
}

// label puts texts over all pictures of w × h from now on: the notice above the title, at the lower left.
func (d *display) label(w, h int, title, notice string) {
	w, h = d.size(w, h)
	margin := max(4, h/36)
	y := h - margin
	var patches []pipeline.Patch
	for _, t := range []struct {
		text string
		warn bool
	}{{title, false}, {notice, true}} {
		if t.text == "" {
			continue
		}
		i := card.Label(w, h, t.text, t.warn)
		y -= i.Height
		patches = append(patches, pipeline.Patch{Pixels: i.Pixels, Width: i.Width, Height: i.Height, X: margin &^ 1, Y: y &^ 1})
		y -= margin / 3
	}
	d.gate.Draw(patches)
}
