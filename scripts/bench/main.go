// Command bench measures two of our windows beside others' (GStreamer's plain RTP, Chromium's WebRTC, Debian's baresip), from glass
// to glass, on one machine.
//
//	X display ──camera──▶ window A ══network══▶ window B ──screen──▶ X display
//	    ▲                                                               │
//	glass draw: a time code, 30 times a second           glass read: how old is it?
//
// Both windows film the same display and each shows the other's picture on one of its own, as in a real call: capture,
// encoding, decoding and sound go both ways. bin/glass (glass.c) sees only X, so the figures hold for any system. The systems
// are measured in turn, in many short runs, so that what else the machine does meets all of them. It prints latency,
// rate, freezes, CPU and memory a window, and whether the goals are met; goals that are missed are no failure, nor is a run that
// comes to nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ewindow/scripts/bench/rig"
	"ewindow/scripts/stage"
)

const (
	startLimit = 40 * time.Second // until the first picture
	settle     = 5 * time.Second  // from there to the measurement
)

// The systems, by the words for -only.
const (
	ours      = "E-Window"
	gstreamer = "gstreamer"
	chromium  = "chromium"
	baresip   = "baresip"
)

var systems = []string{ours, gstreamer, chromium, baresip}

// options are the flags.
type options struct {
	seconds, runs int
	bin           string
	only          string
	verbose       bool
}

func main() {
	var o options
	flag.IntVar(&o.seconds, "seconds", 12, "how long to measure in each run; the phases of drawing and grabbing pass each other in 4")
	flag.IntVar(&o.runs, "runs", 9, "how often; medians are printed")
	flag.StringVar(&o.bin, "bin", "bin", "directory of the programs")
	flag.StringVar(&o.only, "only", strings.Join(systems[:3], ","), "what to measure, separated by commas: "+strings.Join(systems, ", "))
	flag.BoolVar(&o.verbose, "v", false, "print what the programs print, and the share of each process")
	flag.Parse()
	stage.Main("bench", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) error {
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	if o.seconds < 1 || o.runs < 1 {
		return fmt.Errorf("%d runs of %d s: there has to be one of a second at least", o.runs, o.seconds)
	}
	dir, err := os.MkdirTemp("", "ewindow-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all := map[string][]figures{}
	var failures []string
	for n := range o.runs {
		for _, name := range chosen {
			f, err := measure(ctx, o, name, filepath.Join(dir, "run"))
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				fmt.Fprintf(os.Stderr, "bench: run %d of %d, %s: %v\n", n+1, o.runs, name, err)
				failures = append(failures, fmt.Sprintf("%s, run %d: %v", name, n+1, err))
				continue
			}
			fmt.Fprintf(os.Stderr, "bench: run %d of %d, %s: p50 %.0f ms, p95 %.0f ms, %.1f fps, %.0f %% of a core a window; all else took %.0f %%\n",
				n+1, o.runs, name, f.P50, f.P95, f.FPS, f.CPU, f.others)
			if o.verbose {
				fmt.Fprint(os.Stderr, details(f))
			}
			all[name] = append(all[name], f)
		}
	}
	fmt.Print(report(o, chosen, all))
	if len(failures) > 0 {
		fmt.Println("Runs that count for nothing: " + strings.Join(failures, "; ") + ".")
	}
	return nil
}

// choose returns the systems of words that are separated by commas, ours first.
func choose(words string) (chosen []string, err error) {
	for word := range strings.SplitSeq(words, ",") {
		if word = strings.TrimSpace(word); strings.EqualFold(word, "ewindow") {
			word = ours
		}
		if !slices.Contains(systems, word) {
			return nil, fmt.Errorf("there is no %q; there are %s", word, strings.Join(systems, ", "))
		}
		chosen = append(chosen, word)
	}
	slices.SortFunc(chosen, func(a, b string) int { return slices.Index(systems, a) - slices.Index(systems, b) })
	return slices.Compact(chosen), nil
}

// measure runs a system and measures it.
func measure(ctx context.Context, o options, name, dir string) (f figures, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := os.RemoveAll(dir); err != nil {
		return f, err
	}
	ends, err := rig.MakeEnds(ctx)
	if err != nil {
		return f, err
	}
	defer ends.Remove()
	if err := ends.LayCable(ctx); err != nil {
		return f, err
	}
	s, below := build(name, dir, o.bin, ends)
	glass := rig.Glass{Program: filepath.Join(o.bin, "glass")}
	x, closeAll, err := rig.OpenScreens(ctx, below)
	if err != nil {
		return f, err
	}
	defer closeAll()
	drawing, err := glass.Draw(ctx, x.Camera)
	if err != nil {
		return f, err
	}
	defer drawing.Stop()
	defer func() {
		if said := s.Stop(); said != "" && (err != nil || o.verbose) {
			fmt.Fprintf(os.Stderr, "%s printed last:\n%s", name, said)
		}
	}()
	if err := s.Start(ctx, x); err != nil {
		return f, err
	}
	if err := glass.Await(ctx, x.Window[1], startLimit); err != nil {
		return f, err
	}
	if err := wait(ctx, settle); err != nil {
		return f, err
	}
	f, err = observe(ctx, glass, s, x, o.seconds)
	if c, ok := s.(*rig.Chromium); ok && err == nil {
		f.codec, err = c.Codec(ctx)
	}
	return f, err
}

// build makes a system, and says how many pixels its screens need below the picture.
func build(name, dir, bin string, ends *rig.Ends) (s rig.System, below int) {
	switch name {
	case gstreamer:
		return &rig.GStreamer{Ends: ends}, 0
	case chromium:
		return &rig.Chromium{Dir: dir, Ends: ends}, rig.ChromiumBelow
	case baresip:
		return &rig.Baresip{Dir: dir, Ends: ends}, 0
	default:
		return &rig.Windows{Dir: dir, Bin: bin, Ends: ends}, 0
	}
}

// observe takes the figures of a system that runs.
func observe(ctx context.Context, g rig.Glass, s rig.System, x rig.Screens, seconds int) (f figures, err error) {
	from, err := rig.LookAtMachine()
	if err != nil {
		return f, err
	}
	before, err := rig.UsageOf(s.Processes())
	if err != nil {
		return f, err
	}
	if f.Picture, err = g.Read(ctx, x.Window[1], seconds); err != nil {
		return f, err
	}
	after, err := rig.UsageOf(s.Processes())
	if err != nil {
		return f, errors.Join(errors.New("it ended meanwhile"), err)
	}
	to, err := rig.LookAtMachine()
	if err != nil {
		return f, err
	}
	f.Load, f.others = after.Since(before, len(s.Processes())), rig.Others(from, to)
	return f, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
