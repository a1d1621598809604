package planfile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ewindow/dialplan"
)

// A way is how somebody's tools change the dialplan.
type way struct {
	files map[string]string // before
	links map[string]string // symbolic links, by name
	path  string            // what the registrar was given
	edit  func(r *rig)
}

var (
	monday, tuesday = text("Mo 09:00-10:00"), text("Tu 09:00-10:00")
	one             = map[string]string{"plan.hcl": monday}
)

var ways = map[string]way{
	"written in place": {one, nil, "plan.hcl", func(r *rig) { r.put("plan.hcl", tuesday) }},
	"written anew and renamed": {one, nil, "plan.hcl", func(r *rig) {
		r.put("plan.hcl~", tuesday)
		r.rename("plan.hcl~", "plan.hcl")
	}},
	"the old one renamed to a backup, a new one written": {one, nil, "plan.hcl", func(r *rig) {
		r.rename("plan.hcl", "plan.hcl~")
		r.put("plan.hcl", tuesday)
	}},
	"removed and written": {one, nil, "plan.hcl", func(r *rig) {
		r.remove("plan.hcl")
		r.put("plan.hcl", tuesday)
	}},
	"another file in the directory": {map[string]string{"d/a.hcl": monday}, nil, "d", func(r *rig) {
		r.put("d/b.hcl", strings.Replace(monday, "milano", "munich", 1))
	}},
	"a file moved into the directory": {map[string]string{"d/a.hcl": monday, "b.txt": strings.Replace(monday, "milano", "munich", 1)}, nil, "d", func(r *rig) {
		r.rename("b.txt", "d/b.hcl")
	}},
	"a file of the directory removed": {
		map[string]string{"d/a.hcl": monday, "d/b.hcl": strings.Replace(monday, "milano", "munich", 1)}, nil, "d",
		func(r *rig) { r.remove("d/b.hcl") },
	},
	"the directory renamed": {map[string]string{"d/a.hcl": monday, "e/a.hcl": tuesday}, nil, "d", func(r *rig) {
		r.rename("d", "old")
		r.rename("e", "d")
		r.reload <- syscall.SIGHUP // what is above the directory is not watched
	}},
	"the directory of the file removed, and made anew": {map[string]string{"d/e/plan.hcl": monday}, nil, "d/e/plan.hcl", func(r *rig) {
		r.remove("d")
		r.expect(false)
		r.put("d/e/plan.hcl", tuesday)
	}},
	"the directory of the file renamed": {map[string]string{"d/plan.hcl": monday, "e/plan.hcl": tuesday}, nil, "d/plan.hcl", func(r *rig) {
		r.rename("d", "old")
		r.expect(false)
		r.rename("e", "d")
	}},
	"a link to a directory turned": {
		map[string]string{"1/plan.hcl": monday, "2/plan.hcl": tuesday}, map[string]string{"now": "1"}, "now/plan.hcl",
		func(r *rig) { r.turn("now", "2") },
	},
	"a link to the file turned": {
		map[string]string{"1.hcl": monday, "2.hcl": tuesday}, map[string]string{"plan.hcl": "1.hcl"}, "plan.hcl",
		func(r *rig) { r.turn("plan.hcl", "2.hcl") },
	},
	"the file behind a link": {
		map[string]string{"1/plan.hcl": monday}, map[string]string{"now": "1"}, "now/plan.hcl",
		func(r *rig) { r.put("1/plan.hcl", tuesday) },
	},
	"the file behind two links, renamed": {
		map[string]string{"far/plan.hcl": monday}, map[string]string{"a.hcl": "b.hcl", "b.hcl": "far/plan.hcl"}, "a.hcl",
		func(r *rig) {
			r.put("far/new", tuesday)
			r.rename("far/new", "far/plan.hcl")
		},
	},
	"a ConfigMap's file":      {configMap, configMapLinks, "mnt/plan.hcl", turnConfigMap},
	"a ConfigMap's directory": {configMap, configMapLinks, "mnt", turnConfigMap},
}

// What Kubernetes makes of a ConfigMap: plan.hcl → ..data/plan.hcl, ..data → ..<time of the version>. A new version
// is written beside the old one, ..data is replaced by a rename, and the old version is removed.
var (
	configMap      = map[string]string{"mnt/..2027_01_04/plan.hcl": monday}
	configMapLinks = map[string]string{"mnt/..data": "..2027_01_04", "mnt/plan.hcl": "..data/plan.hcl"}
)

func turnConfigMap(r *rig) {
	r.put("mnt/..2027_01_05/plan.hcl", tuesday)
	r.symlink("..2027_01_05", "mnt/..data_tmp")
	r.rename("mnt/..data_tmp", "mnt/..data")
	r.remove("mnt/..2027_01_04")
}

// Each way is seen, and so is a second edit after it: the watch follows where the links lead now.
func TestWays(t *testing.T) {
	for name, w := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			for name, content := range w.files {
				r.put(name, content)
			}
			for name, to := range w.links {
				r.symlink(to, name)
			}
			r.run(w.path)
			w.edit(r)
			r.expectNew()
			real, err := filepath.EvalSymlinks(filepath.Join(r.dir, w.path))
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(real) != ".hcl" {
				real = filepath.Join(real, "z.hcl")
			}
			if err := os.WriteFile(real, []byte(strings.Replace(monday, "milano", "potsdam", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			r.expectNew()
		})
	}
}

// simulated runs a watcher of one file, which begins with monday, in simulated time. f changes the file at path; what the
// system would tell of goes into events, unless there is no watch. It returns when new plans came.
func simulated(t *testing.T, watched bool, f func(path string, events chan<- event, reload chan<- os.Signal)) (at []time.Duration) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plan.hcl")
	overwrite(t, path, monday)
	start, err := Begin([]string{path}, "", discard, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := New(Config{Paths: []string{path}, Current: start, Changed: func(*dialplan.Plan) { at = append(at, time.Since(began)) }})
		ctx, cancel := context.WithCancel(t.Context())
		reload, done := make(chan os.Signal), make(chan error)
		var seen *watch
		var events chan event
		if watched {
			events = make(chan event)
			seen = &watch{events: events}
		}
		go func() { done <- w.follow().loop(ctx, reload, seen) }()
		f(path, events, reload)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return at
}

func overwrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Without a watch, as on a network file system, a change is found within 30 s, and at once by SIGHUP.
func TestUnwatched(t *testing.T) {
	at := simulated(t, false, func(path string, _ chan<- event, reload chan<- os.Signal) {
		time.Sleep(time.Second)
		overwrite(t, path, tuesday)
		time.Sleep(40 * time.Second)
		overwrite(t, path, monday)
		reload <- syscall.SIGHUP
	})
	if len(at) != 2 || at[0] != look || at[1] != 41*time.Second {
		t.Errorf("plans came after %v, want after 30 s and 41 s", at)
	}
}

func (r *rig) remove(name string) {
	r.t.Helper()
	if err := os.RemoveAll(filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

// turn makes a symbolic link point elsewhere, at once.
func (r *rig) turn(name, to string) {
	r.t.Helper()
	r.symlink(to, name+".next")
	r.rename(name+".next", name)
}

// While somebody has a file open and writes, it is not read: what is there may be a plan, but not the one that is meant. A
// program that never closes it is waited for a minute, and SIGHUP waits for nobody.
func TestHalfWritten(t *testing.T) {
	for _, c := range []struct {
		name  string
		after func(path string, events chan<- event, reload chan<- os.Signal) // 40 s of writing
		want  time.Duration
	}{
		{"closed, or renamed away", func(path string, events chan<- event, _ chan<- os.Signal) { events <- event{path: path} }, 41*time.Second + settle},
		{"events lost", func(_ string, events chan<- event, _ chan<- os.Signal) { events <- event{} }, 41*time.Second + settle},
		{"SIGHUP", func(_ string, _ chan<- event, reload chan<- os.Signal) { reload <- syscall.SIGHUP }, 41 * time.Second},
		{"never closed", func(string, chan<- event, chan<- os.Signal) {}, 90 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := simulated(t, true, func(path string, events chan<- event, reload chan<- os.Signal) {
				time.Sleep(time.Second)
				overwrite(t, path, tuesday)
				for range 40 {
					events <- event{path: path, writing: true}
					time.Sleep(time.Second)
				}
				c.after(path, events, reload)
				time.Sleep(2 * time.Minute)
			})
			if len(at) != 1 || at[0] != c.want {
				t.Errorf("plans came after %v, want after %v", at, c.want)
			}
		})
	}
}

// Edits that follow each other all the time are read all the same.
func TestRestless(t *testing.T) {
	at := simulated(t, true, func(path string, events chan<- event, _ chan<- os.Signal) {
		for i := range 100 {
			overwrite(t, path, strings.Replace(monday, "milano", fmt.Sprintf("m%d", i), 1))
			events <- event{path: path, writing: true}
			events <- event{path: path}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
	})
	if len(at) < 3 || at[0] > longest {
		t.Errorf("plans came after %v", at)
	}
}

// The system tells of a file that is written, and then that it is whole, however it is done.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plan.hcl")
	if err := os.WriteFile(path, []byte(monday), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := newWatch()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.add(dir); err != nil {
		t.Fatal(err)
	}
	over, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); w.read(over) }()
	defer func() { close(over); w.close(); <-done }()
	next := func(writing bool) {
		t.Helper()
		for e := range w.events { // the test's time limit ends this
			if e.path == path && e.writing == writing {
				return
			}
			if e.path == path && e.writing != writing && !e.writing {
				t.Fatalf("it is whole already: %+v", e)
			}
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []string{monday, tuesday} {
		if _, err := f.WriteString(block); err != nil {
			t.Fatal(err)
		}
		next(true)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	next(false)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next(false)
}
