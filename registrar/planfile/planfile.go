// Package planfile keeps the plan in force equal to the dialplan's files: it reads them anew when they change and
// when it is asked to, whole or not at all. While they have errors, the plan stays as it was.
package planfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"

	"ewindow/dialplan"
)

const (
	settle = 200 * time.Millisecond // editors write in several steps
	look   = 30 * time.Second       // for what no event tells: a network file system, a directory made anew
)

// Config is what a Watcher is made from.
type Config struct {
	Paths   []string             // files and directories, as dialplan.Load takes them
	Current *dialplan.Plan       // the plan in force, read from Paths before
	Changed func(*dialplan.Plan) // is given each new plan, before the next is read
	Result  func(ok bool)        // is told of each reading that found something new; may be nil
	Log     *slog.Logger         // nil: none
}

// A Watcher reads the files when they change. New makes it, Run runs it.
type Watcher struct {
	cfg     Config
	current string // revision of the plan in force
	failure string // text of the last error, so that it is said once; empty if the files are sound
}

// New makes a watcher. It starts nothing.
func New(c Config) *Watcher {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Result == nil {
		c.Result = func(bool) {}
	}
	return &Watcher{cfg: c, current: c.Current.Revision()}
}

// Run watches until ctx ends. Anything that comes from reload (a SIGHUP) has the files read at once and the outcome
// said even if it is the same as before.
func (w *Watcher) Run(ctx context.Context, reload <-chan os.Signal) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		w.cfg.Log.Warn("the dialplan cannot be watched; it is looked at every 30 s, and on SIGHUP", "err", err)
		return w.loop(ctx, reload, nil, nil)
	}
	defer watcher.Close()
	return w.loop(ctx, reload, watcher, watcher.Events)
}

func (w *Watcher) loop(ctx context.Context, reload <-chan os.Signal, watcher *fsnotify.Watcher, events <-chan fsnotify.Event) error {
	places := w.watch(watcher)
	w.read(false) // what changed before the watch began
	tick := time.NewTicker(look)
	defer tick.Stop()
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	var failures <-chan error
	if watcher != nil {
		failures = watcher.Errors
	}
	for {
		forced := false
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			if places.concern(e.Name) {
				timer.Reset(settle)
			}
			continue
		case err := <-failures:
			w.cfg.Log.Warn("watching the dialplan: some changes may be seen late", "err", err)
			continue
		case <-reload:
			forced = true
		case <-timer.C:
		case <-tick.C:
		}
		places = w.watch(watcher)
		w.read(forced)
	}
}

// watch has the watcher look at the directories in which something that matters could change.
func (w *Watcher) watch(watcher *fsnotify.Watcher) places {
	p := findPlaces(w.cfg.Paths)
	if watcher == nil {
		return p
	}
	for dir := range p.dirs {
		if err := watcher.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.cfg.Log.Warn("cannot watch a directory of the dialplan", "dir", dir, "err", err)
		}
	}
	return p
}

// read reads the files and puts what they say in force, if it is sound and new.
func (w *Watcher) read(forced bool) {
	plan, err := dialplan.Load(w.cfg.Paths...)
	if err != nil {
		if text := err.Error(); text != w.failure || forced {
			w.failure = text
			w.report(err)
			w.cfg.Result(false)
		}
		return
	}
	repaired := w.failure != ""
	w.failure = ""
	if plan.Revision() == w.current {
		if repaired || forced {
			w.cfg.Log.Info("dialplan read again: it is the plan in force", "revision", w.current)
			w.cfg.Result(true)
		}
		return
	}
	w.current = plan.Revision()
	w.cfg.Changed(plan)
	w.cfg.Result(true)
	w.cfg.Log.Info("dialplan changed", "revision", w.current, "spaces", len(plan.Spaces()), "links", len(plan.Links()))
}

func (w *Watcher) report(err error) {
	var all dialplan.Diagnostics
	if !errors.As(err, &all) {
		w.cfg.Log.Error("dialplan cannot be read; the plan in force stays", "err", err)
		return
	}
	for _, d := range all {
		w.cfg.Log.Error("dialplan has an error; the plan in force stays", "at", fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column),
			"err", d.Error())
	}
}
