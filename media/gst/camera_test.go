package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
	"ewindow/media/h264"
	"ewindow/media/testcard"
)

// gst starts GStreamer in the test's own process.
func gst(t *testing.T) {
	t.Helper()
	if err := pipeline.Init(); err != nil {
		t.Fatal(err)
	}
}

// codes decodes access units and reads the code in each picture.
func codes(t *testing.T, units []protocol.Frame, width, height int) (seeds []uint16, counters []uint32) {
	t.Helper()
	gst(t)
	clip := filepath.Join(t.TempDir(), "clip.h264") // whose end the decoder sees: it gives all it has, however slowly
	var all []byte
	for _, f := range units {
		all = append(all, f.Data...)
	}
	if err := os.WriteFile(clip, all, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.New("filesrc location="+clip+" ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=GRAY8 "+
		"! appsink name=out sync=false", "out")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		s, err := p.Pull("out", patience*10*time.Second)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		stride := (width + 3) &^ 3
		if seed, counter, ok := testcard.Read(s.Bytes(), stride, width, height); ok {
			seeds, counters = append(seeds, seed), append(counters, counter)
		}
		s.Free()
	}
	return seeds, counters
}

func TestCameraOfEachEncoder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"x264enc", "openh264enc"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testCamera()
			c.Encoder = name
			k := start(t, cameraRole(c))
			if e := k.event(protocol.Ready, "test picture", 3*time.Second); e.Encoder != name || !strings.Contains(e.Text, name+": works") {
				t.Errorf("ready: %+v", e)
			}
			k.moreFrames(70, 5*time.Second)
			units := k.took()[:70]
			for i, f := range units {
				key := h264.IsKey(f.Data)
				if key != (i == 0) || key != (f.Flags&protocol.FlagKey != 0) {
					t.Errorf("access unit %d: keyframe %v, flags %d", i, key, f.Flags)
				}
				if i > 0 && f.Time <= units[i-1].Time {
					t.Errorf("access unit %d was captured at %d, after the next", i-1, f.Time)
				}
			}
			if age := time.Duration(monotonic() - units[69].Time); age < 0 || age > 2*time.Second {
				t.Errorf("the last picture is %v old", age)
			}
			sps := bytes.Index(units[0].Data, []byte{0, 0, 1, 0x67})
			if sps < 0 || units[0].Data[sps+4] != 66 || units[0].Data[sps+5]&0x40 == 0 {
				t.Errorf("not constrained baseline: % x", units[0].Data[:16])
			}
			seeds, counters := codes(t, units, c.Width, c.Height)
			if len(seeds) < 68 {
				t.Fatalf("%d of 70 codes could be read at %d kbit/s", len(seeds), c.Kbps)
			}
			for i := range seeds {
				if seeds[i] != c.Seed || i > 0 && counters[i] <= counters[i-1] {
					t.Fatalf("picture %d: seed %d, counters %v", i, seeds[i], counters)
				}
			}
			k.progresses(4, 1500*time.Millisecond)
		})
	}
}

func TestForcedKeyframe(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"x264enc", "openh264enc"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testCamera()
			c.Encoder = name
			k := start(t, cameraRole(c))
			k.moreFrames(20, 5*time.Second)
			k.command(protocol.Command{Keyframes: []uint32{1}})
			keys := 0
			for i, f := range k.moreFrames(30, 5*time.Second) {
				if h264.IsKey(f.Data) {
					keys++
					if i > 4 {
						t.Errorf("keyframe only after %d pictures", i)
					}
				}
			}
			if keys != 1 {
				t.Errorf("%d keyframes, asked for one", keys)
			}
		})
	}
}

// rate is the bitrate of so many access units in kbit/s.
func rate(units []protocol.Frame) float64 {
	n := 0
	for _, f := range units[1:] {
		n += len(f.Data)
	}
	return float64(n) * 8 / 1000 / time.Duration(units[len(units)-1].Time-units[0].Time).Seconds()
}

func TestLiveBitrate(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"x264enc", "openh264enc"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testCamera()
			c.Encoder, c.Kbps, c.Width, c.Height = name, 1200, 320, 180
			c.Source = "gst:videotestsrc is-live=true pattern=smpte horizontal-speed=9 ! video/x-raw,width=640,height=360,framerate=30/1"
			k := start(t, cameraRole(c))
			k.moreFrames(45, 5*time.Second)
			high := rate(k.moreFrames(45, 5*time.Second))
			slower := c.VideoStream
			slower.Kbps = 200
			k.command(protocol.Command{Video: []protocol.VideoStream{slower}})
			k.moreFrames(30, 5*time.Second)
			low := rate(k.moreFrames(45, 5*time.Second))
			t.Logf("1200 kbit/s: %.0f, 200 kbit/s: %.0f", high, low)
			if high > 1500 || low > 300 || high < 2*low {
				t.Errorf("at 1200 kbit/s %.0f, at 200 kbit/s %.0f", high, low)
			}
		})
	}
}

func TestSlicesFitPackets(t *testing.T) {
	t.Parallel()
	c := testCamera()
	c.MaxSlice, c.Kbps = 1100, 3000
	c.Source = "gst:videotestsrc is-live=true pattern=snow ! video/x-raw,width=640,height=360,framerate=30/1"
	k := start(t, cameraRole(c))
	for i, f := range k.moreFrames(40, 5*time.Second) {
		if largest := largestNAL(f.Data); largest > c.MaxSlice {
			t.Errorf("access unit %d has a NAL unit of %d bytes", i, largest)
		}
	}
}

// clip writes a short MP4 file with the test camera's code in it.
func clip(t *testing.T, path string) {
	t.Helper()
	gst(t)
	p, err := pipeline.New("videotestsrc num-buffers=45 ! video/x-raw,width=320,height=180,framerate=30/1 ! x264enc tune=zerolatency key-int-max=10 "+
		"! h264parse ! mp4mux fragment-duration=500 streamable=true ! appsink name=out sync=false", "out")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	var b []byte
	for {
		s, err := p.Pull("out", 20*time.Second)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, s.Bytes()...)
		s.Free()
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestClipPlaysAgainAndAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clip.mp4")
	clip(t, path)
	c := testCamera()
	c.Source = "file:" + path
	k := start(t, cameraRole(c))
	k.event(protocol.Ready, "clip", 3*time.Second)
	units := k.moreFrames(100, 12*time.Second) // the clip has 45
	if took := time.Duration(units[99].Time - units[0].Time); took < 3*time.Second || took > 20*time.Second {
		t.Errorf("100 pictures took %v", took)
	}
	if n := k.count(protocol.Missing); n > 0 {
		t.Errorf("missing: %s", k.said())
	}
}

// A clip that says that it was filmed on its side stands upright.
func TestClipStandsUpright(t *testing.T) {
	t.Parallel()
	const zero, one, minus = "\x00\x00\x00\x00", "\x00\x01\x00\x00", "\xff\xff\x00\x00" // 16.16
	for _, k := range []struct{ turned, a, b, c, d, size string }{
		{"not", one, zero, zero, one, "width=320,height=180"},
		{"by 90°", zero, one, minus, zero, "width=180,height=320"},
		{"by 180°", minus, zero, zero, minus, "width=320,height=180"},
	} {
		path := filepath.Join(t.TempDir(), "clip.mp4")
		clip(t, path)
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// The matrix of the track's header, ISO/IEC 14496-12 §8.3.2.
		matrix := file[bytes.Index(file, []byte("tkhd"))+44:]
		copy(matrix, k.a+k.b+zero+k.c+k.d+zero)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		c := testCamera()
		c.Source = "file:" + path
		s, err := sources(*c)
		if err != nil {
			t.Fatal(err)
		}
		// Nothing scales: other sizes are an error.
		p, err := pipeline.New(s[0].elements+" ! videoconvert ! video/x-raw,format=I420,"+k.size+" ! appsink name=out sync=false", "out")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		picture, err := p.Pull("out", 20*time.Second)
		if err != nil {
			t.Errorf("turned %s: %v", k.turned, err)
		} else {
			picture.Free()
		}
		p.Close()
	}
}

func TestCameraThatIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole, cut, garbage := filepath.Join(dir, "clip.mp4"), filepath.Join(dir, "cut.mp4"), filepath.Join(dir, "garbage.mp4")
	clip(t, whole)
	b, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string][]byte{cut: b[:300], garbage: bytes.Repeat([]byte("nonsense"), 1000)} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	table := map[string]string{
		"v4l2:/dev/nonesuch":            "no camera at /dev/nonesuch; plug it in",
		"x11::999":                      "x11 :999",
		"x11:somewhere":                 "names no display; write x11::0",
		"x11:host:0":                    "over the network",
		"file:/nonesuch.mp4":            "no clip to play",
		"file:" + cut:                   "clip",
		"file:" + garbage:               "clip",
		"gst:nonesuchsrc":               `no element "nonesuchsrc"; check the word camera`,
		"gst:videotestsrc ! ! identity": "check the word camera",
		"gst:videotestsrc ! tee name=t ! queue ! filesink location=/nonesuch/x t. ! queue": `"filesink" could record`,
		"gst:audiotestsrc":               "check the word camera",
		"gst:videotestsrc num-buffers=0": "the source has ended",
		"betamax":                        `camera "betamax" is not known; use auto, test`,
	}
	if len(autoSources(*testCamera())) == 0 {
		table["auto"] = "no camera on this machine; plug one in"
	}
	for source, text := range table {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			c := testCamera()
			c.Source = source
			k := start(t, cameraRole(c))
			e := k.event(protocol.Missing, text, 3*time.Second)
			t.Log(e.Text)
			if e := k.event(protocol.Ready, "still picture", time.Second); e.Lacks != "No camera" {
				t.Errorf("it lacks %q", e.Lacks)
			}
			k.moreFrames(6, 3*time.Second) // five a second
			if n := k.count(protocol.Progress); n < 3 {
				t.Errorf("%d reports of progress in 6 still pictures", n)
			}
		})
	}
}

func TestCameraComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "clip.mp4")
	c := testCamera()
	c.Source = "file:" + path
	k := start(t, cameraRole(c))
	k.event(protocol.Missing, "no clip to play", 3*time.Second)
	clip(t, filepath.Join(dir, "new.mp4"))
	if err := os.Rename(filepath.Join(dir, "new.mp4"), path); err != nil {
		t.Fatal(err)
	}
	k.event(protocol.Ready, "clip", searchEvery+4*time.Second)
	units := k.moreFrames(30, 3*time.Second)
	if fps := 29 / time.Duration(units[29].Time-units[0].Time).Seconds(); fps < 8 { // a still picture has 5
		t.Errorf("%.1f pictures a second after the camera is back", fps)
	}
}

// A camera that stalls without an error, and does not close: the process says so and ends.
func TestCameraThatHangsIsNamed(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	c := testCamera()
	c.Width, c.Height = 320, 180
	c.Source = "gst:filesrc location=" + fifo + " ! rawvideoparse format=i420 width=320 height=180 framerate=30/1 ! identity sync=true"
	f, err := os.OpenFile(fifo, os.O_RDWR, 0) // for reading too: filesrc opens, closes and opens again
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	k := start(t, cameraRole(c))
	for range 30 {
		if _, err := f.Write(make([]byte, 320*180*3/2)); err != nil {
			t.Fatal(err)
		}
	}
	k.event(protocol.Ready, "elements", 3*time.Second)
	k.event(protocol.Failed, "hangs and does not close", 15*time.Second)
}

// A camera is slow or stalls, and no encoder is blamed: progress goes on.
func TestSlowCameras(t *testing.T) {
	t.Parallel()
	for rate, missing := range map[string]bool{"1/1": false, "1/2": false, "1/60": true} {
		t.Run(rate, func(t *testing.T) {
			t.Parallel()
			c := testCamera()
			c.Width, c.Height = 320, 180
			c.Source = "gst:videotestsrc is-live=true ! video/x-raw,framerate=" + rate
			k := start(t, cameraRole(c))
			k.event(protocol.Ready, "elements", 5*time.Second)
			if missing {
				k.event(protocol.Missing, "no picture for 3s", 10*time.Second)
				k.moreFrames(5, 10*time.Second) // a still picture
				return
			}
			k.event(protocol.Progress, "", time.Second)
			time.Sleep(6 * time.Second)
			k.event(protocol.Progress, "", time.Second)
			k.mu.Lock()
			defer k.mu.Unlock()
			for i, e := range k.events {
				if e.Kind == protocol.Missing || e.Kind == protocol.Failed {
					t.Errorf("event %d: %+v", i, e)
				}
			}
		})
	}
}

func TestStoppedProcessStopsProgress(t *testing.T) {
	t.Parallel()
	k := start(t, cameraRole(testCamera()))
	k.moreFrames(20, 5*time.Second)
	if err := syscall.Kill(k.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	k.quiet(time.Second, 3*time.Second)
	if err := syscall.Kill(k.cmd.Process.Pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	k.moreFrames(20, 5*time.Second)
}

func TestBadCameraConfigurations(t *testing.T) {
	gst(t)
	for text, change := range map[string]func(*videoFormat){
		"must be even":                         func(c *videoFormat) { c.Width = 641 },
		"from 16 to 8192":                      func(c *videoFormat) { c.Height = 100000 },
		"0 pictures a second":                  func(c *videoFormat) { c.FPS = 0 },
		"and 0 kbit/s":                         func(c *videoFormat) { c.Kbps = 0 },
		`encoder "fax" is not known; use auto`: func(c *videoFormat) { c.Encoder = "fax" },
		"no H.264 encoder works (nvh264enc: not on this machine); install": func(c *videoFormat) { c.Encoder = "nvh264enc" },
		"openh264enc: cannot limit the size of slices":                     func(c *videoFormat) { c.Encoder, c.MaxSlice = "openh264enc", 1000 },
	} {
		c := testCamera()
		change(c)
		if _, err := newCamera(*cameraRole(c).Camera, &parent{w: new(bytes.Buffer)}); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, expected %q", err, text)
		}
	}
}
