// Command line measures two of our windows, beside a peer, from glass to glass over a bad line.
//
//	X display ──camera──▶ window A ──▶ TUN ═ lab/impair ═ TUN ──▶ window B ──screen──▶ X display
//	    ▲                 registrar                                                        │
//	glass draw                                                                 glass watch ┘
//
// Each window is in a network namespace of its own; the registrar is with the first, or, where its relay is to carry the media
// (-path relay), in one between them that lets no UDP through, and the line is the second window's. The line has its conditions both ways,
// and from before the call: what sets up the call suffers them too. It prints a table in Markdown, progress on stderr.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ewindow/scripts/bench/rig"
	"ewindow/scripts/stage"
)

// What the table calls our own: whose media go straight, and by the registrar's relay.
const (
	ours    = "E-Window"
	relayed = "E-Window, relay"
)

// paths are ways for -path.
var paths = map[string]string{"direct": ours, "relay": relayed}

// options are the flags.
type options struct {
	seconds, runs int
	bin           string
	only, peer    string
	path          string
	logs, charts  string
}

func main() {
	rig.ActAsTap()
	var o options
	flag.IntVar(&o.seconds, "seconds", 60, "how long to measure each row")
	flag.IntVar(&o.runs, "runs", 3, "how often; medians are printed")
	flag.StringVar(&o.bin, "bin", "bin", "directory of the programs")
	flag.StringVar(&o.only, "only", "", "measure only these `rows`, separated by commas")
	flag.StringVar(&o.peer, "peer", "gstreamer", "who else is measured, in turn with ours: gstreamer, chromium, baresip, several separated by commas, or none")
	flag.StringVar(&o.path, "path", "direct", "by which `way` the media of ours go: direct, relay (by the registrar's, over UDP), or both separated by a comma, in turn")
	flag.StringVar(&o.logs, "logs", "", "`directory` for all that the windows print and the glass sees, files for each run")
	flag.StringVar(&o.charts, "plot", "", "`directory` for a chart (SVG) of the first run of each row")
	flag.Parse()
	stage.Main("bench-line", func(ctx context.Context) error { return run(ctx, o, os.Stdout) })
}

// systems are who is measured, in turn.
func (o options) systems() (systems []string, _ error) {
	for path := range strings.SplitSeq(o.path, ",") {
		system, ok := paths[strings.TrimSpace(path)]
		if !ok || slices.Contains(systems, system) {
			return nil, fmt.Errorf("-path %q: it is direct, relay, or direct,relay", o.path)
		}
		systems = append(systems, system)
	}
	for peer := range strings.SplitSeq(o.peer, ",") {
		switch peer = strings.TrimSpace(peer); peer {
		case "none":
		case "gstreamer", "chromium", "baresip":
			systems = append(systems, peer)
		default:
			return nil, fmt.Errorf("there is no peer %q; there are gstreamer, chromium, baresip and none", peer)
		}
	}
	return systems, nil
}

func run(ctx context.Context, o options, out io.Writer) error {
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	if o.seconds < 1 || o.runs < 1 {
		return fmt.Errorf("%d runs of %d s: there has to be one of a second at least", o.runs, o.seconds)
	}
	systems, err := o.systems()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ewindow-line")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.logs != "" {
		if err := os.MkdirAll(o.logs, 0o755); err != nil {
			return err
		}
	}
	t := newTable(o, time.Now())
	done, all := 0, len(chosen)*o.runs*len(systems)
	for _, r := range chosen {
		measured := map[string][]outcome{}
		for n := range o.runs {
			for _, name := range systems {
				m := measurement{options: o, row: r, system: name, run: n, dir: filepath.Join(dir, "run")}
				done++
				fmt.Fprintf(os.Stderr, "bench-line: %s: %s, run %d of %d begins (%d of %d)\n", r.name, name, n+1, o.runs, done, all)
				got, err := m.take(ctx)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil { // a picture that does not come is a result
					fmt.Fprintf(os.Stderr, "bench-line: %s: %s, run %d: %v\n", r.name, name, n+1, err)
					t.failures = append(t.failures, fmt.Sprintf("%s: %s, run %d: %v", r.text, name, n+1, err))
					continue
				}
				fmt.Fprintf(os.Stderr, "bench-line: %s: %s, run %d: %v\n", r.name, name, n+1, got)
				measured[name] = append(measured[name], got)
				t.busy, t.late = max(t.busy, got.others), max(t.late, got.late)
			}
		}
		for _, name := range systems {
			t.add(r, name, measured[name])
		}
	}
	if slices.Contains(systems, "gstreamer") {
		t.notes = append(t.notes, "GStreamer is gst-launch-1.0 at each end, with: `"+
			(&rig.GStreamer{Ends: &rig.Ends{}}).Pipeline(0, rig.Screens{Camera: ":1", Window: [2]string{":2", ":3"}})+"`.")
	}
	_, err = io.WriteString(out, t.String())
	return err
}
