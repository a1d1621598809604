package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"ewindow/registrar/members"
	"ewindow/registrar/signal/archive"
)

// keyPair makes a key of age's: its public half, and the file of the other.
func keyPair(t *testing.T) (public, file string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id.Recipient().String(), write(t, filepath.Join(t.TempDir(), "key"), id.String()+"\n")
}

// backedUp is a registrar with an account, a newcomer on probation and a code that is open, and its backup, made while it runs.
func backedUp(t *testing.T) (s *service, backup, key, code, secret string) {
	t.Helper()
	s = newService(t)
	write(t, s.args.Dialplan[0], plan+"space \"potsdam\" {\n  timezone = \"Europe/Berlin\"\n  open     = \"Mo-Su 00:00-24:00\"\n}\n")
	rules := filepath.Join(s.args.State, "rules", "v3.txt")
	if err := os.MkdirAll(filepath.Dir(rules), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, rules, "Be kind.\n")
	does := func(args ...string) string {
		t.Helper()
		status, out, errs := command(append(args, "--state", s.args.State)...)
		if status != 0 {
			t.Fatalf("%v: %s", args, errs)
		}
		return strings.TrimSpace(out)
	}
	secret = does("account", "add", "milano", "--domain", "localhost")
	s.start()
	s.await(`(registrar ready)`)
	does("member", "add", "potsdam", "--sponsor", "milano", "--visited", "2026-03-02", "--rules", "v3", "--event", "2030-05-10")
	code = does("invite", "munich", "--member", "--rules", "v3", "--host", s.addr("tls"))
	public, key := keyPair(t)
	backup = filepath.Join(t.TempDir(), "registrar.age")
	does("backup", backup, "--recipient", public)
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	return s, backup, key, code, secret
}

// What the README says of a backup: one file makes the same registrar in another place, with the same pin, accounts, members and plan. Codes
// of before are void there.
func TestBackup(t *testing.T) {
	s, backup, key, _, secret := backedUp(t)
	pinOf := func(state string) string { _, pin, _ := command("pin", "--state", state); return pin }
	pin, revision := pinOf(s.args.State), s.await(`registrar ready.*revision=(\w+)`)
	s.end()
	other := newService(t)
	plans := filepath.Join(other.dir, "plans")
	status, out, errs := command("restore", backup, "--identity", key, "--state", other.args.State, "--dialplan", plans)
	if status != 0 || out != "" || !strings.Contains(errs, "this is the registrar of localhost as it was on ") || !strings.Contains(errs, "are void") {
		t.Fatalf("%d %q %q", status, out, errs)
	}
	other.args.Dialplan = []string{filepath.Join(plans, "plan.hcl")}
	other.start()
	if got := other.await(`registrar ready.*revision=(\w+)`); got != revision {
		t.Errorf("the plan is %s, was %s", got, revision)
	}
	if got := pinOf(other.args.State); got != pin || pin == "" {
		t.Errorf("the pin is %q, was %q", got, pin)
	}
	if _, status := other.logIn(secret); !strings.Contains(status, " 200 ") {
		t.Errorf("the window: %s", status)
	}
	if _, out, _ := command("member", "list", "--state", other.args.State); !regexp.MustCompile(`(?m)^potsdam  on probation .* sponsor milano`).MatchString(out) {
		t.Errorf("members: %q", out)
	}
	record, err := members.Read(filepath.Join(other.args.State, members.FileName))
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	for _, e := range record {
		if e.Kind != members.Invited {
			continue
		}
		codes++
		if i, _ := record.Invitation(e.Code, time.Now()); i.Fate != members.Void {
			t.Errorf("a code of before is %s", i.Fate)
		}
	}
	if codes != 1 {
		t.Errorf("%d codes", codes)
	}
	if status, _, errs := command("invite", "munich", "--member", "--rules", "v3", "--host", "reg.example.org", "--state", other.args.State); status != 0 {
		t.Errorf("another code: %s", errs)
	}
	if err := filepath.WalkDir(other.args.State, func(path string, d fs.DirEntry, err error) error {
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && filepath.Base(path) != "ca.crt" {
			t.Errorf("others may read %s: %v", path, info.Mode())
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	other.end()
}

// Where a registrar is, nothing is put; half a restoration may be done again; and a record that knows more is kept.
func TestRestoreBesideARegistrar(t *testing.T) {
	s, backup, key, _, _ := backedUp(t)
	if status, _, errs := command("backup", backup, "--recipient", "x", "--state", s.args.State); status == 0 || !strings.Contains(errs, backup+" is there; nothing was written") {
		t.Errorf("%d %q", status, errs)
	}
	if status, _, errs := command("restore", backup, "--identity", key, "--state", s.args.State); status == 0 || !strings.Contains(errs, "a registrar is here already") {
		t.Errorf("%d %q", status, errs)
	}
	s.end()
	state := s.args.State
	if status, _, errs := command("member", "revoke", "potsdam", "--state", state); status != 0 {
		t.Fatal(errs)
	}
	for _, name := range []string{"registrar.db", "registrar.db.good", "registrar.db-wal", "registrar.db-shm"} {
		if err := os.Remove(filepath.Join(state, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	restore := func() (int, string) {
		status, _, errs := command("restore", backup, "--identity", key, "--state", state)
		return status, errs
	}
	ca := filepath.Join(state, "pki", "ca.pem")
	authority, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	write(t, ca, "another\n")
	if status, errs := restore(); status == 0 || !strings.Contains(errs, ca+" is here, and is another than the backup's; nothing was written") {
		t.Errorf("%d %q", status, errs)
	}
	if _, err := os.Stat(filepath.Join(state, "registrar.db")); err == nil {
		t.Error("accounts were written")
	}
	write(t, ca, string(authority))
	if status, errs := restore(); status != 0 {
		t.Errorf("%d %q", status, errs)
	}
	record, err := members.Read(filepath.Join(state, members.FileName))
	if m, _ := record.Member("potsdam"); err != nil || m.State != members.Former {
		t.Errorf("the newer record is gone: %v, %v", m, err)
	}
}

// What is wrong with a backup, or with who wants to open it, is said, and nothing is written.
func TestBadBackups(t *testing.T) {
	s, backup, key, _, _ := backedUp(t)
	s.end()
	_, otherKey := keyPair(t)
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sealed := func(name string, a archive.Archive) string {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		text, err := os.ReadFile(key)
		if err != nil {
			t.Fatal(err)
		}
		id, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		a.Name, a.Program = "localhost", "v9"
		if err := a.Seal(f, id.Recipient()); err != nil {
			t.Fatal(err)
		}
		return f.Name()
	}
	for want, args := range map[string][]string{
		"no such file":                         {filepath.Join(dir, "none"), "--identity", key},
		"the passphrase or key is another one": {backup, "--identity", otherKey},
		"nothing is there; type it":            {backup},
		"cut short, or changed":                {write(t, filepath.Join(dir, "half"), string(whole[:len(whole)/2])), "--identity", key},
		"the backup is damaged, or none":       {write(t, filepath.Join(dir, "text"), "hello\n"), "--identity", key},
		"backup of a window":                   {sealed("window", archive.Archive{Of: archive.Window}), "--identity", key},
		"the backup has no registrar.db":       {sealed("empty", archive.Archive{Of: archive.Registrar}), "--identity", key},
		`a file "new.json", which this program does not know; restore it with the version that made it, "v9"`: {sealed("newer", archive.Archive{Of: archive.Registrar, Files: []archive.File{
			{Name: "registrar.db"}, {Name: "pki/ca.pem"}, {Name: "new.json"}}}), "--identity", key},
	} {
		state := filepath.Join(t.TempDir(), "state")
		if status, out, errs := command(append([]string{"restore", "--state", state}, args...)...); status == 0 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%v: %d %q %q, want %q", args, status, out, errs, want)
		}
		if _, err := os.Stat(state); err == nil {
			t.Errorf("%v: something was written", args)
		}
	}
}
