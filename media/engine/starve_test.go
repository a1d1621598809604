package engine_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/media/engine"
	"ewindow/media/engine/enginetest"
	"ewindow/media/engine/protocol"
)

// queue is a Child whose only thread waits for a processor for a share of the time.
type queue struct {
	engine.Child
	since time.Time
	share float64
}

func (q queue) Queued() map[string]time.Duration {
	return map[string]time.Duration{"1": time.Duration(q.share * float64(time.Since(q.since)))}
}

// A process that gets no processor is given more time than one that hangs, but not for ever.
func TestStarved(t *testing.T) {
	for share, want := range map[float64]time.Duration{0: time.Second, 0.3: time.Second, 0.9: 11 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			d := enginetest.New(enginetest.Options{})
			e := engine.New(engine.Config{Handler: &recorder{}, Start: func(r protocol.Role) (engine.Child, error) {
				c, err := d.Start(r)
				return queue{c, time.Now(), share}, err
			}})
			ctx, cancel := context.WithCancel(t.Context())
			ran := make(chan error, 1)
			go func() { ran <- e.Run(ctx) }()
			e.Open("a", formats)
			time.Sleep(5 * time.Second)
			d.Hang(protocol.Camera)
			begun := time.Now()
			for d.Starts(protocol.Camera) == 1 && time.Since(begun) < time.Minute {
				time.Sleep(10 * time.Millisecond)
			}
			// The last progress was up to half a second before, and the next start is 200 ms after the end.
			if took := time.Since(begun); took < want-400*time.Millisecond || took > want+300*time.Millisecond {
				t.Errorf("waiting for %.0f %% of the time, it was replaced after %v, want about %v", 100*share, took, want)
			}
			cancel()
			if err := <-ran; err != nil {
				t.Error(err)
			}
		})
	}
}

// Nor is a start cut short for which the machine has no time.
func TestStarvedStart(t *testing.T) {
	for share, want := range map[float64]int{0: 4, 0.9: 1} {
		synctest.Test(t, func(t *testing.T) {
			d := enginetest.New(enginetest.Options{})
			d.SetStart(protocol.Camera, enginetest.Start{Takes: 45 * time.Second, Stages: 4})
			e := engine.New(engine.Config{Handler: &recorder{}, Start: func(r protocol.Role) (engine.Child, error) {
				c, err := d.Start(r)
				return queue{c, time.Now(), share}, err
			}})
			ctx, cancel := context.WithCancel(t.Context())
			ran := make(chan error, 1)
			go func() { ran <- e.Run(ctx) }()
			e.Open("a", formats)
			time.Sleep(time.Minute)
			if n := d.Starts(protocol.Camera); n != want {
				t.Errorf("waiting for %.0f %% of the time, it was started %d times in a minute, want %d", 100*share, n, want)
			}
			cancel()
			if err := <-ran; err != nil {
				t.Error(err)
			}
		})
	}
}

// What the kernel counts is what is meant: a thread that could run and may not waits, one that is stopped does not, and whoever
// waits for an X server waits for a processor as that does.
func TestQueued(t *testing.T) {
	if _, err := os.ReadFile("/proc/self/schedstat"); err != nil {
		t.Skip("this kernel does not count it: ", err)
	}
	for _, tt := range []struct {
		mode, server string
		waits        bool
	}{{"starve", "", true}, {"hang", "", false}, {"hang", "starve", true}, {"hang", "hang", false}} {
		waits := tt.waits
		t.Run(tt.mode+" "+tt.server, func(t *testing.T) {
			t.Parallel()
			child, _ := startDevice(t, tt.mode)
			if tt.server != "" {
				_, pid := startDevice(t, tt.server)
				child.(interface{ ServedBy(pid int) }).ServedBy(pid)
			}
			ticker := time.NewTicker(200 * time.Millisecond)
			defer ticker.Stop()
			queued := child.(interface {
				Queued() map[string]time.Duration
			}).Queued
			before, most, looks := queued(), 0.0, 0
			for at := time.Now(); looks < 100; looks++ {
				<-ticker.C
				now, after := time.Now(), queued()
				share := 0.0
				for thread, waited := range after {
					if was, old := before[thread]; old {
						share = max(share, float64(waited-was)/float64(now.Sub(at)))
					}
				}
				at, before = now, after
				if most = share; looks >= 5 && waits == (share > 0.5) {
					return
				}
			}
			t.Errorf("a thread waits for %.0f %% of the time", 100*most)
		})
	}
}

// startDevice starts a camera that behaves so, and says which process it is. It ends with the test.
func startDevice(t *testing.T, mode string) (engine.Child, int) {
	t.Helper()
	path := program(t, mode)
	child, err := engine.StartProcess(path, protocol.Camera, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Kill(); _ = child.Wait() })
	conf := protocol.Configure{Role: protocol.Camera, Camera: &protocol.CameraConfig{Streams: []protocol.VideoStream{{Number: 1}}}}
	if err := protocol.WriteJSON(child.Conn(), protocol.TypeConfigure, conf); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, child.Conn()) }()
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		if b, _ := os.ReadFile(name); strings.HasPrefix(string(b), path) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			return child, pid
		}
	}
	t.Fatal("it is not in /proc")
	return nil, 0
}
