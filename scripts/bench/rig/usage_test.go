package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
	l := after.Since(before, 2)
	// (100 + 50 + 40 + 101 + 50) ticks in 10 s, for two windows.
	if got := fmt.Sprintf("%.2f %.3f", l.CPU, l.PSS); got != "17.05 5.120" {
		t.Errorf("load of a window: %s, want 17.05 %% and 5.120 MB", got)
	}
	var names []string
	for _, p := range l.Parts {
		names = append(names, fmt.Sprintf("%s:%.1f", p.Name, p.CPU))
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
	u, err := UsageOf([]int{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	if s := u.processes[os.Getpid()]; s.pss < 1<<20 || s.name == "" {
		t.Errorf("this process: %+v", s)
	}
	from, err := LookAtMachine()
	if err != nil || from.busy <= 0 || from.busy < from.own {
		t.Errorf("%+v, %v", from, err)
	}
	to := Machine{at: from.at.Add(2 * time.Second), busy: from.busy + 3*time.Second, own: from.own + time.Second}
	if got := Others(from, to); got != 100 {
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
