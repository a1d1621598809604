package engine

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	if listed(os.Getenv, "/usr/lib") {
		return
	}
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

// listed says that there is a list that is newer than all folders of plugins, as GStreamer finds both: installing and removing one
// changes its folder. Where it is wrong, three processes make the list at the same time.
func listed(getenv func(string) string, lib string) bool {
	list := getenv("GST_REGISTRY_1_0")
	if list == "" {
		cache := getenv("XDG_CACHE_HOME")
		if cache == "" {
			cache = filepath.Join(getenv("HOME"), ".cache")
		}
		lists, _ := filepath.Glob(filepath.Join(cache, "gstreamer-1.0", "registry.*.bin"))
		if len(lists) != 1 {
			return false
		}
		list = lists[0]
	}
	is, err := os.Stat(list)
	if err != nil {
		return false
	}
	folders, _ := filepath.Glob(filepath.Join(lib, "*", "gstreamer-1.0"))
	if len(folders) == 0 {
		return false
	}
	for _, path := range []string{"GST_PLUGIN_PATH", "GST_PLUGIN_PATH_1_0", "GST_PLUGIN_SYSTEM_PATH", "GST_PLUGIN_SYSTEM_PATH_1_0"} {
		folders = append(folders, filepath.SplitList(getenv(path))...)
	}
	return !slices.ContainsFunc(folders, func(folder string) bool {
		f, err := os.Stat(folder)
		return err != nil || !f.ModTime().Before(is.ModTime())
	})
}
