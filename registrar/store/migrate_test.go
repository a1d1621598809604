package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/registrar/auth"
)

// oldStore is testdata/version1.db, as the program of version 1 made it, laid somewhere to be opened.
func oldStore(t testing.TB) (path string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "version1.db"))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(tempDir(t), "registrar.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The secrets that the program of version 1 printed.
var oldSecrets = map[string]string{
	"milano":    "vade7mddmm4bvwqurfmasur3y5h7fv4g",
	"munich":    "2zeehb4hbbcr3zkdahhckaedxn3cxniz",
	"reception": "markhigr9yaghxp7dwg84qfi3werrzsd",
}

// Accounts and bindings of version 1 are all there afterwards, and a copy of the old file for whoever has to go back.
func TestMigration(t *testing.T) {
	path := oldStore(t)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		s := open(t, path)
		for name, secret := range oldSecrets {
			want := Account{Name: name, Realm: realm, HA1MD5: auth.HA1(auth.MD5, name, realm, secret),
				HA1SHA256: auth.HA1(auth.SHA256, name, realm, secret), Created: start.Local(), SecretSince: start.Local()}
			got, ok := s.Account(name)
			got.Created, got.SecretSince = got.Created.Local(), got.SecretSince.Local()
			if !ok || got != want {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
		if bs, err := s.Bindings(t.Context(), start.Add(time.Minute)); err != nil || len(bs) != 1 || bs[0].AOR != "reception" {
			t.Errorf("bindings: %v, %v", bs, err)
		}
		addAccount(t, s, "later")
		if err := s.RemoveAccount(t.Context(), "later"); err != nil {
			t.Error(err)
		}
		closeStore(t, s)
	}
	copies, _ := filepath.Glob(path + ".version-*")
	if len(copies) != 1 || copies[0] != path+".version-1-20261123T090000Z" {
		t.Fatalf("copies: %v", copies)
	}
	have, err := examineCopy(t.Context(), copies[0])
	if err != nil || have.version != 1 || len(have.accounts) != 3 {
		t.Errorf("the copy: %+v, %v", have, err)
	}
	if fi, err := os.Stat(copies[0]); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the copy has mode %v, %v", fi.Mode(), err)
	}
	if len(old) == 0 {
		t.Error("the fixture is empty")
	}
}

// A migrated store and a new one are of the same make.
func TestMigratedIsLikeNew(t *testing.T) {
	s := open(t, oldStore(t))
	defer closeStore(t, s)
	made, err := readSchema(t.Context(), s.db.Load())
	if err != nil {
		t.Fatal(err)
	}
	blank, _ := fresh(t)
	defer closeStore(t, blank)
	want, err := readSchema(t.Context(), blank.db.Load())
	if err != nil || strings.Join(made, "\n") != strings.Join(want, "\n") {
		t.Errorf("migrated:\n%s\nnew:\n%s\n%v", strings.Join(made, "\n"), strings.Join(want, "\n"), err)
	}
}

// A migration that fails leaves what was there, and says so.
func TestMigrationFails(t *testing.T) {
	path := oldStore(t)
	db, err := connect(path, "WAL")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// A reader of version 1 would see this account as it was; its checksum is wrong, so that the migration stops there.
	if _, err := db.Exec(`UPDATE accounts SET sum = x'00' WHERE name = 'munich'`); err != nil {
		t.Fatal(err)
	}
	err = migrate(t.Context(), db, 1, latest())
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "to version 2: ") {
		t.Errorf("migrated: %v", err)
	}
	if v, err := readVersion(t.Context(), db); v != 1 || err != nil {
		t.Errorf("it has version %d now, %v", v, err)
	}
	if tables, err := readSchema(t.Context(), db); err != nil || strings.Contains(strings.Join(tables, " "), "secret_since") {
		t.Errorf("half of it is there: %v, %v", tables, err)
	}
}

// No copy, no migration.
func TestMigrationNeedsItsCopy(t *testing.T) {
	path := oldStore(t)
	db, have, err := openChecked(t.Context(), path)
	if err != nil || have.version != 1 {
		t.Fatalf("%+v, %v", have, err)
	}
	defer db.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := upgrade(ctx, db, path, 1, start); err == nil || !strings.Contains(err.Error(), "copy it first") {
		t.Error(err)
	}
	if v, _ := readVersion(t.Context(), db); v != 1 {
		t.Errorf("it has version %d", v)
	}
}

// The store of a program that runs is not changed under it.
func TestNoMigrationWhileInUse(t *testing.T) {
	path := oldStore(t)
	l, err := acquire(t.Context(), path+".lock", true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	if err := l.share(); err != nil {
		t.Fatal(err)
	}
	_, _, err = Open(t.Context(), Config{Path: path}, start)
	if err == nil || !strings.Contains(err.Error(), "has version 1, and another process has it open: restart the registrar") {
		t.Error(err)
	}
}

// A damaged store of today with a last good copy of version 1: the copy is loaded and migrated.
func TestRecoveryFromOldCopy(t *testing.T) {
	path := oldStore(t)
	if err := os.Rename(path, path+".good"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("gone"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, r, err := Open(t.Context(), Config{Path: path}, start)
	if err != nil || r == nil || r.From != path+".good" {
		t.Fatalf("%v, %v", r, err)
	}
	defer closeStore(t, s)
	if _, ok := s.Account("milano"); !ok {
		t.Error("an account is lost")
	}
}

// The version stands in two places, so that a flipped bit is not taken for a store of the future.
func TestVersionAgrees(t *testing.T) {
	for _, header := range []string{"0", "1", "3", "1073741826"} {
		s, path := fresh(t)
		closeStore(t, s)
		db, err := connect(path, "WAL")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(`PRAGMA user_version = ` + header); err != nil {
			t.Fatal(err)
		}
		db.Close()
		s, r, err := Open(t.Context(), Config{Path: path}, start)
		if err != nil || r == nil || !strings.Contains(r.String(), "it says version 2 in one place and "+header+" in another") {
			t.Fatalf("%s: %v, %v", header, r, err)
		}
		closeStore(t, s)
	}
}
