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
//	appsrc (2, leaky) ! convert and scale ! gate (texts, count) ! sink
type display struct {
	pipe          *pipeline.Pipeline
	gate          *pipeline.Gate
	format        string     // of the pictures, if the sink is not to choose
	width, height int        // of the window on X, or of the mode of a graphics card; else 0, and the sink scales
	sizes         chan area  // the newest size
	gone          chan error // why it is of no use any more
	connector     *connector // of a graphics card, to be watched; else nil
	device        string
}

// sink is what a word of the window's file means.
type sink struct {
	elements  string     // of GStreamer
	device    string     // for people
	format    string     // of the pictures that it takes, if not any
	place     *xPlace    // on an X display, else nil
	connector *connector // of a graphics card, else nil
}

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
		// Pixels are square: what screens say of their millimetres is often wrong, and the sink would take no picture.
		return sink{elements: "ximagesink name=sink sync=false force-aspect-ratio=false pixel-aspect-ratio=1/1 display=" + quoted(d),
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
	d := &display{device: s.device, format: s.format}
	names := []string{"in", "last"}
	var w *window
	if s.place != nil {
		if w, err = openWindow(*s.place, c.Title); err != nil {
			return nil, err
		}
		d.width, d.height, d.sizes, d.gone = w.width, w.height, w.sizes, w.gone
		names = append(names, "sink")
	}
	if s.connector != nil {
		d.width, d.height, d.connector, d.gone = s.connector.width, s.connector.height, s.connector, make(chan error, 1)
	}
	d.pipe, err = pipeline.New(fmt.Sprintf("appsrc name=in is-live=true format=time max-buffers=2 max-bytes=0 leaky-type=downstream "+
		"! videoconvertscale add-borders=true ! ewcolour ! capsfilter name=last caps=%s ! %s", quoted(d.caps()), s.elements), names...)
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

func (d *display) caps() string {
	caps := "video/x-raw"
	if d.format != "" {
		caps += ",format=" + d.format
	}
	if d.width > 0 {
		caps += fmt.Sprintf(",width=%d,height=%d,pixel-aspect-ratio=1/1", d.width, d.height)
	}
	return caps
}

// resize follows the window.
func (d *display) resize(a area) {
	if a.width >= 16 && a.height >= 16 && (a.width != d.width || a.height != d.height) {
		d.width, d.height = a.width, a.height
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
