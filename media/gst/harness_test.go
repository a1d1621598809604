package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"golang.org/x/sys/unix"

	"ewindow/media/engine/protocol"
)

// A child of the tests is this very program, so that the race detector sees it too.
func TestMain(m *testing.M) {
	switch os.Getenv("EWINDOW_MEDIA_CHILD") {
	case "":
	case withoutLevel:
		tryWithoutLevel()
		os.Exit(0)
	default:
		os.Exit(run(os.Args[1:]))
	}
	xgb.Logger.SetOutput(io.Discard)
	if flag.Parse(); flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "6") // they wait for devices in real time more than they work
	}
	status := m.Run()
	closeRoom()
	closeCodec()
	os.Exit(status)
}

// patience is how much longer than it should a thing may take on a machine that is busy with other tests. It only ends the wait
// for what never comes.
const patience = 10

func program(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), "EWINDOW_MEDIA_CHILD=1", "GORACE=atexit_sleep_ms=0") // the race detector would wait for a second
	return cmd
}

// child is a device process as ewindow sees it.
type child struct {
	t    *testing.T
	cmd  *exec.Cmd
	conn *os.File
	conf protocol.Configure

	mu     sync.Mutex
	events []protocol.Event
	frames []protocol.Frame
	more   chan struct{} // closed and replaced when something came
	exited chan struct{}
	status int
}

// start runs a role. It is killed when the test ends.
func start(t *testing.T, c protocol.Configure, env ...string) *child {
	t.Helper()
	k := startRaw(t, env...)
	k.conf = c
	if err := protocol.WriteJSON(k.conn, protocol.TypeConfigure, c); err != nil {
		t.Fatal(err)
	}
	return k
}

func startRaw(t *testing.T, env ...string) *child {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "child's end")
	k := &child{t: t, cmd: program(), conn: os.NewFile(uintptr(fds[0]), "our end"), more: make(chan struct{}), exited: make(chan struct{})}
	k.cmd.Env = append(k.cmd.Env, env...)
	k.cmd.ExtraFiles = []*os.File{theirs}
	k.cmd.Stderr = os.Stderr
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	go k.read()
	go func() {
		_ = k.cmd.Wait()
		k.status = k.cmd.ProcessState.ExitCode()
		close(k.exited)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-k.cmd.Process.Pid, syscall.SIGKILL)
		<-k.exited
		_ = k.conn.Close()
	})
	return k
}

func (k *child) read() {
	for {
		kind, body, err := protocol.ReadMessage(k.conn)
		if err != nil {
			return
		}
		k.mu.Lock()
		switch kind {
		case protocol.TypeEvent:
			var e protocol.Event
			if json.Unmarshal(body, &e) == nil {
				k.events = append(k.events, e)
			}
		case protocol.TypeFrame:
			if f, err := protocol.ParseFrame(body); err == nil {
				k.frames = append(k.frames, f)
			}
		}
		close(k.more)
		k.more = make(chan struct{})
		k.mu.Unlock()
	}
}

// until waits for a condition that is looked at whenever something comes.
func (k *child) until(what string, within time.Duration, cond func() bool) {
	k.t.Helper()
	timeout := time.After(patience * within)
	for {
		k.mu.Lock()
		ok, more := cond(), k.more
		k.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-more:
		case <-timeout:
			k.t.Fatalf("no %s within %v; events: %s", what, within, k.said())
		}
	}
}

// event waits for the first event of a kind whose text or device contains part.
func (k *child) event(kind protocol.EventKind, part string, within time.Duration) protocol.Event {
	k.t.Helper()
	var found protocol.Event
	k.until(fmt.Sprintf("event %s with %q", kind, part), within, func() bool {
		for _, e := range k.events {
			if e.Kind == kind && (strings.Contains(e.Text, part) || strings.Contains(e.Device, part)) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

func (k *child) said() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var b strings.Builder
	for _, e := range k.events {
		if e.Kind != protocol.Progress && e.Kind != protocol.Level {
			fmt.Fprintf(&b, "\n  %+v", e)
		}
	}
	return b.String()
}

// took is the frames so far.
func (k *child) took() []protocol.Frame {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.frames[:len(k.frames):len(k.frames)]
}

// count is how many events of a kind came.
func (k *child) count(kind protocol.EventKind) (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// more waits for n more frames and returns them.
func (k *child) moreFrames(n int, within time.Duration) []protocol.Frame {
	k.t.Helper()
	from := len(k.took())
	k.until(fmt.Sprintf("%d more frames", n), within, func() bool { return len(k.frames) >= from+n })
	return k.took()[from:]
}

func (k *child) command(c protocol.Command) {
	k.t.Helper()
	if err := protocol.WriteJSON(k.conn, protocol.TypeCommand, c); err != nil {
		k.t.Fatal(err)
	}
}

func (k *child) send(f protocol.Frame) {
	k.t.Helper()
	if err := protocol.WriteFrame(k.conn, f); err != nil {
		k.t.Fatal(err)
	}
}

// ends waits until the process has ended and returns its status.
func (k *child) ends(within time.Duration) int {
	k.t.Helper()
	select {
	case <-k.exited:
		return k.status
	case <-time.After(patience * within):
		k.t.Fatalf("process still runs after %v; events: %s", within, k.said())
		return 0
	}
}

func testCamera() *videoFormat {
	return &videoFormat{
		protocol.CameraConfig{Source: "test", Label: "Milano – Barra A – Kitchen", Seed: 7, Encoder: "auto"},
		protocol.VideoStream{Number: 1, Width: 640, Height: 360, FPS: 30, Kbps: 500},
	}
}

func cameraRole(c *videoFormat, more ...protocol.VideoStream) protocol.Configure {
	conf := c.CameraConfig
	conf.Streams = append([]protocol.VideoStream{c.VideoStream}, more...)
	return protocol.Configure{Role: protocol.Camera, Camera: &conf}
}

// progresses waits for n more reports of progress.
func (k *child) progresses(n int, within time.Duration) {
	k.t.Helper()
	n += k.count(protocol.Progress)
	k.until("progress", within, func() bool {
		have := 0
		for _, e := range k.events {
			if e.Kind == protocol.Progress {
				have++
			}
		}
		return have >= n
	})
}

// quiet waits until no progress was reported for so long.
func (k *child) quiet(long, within time.Duration) {
	k.t.Helper()
	deadline := time.Now().Add(patience * within)
	last, since := k.count(protocol.Progress), time.Now()
	for time.Since(since) < long {
		if time.Now().After(deadline) {
			k.t.Fatalf("progress is still reported after %v; events: %s", within, k.said())
		}
		k.mu.Lock()
		more := k.more
		k.mu.Unlock()
		select {
		case <-more:
		case <-time.After(50 * time.Millisecond):
		}
		if n := k.count(protocol.Progress); n != last {
			last, since = n, time.Now()
		}
	}
}

// stream gives the frames as they come, until the process ends.
func (k *child) stream() iter.Seq[protocol.Frame] {
	return func(yield func(protocol.Frame) bool) {
		for next := len(k.took()); ; {
			k.mu.Lock()
			more, frames := k.more, k.frames
			k.mu.Unlock()
			for ; next < len(frames); next++ {
				if !yield(frames[next]) {
					return
				}
			}
			select {
			case <-more:
			case <-k.exited:
				return
			}
		}
	}
}
