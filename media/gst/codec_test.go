package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
	"ewindow/media/h264"
	standin "ewindow/scripts/lab/codec"
)

// codecLab is the stand-in for a Raspberry Pi's codec, compiled, and GStreamer's list of plugins with it, made once.
var codecLab = sync.OnceValues(func() (lab struct{ dir, library string }, err error) {
	if lab.dir, err = os.MkdirTemp("", "ewindow-codec"); err != nil {
		return lab, err
	}
	codecDir = lab.dir
	if lab.library, err = standin.Build("../../scripts/lab/codec/standin", lab.dir); err != nil {
		return lab, err
	}
	d, err := standin.New(lab.library, lab.dir)
	if err != nil {
		return lab, err
	}
	cmd := program(protocol.Prepare)
	cmd.Env = append(cmd.Env, append(d.Env(), registry(lab.dir))...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return lab, fmt.Errorf("GStreamer's list of plugins with the stand-in: %w: %s", err, out)
	}
	return lab, nil
})

var codecDir string // to be removed

func closeCodec() {
	if codecDir != "" {
		_ = os.RemoveAll(codecDir)
	}
}

func registry(dir string) string { return "GST_REGISTRY=" + dir + "/registry" }

// pi is a machine with such a codec. The devices do what faults say.
type pi struct {
	*standin.Device
	t   *testing.T
	env []string
}

func newPi(t *testing.T, faults ...string) *pi {
	t.Helper()
	lab, err := codecLab()
	if err != nil {
		t.Fatal(err)
	}
	d, err := standin.New(lab.library, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &pi{d, t, append(d.Env(), registry(lab.dir))}
	p.does(faults...)
	return p
}

// does says what goes wrong from now on.
func (p *pi) does(faults ...string) {
	p.t.Helper()
	if err := p.Set(faults...); err != nil {
		p.t.Fatal(err)
	}
}

// count is how many entries of the log of a process begin with what; of all processes if pid is 0.
func (p *pi) count(pid int, role, what string) (n int) {
	p.t.Helper()
	all, err := p.Log()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range all {
		if (pid == 0 || e.PID == pid) && e.Role == role && strings.HasPrefix(e.What, what) {
			n++
		}
	}
	return n
}

func piCamera() *videoFormat {
	c := testCamera()
	c.Kbps = 2000
	return c
}

// uses is the encoder of which the camera said last that it uses it.
func (k *child) uses() (encoder string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.events {
		if e.Kind == protocol.Ready {
			encoder = e.Encoder
		}
	}
	return encoder
}

// ready waits until the camera says that it uses an encoder.
func (k *child) ready(encoder, avoided string) protocol.Event {
	k.t.Helper()
	var found protocol.Event
	k.until("encoder "+encoder, 5*time.Second, func() bool {
		for _, e := range k.events {
			if e.Kind == protocol.Ready {
				found = e
			}
		}
		return found.Encoder == encoder && found.Avoided == avoided
	})
	return found
}

// whole checks that a stream can be decoded to its end, with the camera's code in every picture and none twice, and says how many
// keyframes it has.
func (k *child) whole(stream uint32, width, height int) (keyframes int) {
	k.t.Helper()
	units := k.of(stream)
	for i, f := range units {
		if h264.IsKey(f.Data) {
			keyframes++
		}
		if i > 0 && f.Time <= units[i-1].Time {
			k.t.Fatalf("access unit %d was captured before the one before it", i)
		}
	}
	seeds, counters := codes(k.t, units, width, height)
	if len(seeds) < len(units)-4 {
		k.t.Fatalf("%d of %d codes could be read", len(seeds), len(units))
	}
	for i := range seeds {
		if i > 0 && counters[i] <= counters[i-1] {
			k.t.Fatalf("counters %v", counters)
		}
	}
	return keyframes
}

// A Raspberry Pi's encoder comes first, is tried in a process of its own, and is told what a window needs.
func TestHardwareEncodes(t *testing.T) {
	t.Parallel()
	p := newPi(t)
	c := piCamera()
	k := start(t, cameraRole(c), p.env...)
	if e := k.ready("v4l2h264enc", ""); !strings.HasPrefix(e.Text, "v4l2h264enc: works here") {
		t.Errorf("why: %s", e.Text)
	}
	k.moreFrames(40, 5*time.Second)
	pid := k.cmd.Process.Pid
	for _, told := range []string{"control H264 Level = 11", "control H264 Profile = 1", "control Video Bitrate = 2000000", "control Repeat Sequence Header = 1",
		"control H264 I-Frame Period = 100000", "format NV12 640x360", "rate 30/1"} {
		if p.count(pid, "encode", told) != 1 {
			t.Errorf("it was not told %q once", told)
		}
	}
	if trials := p.count(0, "encode", "pictures in on") - p.count(pid, "encode", "pictures in on"); trials != 1 {
		t.Errorf("%d trials elsewhere", trials)
	}
	if keys := k.whole(1, c.Width, c.Height); keys != 1 {
		t.Errorf("%d keyframes", keys)
	}
}

// Whatever the camera is, the encoder takes a trial's pictures, which are in memory that no driver can import.
func TestHardwareBehindEachCamera(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"auto", "libcamera", "v4l2:/dev/video0"} {
		p, c := newPi(t), piCamera()
		c.Source, c.Encoder = source, "v4l2h264enc"
		body, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		cmd := program("try-encoder", string(body))
		cmd.Env = append(cmd.Env, p.env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", source, err, out)
		}
	}
}

// With the lowest level, which GStreamer takes where it is not told another one, the Pi's encoder gives one picture.
func TestHardwareNeedsItsLevel(t *testing.T) {
	t.Parallel()
	p := newPi(t)
	cmd := program()
	cmd.Env = append(append(cmd.Env, p.env...), "EWINDOW_MEDIA_CHILD="+withoutLevel)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "gave 1 of 15 access units and then none for 1s") {
		t.Errorf("%v: %s", err, out)
	}
	if p.count(0, "encode", "control H264 Level = 0") != 1 || p.count(0, "encode", "hangs") != 1 {
		all, _ := p.Log()
		t.Errorf("another level was set, or it did not hang: %v", all)
	}
}

// withoutLevel is a child of the tests that tries the Pi's encoder so.
const withoutLevel = "without level"

func tryWithoutLevel() {
	if err := pipeline.Init(); err != nil {
		fmt.Println(err)
	}
	e := encoders()[0]
	e.caps = ""
	fmt.Println(e.name, e.try(*piCamera(), trialLimits{quiet: time.Second, most: time.Minute}))
}

// A bitrate reaches the encoder that runs, and so do the requests for keyframes.
func TestHardwareIsToldLive(t *testing.T) {
	t.Parallel()
	p := newPi(t)
	c := piCamera()
	k := start(t, cameraRole(c), p.env...)
	k.moreFrames(20, 5*time.Second)
	for i, kbps := range []int{1500, 1225, 4000} {
		w := c.VideoStream
		w.Kbps = kbps
		k.command(protocol.Command{Video: []protocol.VideoStream{w}, Keyframes: []uint32{1}})
		keys := i + 2
		k.until("keyframe", 3*time.Second, func() bool {
			n := 0
			for _, f := range k.frames {
				if h264.IsKey(f.Data) {
					n++
				}
			}
			return n >= keys
		})
		k.moreFrames(10, 3*time.Second)
		if p.count(k.cmd.Process.Pid, "encode", fmt.Sprintf("control Video Bitrate = %d", kbps*1000)) == 0 {
			t.Errorf("%d kbit/s did not arrive", kbps)
		}
	}
	if n := p.count(k.cmd.Process.Pid, "encode", "pictures in on"); n != 1 {
		t.Errorf("the encoder was started %d times", n)
	}
	if keys := k.whole(1, c.Width, c.Height); keys != 4 {
		t.Errorf("%d keyframes", keys)
	}
}

// An encoder that fails in the middle of a call gives way to software in the same process, and comes back when it is asked to be tried.
func TestSoftwareTakesOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ fault, why string }{
		"hangs":    {"encode.hang 30", "hung after"},
		"is stuck": {"encode.stuck 30", "hung after"}, // in an ioctl that never returns
		"is gone":  {"encode.gone 30", ""},            // ENODEV: GStreamer says so, or nothing at all
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPi(t, c.fault) // a trial takes 15 pictures
			f := piCamera()
			k := start(t, cameraRole(f), p.env...)
			k.ready("v4l2h264enc", "")
			k.until(name, 5*time.Second, func() bool { return p.count(k.cmd.Process.Pid, "encode", name) > 0 })
			w := f.VideoStream // an order to a driver that is stuck must keep nobody waiting
			w.Kbps = 1500
			k.command(protocol.Command{Video: []protocol.VideoStream{w}, Keyframes: []uint32{1}})
			if e := k.ready("x264enc", "v4l2h264enc"); !strings.Contains(e.Text, c.why) {
				t.Errorf("why: %s", e.Text)
			}
			k.moreFrames(40, 5*time.Second)
			if keys := k.whole(1, f.Width, f.Height); keys < 2 || keys > 3 { // the one that was asked for may be the first of the other encoder
				t.Errorf("%d keyframes", keys)
			}
			t.Logf("no picture for %v", widest(k.of(1)))
			for _, n := range []protocol.EventKind{protocol.Failed, protocol.Missing} {
				if k.count(n) > 0 {
					t.Errorf("the camera was interrupted: %s", k.said())
				}
			}
		})
	}
}

// Hardware that works again is used again, one that does not is left out on.
func TestHardwareComesBack(t *testing.T) {
	t.Parallel()
	p := newPi(t, "encode.gone 30")
	c := piCamera()
	k := start(t, cameraRole(c), p.env...)
	k.ready("x264enc", "v4l2h264enc")
	p.does("encode.gone 1")
	k.command(protocol.Command{Retry: true})
	k.event(protocol.Ready, "tried again: ", 10*time.Second)
	k.ready("x264enc", "v4l2h264enc")
	p.does()
	for range 60 { // until the driver has let go of what failed: with GStreamer 1.26 that takes a moment
		before := k.count(protocol.Ready)
		k.command(protocol.Command{Retry: true})
		k.until("answer", 10*time.Second, func() bool {
			n := 0
			for _, e := range k.events {
				if e.Kind == protocol.Ready {
					n++
				}
			}
			return n > before
		})
		if k.uses() == "v4l2h264enc" {
			break
		}
		k.moreFrames(10, 5*time.Second)
	}
	k.ready("v4l2h264enc", "")
	k.moreFrames(40, 5*time.Second)
	if keys := k.whole(1, c.Width, c.Height); keys != 3 {
		t.Errorf("%d keyframes", keys)
	}
	if k.count(protocol.Failed)+k.count(protocol.Missing) > 0 {
		t.Errorf("the camera was interrupted: %s", k.said())
	}
}

// A process that is told which encoder failed before begins with another one at once, without a trial.
func TestAvoidedEncoderIsNotTried(t *testing.T) {
	t.Parallel()
	p := newPi(t)
	c := piCamera()
	c.Avoid = "v4l2h264enc"
	k := start(t, cameraRole(c), p.env...)
	k.ready("x264enc", "v4l2h264enc")
	if n := p.count(0, "encode", "format"); n > 0 {
		t.Errorf("it was tried all the same: %d formats", n)
	}
	k.command(protocol.Command{Retry: true})
	k.ready("v4l2h264enc", "")
	k.moreFrames(20, 5*time.Second)
	if keys := k.whole(1, c.Width, c.Height); keys != 2 {
		t.Errorf("%d keyframes", keys)
	}
}

// What the window's file names is used whatever happens: that it hangs is left to the engine, which begins the process anew.
func TestNamedHardwareIsKept(t *testing.T) {
	t.Parallel()
	p := newPi(t, "encode.hang 30")
	c := piCamera()
	c.Encoder = "v4l2h264enc"
	k := start(t, cameraRole(c), p.env...)
	k.ready("v4l2h264enc", "")
	k.quiet(2*time.Second, 5*time.Second)
	if n := k.count(protocol.Ready); n != 1 {
		t.Errorf("another took its place: %s", k.said())
	}
}
