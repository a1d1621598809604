package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ewindow/registrar/auth"
	"ewindow/registrar/location"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const realm = "window.example"

// open opens a store that is expected to be sound.
func open(t testing.TB, path string) *Store {
	t.Helper()
	s, r, err := Open(t.Context(), Config{Path: path}, start)
	if err != nil || r != nil {
		t.Fatalf("%v, recovery %v", err, r)
	}
	return s
}

// tempDir is in memory where that can be had: on a disk, these tests would do little but wait for fsync.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "ewindow-store-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func fresh(t testing.TB) (*Store, string) {
	t.Helper()
	path := filepath.Join(tempDir(t), "state dir #1", "registrar?.db")
	s := open(t, path)
	if err := s.UseRealm(t.Context(), realm); err != nil {
		t.Fatal(err)
	}
	return s, path
}

func addAccount(t testing.TB, s *Store, name string) (secret string) {
	t.Helper()
	secret, err := s.AddAccount(t.Context(), name, start)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// account is what is kept of an account now.
func account(t testing.TB, s *Store, name string) (Account, bool) {
	t.Helper()
	if _, err := s.look(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	return s.Account(name)
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAccounts(t *testing.T) {
	s, path := fresh(t)
	secret := addAccount(t, s, "milano")
	if len(secret) != 32 || strings.Trim(secret, secretAlphabet) != "" {
		t.Errorf("secret %q", secret)
	}
	if addAccount(t, s, "munich") == secret {
		t.Error("two accounts have one secret")
	}
	a, ok := account(t, s, "milano")
	want := Account{"milano", realm, auth.HA1(auth.MD5, "milano", realm, secret), auth.HA1(auth.SHA256, "milano", realm, secret), start.Local(), start.Local()}
	a.Created, a.SecretSince = a.Created.Local(), a.SecretSince.Local()
	if !ok || a != want {
		t.Errorf("got %+v, want %+v", a, want)
	}
	as, err := s.Accounts(t.Context())
	if err != nil || len(as) != 2 || as[0].Name != "milano" || as[1].Name != "munich" {
		t.Errorf("%v, %v", as, err)
	}
	if err := s.RemoveAccount(t.Context(), "munich"); err != nil {
		t.Error(err)
	}
	closeStore(t, s)
	s = open(t, path)
	defer closeStore(t, s)
	if as, err = s.Accounts(t.Context()); err != nil || len(as) != 1 {
		t.Errorf("after opening again: %v, %v", as, err)
	}
	for _, name := range []string{path, path + ".good", path + ".lock"} {
		data, err := os.ReadFile(name)
		if err != nil || strings.Contains(string(data), secret) {
			t.Errorf("%s: %v, or it holds the secret", name, err)
		}
		if fi, _ := os.Stat(name); fi.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, fi.Mode())
		}
	}
	if fi, _ := os.Stat(filepath.Dir(path)); fi.Mode().Perm() != 0o700 {
		t.Errorf("directory has mode %v", fi.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRefusals(t *testing.T) {
	s, path := fresh(t)
	defer closeStore(t, s)
	addAccount(t, s, "milano")
	add := func(name string) error { _, err := s.AddAccount(t.Context(), name, start); return err }
	for want, c := range map[string]struct {
		err error
		is  error
	}{
		"milano: account exists already; `ewindow-registrar account rotate milano` gives": {add("milano"), ErrExists},
		`"" is not a name for an account; use small letters`:                              {add(""), ErrName},
		`"a b" is not a name`:    {add("a b"), ErrName},
		`"Milano" is not a name`: {add("Milano"), ErrName},
		`"a\r\nb" is not a name`: {add("a\r\nb"), ErrName},
		`"a:b" is not a name`:    {add("a:b"), ErrName},
		`"munich": no such account; ` + "`ewindow-registrar account list`":             {s.RemoveAccount(t.Context(), "munich"), ErrUnknown},
		`accounts belong to one domain: none is named; give --domain`:                  {s.UseRealm(t.Context(), ""), ErrRealm},
		path + ` has 1 for "window.example", not for "other"; use --domain window.exa`: {s.UseRealm(t.Context(), "other"), ErrRealm},
	} {
		if !errors.Is(c.err, c.is) || !strings.Contains(c.err.Error(), want) {
			t.Errorf("got %v, want %s", c.err, want)
		}
	}
	if a, ok := account(t, s, "munich"); ok {
		t.Error(a)
	}
	if got, err := s.Realm(t.Context()); got != realm || err != nil {
		t.Errorf("realm %q, %v", got, err)
	}
	if err := s.RemoveAccount(t.Context(), "milano"); err != nil {
		t.Fatal(err)
	}
	if err := s.UseRealm(t.Context(), "other"); err != nil {
		t.Errorf("without accounts the domain can change: %v", err)
	}
	blank := open(t, filepath.Join(tempDir(t), "x.db"))
	defer closeStore(t, blank)
	if _, err := blank.AddAccount(t.Context(), "milano", start); !errors.Is(err, ErrRealm) || !strings.Contains(err.Error(), "none is set yet") {
		t.Errorf("without a realm: %v", err)
	}
}

// `account add` and `remove` in another process: the server sees them at its next look, and both can write.
func TestTwoProcesses(t *testing.T) {
	server, path := fresh(t)
	tool := open(t, path)
	addAccount(t, tool, "milano")
	if _, ok := account(t, server, "milano"); !ok {
		t.Error("the server does not see it")
	}
	addAccount(t, server, "munich")
	if err := tool.RemoveAccount(t.Context(), "milano"); err != nil {
		t.Error(err)
	}
	if _, ok := account(t, server, "milano"); ok {
		t.Error("the server still sees it")
	}
	errs := make(chan error)
	for i := range 8 {
		go func() {
			s := []*Store{server, tool}[i%2]
			_, err := s.AddAccount(t.Context(), fmt.Sprint("a", i), start)
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	closeStore(t, tool)
	closeStore(t, server)
	// The copy has all of it, whoever wrote last.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s, r, err := Open(t.Context(), Config{Path: path}, start)
	if err != nil || r == nil || r.From != path+".good" {
		t.Fatalf("%v, %v", r, err)
	}
	defer closeStore(t, s)
	if as, _ := s.Accounts(t.Context()); len(as) != 9 {
		t.Errorf("the copy has %d accounts, want 9", len(as))
	}
}

// While another process repairs, Open waits, and says for whom when it gives up.
func TestLockedOut(t *testing.T) {
	s, path := fresh(t)
	closeStore(t, s)
	l, err := acquire(t.Context(), path+".lock", true)
	if err != nil || !l.alone {
		t.Fatal(l, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err = Open(ctx, Config{Path: path}, start); err == nil || !strings.Contains(err.Error(), "another process holds "+path+".lock") {
		t.Error(err)
	}
	l.release()
	closeStore(t, open(t, path))
}

func TestNotOurs(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Open(t.Context(), Config{Path: dir}, start); err == nil || !strings.Contains(err.Error(), dir+" is not a file") {
		t.Errorf("a directory was opened: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(t.Context(), Config{Path: filepath.Join(file, "x.db")}, start); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Error(err)
	}
	s, path := fresh(t)
	if _, err := s.db.Load().Exec(`UPDATE meta SET value = '3', sum = ? WHERE key = 'version'`, sum("meta", metaVersion, "3")); err != nil {
		t.Fatal(err)
	}
	if err := s.copyGood(t.Context()); err == nil {
		t.Error("a foreign store was copied over the good one")
	}
	closeStore(t, s)
	_, r, err := Open(t.Context(), Config{Path: path}, start)
	if !errors.Is(err, errForeign) || r != nil || !strings.Contains(err.Error(), "it has version 3, this program knows 2") {
		t.Errorf("a store of a later version: %v, %v", r, err)
	}
}

// What could not be copied is not done by halves.
func TestNoCopy(t *testing.T) {
	s, path := fresh(t)
	defer closeStore(t, s)
	addAccount(t, s, "milano")
	if err := os.Remove(path + ".good"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path+".good", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	secret, err := s.AddAccount(t.Context(), "munich", start)
	if err == nil || secret != "" || !strings.Contains(err.Error(), "munich was not added: write the last good copy "+path+".good") {
		t.Errorf("%q, %v", secret, err)
	}
	if _, ok := account(t, s, "munich"); ok {
		t.Error("it was added")
	}
	err = s.RemoveAccount(t.Context(), "milano")
	if err == nil || !strings.Contains(err.Error(), "milano is removed, but would come back with the copy") {
		t.Error(err)
	}
	if err := os.RemoveAll(path + ".good"); err != nil {
		t.Fatal(err)
	}
	addAccount(t, s, "munich")
}

func udpBinding(aor string, seconds int) location.Binding {
	return location.Binding{
		AOR: aor, Contact: "sip:" + aor + "@192.0.2.7:5060", Flow: location.Flow{Transport: "UDP", Remote: "192.0.2.7:5060"},
		CallID: "x", CSeq: 7, Created: start, Updated: start, Expires: start.Add(time.Duration(seconds) * time.Second),
	}
}

// A pipe in the store's place is refused like a directory, and not waited for.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registrar.db")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := Open(t.Context(), Config{Path: path}, start)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), path+" is not a file") {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Open hangs")
	}
}
