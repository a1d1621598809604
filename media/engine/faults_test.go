//go:build !race

package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
	"ewindow/scripts/lab/logbook"
)

// A role whose processes fail all of a working day is at most so many lines, and one more, at once, when they work.
func TestADayOfAFaultInTheLog(t *testing.T) {
	const most, day = 18, 8 * time.Hour
	// again does something to the screen's process every so often, all day.
	again := func(every time.Duration, do func(*enginetest.Devices)) func(*enginetest.Devices) {
		return func(d *enginetest.Devices) {
			go func() {
				for end := time.Now().Add(day); time.Now().Before(end); time.Sleep(every) {
					do(d)
				}
			}()
		}
	}
	crash := func(d *enginetest.Devices) { d.Crash(protocol.Screen) }
	hang := func(d *enginetest.Devices) { d.Hang(protocol.Screen) }
	for name, c := range map[string]struct {
		begins, ends func(*enginetest.Devices)
		settles      time.Duration
	}{
		"cannot be started": {
			func(d *enginetest.Devices) { d.Refuse(protocol.Screen, errors.New("no such program")); crash(d) },
			func(d *enginetest.Devices) { d.Refuse(protocol.Screen, nil) }, 10 * time.Second},
		"hangs while it starts": {
			func(d *enginetest.Devices) { d.SetStart(protocol.Screen, enginetest.Start{Takes: day}); crash(d) },
			func(d *enginetest.Devices) { d.SetStart(protocol.Screen, enginetest.Start{}) }, 20 * time.Second},
		"works and never comes to an end": {
			func(d *enginetest.Devices) {
				d.SetStart(protocol.Screen, enginetest.Start{Takes: day, Works: true})
				crash(d)
			},
			func(d *enginetest.Devices) { d.SetStart(protocol.Screen, enginetest.Start{}) }, 2 * time.Minute},
		"crashes every 4 s":   {again(4*time.Second, crash), nil, 2 * time.Hour},
		"crashes every 3 min": {again(3*time.Minute, crash), nil, 2 * time.Hour},
		"hangs every 20 s":    {again(20*time.Second, hang), nil, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out, d := &logbook.Lines{}, enginetest.New(enginetest.Options{Seed: 7})
				e := engine.New(engine.Config{
					Screen:  protocol.ScreenConfig{Sink: "none", Title: "milano", Width: 1280, Height: 720},
					Handler: &recorder{}, Log: slog.New(slog.NewTextHandler(out, nil)), Start: d.Start,
				})
				ctx, cancel := context.WithCancel(t.Context())
				ran := make(chan error, 1)
				go func() { ran <- e.Run(ctx) }()
				time.Sleep(10 * time.Second)
				out.Take()
				c.begins(d)
				time.Sleep(day)
				said := out.Take()
				if n := strings.Count(said, "\n"); n == 0 || n > most || !strings.Contains(said, "device process is replaced") {
					t.Errorf("%d lines in a day, want 1 to %d:\n%s", n, most, said)
				}
				if c.ends != nil {
					c.ends(d)
				}
				time.Sleep(c.settles)
				said = out.Take()
				if n := strings.Count(said, "\n"); n != 1 || !strings.Contains(said, "device process runs again") {
					t.Errorf("%d lines when it is over, want one:\n%s", n, said)
				}
				cancel()
				if err := <-ran; err != nil {
					t.Errorf("Run: %v", err)
				}
			})
		})
	}
}
