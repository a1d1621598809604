package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/endpoint/doctor"
	"ewindow/endpoint/join"
	"ewindow/registrar/pki"
)

// Whoever joins has the key for itself, and no machine becomes another window without being told to.
func TestOwn(t *testing.T) {
	silent := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	c := joinCmd{runCmd: runCmd{Config: filepath.Join(dir, "window.hcl"), State: dir}}
	refused := func(space, want string) {
		t.Helper()
		if _, _, err := c.own(space, silent); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	key, done, err := c.own("milano", silent)
	if err != nil {
		t.Fatal(err)
	}
	refused("milano", "another join is under way")
	if err := done(); err != nil {
		t.Fatal(err)
	}
	registrar, err := pki.Load(pki.Config{Dir: t.TempDir(), Domain: "reg.example.org"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	der, err := registrar.Device("milano", key.Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := join.KeepCertificate(dir, der); err != nil {
		t.Fatal(err)
	}
	refused("munich", "is the state directory of the window milano")
	if err := os.WriteFile(c.Config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("milano", "this window has joined before")
	c.Replace = true
	if _, done, err = c.own("munich", silent); err != nil {
		t.Fatal(err)
	}
	if err := done(); err != nil {
		t.Error(err)
	}
}

// The doctor makes no key: the window would be another one to its partners.
func TestDoctorElsewhere(t *testing.T) {
	b, _, _ := backUp(t)
	state := filepath.Join(t.TempDir(), "none")
	var found []doctor.Finding
	checks, err := (&doctorCmd{Config: b.Config, State: state}).checks(func(f doctor.Finding) { found = append(found, f) })
	if err != nil || len(checks) != 1 || len(found) != 2 || found[1].Verdict != doctor.Fail || !strings.Contains(found[1].Text, "no window keeps its key in "+state) {
		t.Errorf("%d checks, %v, %+v", len(checks), err, found)
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("something was made")
	}
}
