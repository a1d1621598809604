// Package planfile keeps the plan in force equal to the dialplan's files: it reads them anew when they change and
// when it is asked to, whole or not at all. While they have errors, the plan stays as it was, over restarts too: the
// last good one is kept on disk.
//
//	files ──Begin──▶ plan in force ◀──Watcher── files changed, SIGHUP
//	          │            │
//	          └◀── dialplan.last-good in the state directory
package planfile

import (
	"context"
	"log/slog"
	"os"
	"time"

	"ewindow/dialplan"
)

// Config is what a Watcher is made from.
type Config struct {
	Paths   []string             // files and directories, as dialplan.Load takes them
	Keep    string               // the directory in which the last good plan is kept; empty: nowhere
	Current *Start               // the plan in force, which Begin made of Paths
	Changed func(*dialplan.Plan) // is given each new plan, before the next is read
	Result  func(*Good)          // is told of each reading that found something new: the plan, or nil; may be nil
	Log     *slog.Logger         // nil: none
}

// A Watcher reads the files when they change. New makes it, Run runs it.
type Watcher struct {
	cfg     Config
	current string    // revision of the plan in force
	loaded  time.Time // when that was read from the files
	failure string    // text of the last error, so that it is said once; empty if the files are sound
}

// New makes a watcher. It starts nothing.
func New(c Config) *Watcher {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Result == nil {
		c.Result = func(*Good) {}
	}
	w := &Watcher{cfg: c, current: c.Current.Plan.Revision(), loaded: c.Current.Loaded}
	if c.Current.Failure != nil {
		w.failure = c.Current.Failure.Error()
	}
	return w
}

// Run watches until ctx ends. Anything that comes from reload (a SIGHUP) has the files read at once and the outcome
// said even if it is the same as before.
func (w *Watcher) Run(ctx context.Context, reload <-chan os.Signal) error {
	return w.follow().Run(ctx, reload)
}

func (w *Watcher) follow() *Follower {
	return &Follower{Paths: w.cfg.Paths, What: "the dialplan", Read: w.read, Log: w.cfg.Log}
}

// read reads the files and puts what they say in force, if it is sound and new.
func (w *Watcher) read(forced bool) {
	good, err := load(w.cfg.Paths, time.Now())
	if err != nil {
		if text := err.Error(); text != w.failure || forced {
			w.failure = text
			report(w.cfg.Log.With("revision", w.current, "loaded", w.loaded.Format(time.RFC3339)), err, "the plan in force stays")
			w.cfg.Result(nil)
		}
		return
	}
	repaired := w.failure != ""
	w.failure = ""
	revision := good.Plan.Revision()
	if revision == w.current {
		if repaired || forced {
			w.good(good)
			w.cfg.Log.Info("dialplan read again: it is the plan in force", "revision", revision)
		}
		return
	}
	w.current = revision
	w.cfg.Changed(good.Plan) // before the disk is asked: windows are waiting
	w.good(good)
	w.cfg.Log.Info("dialplan changed", "revision", revision, "spaces", len(good.Plan.Spaces()), "links", len(good.Plan.Links()))
}

func (w *Watcher) good(g *Good) {
	w.loaded = g.Loaded
	keepOrSay(w.cfg.Keep, g, w.cfg.Log)
	w.cfg.Result(g)
}
