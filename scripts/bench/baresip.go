package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// baresipModules is where Debian's packages baresip-core, baresip-x11 and baresip-ffmpeg have them.
const baresipModules = "/usr/lib/baresip/modules"

// baresip is two of Debian's baresip in a direct call. It ignores loopback addresses, so each has a network namespace.
type baresip struct {
	dir   string
	cable *cable
	tasks []*task
}

func (b *baresip) Start(ctx context.Context, x screens) error {
	for _, module := range []string{"x11grab.so", "avcodec.so"} {
		if _, err := os.Stat(filepath.Join(baresipModules, module)); err != nil {
			return fmt.Errorf("%w; install baresip-core, baresip-x11 and baresip-ffmpeg (make bench does)", err)
		}
	}
	var err error
	if b.cable, err = layCable(ctx); err != nil {
		return err
	}
	for _, end := range []int{1, 0} { // the one that is called first
		dir := filepath.Join(b.dir, fmt.Sprint(end))
		if err := writeBaresip(dir, end, x.camera); err != nil {
			return err
		}
		args := []string{"-f", dir}
		if end == 0 {
			args = append(args, "-e", "/dial sip:window@"+address(1))
		}
		cmd := b.cable.command(ctx, end, "baresip", args...)
		cmd.Env = append(os.Environ(), "DISPLAY="+x.window[end])
		t, err := startTask(cmd)
		if err != nil {
			return err
		}
		b.tasks = append(b.tasks, t)
		if end == 1 {
			if err := t.await(ctx, "baresip is ready", 10*time.Second); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeBaresip writes a configuration directory: H.264 and Opus, the display as camera, a tone as microphone.
func writeBaresip(dir string, end int, camera string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	config := fmt.Sprintf(`poll_method epoll
sip_listen %s:5060
call_local_timeout 30
call_max_calls 1
module_path %s
module opus.so
module ausine.so
module aubridge.so
module avcodec.so
module x11.so
module x11grab.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
statmode_default off
audio_source ausine,440
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
video_source x11grab,%s
video_display x11,nil
video_size %dx%d
video_fps %d
video_bitrate %d
`, address(end), baresipModules, camera, width, height, fps, kbps*1000)
	account := fmt.Sprintf("<sip:window@%s>;regint=0;answermode=auto;audio_codecs=opus/48000/2;video_codecs=h264\n", address(end))
	for name, text := range map[string]string{"config": config, "accounts": account, "contacts": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (b *baresip) Processes() []int {
	var pids []int
	for _, t := range b.tasks {
		pids = append(pids, t.cmd.Process.Pid)
	}
	return pids
}

func (b *baresip) Stop() string {
	var said strings.Builder
	for _, t := range b.tasks {
		t.stop()
		said.WriteString(t.last())
	}
	if b.cable != nil {
		b.cable.remove()
	}
	return said.String()
}

// task is a program that runs beside us; it dies with us.
type task struct {
	cmd   *exec.Cmd
	out   *tail
	ended chan struct{} // closed when it is gone
}

func startTask(cmd *exec.Cmd) (*task, error) {
	t := &task{cmd: cmd, out: newTail(), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = t.out, t.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(t.ended)
		_ = cmd.Wait()
	}()
	return t, nil
}

// await waits until the program has printed a text.
func (t *task) await(ctx context.Context, text string, limit time.Duration) error {
	timeout := time.After(limit)
	for !t.out.has(text) {
		select {
		case <-t.out.more():
		case <-t.ended:
			return errors.New("it ended at once")
		case <-timeout:
			return fmt.Errorf("it has not said %q within %v", text, limit)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// last is what it printed last.
func (t *task) last() string { return t.out.String() }

// stop ends it, and returns when it is gone.
func (t *task) stop() {
	_ = t.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-t.ended:
	case <-time.After(3 * time.Second):
		_ = t.cmd.Process.Kill()
		<-t.ended
	}
}
