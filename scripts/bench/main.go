// Command bench measures two of our windows beside Debian's baresip, from glass to glass, in one run on one machine.
//
//	X display ──camera──▶ window A ══network══▶ window B ──screen──▶ X display
//	    ▲                                                               │
//	glass draw: a time code, 30 times a second           glass read: how old is it?
//
// Both windows film the same display and each shows the other's picture on one of its own, as in a real call: capture,
// encoding, decoding and sound go both ways. bin/glass (glass.c) sees only X, so the figures hold for any system. It
// prints latency, rate, freezes, CPU and memory a window, and whether the goals are met; goals that are missed are
// no failure.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"ewindow/scripts/bench/rig"
	"ewindow/scripts/stage"
)

const (
	startLimit = 40 * time.Second // until the first picture
	settle     = 5 * time.Second  // from there to the measurement
)

// options are the flags.
type options struct {
	seconds int
	bin     string
	only    string
	verbose bool
}

func main() {
	var o options
	flag.IntVar(&o.seconds, "seconds", 20, "how long to measure each system")
	flag.StringVar(&o.bin, "bin", "bin", "directory of the programs")
	flag.StringVar(&o.only, "only", "", "measure only this one: baresip or ewindow")
	flag.BoolVar(&o.verbose, "v", false, "print what the programs print, and the share of each process")
	flag.Parse()
	if status, inside := stage.Alone(); !inside {
		os.Exit(status)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "ewindow-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var them, us *figures
	if o.only != "ewindow" {
		ends, err := rig.MakeEnds()
		if err != nil {
			return err
		}
		defer ends.Remove()
		if err := ends.LayCable(ctx); err != nil {
			return err
		}
		if them, err = measure(ctx, o, "baresip", &rig.Baresip{Dir: filepath.Join(dir, "baresip"), Ends: ends}); err != nil {
			return fmt.Errorf("baresip: %w", err)
		}
	}
	if o.only != "baresip" {
		if us, err = measure(ctx, o, "E-Window", &rig.Windows{Dir: filepath.Join(dir, "ewindow"), Bin: o.bin}); err != nil {
			return fmt.Errorf("E-Window: %w", err)
		}
	}
	fmt.Print(report(them, us))
	if o.verbose {
		fmt.Print(details(them, us))
	}
	return nil
}

// measure runs a system and measures it.
func measure(ctx context.Context, o options, name string, s rig.System) (f *figures, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	glass := rig.Glass{Program: filepath.Join(o.bin, "glass")}
	x, closeAll, err := rig.OpenScreens(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	drawing, err := glass.Draw(ctx, x.Camera)
	if err != nil {
		return nil, err
	}
	defer drawing.Stop()
	fmt.Fprintf(os.Stderr, "bench: %s starts\n", name)
	defer func() {
		if said := s.Stop(); said != "" && (err != nil || o.verbose) {
			fmt.Fprintf(os.Stderr, "%s printed last:\n%s", name, said)
		}
	}()
	if err := s.Start(ctx, x); err != nil {
		return nil, err
	}
	if err := glass.Await(ctx, x.Window[1], startLimit); err != nil {
		return nil, err
	}
	if err := wait(ctx, settle); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "bench: %s is measured for %d s\n", name, o.seconds)
	return observe(ctx, glass, name, s, x, o.seconds)
}

// observe takes the figures of a system that runs.
func observe(ctx context.Context, g rig.Glass, name string, s rig.System, x rig.Screens, seconds int) (*figures, error) {
	from, err := rig.LookAtMachine()
	if err != nil {
		return nil, err
	}
	before, err := rig.UsageOf(s.Processes())
	if err != nil {
		return nil, err
	}
	seen, err := g.Read(ctx, x.Window[1], seconds)
	if err != nil {
		return nil, err
	}
	after, err := rig.UsageOf(s.Processes())
	if err != nil {
		return nil, err
	}
	to, err := rig.LookAtMachine()
	if err != nil {
		return nil, err
	}
	return &figures{
		name: name, Picture: seen, Load: after.Since(before, len(s.Processes())), others: rig.Others(from, to),
	}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
