package engine

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ewindow/media/engine/protocol"
)

// A script is lines of "milliseconds event → phase: actions". Events: want N, progress, broke, exit, tick.
// "due" instead of milliseconds is a tick at the time that is due.
func TestStep(t *testing.T) {
	tests := []struct{ name, script string }{
		{"a call", `
			0     want 1    → starting: start
			900   progress  → running:
			1100  progress  → running:
			1200  want 0    → stopping: stop
			1300  exit      → off:`},
		{"nothing to end", `
			0     want 0    → off:
			0     tick      → off:`},
		{"does not end when told", `
			0     want 1    → starting: start
			100   want 0    → stopping: stop
			600   tick      → killed: kill
			620   exit      → off:`},
		{"slow to start", `
			0     want 1    → starting: start
			2999  tick      → starting:
			3000  tick      → killed: report(no progress for 3s) kill
			3010  exit      → waiting:
			3199  tick      → waiting:
			3200  tick      → starting: start
			9199  tick      → starting:
			9200  tick      → killed: report(no progress for 6s) kill
			9200  exit      → waiting:
			due   tick      → starting: start
			due   tick      → killed: report(no progress for 9s) kill
			30000 exit      → starting: start
			due   tick      → killed: report(no progress for 12s) kill
			50000 exit      → starting: start
			due   tick      → killed: report(no progress for 12s) kill
			70000 exit      → starting: start
			80000 progress  → running:
			80999 tick      → running:
			81000 tick      → killed: report(no progress for 1s) doubt kill`},
		{"ready late, as on a busy machine: a sign of life", `
			0     want 1    → starting: start
			2900  ready     → starting:
			5899  tick      → starting:
			5900  tick      → killed: report(no progress for 3s) kill
			5900  ready     → killed:
			5910  exit      → waiting:
			due   tick      → starting: start
			6200  progress  → running:
			6300  ready     → running:
			7199  tick      → running:
			7200  tick      → killed: report(no progress for 1s) doubt kill`},
		{"hangs while running and is back within a second", `
			0     want 1    → starting: start
			500   progress  → running:
			1499  tick      → running:
			1500  tick      → killed: report(no progress for 1s) doubt kill
			1510  progress  → killed:
			1520  exit      → waiting:
			1700  tick      → starting: start
			2000  progress  → running:`},
		{"takes long to die, and is replaced at once then", `
			0     want 1    → starting: start
			500   progress  → running:
			1500  tick      → killed: report(no progress for 1s) doubt kill
			6500  tick      → killed: complain(still there 5s after it was killed; a driver holds it)
			8000  tick      → killed:
			9000  exit      → starting: start`},
		{"crash loop backs off from 0.2 s to 5 s, for ever", `
			0     want 1    → starting: start
			0     exit      → waiting: report(exit)
			200   tick      → starting: start
			200   exit      → waiting: report(exit)
			599   tick      → waiting:
			600   tick      → starting: start
			600   exit      → waiting: report(exit)
			1400  tick      → starting: start
			1400  exit      → waiting: report(exit)
			3000  tick      → starting: start
			3000  exit      → waiting: report(exit)
			6200  tick      → starting: start
			6200  exit      → waiting: report(exit)
			11199 tick      → waiting:
			11200 tick      → starting: start
			11200 exit      → waiting: report(exit)
			16200 tick      → starting: start`},
		{"steady running makes good for former failures", `
			0     want 1    → starting: start
			0     exit      → waiting: report(exit)
			200   tick      → starting: start
			200   exit      → waiting: report(exit)
			600   tick      → starting: start
			700   progress  → running:
			10600 progress  → running:
			10700 exit      → waiting: report(exit)
			10900 tick      → starting: start`},
		{"nonsense kills", `
			0     want 1    → starting: start
			50    broke     → killed: report(broke) kill
			60    broke     → killed:
			70    exit      → waiting:`},
		{"nonsense while ending kills without a word", `
			0     want 1    → starting: start
			50    want 0    → stopping: stop
			60    broke     → killed: kill
			70    exit      → off:`},
		{"another format", `
			0     want 1    → starting: start
			500   progress  → running:
			900   want 2    → stopping: stop
			910   progress  → stopping:
			950   exit      → starting: start`},
		{"closed and opened again before it has ended", `
			0     want 1    → starting: start
			500   progress  → running:
			900   want 0    → stopping: stop
			910   want 2    → stopping:
			950   exit      → starting: start`},
		{"closed while waiting", `
			0     want 1    → starting: start
			10    exit      → waiting: report(exit)
			20    want 0    → off:
			300   tick      → off:`},
		{"the back-off outlives closing and opening", `
			0     want 1    → starting: start
			10    exit      → waiting: report(exit)
			20    want 0    → off:
			30    want 2    → waiting:
			210   tick      → starting: start`},
		{"closed while being killed", `
			0     want 1    → starting: start
			3000  tick      → killed: report(no progress for 3s) kill
			3001  want 0    → killed:
			3002  exit      → off:`},
		{"three hangs in a row", `
			0     want 1    → starting: start
			100   progress  → running:
			due   tick      → killed: report(no progress for 1s) doubt kill
			3000  exit      → starting: start
			3300  progress  → running:
			due   tick      → killed: report(no progress for 1s) doubt kill
			4300  exit      → waiting:
			due   tick      → starting: start
			due   tick      → killed: report(no progress for 9s) kill
			30000 exit      → starting: start
			30100 progress  → running:
			due   tick      → killed: report(no progress for 1s) soften kill`},
		{"hangs half an hour apart are a row", hangs("30m", "30m") + "soften kill"},
		{"hangs three hours apart are none", hangs("30m", "3h") + "doubt kill"},
		{"events for nobody", `
			0     progress  → off:
			0     broke     → off:
			0     exit      → off:`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, tt.script) })
	}
}

// hangs is a script of three hangs so far apart; the last line lacks its actions after the report.
func hangs(apart ...string) string {
	var b strings.Builder
	b.WriteString("0 want 1 → starting: start\n")
	var at time.Duration
	for i, a := range append([]string{"1s"}, apart...) {
		d, err := time.ParseDuration(a)
		if err != nil {
			panic(err)
		}
		at += d
		fmt.Fprintf(&b, "%d progress → running:\n", at.Milliseconds())
		b.WriteString("due tick → killed: report(no progress for 1s) ")
		if i == len(apart) {
			break
		}
		b.WriteString("doubt kill\n")
		fmt.Fprintf(&b, "%d exit → waiting:\ndue tick → starting: start\n", at.Milliseconds()+1001)
	}
	return b.String()
}

func play(t *testing.T, script string) {
	t.Helper()
	epoch := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	var s state
	for line := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
		before, want, ok := strings.Cut(strings.TrimSpace(line), "→")
		f := strings.Fields(before)
		if !ok || len(f) < 2 {
			t.Fatalf("script: %q", line)
		}
		now := s.due
		if f[0] != "due" {
			var ms int
			fmt.Sscan(f[0], &ms)
			now = epoch.Add(time.Duration(ms) * time.Millisecond)
		}
		h := happening{text: f[1]}
		switch f[1] {
		case "want":
			h.what = wanted
			fmt.Sscan(f[2], &h.version)
		case "progress":
			h.what = progressed
		case "ready":
			h.what = readied
		case "broke":
			h.what = broke
		case "exit":
			h.what = exited
		case "tick":
		default:
			t.Fatalf("script: %q", line)
		}
		var actions []action
		s, actions = step(s, h, now)
		if got := strings.TrimSpace(s.phase.String() + ": " + words(actions)); got != strings.TrimSpace(want) {
			t.Fatalf("%s\n got %s", strings.TrimSpace(line), got)
		}
	}
}

func words(actions []action) string {
	var out []string
	for _, a := range actions {
		w := [...]string{"start", "stop", "kill", "report", "doubt", "soften", "complain"}[a.do]
		if a.text != "" {
			w += "(" + a.text + ")"
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

// Whatever happens in whatever order: a process is started only when there is none, touched only when there is one,
// something is always due while one is wanted, and left in peace it comes to run what is wanted.
func TestStepInvariants(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		now := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
		var s state
		exists, version := false, 0
		apply := func(h happening) {
			var actions []action
			s, actions = step(s, h, now)
			if h.what == exited {
				exists = false
			}
			for _, a := range actions {
				switch a.do {
				case start:
					if exists || s.want == 0 || s.have != s.want {
						t.Fatalf("seed %d: start with exists=%v want=%d have=%d", seed, exists, s.want, s.have)
					}
					exists = true
				case stop, kill:
					if !exists {
						t.Fatalf("seed %d: %s without a process", seed, words(actions))
					}
				}
			}
			if (s.phase == off) != (s.want == 0 && !exists) {
				t.Fatalf("seed %d: phase %v, want %d, exists %v", seed, s.phase, s.want, exists)
			}
			if s.phase != off && s.due.IsZero() {
				t.Fatalf("seed %d: nothing is due in %v", seed, s.phase)
			}
		}
		for range 200 {
			now = now.Add(time.Duration(rnd.IntN(1500)) * time.Millisecond)
			switch rnd.IntN(7) {
			case 0:
				version++
				apply(happening{what: wanted, version: version * rnd.IntN(2)})
			case 1, 2:
				apply(happening{what: progressed})
			case 3:
				if exists {
					apply(happening{what: exited})
				}
			case 4:
				if exists {
					apply(happening{what: broke})
				}
			case 5:
				apply(happening{what: tick})
			case 6:
				apply(happening{what: readied})
			}
		}
		version++
		apply(happening{what: wanted, version: version})
		for range 100 {
			now = now.Add(100 * time.Millisecond)
			switch {
			case exists && (s.phase == stopping || s.phase == killed):
				apply(happening{what: exited})
			case exists:
				apply(happening{what: progressed})
			default:
				apply(happening{what: tick})
			}
		}
		if s.phase != running || s.have != version {
			t.Fatalf("seed %d: ends in %v with version %d, wanted %d", seed, s.phase, s.have, version)
		}
	}
}

func (p phase) String() string {
	return [...]string{"off", "waiting", "starting", "running", "stopping", "killed"}[p]
}

// A process that is slow to start again and again says nothing about an encoder: none has run.
func TestSlowStartsCondemnNoEncoder(t *testing.T) {
	s := supervisor{role: newRole(protocol.Camera, Config{Log: slog.New(slog.DiscardHandler)})}
	s.soften()
	if s.encoder != "" || len(s.events) > 0 {
		t.Errorf("encoder %q, said %v", s.encoder, s.events)
	}
	s.chosen = "v4l2h264enc"
	s.conf = &protocol.Configure{Camera: &protocol.CameraConfig{Encoder: "v4l2h264enc"}}
	s.soften()
	if s.encoder != "" || len(s.events) != 1 || !strings.Contains(s.events[0].Text, "it stays in use") {
		t.Errorf("one that the owner has named: encoder %q, said %v", s.encoder, s.events)
	}
	s.conf.Camera.Encoder, s.events = "auto", nil
	s.soften()
	if s.encoder != softwareEncoder || len(s.events) != 1 {
		t.Errorf("encoder %q, said %v", s.encoder, s.events)
	}
}
