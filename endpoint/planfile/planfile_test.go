package planfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/dialplan/programme"
)

func sample(revision string) *programme.Programme {
	t := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	return &programme.Programme{Version: programme.Version, Space: "milano", Revision: revision, From: t, Until: t.AddDate(0, 0, 14)}
}

func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	if p, err := Load(dir, "milano"); p != nil || err != nil {
		t.Fatalf("empty: %v, %v", p, err)
	}
	for _, r := range []string{"a", "b", "c"} {
		if err := Save(dir, sample(r)); err != nil {
			t.Fatal(err)
		}
		if p, err := Load(dir, "milano"); err != nil || p.Revision != r {
			t.Fatalf("%v, %v", p, err)
		}
	}
	if p, err := Load(dir, "munich"); p != nil || err == nil || !strings.Contains(err.Error(), `is the plan of "milano"; this window is "munich"`) {
		t.Fatalf("other space: %v, %v", p, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Fatalf("%d files, want the copy and the one before", len(files))
	}
}

// However the newest copy is damaged, the one before is used and the damage is said; saving again heals it.
func TestDamage(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"empty":     func(b []byte) []byte { return nil },
		"cut short": func(b []byte) []byte { return b[:len(b)/2] },
		"flipped":   func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
		"zeroes":    func(b []byte) []byte { return make([]byte, len(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, r := range []string{"a", "b"} {
				if err := Save(dir, sample(r)); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(dir, current(1))
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := Load(dir, "milano")
			if p == nil || p.Revision != "a" || err == nil || !strings.Contains(err.Error(), path+" is damaged") {
				t.Fatalf("%v, %v", p, err)
			}
			if err := Save(dir, sample("c")); err != nil {
				t.Fatal(err)
			}
			if p, err := Load(dir, "milano"); err != nil || p.Revision != "c" {
				t.Fatalf("healed: %v, %v", p, err)
			}
			if p, err := read(filepath.Join(dir, previous(1)), programme.Spoken()); err != nil || p.Revision != "a" {
				t.Fatalf("the damaged copy replaced the good one: %v, %v", p, err)
			}
		})
	}
}

// Whichever program comes after whichever, it finds the plan that was kept last. Version 2 is made up.
func TestUpAndDowngrade(t *testing.T) {
	old, new := programme.Versions{Oldest: 1, Newest: 1}, programme.Versions{Oldest: 1, Newest: 2}
	type step struct {
		program programme.Versions
		keeps   string // the revision of a plan; empty: it only reads
	}
	for _, c := range []struct {
		name  string
		steps []step
		last  programme.Versions
	}{
		{"upgrade", []step{{old, "a"}}, new},
		{"downgrade", []step{{new, "a"}}, old},
		{"downgrade, and news", []step{{new, "a"}, {old, "b"}}, old},
		{"there and back", []step{{new, "a"}, {old, "b"}}, new},
		{"there and back without news", []step{{new, "a"}, {old, ""}}, new},
		{"there, back, and there again", []step{{new, "a"}, {old, "b"}, {new, "c"}}, old},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, want := t.TempDir(), ""
			for i, s := range append(c.steps, step{c.last, ""}) {
				p, err := load(dir, "milano", s.program)
				if err != nil || i > 0 && (p == nil || p.Revision != want) {
					t.Fatalf("step %d: %+v, %v; want %q", i, p, err, want)
				}
				if s.keeps == "" {
					continue
				}
				want = s.keeps
				kept := sample(want)
				kept.From = kept.From.Add(time.Duration(i+1) * time.Hour)
				if err := save(dir, kept, s.program); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
