package planfile

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var discard = slog.New(slog.DiscardHandler)

var noon = time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC)

func begin(t *testing.T, r *rig, at time.Time, paths ...string) (*Start, error) {
	t.Helper()
	for i := range paths {
		paths[i] = filepath.Join(r.dir, paths[i])
	}
	return Begin(paths, r.keep, slog.New(slog.NewTextHandler(r, nil)), at)
}

func TestBegin(t *testing.T) {
	r := newRig(t)
	r.put("d/a.hcl", monday)
	r.put("d/b.hcl", strings.Replace(monday, "milano", "munich", 1))
	first, err := begin(t, r, noon, "d")
	if err != nil || first.Failure != nil || first.Loaded != noon {
		t.Fatalf("%+v %v", first, err)
	}
	r.put("d/b.hcl", "space \"munich\" {\n  timezone = \"Europe/Berlin\"\n  opne = \"24/7\"\n}\n")
	for range 2 { // each start says it
		r.log.Reset()
		s, err := begin(t, r, noon.Add(time.Hour), "d")
		if err != nil || s.Failure == nil {
			t.Fatalf("%+v %v", s, err)
		}
		if s.Plan.Revision() != first.Plan.Revision() || !s.Loaded.Equal(noon) || len(s.Plan.Spaces()) != 2 {
			t.Errorf("served: %s of %v, want %s of %v", s.Plan.Revision(), s.Loaded, first.Plan.Revision(), noon)
		}
		for _, want := range []string{"level=ERROR", filepath.Join(r.dir, "d/b.hcl") + ":3:3", "the last good plan is served",
			"THE DIALPLAN IS NOT IN FORCE", "revision=" + first.Plan.Revision(), "loaded=2027-01-04T12:00:00Z"} {
			if !strings.Contains(r.logged(), want) {
				t.Errorf("the log has no %q:\n%s", want, r.logged())
			}
		}
	}
	r.remove("d") // a volume that is not mounted
	if s, err := begin(t, r, noon, "d"); err != nil || s.Plan.Revision() != first.Plan.Revision() {
		t.Errorf("without the files: %v", err)
	}
}

// The first start has nothing to fall back on.
func TestBeginWithoutGood(t *testing.T) {
	r := newRig(t)
	r.put("plan.hcl", text("Monday"))
	if s, err := begin(t, r, noon, "plan.hcl"); err == nil || !strings.Contains(err.Error(), "plan.hcl:3:") {
		t.Errorf("%+v %v", s, err)
	}
	if files, _ := os.ReadDir(r.keep); len(files) != 0 {
		t.Errorf("a plan with errors was kept: %v", files)
	}
}

// The newest copy may be damaged in any way: the one before is taken, and the damage is said.
func TestDamagedCopy(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"cut short": func(b []byte) []byte { return b[:len(b)-5] },
		"flipped":   func(b []byte) []byte { b[len(b)-20] ^= 4; return b },
		"zeroes":    func(b []byte) []byte { return make([]byte, len(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			revisions := map[string]string{}
			for _, hours := range []string{"Mo 09:00-10:00", "Tu 09:00-10:00", "Tu 09:00-10:00"} { // a repetition pushes nothing out
				r.put("plan.hcl", text(hours))
				s, err := begin(t, r, noon, "plan.hcl")
				if err != nil {
					t.Fatal(err)
				}
				revisions[hours] = s.Plan.Revision()
			}
			path := filepath.Join(r.keep, KeptName)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			r.put("plan.hcl", "broken")
			s, err := begin(t, r, noon, "plan.hcl")
			if err != nil || s.Plan.Revision() != revisions["Mo 09:00-10:00"] {
				t.Fatalf("%+v %v", s, err)
			}
			if !strings.Contains(r.logged(), path+" is damaged") {
				t.Errorf("logged %s", r.logged())
			}
			r.put("plan.hcl", text("We 09:00-10:00"))
			if _, err := begin(t, r, noon, "plan.hcl"); err != nil {
				t.Fatal(err)
			}
			if k, err := read(filepath.Join(r.keep, keptPrevious)); err != nil || k.revision != revisions["Mo 09:00-10:00"] {
				t.Errorf("the damaged copy took the good one's place: %+v %v", k, err)
			}
		})
	}
}

// A registrar that began with the last good plan takes the files as soon as they are right, and what it took is kept.
func TestRepairedAfterStart(t *testing.T) {
	r := newRig(t)
	r.put("plan.hcl", monday)
	if _, err := begin(t, r, noon, "plan.hcl"); err != nil {
		t.Fatal(err)
	}
	r.put("plan.hcl", "broken")
	r.run("plan.hcl")
	r.put("plan.hcl", tuesday)
	r.expectNew()
	r.put("plan.hcl", "broken again")
	r.expect(false)
	s, err := begin(t, r, noon, "plan.hcl")
	if err != nil || s.Failure == nil || s.Plan.Spaces()[0].Name != "milano" || s.Loaded.Equal(noon) {
		t.Fatalf("%+v %v", s, err)
	}
	k, err := read(filepath.Join(r.keep, KeptName))
	if err != nil || !strings.Contains(string(k.files[0].Data), "Tu 09:00") {
		t.Errorf("kept: %+v %v", k, err)
	}
}

// A disk that is full or read-only keeps no plan from being served.
func TestNowhereToKeep(t *testing.T) {
	r := newRig(t)
	r.put("plan.hcl", monday)
	r.keep = filepath.Join(r.dir, "none")
	if _, err := begin(t, r, noon, "plan.hcl"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.logged(), "a restart would not find it") {
		t.Errorf("logged %s", r.logged())
	}
}
