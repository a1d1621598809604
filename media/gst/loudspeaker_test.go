package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The sound server of these tests: one for all of them, with a sink for each.
var server struct {
	once   sync.Once
	cmd    *exec.Cmd
	dir    string
	socket string
	err    error
	sinks  atomic.Int64
}

func startServer() {
	if server.dir, server.err = os.MkdirTemp("", "sound"); server.err != nil {
		return
	}
	socket := filepath.Join(server.dir, "native")
	server.socket = "unix:" + socket
	server.cmd = exec.Command("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
		"-L", "module-native-protocol-unix auth-anonymous=1 socket="+socket)
	server.cmd.Env = append(os.Environ(), "HOME="+server.dir, "XDG_RUNTIME_DIR="+server.dir, "XDG_CONFIG_HOME="+server.dir)
	if server.err = server.cmd.Start(); server.err != nil {
		return
	}
	for limit := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if server.err = exec.Command("pactl", "--server="+server.socket, "info").Run(); server.err == nil || time.Now().After(limit) {
			return
		}
	}
}

func stopServer() {
	if server.cmd != nil && server.cmd.Process != nil {
		_ = server.cmd.Process.Kill()
		_ = server.cmd.Wait()
	}
	if server.dir != "" {
		_ = os.RemoveAll(server.dir)
	}
}

// loudspeaker makes a speaker, and returns the word for it and what it has played until now, in samples of 48 kHz, as
// somebody hears it who stands before it.
func loudspeaker(t *testing.T) (word string, heard func() []int16) {
	t.Helper()
	if _, err := exec.LookPath("pulseaudio"); err != nil {
		t.Skip("there is no pulseaudio: set-up leaves a desktop's PipeWire alone, and then nobody can listen")
	}
	if server.once.Do(startServer); server.err != nil {
		t.Fatalf("the sound server of the tests: %v", server.err)
	}
	sink := fmt.Sprintf("test%d", server.sinks.Add(1))
	if out, err := exec.Command("pactl", "--server="+server.socket, "load-module", "module-null-sink", "sink_name="+sink, "rate=48000", "channels=1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	path := filepath.Join(t.TempDir(), "heard")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rec := exec.Command("parec", "--server="+server.socket, "--device="+sink+".monitor", "--rate=48000", "--channels=1", "--format=s16le", "--latency-msec=20")
	rec.Stdout = f
	rec.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := rec.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rec.Process.Kill(); _ = rec.Wait() })
	heard = func() []int16 {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := make([]int16, len(b)/2)
		for i := range s {
			s[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
		}
		return s
	}
	for limit := time.Now().Add(15 * time.Second); len(heard()) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("nothing to hear at the speaker, not even silence")
		}
	}
	return "gst:pulsesink async=false buffer-time=40000 latency-time=10000 device=" + sink + " server=" + server.socket, heard
}
