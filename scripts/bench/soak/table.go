package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// may is how much each figure may grow.
var may = map[string]tolerance{
	"memory":     {"MB", 5, 0.10},
	"fds":        {"files", 2, 0},
	"goroutines": {"goroutines", 4, 0},
	"delay":      {"ms", 30, 0},
	"sound":      {"ms", 20, 0},
}

const (
	settles = 0.25 // the share of a life that is not judged: caches fill
	lives   = 0.4  // the share of the run that a process has to live for, to be judged: what it does at its beginning is no growth
)

// table is what was sampled.
type table struct {
	out    io.Writer
	head   bool
	row    []string
	growth map[string]*series // by window, process and figure
	pids   map[string]float64
	lived  map[string]int // processes that there were
}

func newTable(out io.Writer) *table {
	return &table{out: out, growth: map[string]*series{}, pids: map[string]float64{}, lived: map[string]int{}}
}

// add takes a sample of a window. A process that is another one than before begins a new series; calls are one, since whoever
// is seen in them does not mind that they are several.
func (t *table) add(at time.Duration, space string, all map[string]figures) {
	if len(t.row) == 0 {
		t.row = append(t.row, fmt.Sprintf("%6v", at))
	}
	names := []string{"ewindow", "ewindow-media: camera", "ewindow-media: sound", "ewindow-media: screen"}
	cells := []string{space}
	for _, name := range names {
		f, lives := all[name]
		if !lives {
			cells = append(cells, "        –")
			continue
		}
		t.grow(at, space+"'s "+name, f)
		cell := fmt.Sprintf("%5.1f %3.0f", f["memory"], f["fds"])
		if name == names[0] {
			cell += fmt.Sprintf(" %3.0f", f["goroutines"])
		}
		cells = append(cells, cell)
	}
	cells = append(cells, t.call(at, space, all["call"]))
	t.row = append(t.row, strings.Join(cells, " │ "))
}

// grow adds the figures of a process or call to their series.
func (t *table) grow(at time.Duration, who string, f figures) {
	if pid, known := f["pid"]; known && t.pids[who] != pid {
		t.pids[who] = f["pid"]
		t.lived[who]++
	}
	for figure := range may {
		if y, known := f[figure]; known {
			key := fmt.Sprintf("%s, %s, number %d", who, figure, t.lived[who])
			if t.growth[key] == nil {
				t.growth[key] = &series{}
			}
			t.growth[key].add(at, y)
		}
	}
}

// call is the cell of a call.
func (t *table) call(at time.Duration, space string, f figures) string {
	if f == nil {
		return "no call"
	}
	t.grow(at, space+"'s call", f)
	return fmt.Sprintf("%5.0f s, %4.1f/s, %3.0f ms %3.0f ms, lost %.2f %.2f %%, frozen %.0f× %.1f s", f["age"], f["fps"], f["delay"], f["sound"], f["missed"], f["gone"], f["freezes"], f["frozen"])
}

// end prints the row.
func (t *table) end() {
	if !t.head {
		t.head = true
		fmt.Fprintln(t.out, "  time   for each window: ewindow (its own memory in MB, open files, goroutines) │ camera │ sound │ screen (memory, open files) │ call: its age, "+
			"pictures, delay of pictures and sound, loss before and after repair, freezes")
	}
	fmt.Fprintln(t.out, t.row[0]+" "+strings.Join(t.row[1:], "\n       "))
	t.row = nil
}

func (t *table) note(at time.Duration, what string) {
	fmt.Fprintf(t.out, "%6v %s\n", at.Round(time.Second), what)
}

// judge says what has grown in a run of so long.
func (t *table) judge(run time.Duration) error {
	var wrong []error
	fmt.Fprintf(t.out, "\ngrowth by slope, of what was there for %.0f %% of the time and without the first %.0f %% of that:\n", 100*lives, 100*settles)
	for _, key := range slices.Sorted(maps.Keys(t.growth)) {
		s := t.growth[key]
		if s.span() < time.Duration(lives*float64(run)) {
			continue
		}
		s = s.since(s.at[0] + time.Duration(settles*float64(s.span())))
		figure := strings.Split(key, ", ")[1]
		fmt.Fprintf(t.out, "  %-58s %8.1f → %8.1f, slope %+7.2f in %v\n", key, s.y[0], s.y[len(s.y)-1], s.grown(), s.span())
		if what := may[figure].judge(key, s); what != "" {
			wrong = append(wrong, errors.New(what))
		}
	}
	return errors.Join(wrong...)
}
