package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
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
	ages   chan time.Duration // of pictures on arrival
}

func (w *watcher) Video(au media.AccessUnit) {
	select {
	case w.ages <- time.Since(au.Captured):
	default:
	}
}
func (w *watcher) Audio(media.AudioFrame) {}
func (w *watcher) Event(role protocol.Role, e protocol.Event) {
	if w.e != nil && e.Kind == protocol.Ready {
		w.e.ForceKeyframe()
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
	w := &watcher{events: make(chan protocol.Event, 100), ages: make(chan time.Duration, 100)}
	log := &logBuffer{}
	e := engine.New(engine.Config{Program: program(t, mode), Handler: w, Log: slog.New(slog.NewTextHandler(log, nil))})
	w.e = e
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- e.Run(ctx) }()
	e.Open(video, audio)
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

func TestRealProcessesAreReplaced(t *testing.T) {
	tests := []struct{ mode, want string }{
		{"crash", "camera: signal: killed"},
		{"reset", "camera: exit status 3"},
		{"fail", "no camera at /dev/video7; plug one in"},
		{"hang", "camera: no progress for 1s"},
		{"flood", "camera: floods: more than 2000 messages or 64 MiB in a second"},
		{"garbage", "camera: device message of 1163141167 bytes, at most 4194304"},
		{"json", "camera: sent an event that is not readable: invalid character 'n' looking for beginning of object key string"},
		{"command", "camera: sent a message of type 2, which no camera sends"},
		{"tiny", "camera: device frame of 4 bytes, at least 9"},
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
				began := time.Now()
				second := w.next(t, protocol.Ready).Device
				if took := time.Since(began); took > 3*time.Second { // within one, on a machine with nothing else to do
					t.Errorf("replaced after %v", took)
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
				for range 20 { // one second
					if age := <-w.ages; age < 40*time.Millisecond || age > 4*time.Second {
						t.Errorf("a picture taken 40 ms before is %v old", age)
					}
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
			e.PlayVideo(media.AccessUnit{Data: make([]byte, 100_000), Key: true})
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
	e.Open(video, audio)
	pid := w.next(t, protocol.Ready).Device
	cancel()
	began := time.Now()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second || alive(pid) {
		t.Errorf("the end took %v, process alive: %v", took, alive(pid))
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

func TestNoProgram(t *testing.T) {
	_, err := engine.StartProcess("/no/such/ewindow-media", protocol.Camera, slog.New(slog.NewTextHandler(io.Discard, nil)))
	const want = "start the camera process: fork/exec /no/such/ewindow-media: no such file or directory (is it installed? make build makes it)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
