package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ewindow/registrar/location"
)

// A clock is what a store under test takes for the time.
type clock struct{ now time.Time }

func (c *clock) add(d time.Duration) time.Time { c.now = c.now.Add(d); return c.now }

// running is a store as the server has it: with accounts, and looked at as Run does.
func running(t testing.TB) (s *Store, path string, c *clock) {
	t.Helper()
	s, path = fresh(t)
	for _, name := range []string{"milano", "munich", "reception"} {
		addAccount(t, s, name)
	}
	closeStore(t, s)
	s = open(t, path)
	c = &clock{now: time.Now()}
	s.now = func() time.Time { return c.now }
	return s, path, c
}

// watched is one turn of Run, which is to go well.
func watched(t testing.TB, s *Store, now time.Time) (*Recovery, []string) {
	t.Helper()
	r, changed, err := s.watch(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(changed)
	return r, changed
}

// What another process does is noticed at the next look, and said of those accounts alone that it concerns.
func TestChangesAreNoticed(t *testing.T) {
	s, path, c := running(t)
	defer closeStore(t, s)
	tool := open(t, path)
	defer closeStore(t, tool)
	ctx := t.Context()
	for _, step := range []struct {
		name string
		do   func() error
		want string
	}{
		{"nothing", func() error { return nil }, "[]"},
		{"add", func() error { _, err := tool.AddAccount(ctx, "potsdam", start); return err }, "[potsdam]"},
		{"rotate", func() error { _, err := tool.RotateAccount(ctx, "munich", start); return err }, "[munich]"},
		{"remove", func() error { return tool.RemoveAccount(ctx, "milano") }, "[milano]"},
		{"remove and add anew", func() error {
			if err := tool.RemoveAccount(ctx, "potsdam"); err != nil {
				return err
			}
			_, err := tool.AddAccount(ctx, "potsdam", start)
			return err
		}, "[potsdam]"},
		{"a binding", func() error { tool.Note(location.Change{Binding: udpBinding("reception", 60)}); return tool.flush(ctx) }, "[]"},
		{"add and remove", func() error {
			if _, err := tool.AddAccount(ctx, "brief", start); err != nil {
				return err
			}
			return tool.RemoveAccount(ctx, "brief")
		}, "[]"},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		r, changed := watched(t, s, c.add(lookEvery))
		if r != nil || fmt.Sprint(changed) != step.want {
			t.Errorf("%s: %v, recovery %v, want %s", step.name, changed, r, step.want)
		}
	}
}

func TestRotate(t *testing.T) {
	s, path := fresh(t)
	defer closeStore(t, s)
	old := addAccount(t, s, "milano")
	before, _ := account(t, s, "milano")
	secret, err := s.RotateAccount(t.Context(), "milano", start.Add(time.Hour))
	if err != nil || secret == old || len(secret) != len(old) {
		t.Fatalf("%q, %v", secret, err)
	}
	after, _ := account(t, s, "milano")
	want := withSecret(before, secret, start.Add(time.Hour))
	want.SecretSince, after.SecretSince = want.SecretSince.Local(), after.SecretSince.Local()
	if after != want || after.HA1SHA256 == before.HA1SHA256 {
		t.Errorf("%+v, want %+v", after, want)
	}
	if _, err := s.RotateAccount(t.Context(), "munich", start); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	// What could not be copied is not done.
	if err := os.Remove(path + ".good"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path+".good", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if secret, err := s.RotateAccount(t.Context(), "milano", start); err == nil || secret != "" || !strings.Contains(err.Error(), "milano keeps its old secret: ") {
		t.Errorf("%q, %v", secret, err)
	}
	if now, _ := account(t, s, "milano"); now.HA1MD5 != after.HA1MD5 {
		t.Error("it has another secret")
	}
	if err := os.RemoveAll(path + ".good"); err != nil {
		t.Fatal(err)
	}
}

// A store that does not answer for a while says so, and accounts that are known stay known.
func TestCurrent(t *testing.T) {
	s, path, c := running(t)
	defer closeStore(t, s)
	watched(t, s, c.add(lookEvery))
	if err := s.Current(); err != nil {
		t.Error(err)
	}
	c.add(staleAfter + time.Second)
	if err := s.Current(); err == nil || !strings.Contains(err.Error(), path+" has not answered for 4s") {
		t.Error(err)
	}
	if _, ok := s.Account("milano"); !ok {
		t.Error("milano is not known any more")
	}
	watched(t, s, c.now)
	if err := s.Current(); err != nil {
		t.Error(err)
	}
}

// A trouble that lasts is said when it begins, each ten minutes, and when it is over.
func TestNag(t *testing.T) {
	var n nag
	trouble := errors.New("x")
	said := 0
	for i := range 4 * 3600 { // an hour
		if n.due(trouble, start.Add(time.Duration(i)*lookEvery)) {
			said++
		}
		if n.over(trouble) {
			t.Fatal("over")
		}
	}
	if said != 6 || !n.over(nil) || n.over(nil) {
		t.Errorf("said %d times in an hour", said)
	}
}

// What Run tells, and that it goes on after a repair.
func TestRunTells(t *testing.T) {
	s, path := fresh(t)
	addAccount(t, s, "milano")
	closeStore(t, s)
	s = open(t, path)
	changed, repaired := make(chan string, 10), make(chan *Recovery, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- s.Run(ctx, Events{Changed: func(a string) { changed <- a }, Repaired: func(r *Recovery) { repaired <- r }})
	}()
	tool := open(t, path)
	addAccount(t, tool, "munich")
	if got := <-changed; got != "munich" {
		t.Errorf("changed: %s", got)
	}
	closeStore(t, tool)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r := <-repaired; !strings.Contains(r.String(), " is missing") {
		t.Error(r)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	closeStore(t, s)
}
