// Command soak runs two windows for long over a line that loses packets, with a trouble now and then: the partner is restarted,
// the plan closes both for a moment, the line is cut. It samples what each process holds and how each call does, prints a
// table, and fails if anything grows.
//
//	registrar, milano ──▶ TUN ═ lab/impair ═ TUN ──▶ munich
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ewindow/scripts/bench/rig"
	"ewindow/scripts/lab/impair"
	"ewindow/scripts/stage"
)

type options struct {
	last, every, trouble time.Duration
	loss                 float64
	width, height, fps   int
	bin, logs            string
}

func main() {
	var o options
	flag.DurationVar(&o.last, "for", 10*time.Minute, "how long")
	flag.DurationVar(&o.every, "every", 30*time.Second, "time between two samples")
	flag.DurationVar(&o.trouble, "trouble", 3*time.Minute, "time between two troubles; 0 for none")
	flag.Float64Var(&o.loss, "loss", 0.01, "share of the packets that are lost")
	flag.IntVar(&o.width, "width", 640, "of the pictures")
	flag.IntVar(&o.height, "height", 360, "of the pictures")
	flag.IntVar(&o.fps, "fps", 15, "pictures a second")
	flag.StringVar(&o.bin, "bin", "bin", "directory of the programs")
	flag.StringVar(&o.logs, "log", "", "`file` for all that the programs print")
	flag.Parse()
	stage.Main("soak", func(ctx context.Context) error { return run(ctx, o, os.Stdout) })
}

var spaces = [2]string{"milano", "munich"}

// soak is a run: two windows and what is done to them.
type soak struct {
	options
	ends      *rig.Ends
	relay     *impair.Relay
	network   *stage.Network
	processes [2]*stage.Process
	troubles  int
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "ewindow-soak")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &soak{options: o}
	if s.ends, err = rig.MakeEnds(ctx); err != nil {
		return err
	}
	defer s.ends.Remove()
	devices, err := s.ends.LayLine(ctx)
	if err != nil {
		return err
	}
	s.relay = impair.NewRelay(devices[0], devices[1], impair.Conditions{Delay: 10 * time.Millisecond, Jitter: 2 * time.Millisecond, Loss: o.loss}, 1)
	relaying, enough := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer enough()
	broken := make(chan error, 1)
	wg.Go(func() { broken <- s.relay.Run(relaying) })
	screens, closeAll, err := rig.OpenScreens(ctx, 0)
	if err != nil {
		return err
	}
	defer closeAll()
	if err := s.start(ctx, dir, screens); err != nil {
		return err
	}
	defer s.network.Close()
	t := newTable(out)
	err = s.watch(ctx, t, broken)
	return errors.Join(err, t.judge(o.last))
}

// start brings up the registrar and both windows.
func (s *soak) start(ctx context.Context, dir string, x rig.Screens) error {
	lines := func(string, []byte) {}
	if s.logs != "" {
		f, err := os.Create(s.logs)
		if err != nil {
			return err
		}
		lines = func(name string, line []byte) { fmt.Fprintf(f, "%s: %s\n", name, line) }
	}
	s.network = &stage.Network{
		Dir: filepath.Join(dir, "network"), Bin: s.bin, Dialplan: stage.Open(spaces[0], spaces[1]), Lines: lines,
		Host: s.ends.Address(0), TLS: 5061, SIP: 5060,
		Enter: func(name string) []string {
			if name == spaces[1] {
				return s.ends.Enter(1)
			}
			return s.ends.Enter(0)
		},
	}
	for i, space := range spaces {
		s.network.Windows = append(s.network.Windows, stage.Window{
			Space: space, Camera: "test", Screen: "x11:" + x.Window[i], Microphone: "test", Speaker: "none",
			Width: s.width, Height: s.height, FPS: s.fps, Kbps: 800, HTTP: fmt.Sprintf("127.0.0.1:%d", metrics),
		})
	}
	if err := s.network.Write(); err != nil {
		return err
	}
	if _, err := s.network.StartRegistrar(ctx); err != nil {
		return err
	}
	for i, w := range s.network.Windows {
		p, err := s.network.StartWindow(w)
		if err != nil {
			return err
		}
		s.processes[i] = p
	}
	return nil
}

// watch samples until the time is over or a program ends by itself.
func (s *soak) watch(ctx context.Context, t *table, broken <-chan error) error {
	begin := time.Now()
	samples := time.NewTicker(s.every)
	defer samples.Stop()
	var troubles <-chan time.Time
	if s.trouble > 0 {
		ticker := time.NewTicker(s.trouble)
		defer ticker.Stop()
		troubles = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-broken:
			return errors.Join(err, errors.New("the line is gone"))
		case <-s.processes[0].Ended():
			return s.processes[0].Err()
		case <-s.processes[1].Ended():
			return s.processes[1].Err()
		case <-troubles:
			what, err := s.disturb(ctx)
			if err != nil {
				return err
			}
			t.note(time.Since(begin), what)
		case <-samples.C:
			if err := s.sample(ctx, t, time.Since(begin).Round(time.Second)); err != nil {
				return err
			}
			if time.Since(begin) > s.last {
				return nil
			}
		}
	}
}

func (s *soak) sample(ctx context.Context, t *table, at time.Duration) error {
	for i, space := range spaces {
		known, err := s.network.Status(space)
		if err != nil {
			return fmt.Errorf("%s: %w", space, err)
		}
		f, err := sample(ctx, s.ends, i, s.processes[i].PID(), known)
		if err != nil {
			return fmt.Errorf("%s: %w", space, err)
		}
		t.add(at, space, f)
	}
	t.end()
	return nil
}

// moment is how long a trouble lasts.
const moment = 12 * time.Second

// disturb makes the next trouble, and returns when it is over.
func (s *soak) disturb(ctx context.Context) (what string, err error) {
	s.troubles++
	switch s.troubles % 3 {
	case 1:
		s.processes[1].Stop()
		s.processes[1], err = s.network.StartWindow(s.network.Windows[1])
		return spaces[1] + " was restarted", err
	case 2:
		plan := s.network.Dialplan
		err = os.WriteFile(s.network.DialplanPath(), []byte(strings.ReplaceAll(plan, `"24/7"`, `"off"`)), 0o644)
		sleep(ctx, moment)
		return "the plan was closed for a moment", errors.Join(err, os.WriteFile(s.network.DialplanPath(), []byte(plan), 0o644))
	}
	s.relay.Cut(moment)
	return fmt.Sprintf("the line is cut for %v", moment), nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
