package rig

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"ewindow/media/engine/protocol"
)

// A bench can be the device program of a window: it then stands between the window and the real one, and writes down what the
// camera's encoder makes. The product has no part in it.
const (
	tapProgramEnv = "EWINDOW_TAP_PROGRAM" // the real device program
	tapDirEnv     = "EWINDOW_TAP_DIR"     // where to write: a file for each camera process
)

// Tap makes the first window's camera write what its encoder makes into a directory. The bench's main has to begin with ActAsTap.
type Tap struct{ Dir string }

// environment has a window start the bench with what it needs.
func (t Tap) environment(bin string) ([]string, error) {
	program, err := filepath.Abs(filepath.Join(bin, "ewindow-media"))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(t.Dir, 0o755); err != nil {
		return nil, err
	}
	return []string{"env", tapProgramEnv + "=" + program, tapDirEnv + "=" + t.Dir}, nil
}

// ActAsTap does the work of a device program, and does not return, if a window has started this program as one.
func ActAsTap() {
	program := os.Getenv(tapProgramEnv)
	if program == "" {
		return
	}
	if err := actAsTap(program, os.Getenv(tapDirEnv)); err != nil {
		fmt.Fprintln(os.Stderr, "tap:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func actAsTap(program, dir string) error {
	if !strings.HasSuffix(os.Args[0], ": "+string(protocol.Camera)) {
		return syscall.Exec(program, os.Args, os.Environ())
	}
	parent, err := net.FileConn(os.NewFile(protocol.FD, "parent"))
	if err != nil {
		return err
	}
	unix.CloseOnExec(protocol.FD)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	theirs := os.NewFile(uintptr(pair[1]), "camera")
	child, err := net.FileConn(os.NewFile(uintptr(pair[0]), "camera"))
	if err != nil {
		return err
	}
	record, err := os.Create(filepath.Join(dir, fmt.Sprintf("camera-%d", os.Getpid())))
	if err != nil {
		return err
	}
	cmd := exec.Command(program)
	cmd.Args, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = os.Args, os.Stdout, os.Stderr, []*os.File{theirs}
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = theirs.Close()
	go func() {
		_, _ = io.Copy(child, parent)
		_ = child.(*net.UnixConn).CloseWrite() // the window has gone, and so may the camera
	}()
	err = passOn(parent, child, record)
	return errors.Join(err, cmd.Wait())
}

// passOn passes on the messages of a device program, and keeps its frames.
func passOn(parent io.Writer, child io.Reader, record io.Writer) error {
	in := bufio.NewReader(child)
	for {
		kind, payload, err := protocol.ReadMessage(in)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := protocol.WriteMessage(parent, kind, payload); err != nil {
			return err
		}
		if kind == protocol.TypeFrame {
			if err := protocol.WriteMessage(record, kind, payload); err != nil {
				return err
			}
		}
	}
}

// Encoded is what a tap has written, as H.264 in Annex B: one text for each stream of each camera process, since each has an encoder
// of its own.
func (t Tap) Encoded() ([][]byte, error) {
	names, err := filepath.Glob(filepath.Join(t.Dir, "camera-*"))
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		streams, err := readEncoded(bufio.NewReader(f))
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, streams...)
	}
	return all, nil
}

// readEncoded reads frames up to the end; the last one may be half.
func readEncoded(from io.Reader) ([][]byte, error) {
	var streams [][]byte
	at := map[uint32]int{}
	for {
		_, payload, err := protocol.ReadMessage(from)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return streams, nil
		}
		if err != nil {
			return nil, err
		}
		f, err := protocol.ParseFrame(payload)
		if err != nil {
			return nil, err
		}
		i, known := at[f.Stream]
		if !known {
			i = len(streams)
			at[f.Stream], streams = i, append(streams, nil)
		}
		streams[i] = append(streams[i], f.Data...)
	}
}
