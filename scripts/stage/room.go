package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Room is where speakers sound: a sink of PulseAudio for each, and somebody who listens at its monitor. Nobody else hears
// it. The server is one of its own; where a desktop's PipeWire stands in for PulseAudio, whose server cannot be installed
// beside it, it is that one, and the sinks are gone from it again when the room is closed.
type Room struct {
	dir, server string
	daemon      *Process
	listeners   []*Process
	modules     []string // numbers of what was loaded
}

const roomTimeout = 15 * time.Second // for the server to come up, and each listener

// OpenRoom starts the server, if there is to be one. Close takes everything away again, also what was heard.
func OpenRoom(ctx context.Context) (*Room, error) {
	dir, err := os.MkdirTemp("", "room")
	if err != nil {
		return nil, err
	}
	r := &Room{dir: dir}
	if _, err := exec.LookPath("pulseaudio"); err != nil {
		if _, err := r.pactl(ctx, "info"); err != nil {
			r.Close()
			return nil, fmt.Errorf("no sound server: %w; install Debian's package pulseaudio, or log in to the desktop", err)
		}
		return r, nil
	}
	socket := filepath.Join(dir, "native")
	r.daemon, err = startProcess("pulseaudio", func(string, []byte) {}, "env", "HOME="+dir, "XDG_RUNTIME_DIR="+dir, "XDG_CONFIG_HOME="+dir,
		"pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
		"-L", "module-native-protocol-unix auth-anonymous=1 socket="+socket)
	if err != nil {
		r.Close()
		return nil, err
	}
	r.server = "unix:" + socket
	if err := soon(ctx, r.daemon, func() error { _, err := r.pactl(ctx, "info"); return err }); err != nil {
		r.Close()
		return nil, fmt.Errorf("the sound server does not come up: %w", err)
	}
	return r, nil
}

// Speaker puts one into the room. It returns the word for a window's file, and the WAV file, for Ears, of what it plays
// from now on.
func (r *Room) Speaker(ctx context.Context, name string) (word, wav string, err error) {
	sink := "ewindow-" + name
	module, err := r.pactl(ctx, "load-module", "module-null-sink", "sink_name="+sink, "rate=48000", "channels=1")
	if err != nil {
		return "", "", fmt.Errorf("a speaker for %s: %w", name, err)
	}
	r.modules = append(r.modules, strings.TrimSpace(module))
	wav = filepath.Join(r.dir, name+".wav")
	l, err := startProcess("parec", func(string, []byte) {}, "parec", r.at("--device="+sink+".monitor", "--rate=48000", "--channels=1",
		"--format=s16le", "--latency-msec=20", "--file-format=wav", wav)...)
	if err != nil {
		return "", "", err
	}
	r.listeners = append(r.listeners, l)
	err = soon(ctx, l, func() error {
		e, err := OpenEars(wav)
		if err != nil {
			return err
		}
		if s, err := e.Last(1); err != nil || len(s) == 0 {
			return errors.Join(err, errors.New("nothing to hear, not even silence"))
		}
		return nil
	})
	if err != nil {
		return "", "", fmt.Errorf("nobody listens to %s's speaker: %w", name, err)
	}
	word = "gst:pulsesink async=false buffer-time=40000 latency-time=10000 device=" + sink
	if r.server != "" {
		word += " server=" + r.server
	}
	return word, wav, nil
}

// at adds the server to a client's arguments.
func (r *Room) at(args ...string) []string {
	if r.server == "" {
		return args
	}
	return append([]string{"--server=" + r.server}, args...)
}

func (r *Room) pactl(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "pactl", r.at(args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("pactl %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}

// soon waits until something is so, as long as the process that is to bring it about lives.
func soon(ctx context.Context, p *Process, so func() error) error {
	for limit := time.Now().Add(roomTimeout); ; {
		err := so()
		if err == nil || time.Now().After(limit) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.Ended():
			return p.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Close ends the listeners and the server, or takes the sinks away from a desktop's.
func (r *Room) Close() {
	for _, l := range r.listeners {
		l.Stop()
	}
	if r.daemon != nil {
		r.daemon.Stop()
	} else {
		for _, m := range r.modules {
			_, _ = r.pactl(context.Background(), "unload-module", m) // the server may be gone
		}
	}
	_ = os.RemoveAll(r.dir)
}

// Microphone puts one into the room. It returns the word for a window's file, the WAV file, for Ears, of what it hears from now
// on, and where to write that: samples of 16 bits, 48,000 a second, no faster than they sound. Closing it ends them.
func (r *Room) Microphone(ctx context.Context, name string) (word, wav string, sound io.WriteCloser, err error) {
	if _, wav, err = r.Speaker(ctx, name); err != nil {
		return "", "", nil, err
	}
	sink := "ewindow-" + name
	cmd := exec.CommandContext(ctx, "pacat", r.at("--device="+sink, "--rate=48000", "--channels=1", "--format=s16le", "--latency-msec=30")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, in, err := os.Pipe()
	if err != nil {
		return "", "", nil, err
	}
	defer out.Close()
	// Else it holds what has piled up until the player ran, more than half a second.
	if _, err := unix.FcntlInt(in.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		return "", "", nil, errors.Join(err, in.Close())
	}
	cmd.Stdin, sound = out, in
	if err := cmd.Start(); err != nil {
		_ = in.Close()
		return "", "", nil, fmt.Errorf("play to the microphone: %w; pacat is in Debian's package pulseaudio-utils", err)
	}
	go func() { _ = cmd.Wait() }()
	word = "gst:pulsesrc buffer-time=40000 latency-time=10000 device=" + sink + ".monitor"
	if r.server != "" {
		word += " server=" + r.server
	}
	return word, wav, sound, nil
}
