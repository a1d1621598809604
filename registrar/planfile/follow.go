package planfile

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	settle   = 100 * time.Millisecond // editors replace a file in several steps
	longest  = 300 * time.Millisecond // to wait for it to settle, where one edit follows the other
	look     = 30 * time.Second       // for what no event tells: a network file system, a directory made anew
	patience = time.Minute            // with a file that somebody has begun to write, and does not close
)

// A Follower has files read when they may have changed: those of the dialplan, and others that are to be followed as well.
type Follower struct {
	Paths []string          // files and directories; of the latter each *.hcl
	What  string            // they are, for the log: "the dialplan"
	Read  func(forced bool) // reads them; forced: somebody asked for it, and is to be told the outcome
	Log   *slog.Logger
}

// Run watches until ctx ends, and has them read once at its beginning. Anything that comes from reload has them read at once.
func (w *Follower) Run(ctx context.Context, reload <-chan os.Signal) error {
	seen, err := newWatch()
	if err != nil {
		w.Log.Warn(w.What+" cannot be watched; it is looked at every 30 s, and on SIGHUP", "err", err)
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
func (w *Follower) loop(ctx context.Context, reload <-chan os.Signal, seen *watch) error {
	places := w.watch(seen)
	w.Read(false) // what changed before the watch began
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
			w.Log.Warn(w.What+" is not watched any more; it is looked at every 30 s, and on SIGHUP", "err", err)
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
		w.Read(forced)
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
func (w *Follower) watch(seen *watch) places {
	p := findPlaces(w.Paths)
	if seen == nil {
		return p
	}
	for dir := range p.dirs {
		if err := seen.add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.Log.Warn("cannot watch a directory of "+strings.TrimPrefix(w.What, "the "), "dir", dir, "err", err)
		}
	}
	return p
}
