package members

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var day = time.Date(2027, 3, 5, 12, 0, 0, 0, time.UTC)

func admit(space string, now time.Time) func(Record) (Entry, error) {
	return func(r Record) (Entry, error) { return r.Admit(space, "milano", "2027-03-02", "v3", "2027-05-10", now) }
}

func confirm(space string, now time.Time) func(Record) (Entry, error) {
	return func(r Record) (Entry, error) { return r.Confirm(space, false, now) }
}

func revoke(space string, now time.Time) func(Record) (Entry, error) {
	return func(r Record) (Entry, error) { return r.Revoke(space, now) }
}

func add(t *testing.T, path string, steps ...func(Record) (Entry, error)) Record {
	t.Helper()
	for _, s := range steps {
		if _, err := Add(path, s); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMembership(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	if r, err := Read(path); err != nil || len(r) != 0 {
		t.Fatalf("a record that is not there: %v, %v", r, err)
	}
	after := time.Date(2027, 5, 12, 9, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		do      func(Record) (Entry, error)
		now     time.Time
		want    State
		overdue bool
	}{
		{admit("potsdam", day), day, OnProbation, false},
		{confirm("potsdam", after), after, Full, false},
		{revoke("potsdam", after), after, Former, false},
		{admit("potsdam", day), after, OnProbation, true},
		{revoke("potsdam", after), after, Former, false},
	} {
		m, known := add(t, path, step.do).Member("potsdam")
		if !known || m.State != step.want || m.Overdue(step.now) != step.overdue || m.Sponsor != "milano" || m.Rules != "v3" || m.Event != "2027-05-10" || m.Visited != "2027-03-02" {
			t.Errorf("%+v, want %s", m, step.want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	r := add(t, path, admit("potsdam", day), admit("dresden", day), confirm("dresden", day.AddDate(0, 3, 0)), admit("lisboa", day), revoke("lisboa", day))
	with := func(space, sponsor, visited, rules, event string) error {
		_, err := r.Admit(space, sponsor, visited, rules, event, day)
		return err
	}
	for want, err := range map[string]error{
		"its own sponsor":                  with("munich", "munich", "2027-03-02", "v3", "2027-05-10"),
		"on probation itself":              with("munich", "potsdam", "2027-03-02", "v3", "2027-05-10"),
		"lisboa is revoked itself":         with("munich", "lisboa", "2027-03-02", "v3", "2027-05-10"),
		"potsdam is on probation since":    with("potsdam", "milano", "2027-03-02", "v3", "2027-05-10"),
		"dresden is a member since":        with("dresden", "milano", "2027-03-02", "v3", "2027-05-10"),
		"is not a name":                    with("Mun ich", "milano", "2027-03-02", "v3", "2027-05-10"),
		"no date such as 2027-03-02":       with("munich", "milano", "2.3.2027", "v3", "2027-05-10"),
		"has not been yet":                 with("munich", "milano", "2027-03-06", "v3", "2027-05-10"),
		"no date such as 2027-05-10":       with("munich", "milano", "2027-03-02", "v3", "2027-02-30"),
		"before the visit":                 with("munich", "milano", "2027-03-02", "v3", "2027-03-01"),
		`rules "" is none`:                 with("munich", "milano", "2027-03-02", "", "2027-05-10"),
		`rules "v 3" is none`:              with("munich", "milano", "2027-03-02", "v 3", "2027-05-10"),
		"is on 2027-05-10 only; --anyway":  func() error { _, err := r.Confirm("potsdam", false, day); return err }(),
		"is not on probation but a member": func() error { _, err := r.Confirm("dresden", true, day); return err }(),
		"is not in the record; who has an": func() error { _, err := r.Confirm("milano", true, day); return err }(),
		"is not in the record; `ewindow":   func() error { _, err := r.Revoke("milano", day); return err }(),
		"was revoked on 2027-03-05":        func() error { _, err := r.Revoke("lisboa", day); return err }(),
	} {
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, have %v", want, err)
		}
	}
	if _, err := r.Confirm("potsdam", true, day); err != nil {
		t.Errorf("early: %v", err)
	}
	if again, err := Read(path); err != nil || len(again) != len(r) {
		t.Errorf("what was refused is on record: %v, %v", again, err)
	}
}

// Whoever changes, takes away, swaps or puts in a line is seen, and nothing is added after it.
func TestTampering(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	add(t, path, admit("potsdam", day), admit("dresden", day), admit("lisboa", day), revoke("dresden", day))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(good), "\n"), "\n")
	for what, text := range map[string]string{
		"changed":     strings.Replace(string(good), `"kind":"revoked"`, `"kind":"confirmed"`, 1),
		"taken away":  lines[0] + lines[2] + lines[3] + "\n",
		"first gone":  lines[1] + lines[2] + lines[3] + "\n",
		"swapped":     lines[1] + lines[0] + lines[2] + lines[3] + "\n",
		"put in":      lines[0] + lines[0] + lines[1] + lines[2] + lines[3] + "\n",
		"no JSON":     lines[0] + "hello\n",
		"other field": strings.Replace(string(good), `"n":4`, `"n":4,"x":1`, 1),
		"empty line":  string(good) + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path+":") {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := Add(path, admit("munich", day)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: added all the same: %v", what, err)
		}
		if now, _ := os.ReadFile(path); string(now) != text {
			t.Errorf("%s: the file was changed", what)
		}
	}
}

// Wherever a power cut ends the last line, those before it hold, and the next one follows them.
func TestCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	add(t, path, admit("potsdam", day))
	one, _ := os.ReadFile(path)
	add(t, path, admit("dresden", day))
	two, _ := os.ReadFile(path)
	for end := len(one); end < len(two); end++ {
		if err := errors.Join(os.WriteFile(path, two[:end], 0o600), os.WriteFile(path+".good", one, 0o600)); err != nil { // which is made after the line
			t.Fatal(err)
		}
		if r, err := Read(path); err != nil || len(r) != 1 {
			t.Fatalf("cut at %d: %v, %v", end, r, err)
		}
		if r := add(t, path, admit("lisboa", day)); len(r) != 2 || r[1].Space != "lisboa" {
			t.Fatalf("cut at %d, after the next: %v", end, r)
		}
	}
}

// Of many who add at once each is refused or on record, and one name is admitted once.
func TestAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	var all sync.WaitGroup
	var mu sync.Mutex
	admitted := map[string]int{}
	for i := range 100 {
		all.Go(func() {
			name := fmt.Sprintf("space%d", i%20)
			if _, err := Add(path, admit(name, day)); err == nil {
				mu.Lock()
				defer mu.Unlock()
				admitted[name]++
			} else if !errors.Is(err, ErrRefused) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r, err := Read(path)
	if err != nil || len(r) != 20 || len(admitted) != 20 {
		t.Fatalf("%d lines, %d names, %v", len(r), len(admitted), err)
	}
}

// A watch tells what others add, once each; while the file is damaged or gone the members of before hold, and that is logged once.
func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	add(t, path, admit("potsdam", day))
	var log strings.Builder
	var told []int
	w, first, err := Follow(path, func(r Record) { told = append(told, len(r)) }, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	w.Look()
	add(t, path, admit("dresden", day))
	w.Look()
	w.Look()
	good, _ := os.ReadFile(path)
	for _, text := range []string{strings.Replace(string(good), "potsdam", "lisboa", 1), ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.Look()
		w.Look()
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.Look()
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	w.Look()
	add(t, path, revoke("dresden", day))
	w.Look()
	if fmt.Sprint(told) != "[2 3]" {
		t.Errorf("told of records with %v lines", told)
	}
	if n := strings.Count(log.String(), "the members of before hold"); n != 2 {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
	if !strings.Contains(log.String(), "can be used again") {
		t.Errorf("that it is whole again is not said:\n%s", log.String())
	}
}

// The copy holds where the file is damaged, at a start too; without one, what is before the damage.
func TestFollowDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	add(t, path, admit("potsdam", day), admit("dresden", day))
	good, _ := os.ReadFile(path)
	if err := os.WriteFile(path, []byte(strings.Replace(string(good), "dresden", "lisboa", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, lines := range []int{2, 1} {
		if _, r, err := Follow(path, nil, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrDamaged) || len(r) != lines || r[0].Space != "potsdam" {
			t.Errorf("%v, %v", r, err)
		}
		if err := os.RemoveAll(path + ".good"); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzRead(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "seed")
	_, err1 := Add(path, admit("potsdam", day))
	_, err2 := Add(path, admit("dresden", day))
	text, err3 := os.ReadFile(path)
	if err := errors.Join(err1, err2, err3); err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), FileName)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Read(path)
		if err != nil {
			return
		}
		r.Members()
		if after, err := Add(path, admit("munich", day)); err == nil && after.Number != len(r)+1 {
			t.Fatalf("line %d after %d", after.Number, len(r))
		}
	})
}

// A record that lost lines, or went as a whole, is missed by its copy, which holds meanwhile. Nothing is added to what is left.
func TestLostLines(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"removed":          os.Remove,
		"emptied":          func(path string) error { return os.Truncate(path, 0) },
		"without its last": func(path string) error { return cutLine(path) },
		"garbled": func(path string) error {
			return os.WriteFile(path, []byte("x\n"), 0o600)
		},
	} {
		path := filepath.Join(t.TempDir(), FileName)
		whole := add(t, path, admit("potsdam", day), admit("lisboa", day))
		if err := harm(path); err != nil {
			t.Fatal(err)
		}
		r, err := Read(path)
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path+".good") || len(r) != len(whole) {
			t.Errorf("%s: %d lines, %v", name, len(r), err)
		}
		if _, err := Add(path, confirm("potsdam", day.AddDate(1, 0, 0))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: added to: %v", name, err)
		}
		w, r, err := Follow(path, func(Record) {}, slog.New(slog.DiscardHandler))
		if err == nil || len(r) != len(whole) || w.Whole() {
			t.Errorf("%s: followed: %d lines, %v", name, len(r), err)
		}
		if err := os.Rename(path+".good", path); err != nil {
			t.Fatal(err)
		}
		if r, err := Read(path); err != nil || len(r) != len(whole) {
			t.Errorf("%s: put back: %d lines, %v", name, len(r), err)
		}
	}
}

// cutLine takes the last line away.
func cutLine(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text = text[:strings.LastIndexByte(strings.TrimSuffix(string(text), "\n"), '\n')+1]
	return os.WriteFile(path, text, 0o600)
}
