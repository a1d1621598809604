package planfile

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ewindow/dialplan"
)

func text(hours string) string {
	return fmt.Sprintf("space \"milano\" {\n  timezone = \"Europe/Rome\"\n  open     = %q\n}\n", hours)
}

// A rig runs a Watcher on real files. Nothing sleeps: each step waits for what it causes.
type rig struct {
	t       *testing.T
	dir     string
	keep    string
	changed chan *dialplan.Plan
	result  chan bool
	reload  chan os.Signal
	mu      sync.Mutex
	log     bytes.Buffer
}

func (r *rig) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

func (r *rig) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// start writes files and runs a watcher on paths, both relative to a new directory.
func start(t *testing.T, files map[string]string, paths ...string) *rig {
	t.Helper()
	r := newRig(t)
	for name, content := range files {
		r.put(name, content)
	}
	return r.run(paths...)
}

func newRig(t *testing.T) *rig {
	return &rig{t: t, dir: t.TempDir(), keep: t.TempDir(), changed: make(chan *dialplan.Plan, 10),
		result: make(chan bool, 10), reload: make(chan os.Signal)}
}

func (r *rig) run(paths ...string) *rig {
	r.t.Helper()
	for i := range paths {
		paths[i] = filepath.Join(r.dir, paths[i])
	}
	log := slog.New(slog.NewTextHandler(r, nil))
	start, err := Begin(paths, r.keep, log, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	w := New(Config{
		Paths: paths, Keep: r.keep, Current: start, Log: log,
		Changed: func(p *dialplan.Plan) { r.changed <- p }, Result: func(g *Good) { r.result <- g != nil },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx, r.reload) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.reload <- syscall.SIGHUP // answered as soon as the watch is in place
	r.expect(start.Failure == nil)
	return r
}

func (r *rig) put(name, content string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) expect(ok bool) {
	r.t.Helper()
	select {
	case got := <-r.result:
		if got != ok {
			r.t.Fatalf("reload ok: %v, want %v\n%s", got, ok, r.logged())
		}
	case <-time.After(10 * time.Second):
		r.t.Fatalf("nothing was reloaded\n%s", r.logged())
	}
}

// expectNew waits for a new plan.
func (r *rig) expectNew() {
	r.t.Helper()
	r.expect(true)
	if len(r.changed) == 0 {
		r.t.Fatalf("no new plan\n%s", r.logged())
	}
	<-r.changed
}

func (r *rig) rename(from, to string) {
	r.t.Helper()
	if err := os.Rename(filepath.Join(r.dir, from), filepath.Join(r.dir, to)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) symlink(to, name string) {
	r.t.Helper()
	if err := os.Symlink(to, filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

// A bad edit is told with its place, once, and changes nothing; putting it right is told too.
func TestBadEdit(t *testing.T) {
	r := start(t, map[string]string{"plan.hcl": text("Mo 09:00-10:00")}, "plan.hcl")
	r.put("plan.hcl", text("Monday"))
	r.expect(false)
	path := filepath.Join(r.dir, "plan.hcl")
	for _, want := range []string{path + ":3:", "the plan in force stays", "revision=", "loaded=20"} {
		if got := r.logged(); !strings.Contains(got, want) {
			t.Errorf("no %q is logged:\n%s", want, got)
		}
	}
	r.put("other.txt", "not the dialplan's business")
	r.put("plan.hcl", text("Mo 09:00-10:00"))
	r.expect(true)
	if len(r.changed) != 0 {
		t.Error("the plan changed although it is as before")
	}
	r.put("plan.hcl", text("Tu 09:00-10:00"))
	r.expectNew()

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	r.expect(false)
	if !strings.Contains(r.logged(), "dialplan cannot be read; the plan in force stays") {
		t.Errorf("logged %s", r.logged())
	}
	r.reload <- syscall.SIGHUP // says it again
	r.expect(false)
}

// An expectation that does not hold refuses the reload, with its place, and a start too.
func TestExpectation(t *testing.T) {
	expect := "expect \"open on Monday\" {\n  at    = \"2027-01-04 09:30\"\n  space = milano\n  sees  = nobody\n}\n"
	r := start(t, map[string]string{"plan.hcl": monday}, "plan.hcl")
	r.put("plan.hcl", monday+expect)
	r.expectNew()
	r.put("plan.hcl", monday+strings.Replace(expect, "nobody", "munich", 1)+strings.Replace(monday, "milano", "munich", 1))
	r.expect(false)
	if got := r.logged(); !strings.Contains(got, filepath.Join(r.dir, "plan.hcl")+":8:") || !strings.Contains(got, "the plan in force stays") {
		t.Errorf("logged %s", got)
	}
	s, err := Begin([]string{filepath.Join(r.dir, "plan.hcl")}, r.keep, discard, noon)
	if err != nil || s.Failure == nil || len(s.Plan.Spaces()) != 1 {
		t.Errorf("%+v %v", s, err)
	}
}
