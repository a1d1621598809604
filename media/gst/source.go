package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ewindow/media/found"
	"ewindow/media/gst/pipeline"
)

// A source is one way to get pictures.
type source struct {
	device   string // for people
	elements string // of GStreamer
	paced    bool   // a file: its pictures must be paced, and it starts again at its end
}

// pictures is what comes out of a source, in the format that the encoder takes. One picture waits at most.
func (s source) pictures(format string, c videoFormat) string {
	scan := ""
	if c.Scan {
		scan = scanning()
	}
	return fmt.Sprintf("%s ! videoconvertscale ! ewcolour ! video/x-raw,format=%s,width=%d,height=%d,pixel-aspect-ratio=1/1 "+
		"%s! appsink name=out sync=%t qos=false max-buffers=1 drop=true", s.elements, format, c.Width, c.Height, scan, s.paced)
}

// scanning has some of the pictures looked at for QR codes, beside those that are shown, which become a mirror's. A small computer takes a tenth of
// a second for one of 720 lines.
func scanning() string {
	mirror := "! videoflip video-direction=horiz "
	if !pipeline.Has("zbar") {
		return mirror
	}
	return "! tee name=scan scan. ! queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 " +
		"! videorate drop-only=true max-rate=5 ! zbar qos=false ! fakesink sync=false async=false scan. " + mirror
}

// sources lists the ways that a word of the window's file means, in the order in which they are tried.
func sources(c videoFormat) ([]source, error) {
	kind, rest := split(c.Source)
	switch kind {
	case "auto", "":
		return autoSources(c), nil
	case "libcamera":
		return []source{libcamera(c)}, nil
	case "v4l2":
		if _, err := os.Stat(rest); err != nil {
			return nil, fmt.Errorf("no camera at %s; plug it in, or set camera to another device, or auto", rest)
		}
		return v4l2(rest, c), nil
	case "x11":
		return x11Source(rest, c)
	case "file":
		if _, err := os.Stat(rest); err != nil {
			return nil, fmt.Errorf("no clip to play: %w", err)
		}
		// A phone films on its side, and says so in the file.
		return []source{{device: "clip " + rest, paced: true,
			elements: "filesrc location=" + quoted(rest) + " ! decodebin ! video/x-raw ! videoflip video-direction=auto ! videorate"}}, nil
	case "gst":
		return []source{{device: "elements " + rest, elements: rest}}, nil
	}
	return nil, fmt.Errorf("camera %q is not known; use auto, test, v4l2:/dev/video0, libcamera, x11::0, file:clip.mp4 or gst:…", c.Source)
}

// autoSources are all cameras of this machine: a Raspberry Pi's own first, since its /dev/video0 gives raw Bayer data.
func autoSources(c videoFormat) []source {
	var s []source
	if media, _ := filepath.Glob("/dev/media*"); len(media) > 0 && pipeline.Has("libcamerasrc") {
		s = append(s, libcamera(c))
	}
	devices, _ := filepath.Glob("/dev/video*")
	slices.Sort(devices)
	for _, d := range devices {
		if found.Captures(d) {
			s = append(s, v4l2(d, c)...)
		}
	}
	return s
}

func libcamera(c videoFormat) source {
	return source{device: "libcamera", elements: fmt.Sprintf("libcamerasrc ! video/x-raw,format=NV12,width=%d,height=%d,framerate=%d/1",
		c.Width, c.Height, c.FPS)}
}

// v4l2 asks a device for just what is wanted, uncompressed and then as JPEG pictures, which is what USB cameras give at
// full size and rate; and last for whatever it has.
func v4l2(device string, c videoFormat) []source {
	src := "v4l2src device=" + quoted(device)
	wanted := fmt.Sprintf("width=%d,height=%d,framerate=%d/1", c.Width, c.Height, c.FPS)
	return []source{
		{device: "v4l2 " + device, elements: src + " ! video/x-raw," + wanted},
		{device: "v4l2 " + device + " (JPEG)", elements: src + " ! image/jpeg," + wanted + " ! jpegdec"},
		{device: "v4l2 " + device + " (as it comes)", elements: src + " ! decodebin"},
	}
}

// x11Source looks at a display as a camera does. Without damage events each picture is grabbed anew, in time.
func x11Source(rest string, c videoFormat) ([]source, error) {
	display, window, err := x11Place(rest)
	if err != nil {
		return nil, err
	}
	if tcpDisplay(display) {
		return nil, fmt.Errorf("display %s is reached over the network, which device processes may not use; name a display of this machine", display)
	}
	crop := ""
	if window != nil {
		crop = fmt.Sprintf(" startx=%d starty=%d endx=%d endy=%d", window.x, window.y, window.x+window.width-1, window.y+window.height-1)
	}
	return []source{{device: "x11 " + strings.TrimSpace(rest), elements: fmt.Sprintf(
		"ximagesrc display-name=%s use-damage=false show-pointer=false%s ! video/x-raw,framerate=%d/1", quoted(display), crop, c.FPS)}}, nil
}
