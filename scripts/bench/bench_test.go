package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/scripts/bench/rig"
)

// fakeProc writes a /proc with process numbers, parents, ticks and kB of PSS.
func fakeProc(t *testing.T, processes [][4]int) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range processes {
		files := map[string]string{
			"stat":         fmt.Sprintf("%d (a ) (b) S %d 0 0 0 -1 0 0 0 0 0 %d 1 0 0 20 0 1 0\n", p[0], p[1], p[2]),
			"cmdline":      fmt.Sprintf("/usr/bin/p%d\x00-x\x00", p[0]),
			"smaps_rollup": fmt.Sprintf("0-1 ---p [rollup]\nRss: 9 kB\nPss:  %d kB\nPss_Dirty: 3 kB\n", p[3]),
		}
		for name, text := range files {
			path := filepath.Join(dir, fmt.Sprint(p[0]), name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestUsageCountsTheWholeTree(t *testing.T) {
	before, err := usageIn(fakeProc(t, [][4]int{{1, 0, 9999, 1}, {10, 1, 100, 10}, {11, 10, 200, 20}, {12, 11, 300, 30}, {20, 1, 50, 40}, {30, 1, 77, 50}}), []int{10, 20})
	if err != nil {
		t.Fatal(err)
	}
	// The grandchild 12 has ended after 40 ticks more, which are now 11's, and 13 replaces it; the stranger 30 has
	// worked hard.
	after, err := usageIn(fakeProc(t, [][4]int{{1, 0, 9999, 1}, {10, 1, 200, 1000}, {11, 10, 250 + 301 + 40, 2000}, {13, 11, 100, 3000}, {20, 1, 100, 4000}, {30, 1, 9999, 50}}), []int{10, 20})
	if err != nil {
		t.Fatal(err)
	}
	after.at = before.at.Add(10 * time.Second)
	l := after.since(before, 2)
	// (100 + 50 + 40 + 101 + 50) ticks in 10 s, for two windows.
	if got := fmt.Sprintf("%.2f %.3f", l.cpu, l.pss); got != "17.05 5.120" {
		t.Errorf("load of a window: %s, want 17.05 %% and 5.120 MB", got)
	}
	var names []string
	for _, p := range l.parts {
		names = append(names, fmt.Sprintf("%s:%.1f", p.name, p.cpu))
	}
	if got := strings.Join(names, " "); got != "p10:10.0 p11:9.0 p13:10.1 p20:5.0" {
		t.Errorf("counted %s", got)
	}
}

func TestUsageOfAnEndedProcess(t *testing.T) {
	_, err := usageIn(fakeProc(t, [][4]int{{1, 0, 1, 1}}), []int{1, 42})
	if err == nil || err.Error() != "process 42 has ended" {
		t.Errorf("got %v", err)
	}
}

func TestUsageOfThisMachine(t *testing.T) {
	u, err := usageOf([]int{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	if s := u.processes[os.Getpid()]; s.pss < 1<<20 || s.name == "" {
		t.Errorf("this process: %+v", s)
	}
	from, err := lookAtMachine()
	if err != nil || from.busy <= 0 || from.busy < from.own {
		t.Errorf("%+v, %v", from, err)
	}
	to := machine{at: from.at.Add(2 * time.Second), busy: from.busy + 3*time.Second, own: from.own + time.Second}
	if got := others(from, to); got != 100 {
		t.Errorf("others took %v %% of a core, want 100", got)
	}
}

func TestBadProcFiles(t *testing.T) {
	for _, stat := range []string{"", "1 (x", "1 (x) S 0 0", "1 (x) S y 0 0 0 0 0 0 0 0 0 1 2 3 4 5", "1 (x) S 0 0 0 0 0 0 0 0 0 0 z 2 3 4 5"} {
		if p, err := parseStat([]byte(stat)); err == nil {
			t.Errorf("%q: %+v", stat, p)
		}
	}
	for _, stat := range []string{"", "cpu 1 2\n", "cpu 1 2 3 4 x 6 7 8\n", "intr 1 2 3 4 5 6 7 8 9\n"} {
		if b, err := parseBusy([]byte(stat)); err == nil {
			t.Errorf("%q: %v", stat, b)
		}
	}
	if b, err := parseBusy([]byte("cpu  100 10 20 99999 999 1 2 3 0 0\ncpu0 …")); err != nil || b != 1360*time.Millisecond {
		t.Errorf("busy %v, %v, want 1.36s", b, err)
	}
}

func TestReport(t *testing.T) {
	them := &figures{name: "baresip", Picture: rig.Picture{P50: 114, P95: 179, P99: 190, FPS: 29.7}, load: load{cpu: 77, pss: 80}}
	us := &figures{name: "E-Window", Picture: rig.Picture{P50: 45.5, P95: 80, P99: 90, FPS: 30}, load: load{cpu: 38.5, pss: 161}, others: 120}
	const want = `
1280x720, 30 fps, 2000 kbit/s       baresip  E-Window      goal
latency p50, ms                       114.0      45.5    ≤ 45.6  met
latency p95, ms                       179.0      80.0    ≤ 71.6  missed
latency p99, ms                       190.0      90.0
pictures a second                      29.7      30.0
frozen, % of the time                   0.0       0.0
broken, % of pictures                   0.0       0.0
CPU a window, % of a core              77.0      38.5    ≤ 38.5  met
PSS a window, MB                       80.0     161.0   ≤ 160.0  missed
The machine was busy with other things: 120 % of a core while E-Window was measured. Measure again when it is quiet.
`
	if got := report(them, us); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
	if got := report(nil, us); strings.Contains(got, "goal") || !strings.Contains(got, "161.0") {
		t.Errorf("alone: %s", got)
	}
}
