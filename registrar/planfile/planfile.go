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
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"ewindow/dialplan"
)

const (
	settle   = 100 * time.Millisecond // editors replace a file in several steps
	longest  = 300 * time.Millisecond // to wait for it to settle, where one edit follows the other
	look     = 30 * time.Second       // for what no event tells: a network file system, a directory made anew
	patience = time.Minute            // with a file that somebody has begun to write, and does not close
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
	seen, err := newWatch()
	if err != nil {
		w.cfg.Log.Warn("the dialplan cannot be watched; it is looked at every 30 s, and on SIGHUP", "err", err)
		return w.loop(ctx, reload, nil)
	}
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer seen.close()
	defer cancel()
	reading.Go(func() { seen.read(ctx.Done()) })
	return w.loop(ctx, reload, seen)
}

// loop reads the files when they have changed, but not while one is half written.
func (w *Watcher) loop(ctx context.Context, reload <-chan os.Signal, seen *watch) error {
	places := w.watch(seen)
	w.read(false) // what changed before the watch began
	tick := time.NewTicker(look)
	defer tick.Stop()
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	var events <-chan event
	var failed <-chan error
	if seen != nil {
		events, failed = seen.events, seen.failed
	}
	open := map[string]time.Time{} // files that are being written, since when
	var first time.Time            // of the edits that were not read yet; zero: there are none
	for {
		forced := false
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			switch {
			case e.path == "": // so much happened that some of it was not told
				clear(open)
			case !places.concern(e.path) && !e.gone:
				continue
			case e.writing:
				if open[e.path].IsZero() {
					open[e.path] = time.Now()
				}
				continue
			default:
				delete(open, e.path)
			}
			if first.IsZero() {
				first = time.Now()
			}
			timer.Reset(min(settle, max(0, longest-time.Since(first))))
			continue
		case err := <-failed:
			w.cfg.Log.Warn("the dialplan is not watched any more; it is looked at every 30 s, and on SIGHUP", "err", err)
			clear(open)
			continue
		case <-reload:
			forced = true
		case <-timer.C:
		case <-tick.C:
		}
		if !forced && half(open, time.Now()) {
			continue
		}
		first = time.Time{}
		places = w.watch(seen)
		w.read(forced)
	}
}

// half says whether a file is half written. Whoever keeps one open for long does not count for ever.
func half(open map[string]time.Time, now time.Time) bool {
	for _, since := range open {
		if now.Sub(since) < patience {
			return true
		}
	}
	return false
}

// watch has the system tell of the directories in which something that matters could change.
func (w *Watcher) watch(seen *watch) places {
	p := findPlaces(w.cfg.Paths)
	if seen == nil {
		return p
	}
	for dir := range p.dirs {
		if err := seen.add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.cfg.Log.Warn("cannot watch a directory of the dialplan", "dir", dir, "err", err)
		}
	}
	return p
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
