package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ewindow/media"
	"ewindow/media/engine"
	"ewindow/media/engine/protocol"
)

// The test binary is also the device program: called by a name that begins with device-, as program makes, it
// misbehaves as the rest of the name says. The first camera does; the other roles, and those that replace it, behave.
const devicePrefix = "device-"

func TestMain(m *testing.M) {
	path, role, _ := strings.Cut(os.Args[0], ": ") // the name that StartProcess gives
	mode, ok := strings.CutPrefix(filepath.Base(path), devicePrefix)
	switch {
	case !ok:
		os.Exit(m.Run())
	case mode == "parent":
		beParent()
	case mode == "window":
		beWindow()
	default:
		beDevice(mode, filepath.Dir(path), role)
	}
}

// program is the path of a device program that behaves in this way.
func program(t *testing.T, mode string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), devicePrefix+mode)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// beDevice is the device program; dir is where it leaves a mark.
func beDevice(mode, dir, role string) {
	conn := os.NewFile(protocol.FD, "socket")
	in := bufio.NewReader(conn)
	_, payload, err := protocol.ReadMessage(in)
	var conf protocol.Configure
	if err != nil || json.Unmarshal(payload, &conf) != nil || string(conf.Role) != role {
		fmt.Fprintln(os.Stderr, "no configuration", err, string(payload))
		os.Exit(2)
	}
	mark, err := os.OpenFile(filepath.Join(dir, role), os.O_CREATE|os.O_EXCL, 0o600)
	if mode != "deaf" && (err != nil || conf.Role != protocol.Camera) {
		mode = "behave"
	}
	mark.Close()
	if mode != "deaf" && mode != "reset" {
		go heed(in, mode)
	}
	event := func(e protocol.Event) { _ = protocol.WriteJSON(conn, protocol.TypeEvent, e) }
	event(protocol.Event{Kind: protocol.Ready, Device: fmt.Sprint(os.Getpid())})
	for i := uint64(1); ; i++ {
		if conf.Role != protocol.Screen {
			_ = protocol.WriteFrame(conn, frameOf(conf))
		}
		event(protocol.Event{Kind: protocol.Progress, Frames: i})
		if i == 3 {
			misbehave(mode, conn, event)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// heed ends the process when its input ends, as it has to.
func heed(in io.Reader, mode string) {
	for {
		if _, _, err := protocol.ReadMessage(in); err != nil {
			break
		}
	}
	if mode != "stubborn" {
		os.Exit(0)
	}
}

// frameOf is a frame that was captured 40 ms ago, and says so.
func frameOf(conf protocol.Configure) protocol.Frame {
	t := monotonic().Add(-40 * time.Millisecond).UnixNano()
	f := protocol.Frame{Time: t, Flags: protocol.FlagKey, Data: binary.BigEndian.AppendUint64([]byte(conf.Role), uint64(t))}
	if conf.Camera != nil {
		f.Stream = conf.Camera.Streams[0].Number
	} else {
		f.Stream = conf.Sound.Streams.Recorded[0].Number
	}
	return f
}

// capturedAt is what a frame of frameOf says.
func capturedAt(data []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(data[len(data)-8:])))
}

// monotonic is CLOCK_MONOTONIC, counted from the Unix epoch.
func monotonic() time.Time {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return time.Unix(now.Unix())
}

// firstCPU is one that this process may use.
func firstCPU() int {
	var may unix.CPUSet
	_ = unix.SchedGetaffinity(0, &may)
	for n := 0; ; n++ {
		if may.IsSet(n) {
			return n
		}
	}
}

func misbehave(mode string, conn *os.File, event func(protocol.Event)) {
	switch mode {
	case "crash":
		fmt.Fprintln(os.Stderr, "about to crash")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "fail":
		event(protocol.Event{Kind: protocol.Failed, Text: "no camera at /dev/video7; plug one in"})
		os.Exit(1)
	case "reset": // with a command unread
		os.Exit(3)
	case "starve": // one thread that could run, beside another on the same processor that is far more important
		var one unix.CPUSet
		var spins atomic.Int64
		one.Set(firstCPU())
		for _, nice := range []int{0, 19} {
			go func() {
				runtime.LockOSThread()
				_ = unix.SchedSetaffinity(0, &one)
				_ = unix.Setpriority(unix.PRIO_PROCESS, 0, nice)
				for spins.Add(1) > 0 {
				}
			}()
		}
		select {}
	case "hang":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "family": // hangs, and has a child that would stay
		c := exec.Command("sleep", "600")
		if err := c.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "sleep is", c.Process.Pid)
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "flood":
		for {
			event(protocol.Event{Kind: protocol.Level, LevelDB: -20})
		}
	case "garbage":
		_, _ = conn.Write(bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 100))
	case "json":
		_ = protocol.WriteMessage(conn, protocol.TypeEvent, []byte("{not json"))
	case "command":
		_ = protocol.WriteMessage(conn, protocol.TypeCommand, []byte("{}"))
	case "tiny":
		_ = protocol.WriteMessage(conn, protocol.TypeFrame, []byte("tiny"))
	case "huge":
		_ = protocol.WriteMessage(conn, protocol.TypeEvent, make([]byte, 1<<20))
	case "close":
		_ = syscall.Shutdown(protocol.FD, syscall.SHUT_WR)
		select {}
	case "chatter": // as the libraries of a driver do, which take no notice of what a write says
		line := []byte(strings.Repeat("chatter ", 1000) + "\n")
		for range 10_000 {
			_, _ = syscall.Write(2, line)
		}
	}
}

// beWindow runs an engine with a camera and prints the kind of each event of the camera, until it is killed.
func beWindow() {
	e := engine.New(engine.Config{Program: os.Args[1], Handler: printer{}})
	e.Open("a", formats)
	fmt.Println(e.Run(context.Background()))
}

type printer struct{ engine.Handler }

func (printer) Video([]string, media.AccessUnit) {}
func (printer) Audio([]string, media.AudioFrame) {}
func (printer) Event(role protocol.Role, e protocol.Event) {
	if role == protocol.Camera {
		fmt.Println(e.Kind, e.Text)
	}
}

// beParent starts a device process that ends for nothing but a signal, says its pid and waits to be killed.
func beParent() {
	c, err := engine.StartProcess(os.Args[1], protocol.Camera, slog.Default())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	conf := protocol.Configure{Role: protocol.Camera, Camera: &protocol.CameraConfig{Streams: make([]protocol.VideoStream, 1)}}
	if err := protocol.WriteJSON(c.Conn(), protocol.TypeConfigure, conf); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var e protocol.Event
	_, payload, err := protocol.ReadMessage(c.Conn())
	if err != nil || json.Unmarshal(payload, &e) != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(e.Device)
	select {}
}
