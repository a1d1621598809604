// Program ewindow-media is one device process of a window: its camera, its sound or its screen. The program ewindow
// starts and supervises it; they speak the protocol of media/engine/protocol over a socket, file descriptor 3.
//
//	          ┌ camera: source ─▶ encoder ──────────────▶ access units
//	fd 3 ◀──▶ ┤ sound:  microphone ─▶ echo canceller ─▶ encoder ─▶ frames, and back: decoder ─▶ speaker
//	          └ screen: access units ─▶ decoder ─▶ texts over it ─▶ sink
//
// Drivers crash and hang; that is why this is a process of its own. It opens no network sockets (see seccomp.go).
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/jezek/xgb"
	"golang.org/x/sys/unix"

	"ewindow/media/engine/protocol"
	"ewindow/media/gst/pipeline"
)

// version is the tag and commit that this program was built from; the Makefile sets it.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit status: 0 when the parent has gone, 1 when the role failed, 2 for wrong use.
func run(args []string) int {
	if err := denyNetwork(); err != nil {
		fmt.Fprintln(os.Stderr, "ewindow-media:", err)
		return 1
	}
	if len(args) == 1 && args[0] == "--version" {
		fmt.Println("ewindow-media", version)
		return 0
	}
	if len(args) == 1 && args[0] == "seccomp-test" {
		return seccompTest(os.Stdout)
	}
	if len(args) == 1 && args[0] == protocol.Prepare {
		return prepare()
	}
	if len(args) == 2 && args[0] == "try-encoder" {
		return tryEncoderHere(args[1])
	}
	if len(args) == 2 && args[0] == "try-decoder" {
		return tryDecoderHere(args[1])
	}
	xgb.Logger.SetOutput(io.Discard) // what it logs comes back as errors, too
	conn, err := parentSocket()
	if err != nil || len(args) > 0 {
		fmt.Fprintln(os.Stderr, "ewindow-media: a part of ewindow, which starts it; run ewindow instead")
		return 2
	}
	return serve(conn)
}

// prepare makes GStreamer's list of plugins, if there is none or it is out of date.
func prepare() int {
	if err := pipeline.Init(); err != nil {
		fmt.Fprintln(os.Stderr, "ewindow-media:", err)
		return 1
	}
	return 0
}

// parentSocket is file descriptor 3, if it is a socket.
func parentSocket() (*os.File, error) {
	if _, err := unix.GetsockoptInt(protocol.FD, unix.SOL_SOCKET, unix.SO_TYPE); err != nil {
		return nil, fmt.Errorf("file descriptor %d: %w", protocol.FD, err)
	}
	unix.CloseOnExec(protocol.FD)
	if err := unix.SetNonblock(protocol.FD, true); err != nil { // then waiting for it holds no thread
		return nil, fmt.Errorf("file descriptor %d: %w", protocol.FD, err)
	}
	return os.NewFile(protocol.FD, "parent"), nil
}

// A role is the job of this process. Command and Frame are called by one goroutine and never block for long.
type role interface {
	Run(ctx context.Context) error // until it fails
	Command(protocol.Command)
	Frame(protocol.Frame)
}

// serve plays the role that the parent asks for until one of the two ends.
func serve(conn io.ReadWriter) int {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "ewindow-media: ask to die with the parent:", err)
	}
	debug.SetGCPercent(25) // what lives is small; else three megabytes of garbage are collected before anybody looks
	p := &parent{w: conn}
	in := bufio.NewReaderSize(conn, 32<<10)
	r, err := configured(in, p)
	if errors.Is(err, io.EOF) {
		return 0
	}
	if err != nil {
		return p.failed(err)
	}
	result := make(chan int, 2)
	go func() { result <- listen(in, r, p) }()
	go func() { result <- p.failed(r.Run(context.Background())) }()
	return <-result // the process ends here: what hangs in a driver cannot be waited for
}

// configured reads the first message and makes the role it asks for.
func configured(conn io.Reader, p *parent) (role, error) {
	t, body, err := protocol.ReadMessage(conn)
	if err != nil {
		return nil, err
	}
	var c protocol.Configure
	if t != protocol.TypeConfigure {
		return nil, fmt.Errorf("first message has type %d, not configure: ewindow and ewindow-media are of different versions; install both anew", t)
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, fmt.Errorf("configure message: %w", err)
	}
	favour(c.Role)
	m, err := limitMemory(c, p)
	if err != nil {
		return nil, err
	}
	go func() { os.Exit(p.failed(m.watch())) }()
	p.starts("reads GStreamer's list of plugins")
	if err := pipeline.Init(); err != nil {
		return nil, err
	}
	p.starts("opens its devices")
	switch {
	case c.Role == protocol.Camera && c.Camera != nil:
		return newCamera(*c.Camera, p)
	case c.Role == protocol.Sound && c.Sound != nil:
		return newSound(*c.Sound, p)
	case c.Role == protocol.Screen && c.Screen != nil:
		return newScreen(*c.Screen, p)
	}
	return nil, fmt.Errorf("configure message names role %q without its part", c.Role)
}

// listen hands messages to the role until the parent goes (status 0) or speaks nonsense.
func listen(conn io.Reader, r role, p *parent) int {
	for {
		t, body, err := protocol.ReadMessage(conn)
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
			return 0
		}
		if err != nil {
			return p.failed(fmt.Errorf("message from ewindow: %w", err))
		}
		switch t {
		case protocol.TypeCommand:
			var c protocol.Command
			if err := json.Unmarshal(body, &c); err != nil {
				return p.failed(fmt.Errorf("command message: %w", err))
			}
			r.Command(c)
		case protocol.TypeFrame:
			f, err := protocol.ParseFrame(body)
			if err != nil {
				return p.failed(fmt.Errorf("frame message: %w", err))
			}
			r.Frame(f)
		default:
			return p.failed(fmt.Errorf("message of type %d does not belong here", t))
		}
	}
}
