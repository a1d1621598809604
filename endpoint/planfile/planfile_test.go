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
			path := filepath.Join(dir, current)
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
			if p, err := read(filepath.Join(dir, previous)); err != nil || p.Revision != "a" {
				t.Fatalf("the damaged copy replaced the good one: %v, %v", p, err)
			}
		})
	}
}
