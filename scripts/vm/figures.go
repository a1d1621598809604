package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// The bounds of figures that do not depend on how fast a machine is.
const (
	mostInCall   = 300 // MB of memory (PSS) of all processes of a window in a call
	mostClosed   = 120 // and when it is closed
	mostWritten  = 1.0 // MB an hour to the disk, by the window and the journal
	writtenWatch = 5 * time.Minute
)

// figures measures a window in a call and closed.
func figures(ctx context.Context, w *world) error {
	began := time.Now()
	if err := w.boot(ctx); err != nil {
		return err
	}
	analyze, err := w.do(ctx, "systemd-analyze time | head -1")
	if err != nil {
		return err
	}
	w.notes("%s", strings.TrimSpace(strings.TrimSuffix(analyze, "\n")))
	if err := w.join(ctx, pictures); err != nil {
		return err
	}
	if err := w.shows(ctx); err != nil {
		return err
	}
	w.notes("power to the partner's picture, code and all: %.0f s", time.Since(began).Seconds())
	inCall, err := w.memory(ctx)
	if err != nil {
		return err
	}
	w.notes("in a call %.0f MB", inCall)
	written, all, err := w.written(ctx)
	if err != nil {
		return err
	}
	w.notes("%.2f MB an hour are written by the window and the journal, %.2f by all of the system in its first minutes", written, all)
	// Open yesterday, which is a week away.
	plan := strings.ReplaceAll(w.network.Dialplan, "24/7", time.Now().Add(-24 * time.Hour).Format("Mon")[:2]+" 10:00-11:00")
	if err := os.WriteFile(w.network.DialplanPath(), []byte(plan), 0o644); err != nil {
		return err
	}
	if err := until(ctx, patience, func() string {
		s, err := w.window(ctx)
		if err != nil {
			return err.Error()
		}
		if len(s.Calls) > 0 {
			return "the call goes on"
		}
		return ""
	}); err != nil {
		return err
	}
	closed, err := w.memory(ctx)
	if err != nil {
		return err
	}
	w.notes("closed %.0f MB", closed)
	switch {
	case inCall > mostInCall:
		return fmt.Errorf("%.0f MB in a call are more than %d", inCall, mostInCall)
	case closed > mostClosed:
		return fmt.Errorf("%.0f MB when closed are more than %d", closed, mostClosed)
	case written > mostWritten:
		return fmt.Errorf("%.2f MB an hour are more than %.1f", written, mostWritten)
	}
	return nil
}

// memory is what all processes of the window use in all, MB: what they share counts once (PSS, proc(5)).
func (w *world) memory(ctx context.Context) (mb float64, err error) {
	out, err := w.do(ctx, "for p in $(pgrep -u ewindow); do cat /proc/$p/smaps_rollup; done 2>/dev/null | awk '/^Pss:/ {s += $2} END {print s}'")
	if err != nil {
		return 0, err
	}
	var kb float64
	if _, err := fmt.Sscan(out, &kb); err != nil {
		return 0, fmt.Errorf("memory: %q: %w", out, err)
	}
	return kb / 1024, nil
}

// written is how much goes to the disk, MB an hour: by the window and the journal, which has its log, and by all of the system.
func (w *world) written(ctx context.Context) (window, all float64, err error) {
	// Pages that a process has dirtied are its own (proc(5), io); sectors have 512 bytes (block/stat).
	const ask = "for p in $(pgrep -u ewindow; pgrep systemd-journal); do cat /proc/$p/io; done | awk '/^write_bytes/ {s += $2} END {print s}'; sync; awk '{print $7 * 512}' /sys/block/vda/stat"
	bytes := func() (window, all float64, err error) {
		out, err := w.do(ctx, ask)
		if err == nil {
			_, err = fmt.Sscan(out, &window, &all)
		}
		return window, all, err
	}
	w.say(fmt.Sprintf("what is written is counted for %v", writtenWatch))
	windowBefore, allBefore, err := bytes()
	if err != nil {
		return 0, 0, err
	}
	select {
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	case <-time.After(writtenWatch):
	}
	window, all, err = bytes()
	const anHour = float64(time.Hour/writtenWatch) / 1e6
	return (window - windowBefore) * anHour, (all - allBefore) * anHour, err
}
