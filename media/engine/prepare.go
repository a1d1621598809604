package engine

import (
	"context"
	"log/slog"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"ewindow/media/engine/protocol"
)

// How long the preparation may do nothing, and when the log says that it takes long.
const (
	preparePatience = 20 * time.Second
	prepareSlow     = 2 * time.Second
)

// prepare has GStreamer's list of plugins made by one process before there are three that would make it at once: on a
// small machine that takes half a minute, the first time. What goes wrong with it will go wrong, and be said, again.
func prepare(ctx context.Context, program string, log *slog.Logger) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var said strings.Builder
	cmd := exec.CommandContext(ctx, program, protocol.Prepare)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return // the start of each role says so
	}
	began, done := time.Now(), make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var work labour
	tick := time.NewTicker(excuse)
	defer tick.Stop()
	p, worked, slow := &process{pid: cmd.Process.Pid}, began, false
	for {
		select {
		case err := <-done:
			switch {
			case err != nil && ctx.Err() == nil:
				log.Warn("GStreamer's list of plugins could not be made beforehand", "error", err, "text", strings.TrimSpace(said.String()))
			case slow:
				log.Info("GStreamer's list of plugins is made", "took", time.Since(began).Round(time.Second))
			}
			return
		case now := <-tick.C:
			if !slow && now.Sub(began) >= prepareSlow {
				slow = true
				log.Info("GStreamer's list of plugins is being made; on a small machine the first start takes a minute")
			}
			if work.look(now, p) {
				worked = now
			} else if now.Sub(worked) >= preparePatience {
				log.Warn("GStreamer's list of plugins is not made: the process that does it hangs")
				cancel()
			}
		}
	}
}
