package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
)

// memory reads a number of KiB of a process, in MiB.
func (k *child) memory(t *testing.T, name string) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", k.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("no %s in %s", name, b)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n >> 10
}

// mostData is the limit of a process in MiB. It is an error to have none.
func (k *child) mostData(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", k.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`Max data size +(\d+) +(\d+) +bytes`).FindSubmatch(b)
	if m == nil || string(m[1]) != string(m[2]) {
		t.Fatalf("no limit of memory in %s", b)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n >> 20
}

// checkHeadroom fails when a process comes near its limit, as it would be on a small machine.
func (k *child) checkHeadroom(t *testing.T, what string) {
	t.Helper()
	used := k.memory(t, "VmData") - (k.mostData(t) - int(budget(k.conf, machineMemory())>>20))
	may := int(budget(k.conf, 0) >> 20)
	t.Logf("%s %s: %d of %d MiB", k.conf.Role, what, used, may)
	if used > may*6/10 {
		t.Errorf("%s %s uses %d of %d MiB, too near to its limit", k.conf.Role, what, used, may)
	}
}

func TestMemoryHasHeadroom(t *testing.T) {
	t.Parallel()
	c := testCamera()
	c.Width, c.Height, c.FPS = 1920, 1080, 5
	camera := start(t, cameraRole(c))
	screen := start(t, screenRole(protocol.ScreenConfig{Sink: "none", Width: 1920, Height: 1080}))
	screen.command(protocol.Command{Card: &protocol.Card{Picture: true}})
	sound := start(t, soundRole(protocol.SoundConfig{Microphone: "test", ToneHz: 440, Speaker: "none", Streams: coded("opus", 0)}))
	camera.moreFrames(1, 10*time.Second)
	stop := make(chan struct{})
	go relay(camera, screen, stop)
	camera.moreFrames(10, 10*time.Second)
	sound.moreFrames(10, 10*time.Second)
	screen.progresses(3, 3*time.Second)
	camera.checkHeadroom(t, "with 1080p")
	screen.checkHeadroom(t, "with 1080p")
	sound.checkHeadroom(t, "with opus")
	second := protocol.VideoStream{Number: 2, Width: 1280, Height: 720, FPS: 5, Kbps: 1000}
	camera.command(protocol.Command{Video: []protocol.VideoStream{c.VideoStream, second}})
	calls := coded("opus", 32)
	for n, codec := range []string{"PCMU", "G722", "PCMA"} {
		more := protocol.SoundStream{Number: uint32(n + 2), Codec: codec}
		calls.Recorded, calls.Played = append(calls.Recorded, more), append(calls.Played, more)
	}
	sound.command(protocol.Command{Sound: &calls})
	camera.moreOf(2, 10, 10*time.Second)
	sound.moreOf(4, 10, 10*time.Second)
	camera.checkHeadroom(t, "with 1080p and 720p")
	sound.checkHeadroom(t, "with four codecs")
	close(stop)
	for what, units := range map[string][][]byte{ // the most that level 4 allows
		"with 4 large references":  enginetest.Grey(120, 68, 4, 40),
		"with 16 small references": enginetest.Grey(45, 45, 16, 40),
	} {
		for _, au := range units {
			screen.send(protocol.Frame{Data: au})
		}
		screen.progresses(5, 3*time.Second)
		screen.checkHeadroom(t, what)
	}
	if screen.count(protocol.Ready) != 1 {
		t.Errorf("the decoder was started anew: %s", screen.said())
	}
}

// A picture that is a bomb, past all that looks at it before: the kernel's limit is the last thing that holds.
func TestHostilePictureEndsTheScreenWithinItsLimit(t *testing.T) {
	t.Parallel()
	k := start(t, screenRole(protocol.ScreenConfig{Sink: "none", Width: 1280, Height: 720}))
	k.event(protocol.Ready, "", 3*time.Second)
	k.command(protocol.Command{Card: &protocol.Card{Picture: true}})
	most := k.mostData(t)
	for _, au := range enginetest.Grey(512, 270, 16, 60) { // 8192×4320; 53 MB each
		if protocol.WriteFrame(k.conn, protocol.Frame{Data: au}) != nil {
			break // it is gone
		}
	}
	e := k.event(protocol.Failed, "this screen may use", 10*time.Second)
	t.Log(e.Text)
	if status := k.ends(3 * time.Second); status == 0 {
		t.Errorf("status %d", status)
	}
	if peak := int(k.cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10); peak > most {
		t.Errorf("it used %d MiB, its limit was %d", peak, most)
	}
}

// witness is an engine's Handler that remembers.
type witness struct {
	mu       sync.Mutex
	pictures int
	ready    map[protocol.Role]int
	failed   map[protocol.Role][]string
	news     chan struct{} // holds one
}

func (w *witness) note(f func()) {
	w.mu.Lock()
	f()
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *witness) Video([]string, media.AccessUnit) { w.note(func() { w.pictures++ }) }
func (w *witness) Audio([]string, media.AudioFrame) {}
func (w *witness) Event(r protocol.Role, e protocol.Event) {
	w.note(func() {
		switch e.Kind {
		case protocol.Ready:
			w.ready[r]++
		case protocol.Failed:
			w.failed[r] = append(w.failed[r], e.Text)
		}
	})
}

// until waits for a condition, looked at with each event and picture; meanwhile is done at each of them.
func (w *witness) until(t *testing.T, what string, cond func() bool, meanwhile func()) {
	t.Helper()
	for timeout := time.After(patience * 10 * time.Second); ; {
		w.mu.Lock()
		ok := cond()
		w.mu.Unlock()
		if ok {
			return
		}
		meanwhile()
		select {
		case <-w.news:
		case <-timeout:
			w.mu.Lock()
			defer w.mu.Unlock()
			t.Fatalf("no %s; ready %v, failed %q", what, w.ready, w.failed)
		}
	}
}

// The real engine and the real processes: the screen dies of what it was given, says why and is replaced; the camera
// never notices.
func TestHostilePictureEndsTheScreenAlone(t *testing.T) {
	t.Setenv("EWINDOW_MEDIA_CHILD", "1")
	w := &witness{ready: map[protocol.Role]int{}, failed: map[protocol.Role][]string{}, news: make(chan struct{}, 1)}
	e := engine.New(engine.Config{
		Program: "/proc/self/exe", Handler: w,
		Camera: protocol.CameraConfig{Source: "test", Encoder: "x264enc"},
		Screen: protocol.ScreenConfig{Sink: "none", Width: 640, Height: 360},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	e.Open("a", engine.Formats{Video: engine.VideoFormat{Width: 320, Height: 180, FPS: 30, Kbps: 300}})
	e.ShowCall("a")
	e.Show(protocol.Card{Picture: true})
	nothing := func() {}
	w.until(t, "camera and screen", func() bool { return w.pictures > 0 && w.ready[protocol.Screen] > 0 }, nothing)

	bomb, next := enginetest.Grey(512, 270, 16, 60), 0
	w.until(t, "failure of the screen", func() bool { return len(w.failed[protocol.Screen]) > 0 }, func() {
		e.PlayVideo("a", media.AccessUnit{Data: bomb[next], Key: next == 0})
		next = (next + 1) % len(bomb)
	})
	w.mu.Lock()
	if why := w.failed[protocol.Screen][0]; !strings.Contains(why, "this screen may use") {
		t.Errorf("the screen failed: %s", why)
	}
	before := w.ready[protocol.Screen]
	seen := w.pictures
	w.mu.Unlock()
	w.until(t, "screen again", func() bool { return w.ready[protocol.Screen] > before && w.pictures > seen }, nothing)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ready[protocol.Camera] != 1 || len(w.failed[protocol.Camera]) > 0 {
		t.Errorf("the camera was ready %d times and failed: %q", w.ready[protocol.Camera], w.failed[protocol.Camera])
	}
}
