// Command plan measures the dialplan: how long it takes to check a large one, to work out what all windows are told,
// and to say what an edit changes; and how much memory that takes.
//
//	go run ./scripts/bench/plan
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"ewindow/dialplan"
	"ewindow/dialplan/programme"
)

// from is a Thursday, so that two weeks from it on have a change of clocks in Europe.
var from = time.Date(2027, 3, 18, 10, 30, 0, 0, time.UTC)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench/plan:", err)
		os.Exit(1)
	}
}

func run() error {
	fmt.Printf("The dialplan. Times are the median of several runs, on %d of this machine's cores.\n", runtime.GOMAXPROCS(0))
	for _, spaces := range []int{1_000, 10_000} {
		if err := measure(os.Stdout, spaces); err != nil {
			return fmt.Errorf("%d spaces: %w", spaces, err)
		}
	}
	return nil
}

// measure prints the figures of a plan of so many spaces.
func measure(w io.Writer, spaces int) error {
	before, after := network(spaces, false), network(spaces, true)
	empty := heap()
	plan, err := dialplan.Parse(before)
	if err != nil {
		return err
	}
	held := heap() - empty
	edited, err := dialplan.Parse(after)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d spaces, %d rules, a file of %.1f MB\n", spaces, len(plan.Links())+len(plan.Rotations()), float64(len(before.Data))/1e6)

	parse, err := median(func() error { _, err := dialplan.Parse(before); return err })
	if err != nil {
		return err
	}
	show(w, "parse", parse, "")
	warnings := 0
	check, err := median(func() error {
		p, err := dialplan.Parse(before)
		if err == nil {
			warnings = len(p.WarningsFrom(from))
		}
		return err
	})
	if err != nil {
		return err
	}
	aim := ""
	if spaces == 1_000 {
		aim = "aim: less than 100 ms; "
	}
	show(w, "check: parse, and look for warnings", check, fmt.Sprintf("%sit finds %d", aim, warnings))

	if err := questions(w, plan, edited); err != nil {
		return err
	}
	worked := heap() - empty
	for _, m := range []struct {
		what  string
		bytes int64
	}{
		{"memory of the parsed plan", held}, {"memory of both plans, with what they worked out", worked},
		{"the most that this process had so far", peak()},
	} {
		fmt.Fprintf(w, "  %-48s %8.1f MB\n", m.what, float64(m.bytes)/1e6)
	}
	runtime.KeepAlive(plan)
	runtime.KeepAlive(edited)
	return nil
}

// questions prints how long it takes to ask a plan what windows are told, and what an edit changes.
func questions(w io.Writer, plan, edited *dialplan.Plan) error {
	longest := 0
	start := from
	told, err := median(func() (err error) {
		start = start.AddDate(0, 0, 1) // another day each time, since a plan remembers what it has worked out
		longest, err = programmes(plan, start)
		return err
	})
	if err != nil {
		return err
	}
	show(w, "14 days of programmes for all windows, encoded", told, fmt.Sprintf("the longest has %d bytes", longest))

	changes := 0
	start = from
	diff, err := median(func() error {
		start = start.AddDate(0, 0, 1)
		changes = len(dialplan.Diff(plan, edited, start))
		return nil
	})
	if err != nil {
		return err
	}
	show(w, "diff after one edit", diff, fmt.Sprintf("it finds %d changes", changes))
	return nil
}

// programmes makes those of all windows, and returns the length of the longest.
func programmes(plan *dialplan.Plan, start time.Time) (int, error) {
	longest := 0
	for _, s := range plan.Spaces() {
		p, err := plan.Programme(s.Name, start)
		if err != nil {
			return 0, err
		}
		b, err := programme.Encode(p)
		if err != nil {
			return 0, err
		}
		longest = max(longest, len(b))
	}
	return longest, nil
}

func show(w io.Writer, what string, d time.Duration, note string) {
	fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-48s %8.1f ms   %s", what, float64(d.Microseconds())/1e3, note), " "))
}

// median runs a few times, at least three and for at most a few seconds.
func median(f func() error) (time.Duration, error) {
	var took []time.Duration
	for begin := time.Now(); len(took) < 3 || len(took) < 11 && time.Since(begin) < 3*time.Second; {
		start := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// heap is how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// peak is the largest resident size so far, in bytes; 0 where the kernel does not tell.
func peak() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	var kilo int64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilo); err == nil {
			return kilo * 1024
		}
	}
	return 0
}
