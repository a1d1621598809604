package store

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ewindow/registrar/location"
)

// A sample is a closed store with accounts and bindings, as files.
type sample struct {
	db, good []byte
	accounts string
}

func names(t testing.TB, s *Store) string {
	t.Helper()
	as, err := s.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(as)
}

func makeSample(t testing.TB) sample {
	t.Helper()
	s, path := fresh(t)
	for i := range 30 {
		addAccount(t, s, fmt.Sprint("account-", i))
		s.Note(location.Change{Binding: udpBinding(fmt.Sprint("account-", i), 600)})
	}
	m := sample{accounts: names(t, s)}
	closeStore(t, s)
	closeStore(t, open(t, path)) // so that the copy has the bindings too
	var err1, err2 error
	m.db, err1 = os.ReadFile(path)
	m.good, err2 = os.ReadFile(path + ".good")
	if err1 != nil || err2 != nil || strings.Count(m.accounts, "account-") != 30 {
		t.Fatal(err1, err2, m.accounts)
	}
	return m
}

func (m sample) lay(t testing.TB, db, good []byte) (path string) {
	t.Helper()
	path = filepath.Join(tempDir(t), "registrar.db")
	for name, data := range map[string][]byte{path: db, path + ".good": good} {
		if data != nil {
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return path
}

// damages are what storage does to files. Each changes data and says what it did.
func damages() []func(*rand.Rand, []byte) (string, []byte) {
	return []func(*rand.Rand, []byte) (string, []byte){
		func(r *rand.Rand, d []byte) (string, []byte) {
			n := r.Intn(len(d))
			return fmt.Sprint("cut to ", n), d[:n]
		},
		func(r *rand.Rand, d []byte) (string, []byte) {
			n := len(d) / 4096 * r.Intn(4) / 4 * 4096
			return fmt.Sprint("cut to whole pages: ", n), d[:n]
		},
		func(r *rand.Rand, d []byte) (string, []byte) {
			what := "flipped bits at"
			for range r.Intn(4) + 1 {
				i := r.Intn(len(d))
				d[i] ^= 1 << r.Intn(8)
				what += fmt.Sprint(" ", i)
			}
			return what, d
		},
		func(r *rand.Rand, d []byte) (string, []byte) {
			i := r.Intn(100)
			d[i] ^= 1 << r.Intn(8)
			return fmt.Sprint("flipped a bit in the header at ", i), d
		},
		func(r *rand.Rand, d []byte) (string, []byte) {
			i := r.Intn(len(d)/512) * 512
			clear(d[i : i+512])
			return fmt.Sprint("zeroed the sector at ", i), d
		},
		func(r *rand.Rand, d []byte) (string, []byte) {
			i, j := r.Intn(len(d)/4096)*4096, r.Intn(len(d)/4096)*4096
			copy(d[i:i+4096], d[j:j+4096])
			return fmt.Sprintf("wrote the page of %d at %d", j, i), d
		},
		func(r *rand.Rand, d []byte) (string, []byte) {
			i := r.Intn(len(d))
			r.Read(d[i:min(i+200, len(d))])
			return fmt.Sprint("overwrote 200 bytes at ", i), d
		},
		func(r *rand.Rand, d []byte) (string, []byte) { return "zeroed all", make([]byte, len(d)) },
		func(r *rand.Rand, d []byte) (string, []byte) { return "emptied", []byte{} },
		func(r *rand.Rand, d []byte) (string, []byte) { return "made it text", []byte("hello\n") },
	}
}

// Whatever happens to the store, all accounts are there afterwards: unharmed, or from the copy, and then it is said.
func TestDamagedStore(t *testing.T) {
	m := makeSample(t)
	rnd := rand.New(rand.NewSource(1))
	recovered := 0
	for i := range 80 {
		all := damages()
		what, db := all[i%len(all)](rnd, bytes.Clone(m.db))
		path := m.lay(t, db, m.good)
		s, r, err := Open(t.Context(), Config{Path: path}, start)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := names(t, s); got != m.accounts {
			t.Fatalf("%s (recovery %v): accounts are\n%s", what, r, got)
		}
		if r != nil {
			recovered++
			aside, err := os.ReadFile(path + ".damaged-20261123T090000Z")
			if err != nil || !bytes.Equal(aside, db) {
				t.Fatalf("%s: the damaged file was not set aside whole: %v", what, err)
			}
			if r.From != path+".good" || r.Copied.IsZero() || !strings.Contains(r.String(), "loaded the last good copy "+path+".good of ") {
				t.Fatalf("%s: %v", what, r)
			}
		}
		if i < len(all) { // and it can be written to
			addAccount(t, s, "later")
			closeStore(t, s)
			s = open(t, path)
		}
		closeStore(t, s)
	}
	if recovered < 40 {
		t.Errorf("only %d of 80 damages were found", recovered)
	}
}

// A damaged copy is no reason to lose a sound store.
func TestDamagedCopyOnly(t *testing.T) {
	m := makeSample(t)
	rnd := rand.New(rand.NewSource(2))
	for _, damage := range damages() {
		what, good := damage(rnd, bytes.Clone(m.good))
		path := m.lay(t, m.db, good)
		s := open(t, path)
		if got := names(t, s); got != m.accounts {
			t.Errorf("%s: %s", what, got)
		}
		closeStore(t, s)
		if have, err := examineCopy(t.Context(), path+".good"); err != nil || have.changes != 30 {
			t.Errorf("%s: the copy was not made anew: %d, %v", what, have.changes, err)
		}
	}
}

// Both damaged: start empty, keep both for whoever can save something, and say so.
func TestBothDamaged(t *testing.T) {
	m := makeSample(t)
	path := m.lay(t, m.db[:5000], m.good[:len(m.good)-1000])
	s, r, err := Open(t.Context(), Config{Path: path}, start)
	if err != nil || r == nil || r.From != "" || len(r.SetAside) != 2 {
		t.Fatalf("%v, %v", r, err)
	}
	for _, want := range []string{"so is its last good copy", path + ".damaged-20261123T090000Z, " + path + ".good.damaged-20261123T090000Z", "EMPTY now", "add every account again"} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("%q is not in %s", want, r)
		}
	}
	if got := names(t, s); got != "[]" {
		t.Error(got)
	}
	closeStore(t, s)
	// Damaged again within the same second: nothing that was set aside is overwritten.
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, r, err = Open(t.Context(), Config{Path: path}, start)
	if err != nil || r == nil || r.SetAside[0] != path+".damaged-20261123T090000Z-2" {
		t.Fatalf("%v, %v", r, err)
	}
	closeStore(t, s)
}

// A leftover journal of the damaged store is not applied to its successor, and one that lost changes is noticed.
func TestLostJournal(t *testing.T) {
	s, path := fresh(t)
	addAccount(t, s, "first")
	before, err := os.ReadFile(path) // all is in the database itself: the copy was made after a checkpoint
	if err != nil {
		t.Fatal(err)
	}
	addAccount(t, s, "second")
	want := names(t, s)
	closeStore(t, s)
	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"-wal", []byte("not a journal, but more than nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, r, err := Open(t.Context(), Config{Path: path}, start)
	if err != nil || r == nil || !strings.Contains(r.String(), "it has seen 1 changes of accounts, its last good copy 2") {
		t.Fatalf("%v, %v", r, err)
	}
	defer closeStore(t, s)
	if got := names(t, s); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestMissingStore(t *testing.T) {
	m := makeSample(t)
	path := m.lay(t, nil, m.good)
	s, r, err := Open(t.Context(), Config{Path: path}, start)
	if err != nil || r == nil || !strings.Contains(r.String(), "registrar.db is missing; loaded the last good copy") && !strings.Contains(r.String(), "registrar.db is missing)") {
		t.Fatalf("%v, %v", r, err)
	}
	defer closeStore(t, s)
	if got := names(t, s); got != m.accounts {
		t.Error(got)
	}
}

// A power cut while the store was in use: the journal brings back what was confirmed.
func TestPowerCut(t *testing.T) {
	s, path := fresh(t)
	defer closeStore(t, s)
	addAccount(t, s, "milano")
	s.Note(location.Change{Binding: udpBinding("milano", 600)})
	if err := s.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(tempDir(t), "registrar.db")
	for _, suffix := range []string{"", "-wal", ".good"} { // what is on disk at this moment
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(cut+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(cut+".new-half", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	after := open(t, cut)
	defer closeStore(t, after)
	if bs, err := after.Bindings(t.Context(), start); err != nil || len(bs) != 1 || names(t, after) != names(t, s) {
		t.Errorf("%v, %v, %s", bs, err, names(t, after))
	}
	if exists(cut + ".new-half") {
		t.Error("a half-made file was left")
	}
}

// Another process that finds damage does not pull the file from under the running one.
func TestNoRepairWhileInUse(t *testing.T) {
	s, path := fresh(t)
	addAccount(t, s, "milano")
	if err := os.WriteFile(path, make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	_, r, err := Open(t.Context(), Config{Path: path}, start)
	if err == nil || r != nil || !strings.Contains(err.Error(), "cannot be repaired while another process has it open") ||
		!strings.Contains(err.Error(), "restart the registrar") {
		t.Errorf("%v, %v", r, err)
	}
	want := []string{"milano"}
	if _, err := s.AddAccount(t.Context(), "munich", start); err == nil { // it may have all it needs in memory
		want = append(want, "munich")
	} else if !strings.Contains(err.Error(), path) {
		t.Errorf("which store? %v", err)
	}
	s.Close()
	if s, r, err = Open(t.Context(), Config{Path: path}, start.Add(time.Second)); err != nil {
		t.Fatalf("%v, %v", r, err)
	}
	for _, name := range want {
		if _, ok := account(t, s, name); !ok {
			t.Errorf("%s is lost, recovery %v", name, r)
		}
	}
	closeStore(t, s)
}
