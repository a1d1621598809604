package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
)

// watcher is a Handler that passes on what a test waits for.
type watcher struct {
	e      *engine.Engine // if not nil, is told something after each Ready
	events chan protocol.Event
	errors chan time.Duration // of the time of capture that pictures come with
}

func (w *watcher) Video(calls []string, au media.AccessUnit) {
	now, age := monotonic(), time.Since(au.Captured)
	select {
	case w.errors <- now.Add(-age).Sub(capturedAt(au.Data)):
	default:
	}
}
func (w *watcher) Audio([]string, media.AudioFrame) {}
func (w *watcher) Event(role protocol.Role, e protocol.Event) {
	if w.e != nil && e.Kind == protocol.Ready {
		w.e.ForceKeyframe("a")
	}
	if role == protocol.Camera && e.Kind != protocol.Progress && e.Kind != protocol.Level {
		w.events <- e
	}
}

// next waits for the next event of a kind.
func (w *watcher) next(t *testing.T, k protocol.EventKind) protocol.Event {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e := <-w.events:
			if e.Kind == k {
				return e
			}
		case <-deadline:
			t.Fatalf("no %s event", k)
		}
	}
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// withProcesses runs an engine with real device processes, the first camera of which misbehaves.
func withProcesses(t *testing.T, mode string, test func(w *watcher, log *logBuffer)) {
	t.Helper()
	w := &watcher{events: make(chan protocol.Event, 100), errors: make(chan time.Duration, 100)}
	log := &logBuffer{}
	e := engine.New(engine.Config{Program: program(t, mode), Handler: w, Log: slog.New(slog.NewTextHandler(log, nil))})
	w.e = e
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- e.Run(ctx) }()
	e.Open("a", formats)
	test(w, log)
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
	if t.Failed() {
		t.Log(log.String())
	}
}

// alive says whether there is a process with this pid that has not ended.
func alive(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

// atOnce is how the log says that a replacement was due 200 ms after the first failure.
var atOnce = regexp.MustCompile(`msg="device process is replaced" .* in=(1?\d?\d|200)ms failures=1`)

func TestRealProcessesAreReplaced(t *testing.T) {
	tests := []struct{ mode, want string }{
		{"crash", "camera: signal: killed"},
		{"reset", "camera: exit status 3"},
		{"fail", "no camera at /dev/video7; plug one in"},
		{"hang", "camera: no progress for 1s"},
		{"starve", "camera: no progress for 1s"}, // after it was excused for a while: see TestStarved
		{"flood", "camera: floods: more than 2000 messages or 64 MiB in a second"},
		{"garbage", "camera: device message of 1163141167 bytes, at most 4194304"},
		{"json", "camera: sent an event that is not readable: invalid character 'n' looking for beginning of object key string"},
		{"command", "camera: sent a message of type 2, which no camera sends"},
		{"tiny", "camera: device frame of 4 bytes, at least 13"},
		{"huge", "camera: sent an event of 1048576 bytes, at most 65536"},
		{"close", "camera: closed its connection and did not exit"},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			withProcesses(t, tt.mode, func(w *watcher, log *logBuffer) {
				first := w.next(t, protocol.Ready).Device
				if got := w.next(t, protocol.Failed).Text; got != tt.want {
					t.Errorf("said %q, want %q", got, tt.want)
				}
				second := w.next(t, protocol.Ready).Device
				if !atOnce.MatchString(log.String()) {
					t.Errorf("it was not replaced at the first try, and at once: %s", log.String())
				}
				if first == second || alive(first) || !alive(second) {
					t.Errorf("process %s (alive: %v) was replaced by %s (alive: %v)", first, alive(first), second, alive(second))
				}
				if tt.mode == "crash" && !strings.Contains(log.String(), `line="about to crash"`) {
					t.Error("what it printed is not in the log")
				}
			})
		})
	}
}

func TestRealProcessesGoOn(t *testing.T) {
	for _, mode := range []string{"behave", "chatter"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			var pid string
			withProcesses(t, mode, func(w *watcher, log *logBuffer) {
				pid = w.next(t, protocol.Ready).Device
				least := time.Hour
				for range 20 { // one second
					least = min(least, (<-w.errors).Abs()) // between two looks at a clock any time may pass
				}
				if least > 5*time.Millisecond {
					t.Errorf("the time of capture is wrong by %v at least", least)
				}
				if len(w.events) > 0 {
					t.Errorf("%+v", <-w.events)
				}
				if n := len(log.String()); n > 100_000 {
					t.Errorf("log of %d bytes", n)
				}
			})
			if alive(pid) {
				t.Error("the camera process is still there after Run")
			}
		})
	}
}

// A process that reads nothing is found out by its full socket, not by its progress.
func TestRealProcessThatDoesNotRead(t *testing.T) {
	t.Parallel()
	w := &watcher{events: make(chan protocol.Event, 100)}
	screen := &screenWatcher{watcher: w, failed: make(chan string, 10)}
	e := engine.New(engine.Config{Program: program(t, "deaf"), Handler: screen})
	e.ShowCall("a")
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- e.Run(ctx) }()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for text := ""; text == ""; {
		select {
		case text = <-screen.failed:
			if !strings.HasPrefix(text, "screen: does not take what it is told: ") {
				t.Error(text)
			}
		case <-ticker.C:
			e.PlayVideo("a", media.AccessUnit{Data: make([]byte, 100_000), Key: true})
		case <-t.Context().Done():
			t.Fatal("never found out")
		}
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

type screenWatcher struct {
	*watcher
	failed chan string
}

func (s *screenWatcher) Event(role protocol.Role, e protocol.Event) {
	if role == protocol.Screen && e.Kind == protocol.Failed {
		s.failed <- e.Text
	}
}

func TestTheWholeGroupIsKilled(t *testing.T) {
	t.Parallel()
	withProcesses(t, "family", func(w *watcher, log *logBuffer) {
		w.next(t, protocol.Failed)
		w.next(t, protocol.Ready)
		_, after, ok := strings.Cut(log.String(), "sleep is ")
		if !ok {
			t.Fatal("no word of the grandchild")
		}
		pid, _, _ := strings.Cut(after, `"`)
		if _, err := strconv.Atoi(pid); err != nil {
			t.Fatal(err)
		}
		if alive(pid) {
			t.Errorf("grandchild %s was left behind", pid)
		}
	})
}

// One that does not end when its input ends is killed half a second later.
func TestStubbornProcessIsKilledAtTheEnd(t *testing.T) {
	t.Parallel()
	w := &watcher{events: make(chan protocol.Event, 100)}
	e := engine.New(engine.Config{Program: program(t, "stubborn"), Handler: w})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- e.Run(ctx) }()
	e.Open("a", formats)
	pid := w.next(t, protocol.Ready).Device
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if alive(pid) {
		t.Error("the camera process is still there after Run")
	}
}

func TestProcessesDieWithTheirParent(t *testing.T) {
	t.Parallel()
	parent := exec.Command(program(t, "parent"), program(t, "stubborn"))
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid := strings.TrimSpace(line)
	if n, bad := strconv.Atoi(pid); err != nil || bad != nil || !alive(pid) {
		t.Fatalf("no device process: %q, %v", line, err)
	} else if fd, err := unix.PidfdOpen(n, 0); err != nil {
		t.Fatal(err)
	} else {
		defer unix.Close(fd)
		_ = parent.Process.Kill()
		_ = parent.Wait()
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(poll, 10_000); n != 1 {
			t.Errorf("process %s outlives its parent (%v)", pid, err)
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
	}
}

// Whoever was kept from looking, here because it was stopped, must not take that for the silence of a process.
func TestAWindowThatWasAwayBlamesNobody(t *testing.T) {
	t.Parallel()
	window := exec.Command(program(t, "window"), program(t, "behave"))
	out, err := window.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := window.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = window.Process.Kill()
		_ = window.Wait()
	}()
	lines := bufio.NewScanner(out)
	progress := func(n int) {
		t.Helper()
		for lines.Scan() && n > 0 {
			switch kind, text, _ := strings.Cut(lines.Text(), " "); protocol.EventKind(kind) {
			case protocol.Progress:
				n--
			case protocol.Failed:
				t.Errorf("the camera is said to have failed: %s", text)
			}
		}
		if n > 0 {
			t.Fatalf("the window has ended: %v", lines.Err())
		}
	}
	progress(5)
	for range 3 {
		if err := window.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond) // the processes run on
		if err := window.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		progress(10)
	}
}

func TestNoProgram(t *testing.T) {
	_, err := engine.StartProcess("/no/such/ewindow-media", protocol.Camera, slog.New(slog.NewTextHandler(io.Discard, nil)))
	const want = "start the camera process: fork/exec /no/such/ewindow-media: no such file or directory (is it installed? make build makes it)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestExited(t *testing.T) {
	c, err := engine.StartProcess(program(t, "behave"), protocol.Camera, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p := c.(interface{ Exited() bool })
	if p.Exited() { // it waits for its configuration
		t.Error("a process that runs has exited")
	}
	c.Kill()
	_ = c.Wait()
	if !p.Exited() {
		t.Error("a process that was killed has not exited")
	}
	_ = c.Conn().Close()
}
