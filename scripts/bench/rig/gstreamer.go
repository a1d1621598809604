package rig

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// GStreamer is a pipeline at each end: pictures over plain RTP both ways, no sound, no keys, no repair.
type GStreamer struct {
	Ends  *Ends // joined
	tasks []*Task
}

// Pipeline is what gst-launch-1.0 runs at an end.
func (g *GStreamer) Pipeline(end int, x Screens) string {
	return fmt.Sprintf("ximagesrc display-name=%s use-damage=false show-pointer=false ! video/x-raw,framerate=%d/1"+
		" ! videoconvert ! video/x-raw,format=I420 ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=%d key-int-max=%d"+
		" ! rtph264pay mtu=1200 config-interval=-1 ! udpsink host=%s port=5004 sync=false async=false"+
		" udpsrc port=5004 caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=H264"+
		" ! rtpjitterbuffer latency=100 ! rtph264depay ! avdec_h264 max-threads=1 ! videoconvert ! ximagesink display=%s sync=false async=false",
		x.Camera, FPS, Kbps, 2*FPS, g.Ends.Address(1-end), x.Window[end])
}

// Start is System's.
func (g *GStreamer) Start(ctx context.Context, x Screens) error {
	if _, err := exec.LookPath("gst-launch-1.0"); err != nil {
		return fmt.Errorf("%w; install gstreamer1.0-tools (make bench-line does)", err)
	}
	for _, end := range []int{1, 0} {
		t, err := StartTask(g.Ends.Command(ctx, end, "gst-launch-1.0", strings.Fields(g.Pipeline(end, x))...))
		if err != nil {
			return err
		}
		g.tasks = append(g.tasks, t)
	}
	return nil
}

// Processes is System's.
func (g *GStreamer) Processes() []int { return processes(g.tasks) }

// Stop is System's.
func (g *GStreamer) Stop() string { return stopAll(g.tasks) }
